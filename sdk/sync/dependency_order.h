// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "sync/document_log.h"
#include "sync/offline_queue.h"

namespace kimdb::sync {

//! \brief Fills a queue so that nothing comes in front of what it depends on (SYNC rule 19). Log
//! order nearly is such an order, so one pass does nearly always. One thread.
class DependencyOrder {
 public:
    DependencyOrder(const std::map<ReplicaId, Stream>& streams, OfflineQueue& queue)
        : m_queue(queue) {
        for (const auto& [replica, stream] : streams) m_held[replica] = stream.acked;
    }
    void add(const Queued& queued, const std::vector<OpId>& deps) {
        if (!tryAdd(queued, deps)) m_waiting.emplace_back(queued, deps);
    }
    //! True when a change waits for what is not here. Own ones go to the end; others' are left out.
    bool finish() {
        for (std::size_t before = 0; before != m_waiting.size();) {
            before = m_waiting.size();
            std::erase_if(m_waiting,
                          [&](auto& entry) { return tryAdd(entry.first, entry.second); });
        }
        for (const auto& [queued, deps] : m_waiting)
            if (queued.own) m_queue.add(queued);
        return !m_waiting.empty();
    }

 private:
    bool tryAdd(const Queued& queued, const std::vector<OpId>& deps) {
        if (queued.first != m_held[queued.replica] + 1) return false;
        for (const OpId& dep : deps)
            if (m_held[dep.replica] < dep.counter) return false;
        m_held[queued.replica] = queued.last();
        m_queue.add(queued);
        return true;
    }

    OfflineQueue& m_queue;
    std::map<ReplicaId, std::uint64_t> m_held;
    std::vector<std::pair<Queued, std::vector<OpId>>> m_waiting;
};

}  // namespace kimdb::sync
