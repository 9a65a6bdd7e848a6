// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "core/clock.h"
#include "relay/core/certificate.h"
#include "relay/core/document_log.h"
#include "relay/core/sequencer.h"
#include "relay/core/session.h"
#include "relay/core/subscription.h"

namespace kimdb::relay {

//! \brief All who subscribe one document, and what is on its way to them. A broadcast is encoded
//! once; only who pushed a part of it, or knows fewer replica ids, gets an encoding of its own
//! (docs/decisions/0003). Presence lives here and nowhere else. Lives as long as it has members or
//! writes that are not durable. Thread: the core's.
class Room {
 public:
    Room(std::unique_ptr<DocumentLog> log, const Certificates& certificates, const Clock& clock,
         std::int64_t time_base_ms)
        : m_log(std::move(log)),
          m_certificates(certificates),
          m_clock(clock),
          m_time_base_ms(time_base_ms) {}

    DocumentLog& log() { return *m_log; }
    const std::string& name() const { return m_log->name(); }
    bool idle() const { return m_members.empty() && m_log->settled(); }

    void join(Subscription& member);
    //! The others are told in this turn that it is gone.
    void leave(Subscription& member);
    const std::map<PeerId, Subscription*>& members() const { return m_members; }

    //! Changes that were just committed; they are broadcast when they are durable.
    void enqueue(std::vector<Decision::Placed> placed);
    //! Sends live members all that is durable. Returns those too slow for it: they are at
    //! Stage::Log now.
    std::vector<Subscription*> deliverLive();
    //! Sends a member entries of the log as the next piece after `member.sent`, as CHUNK or OPS by
    //! its stage.
    //! Errors: StorageCorrupt.
    Result<> deliverFromLog(Subscription& member, const std::vector<store::LogEntry>& entries);
    //! The last CHUNK when there is nothing left to carry. Errors: StorageCorrupt.
    Result<> deliverEnd(Subscription& member);
    //! The member has all there is; it hears who else is there.
    void becomesLive(Subscription& member);

    //! Kept until the rate allows to tell the others; the last one wins.
    void announce(Subscription& member, const wire::Presence& presence);
    //! Tells what is due. True while something waits for its time.
    bool tellPresence();
    void endPresence(Subscription& member);

 private:
    using Placed = Decision::Placed;
    struct Piece;
    Bytes encode(const Piece& piece, const Subscription& member);
    void send(const Piece& piece, Subscription& member, Bytes batch);
    std::vector<Placed> takeDurable();
    void deliverPiece(const Piece& piece, std::vector<Subscription*>& slow);
    void tell(const Subscription& about, Subscription& member) const;

    std::unique_ptr<DocumentLog> m_log;
    const Certificates& m_certificates;
    const Clock& m_clock;
    std::int64_t m_time_base_ms;
    wire::ReplicaTable m_ids;
    std::map<PeerId, Subscription*> m_members;
    std::deque<Placed> m_tail;  //!< committed, not yet broadcast
    int m_presences_due = 0;
};

}  // namespace kimdb::relay
