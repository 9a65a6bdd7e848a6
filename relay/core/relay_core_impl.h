// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <set>

#include "relay/core/certificate.h"
#include "relay/core/commit_order.h"
#include "relay/core/permissions.h"
#include "relay/core/relay_core.h"
#include "relay/core/replica_owners.h"
#include "relay/core/room.h"
#include "relay/core/sequencer.h"
#include "relay/core/session.h"
#include "wire/codec.h"

namespace kimdb::relay {

//! \brief What ties sessions, rooms and the sequencer together. relay_core.cpp: connections and the
//! end of a turn; record_handlers.cpp: what each record of KRP/1 does.
class RelayCore::Impl {
 public:
    Impl(store::LogStore& store, const Clock& clock, Random& random, CoreDelegate& delegate,
         Options options)
        : m_clock(clock),
          m_random(random),
          m_delegate(delegate),
          m_options(std::move(options)),
          m_commits(store),
          m_permissions(m_commits, m_options.default_permissions),
          m_owners(m_commits),
          m_certificates(m_options.mac_key.empty() ? random.bytes(32) : m_options.mac_key),
          m_sequencer(m_commits, clock) {}

    Result<> open(bool restored);
    void peerOpened(PeerId peer, bool loopback);
    void peerClosed(PeerId peer) { forget(peer); }
    void receive(PeerId peer, ByteView message);
    void setPeerBacklog(PeerId peer, std::size_t bytes);
    void durable(store::SeqNo seq) { m_commits.durableReached(seq); }
    void endTurn();
    void tick();
    void closeAll();
    void violated(PeerId peer, const std::string& what) {
        end(peer, wire::CloseCode::Protocol, what);
    }
    Result<> setPermission(const std::string& user, const std::string& document, std::uint8_t bits);
    void endSessionsOf(const std::function<bool(const Identity&)>& unwanted);
    Stats stats() const;
    const Hash16& epoch() const { return m_epoch; }

 private:
    // A handler's error ends the session.
    Result<> handle(Session& session, const wire::Record& record);
    Result<> on(Session& session, const wire::Hello& hello);
    Result<> on(Session& session, const wire::Auth& auth);
    Result<> on(Session& session, const wire::Sub& sub);
    Result<> on(Session& session, const wire::Unsub& unsub);
    Result<> on(Session& session, const wire::Push& push);
    Result<> on(Session& session, const wire::Credit& credit);
    Result<> on(Session& session, const wire::Seen& seen);
    Result<> on(Session& session, const wire::Presence& presence);
    Result<> on(Session& session, const wire::Ping& ping);
    Result<> on(Session&, const wire::Pong&) { return {}; }
    Result<> on(Session&, const wire::ErrorRecord&) { return {}; }
    Result<> on(Session& session, const wire::Doc& doc) { return later(session, doc.alias); }
    Result<> on(Session& session, const wire::Labels& l) { return later(session, l.alias); }
    Result<> on(Session& session, const wire::Compact& c) { return later(session, c.alias); }
    template <class RelayRecord>
    Result<> on(Session&, const RelayRecord&) {
        return Error{ErrorCode::ProtocolViolation,
                     "this record goes from the relay to the client only"};
    }

    Result<Identity> identityOf(const Session& session, ByteView token) const;
    //! Of one stream, consecutive; see Submission.
    struct Pushed {
        std::vector<Change> changes;
        bool last_is_sealed = false;
    };
    Result<Pushed> changesOf(Subscription& member, const wire::Push& push) const;
    void answerPush(Subscription& member, const wire::Push& push, ReplicaId replica,
                    Decision decision);
    Result<std::vector<ReplicaId>> ownIds(const Session& session, const wire::Sub& sub);
    Result<Room*> roomOf(const std::string& name);
    void answer(Session& session, Answer answer);
    void deliver(Session& session, Answer& answer);
    void applyPermissions(Subscription& member);
    void unsubscribe(Session& session, wire::Alias alias);

    Result<> later(Session& session, wire::Alias alias) {
        return problem(session, alias, wire::CloseCode::Unsupported, "not in this version");
    }
    Result<> unknown(Session& session, wire::Alias alias) {
        if (session.retired(alias)) return {};
        return problem(session, alias, wire::CloseCode::UnknownAlias, "this alias is not in use");
    }
    Result<> problem(Session& session, wire::Alias alias, wire::CloseCode code,
                     const std::string& text);
    void end(PeerId peer, wire::CloseCode code, const std::string& text,
             std::chrono::milliseconds retry = std::chrono::milliseconds{0});
    void forget(PeerId peer);
    void collect(const std::string& room);

    void sendAnswers();
    void sendDurable();
    void sendCatchUps();
    void sendPresence();

    const Clock& m_clock;
    Random& m_random;
    CoreDelegate& m_delegate;
    Options m_options;
    CommitOrder m_commits;
    Permissions m_permissions;
    ReplicaOwners m_owners;
    Certificates m_certificates;
    Sequencer m_sequencer;
    Hash16 m_epoch;
    Hash16 m_store_id;
    std::int64_t m_time_base_ms = 0;  // one for all documents: it must not tell which of them exist

    std::map<std::string, std::unique_ptr<Room>> m_rooms;
    std::map<PeerId, std::unique_ptr<Session>> m_sessions;
    std::map<ReplicaId, PeerId> m_peer_of_replica;
    // What the end of the turn has to look at.
    std::vector<PeerId> m_wrote;
    std::set<PeerId> m_answering;
    std::set<std::string> m_unsettled;  // rooms
    std::set<std::pair<PeerId, wire::Alias>> m_catching_up;
    std::set<std::string> m_presences;  // rooms
    std::uint64_t m_accepted = 0;
    std::uint64_t m_refused = 0;
};

}  // namespace kimdb::relay
