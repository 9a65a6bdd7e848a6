// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/limits.h"
#include "relay/core/identity.h"
#include "relay/core/relay_core.h"
#include "relay/core/subscription.h"
#include "wire/codec.h"

namespace kimdb::relay {

//! \brief An answer with the number of the state by which it was judged: it leaves only when that
//! is durable (SYNC rule 1).
struct Answer {
    store::SeqNo seq = 0;
    wire::Record record;
    std::vector<std::uint64_t> positions{};  //!< of an ACK: what it acknowledges
    bool ends_push = false;                  //!< nothing more follows about that PUSH
};

//! \brief One connection's protocol state. Collects what a turn has for the peer into one message;
//! measures how far the peer is behind. Thread: the core's. Owner: RelayCore.
class Session {
 public:
    //! \a wrote: gets the peer's id when a turn's first byte is sent to it.
    Session(PeerId peer, bool loopback, std::chrono::milliseconds now, CoreDelegate& delegate,
            std::vector<PeerId>& wrote)
        : m_peer(peer),
          m_loopback(loopback),
          m_delegate(delegate),
          m_wrote(wrote),
          m_heard(now),
          m_progress(now) {}

    PeerId peer() const { return m_peer; }
    bool fromLoopback() const { return m_loopback; }

    // ---- who ----
    bool greeted() const { return m_replica != 0; }
    //! REQUIRES: !greeted(); replica is not 0.
    void greet(ReplicaId replica, std::uint64_t number, Identity who);
    //! The same user with another token.
    void renew(Identity who) { m_identity = std::move(who); }
    ReplicaId replica() const { return m_replica; }
    std::uint64_t number() const { return m_number; }  //!< HELLO's session, in presence
    const Identity& identity() const { return m_identity; }
    const std::string& user() const { return m_identity.user; }

    // ---- documents ----
    //! Whether \a alias may name a new subscription: even and above all earlier ones, hence never
    //! reused.
    bool mayOpen(wire::Alias alias) const;
    Subscription& open(wire::Alias alias, Room& room);
    //! A SUBOK that has not left goes with it, so that SUB again and again piles up nothing.
    void drop(wire::Alias alias);
    Subscription* find(wire::Alias alias);
    //! A client alias that was given up; what is still on its way under it is ignored.
    bool retired(wire::Alias alias) const;
    const std::map<wire::Alias, std::unique_ptr<Subscription>>& subscriptions() const {
        return m_subscriptions;
    }

    // ---- out ----
    //! Appends to the turn's message.
    void send(const wire::Record& record);
    //! Queued behind all earlier answers until its state is durable.
    void answer(Answer answer) { m_answers.push_back(std::move(answer)); }
    bool hasAnswers() const { return !m_answers.empty(); }
    //! Answers to PUSHes that have not left.
    int pushesOutstanding() const { return m_pushes_outstanding; }
    void pushReceived() { ++m_pushes_outstanding; }
    //! Takes the next answer that may leave at \a durable; ACKs of one stream in a row become one.
    bool takeAnswer(store::SeqNo durable, Answer& answer);
    //! Hands the turn's message to the edge.
    void flush();
    void endTurn();

    // ---- how far behind ----
    void setBacklog(std::size_t bytes, std::chrono::milliseconds now);
    //! From here on the peer is served from the log only as its connection takes it.
    bool slow() const { return queued() > limits::kPeerQueueBytesSlow; }
    //! More queued than a peer may have (one message of a large change goes on top), more questions
    //! than the disk can answer, or no progress for too long.
    bool stuck(std::chrono::milliseconds now) const;
    void heard(std::chrono::milliseconds now);
    std::chrono::milliseconds silence(std::chrono::milliseconds now) const { return now - m_heard; }
    //! True once per silence: the peer should be asked whether it lives.
    bool pingDue(std::chrono::milliseconds now);

 private:
    std::size_t queued() const { return m_backlog + m_turn_bytes + m_out.size(); }

    PeerId m_peer;
    bool m_loopback;
    CoreDelegate& m_delegate;
    std::vector<PeerId>& m_wrote;
    ReplicaId m_replica = 0;
    std::uint64_t m_number = 0;
    Identity m_identity;
    std::map<wire::Alias, std::unique_ptr<Subscription>> m_subscriptions;
    std::uint64_t m_alias_min = 0;
    std::deque<Answer> m_answers;
    int m_pushes_outstanding = 0;
    Bytes m_out;
    std::size_t m_out_records = 0;
    std::size_t m_backlog = 0;       // bytes the edge holds, as last reported
    std::size_t m_turn_bytes = 0;    // given to the edge since
    std::size_t m_large_bytes = 0;   // of a message above the slow limit that may still be queued
    std::uint64_t m_handed_out = 0;  // bytes given to the edge, ever
    std::uint64_t m_taken = 0;       // of them, what the connection took
    std::chrono::milliseconds m_heard;
    std::chrono::milliseconds m_progress;
    bool m_pinged = false;
};

}  // namespace kimdb::relay
