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
    //! Takes out what \a f says.
    template <class F>
    std::vector<Change> take(F&& f) {
        std::vector<Change> taken;
        for (auto at = m_changes.begin(); at != m_changes.end();) {
            if (!f(at->second)) {
                ++at;
                continue;
            }
            for (auto& [replica, waiting] : m_waiting)
                std::erase_if(waiting, [&](const auto& w) { return w.second == at->first; });
            taken.push_back(std::move(at->second));
            at = m_changes.erase(at);
        }
        std::erase_if(m_waiting, [](const auto& waiting) { return waiting.second.empty(); });
        return taken;
    }
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
