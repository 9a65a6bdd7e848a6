// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "core/hash.h"
#include "store/log_store.h"

namespace kimdb::sync {

//! \brief One change the relay has not durably acknowledged. Its body stays in the log.
struct Queued {
    std::uint64_t position = 0;  //!< in the log here
    ReplicaId replica = 0;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    Hash16 hash;
    bool is_void = false;
    store::SeqNo seq = 0;    //!< of the batch that wrote it: pushed only when durable (SYNC rule 4)
    std::uint64_t base = 0;  //!< relay position held when it was made (SYNC rule 21)
    bool own = true;         //!< false: another author's, re-supplied to a restored relay (rule 19)
    bool acked = false;

    std::uint64_t last() const { return first + count - 1; }
};

//! \brief Up to where the relay holds a stream, with the rolling hash there.
struct ChainEnd {
    std::uint64_t counter = 0;
    Hash16 hash;
};

//! \brief What one document has to push: unacknowledged changes in an order in which the relay can
//! take them, a window of PUSHes on their way, and the rewind after a temporary refusal (SYNC rule
//! 9). Every operation is O(1) amortized, but rewind(), which is O(what was on its way).
class OfflineQueue {
 public:
    void clear();
    void add(Queued change);

    bool empty() const { return m_live == 0; }
    std::size_t size() const { return m_live; }
    std::size_t ownSize() const { return m_live_own; }
    //! The oldest change. REQUIRES: !empty().
    const Queued& front() const { return m_entries.front(); }
    //! The unacknowledged change with that first counter; nullptr when there is none.
    const Queued* find(ReplicaId replica, std::uint64_t first) const;

    //! Visits what is unacknowledged of one stream, in order, until \a visit returns false.
    template <class F>
    void forEach(ReplicaId replica, F visit) const {
        const auto known = m_first_of.find(replica);
        if (known == m_first_of.end()) return;
        for (std::size_t i = std::max(known->second, m_popped); i < end(); ++i)
            if (at(i).replica == replica && !at(i).acked && !visit(at(i))) return;
    }

    //! The changes of \a replica up to \a counter are at the relay; \a left is called for each, in
    //! order.
    template <class F>
    void acknowledge(ReplicaId replica, std::uint64_t counter, F left) {
        for (std::size_t i = firstOf(replica); i < end(); ++i) {
            Queued& q = at(i);
            if (q.replica != replica || q.acked) continue;
            if (q.last() > counter) break;
            left(q);
            leave(q, i);
        }
        answered(replica, counter);
        popAcked();
    }

    // ---- pushing ----
    //! The next change to push and the hash of its stream in front of it; nullopt when there is
    //! none, it is not durable yet, or it has to wait: a change under another own id goes only when
    //! the relay has taken all under the former, because until then a fork of that one may be found
    //! (rule 6).
    struct Next {
        const Queued* change;
        Hash16 hash_before;
    };
    std::optional<Next> next(store::SeqNo durable) const;
    //! The same within one PUSH: the change after the one just taken, if it continues its stream.
    const Queued* continuation(store::SeqNo durable) const;
    //! Moves over next().
    void take();
    //! Ends a PUSH of what was taken since the last one.
    void pushed(std::uint64_t number);
    //! What the relay holds of \a replica; call before its first change is pushed and after every
    //! rewind.
    void setChain(ReplicaId replica, const ChainEnd& end) { m_chains[replica] = end; }
    bool knowsChain(ReplicaId replica) const { return m_chains.contains(replica); }
    std::size_t outstanding() const { return m_sent.size(); }

    //! Starts again from the oldest change. False when \a number lies before the last rewind: that
    //! answer speaks of what was sent again since.
    bool rewind(std::uint64_t number);
    //! Forgets what was sent; for a new session or a changed queue. \a last_number: of the PUSHes
    //! so far.
    void restart(std::uint64_t last_number);

 private:
    struct Sent {
        std::uint64_t number;
        ReplicaId replica;
        std::uint64_t last;
        bool own;
    };
    std::size_t end() const { return m_popped + m_entries.size(); }
    Queued& at(std::size_t i) { return m_entries[i - m_popped]; }
    const Queued& at(std::size_t i) const { return m_entries[i - m_popped]; }
    std::size_t firstOf(ReplicaId replica);
    void leave(Queued& q, std::size_t index);
    void answered(ReplicaId replica, std::uint64_t counter);
    void popAcked();
    std::size_t skipAcked(std::size_t i) const;

    std::deque<Queued> m_entries;
    std::size_t m_popped = 0;  // entries have absolute indexes, so that pops invalidate none
    std::size_t m_next = 0;
    std::size_t m_live = 0;
    std::size_t m_live_own = 0;
    std::map<ReplicaId, std::size_t> m_first_of;  // nothing of the stream is unacknowledged before
    std::map<ReplicaId, ChainEnd> m_chains;       // at m_next
    std::deque<Sent> m_sent;
    std::uint64_t m_last_number = 0;
    std::uint64_t m_rewound_at = 0;
};

}  // namespace kimdb::sync
