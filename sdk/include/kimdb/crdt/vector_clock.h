// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <utility>
#include <vector>

#include <kimdb/ids.h>

namespace kimdb::crdt {

//! \brief Consecutive counters of one replica.
struct IdRun {
    ReplicaId replica = 0;
    std::uint64_t first = 0;
    std::uint64_t count = 1;

    std::uint64_t end() const { return first + count; }
    bool contains(OpId id) const {
        return id.replica == replica && id.counter >= first && id.counter < end();
    }
    auto operator<=>(const IdRun&) const = default;
};

//! \brief A version of a document: for each replica the last counter that is part of it. Counters
//! are dense, so this names a set of operations (Fidge 1988, Mattern 1989). Thread: a plain value.
class VectorClock {
 public:
    enum class Order { Equal, Before, After, Concurrent };

    //! The last counter of \a replica; 0 when it wrote nothing.
    std::uint64_t at(ReplicaId replica) const;
    bool contains(OpId id) const { return id.counter <= at(id.replica); }
    bool isEmpty() const { return m_entries.empty(); }
    //! Ascending by replica; no counter is 0.
    const std::vector<std::pair<ReplicaId, std::uint64_t>>& entries() const { return m_entries; }

    //! The next operation of \a replica is part of the version now. Returns its id.
    OpId tick(ReplicaId replica);
    //! Everything of the replica of \a id up to it is part of the version now.
    void include(OpId id);
    //! Both versions together.
    void merge(const VectorClock& other);

    //! Before: all of this is part of \a other, which has more. Concurrent: each has what the other
    //! has not.
    Order compare(const VectorClock& other) const;
    //! What this version has and \a other has not, ascending.
    std::vector<IdRun> difference(const VectorClock& other) const;

    bool operator==(const VectorClock&) const = default;

 private:
    std::vector<std::pair<ReplicaId, std::uint64_t>> m_entries;
};

}  // namespace kimdb::crdt
