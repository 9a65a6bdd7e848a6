// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <vector>

#include <kimdb/ids.h>

#include "core/change.h"

namespace kimdb::crdt {

//! \brief Changes that wait for others, each under one id it misses. When that id arrives the
//! change is handed back and looked at again, so nothing is scanned in vain.
class CausalBuffer {
 public:
    enum class Held { New, Same, Different };

    //! Keeps \a change until \a missing is there. Same/Different: its place is taken.
    Held hold(const Change& change, OpId missing);
    //! Takes out what waited for counters of \a replica up to \a head.
    std::vector<Change> release(ReplicaId replica, std::uint64_t head);
    template <class F>
    void forEach(F&& f) const {
        for (const auto& [key, change] : m_changes) f(change);
    }
    std::size_t size() const { return m_changes.size(); }

 private:
    std::map<OpId, Change> m_changes;  // by replica and first counter
    std::map<ReplicaId, std::multimap<std::uint64_t, OpId>> m_waiting;
};

}  // namespace kimdb::crdt
