// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "crdt/replica_table.h"
#include "crdt/span_tree.h"

namespace kimdb::crdt {

struct SlotRun {
    Slot first = 0;
    std::uint32_t count = 0;

    bool operator==(const SlotRun&) const = default;
};

//! \brief Which characters each deletion of a text names, so that it can be toggled whole. A row of
//! single deletions that walks over consecutive slots (backspace, delete key) is one entry.
class DeletionLog {
 public:
    //! REQUIRES: counters of one replica arrive in ascending order; targets are not empty.
    void add(ReplicaIndex replica, std::uint64_t counter, const std::vector<SlotRun>& targets);
    bool contains(ReplicaIndex replica, std::uint64_t counter) const;
    bool isOff(ReplicaIndex replica, std::uint64_t counter) const {
        return m_off.count({replica, counter}) > 0;
    }
    void setOff(ReplicaIndex replica, std::uint64_t counter, bool off);
    //! The targets in the order of the operation. REQUIRES: contains(replica, counter).
    std::vector<SlotRun> targets(ReplicaIndex replica, std::uint64_t counter) const;
    //! Gives f(counter, n) for the counters of all deletions of a replica, ascending.
    template <class F>
    void forEach(ReplicaIndex replica, F&& f) const {
        if (replica >= m_entries.size()) return;
        for (const Entry& e : m_entries[replica]) f(e.counter, e.deletions);
    }
    const std::set<std::pair<ReplicaIndex, std::uint64_t>>& off() const { return m_off; }

 private:
    struct Entry {
        std::uint64_t counter = 0;  // of the first deletion
        std::uint32_t deletions = 1;
        Slot slot = 0;             // first target; with length 0: index in m_lists
        std::uint32_t length = 0;  // of the one run; 0: several runs
        std::int32_t step = 0;     // from the target of one deletion to that of the next
    };
    const Entry* find(ReplicaIndex replica, std::uint64_t counter) const;

    std::vector<std::vector<Entry>> m_entries;  // by replica, ascending
    std::vector<std::vector<SlotRun>> m_lists;
    std::set<std::pair<ReplicaIndex, std::uint64_t>> m_off;
};

}  // namespace kimdb::crdt
