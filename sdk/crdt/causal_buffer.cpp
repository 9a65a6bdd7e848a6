// SPDX-License-Identifier: MIT
#include "crdt/causal_buffer.h"

#include "crdt/change_graph.h"

namespace kimdb::crdt {

CausalBuffer::Held CausalBuffer::hold(const Change& change, OpId missing) {
    const OpId key{change.replica, change.first};
    const auto [at, added] = m_changes.try_emplace(key, change);
    if (!added) {
        const std::uint32_t known = ChangeGraph::fingerprint(at->second);
        const bool same =
            at->second == change || ChangeGraph::areSame(known, ChangeGraph::fingerprint(change));
        return same ? Held::Same : Held::Different;
    }
    m_waiting[missing.replica].emplace(missing.counter, key);
    return Held::New;
}

std::vector<Change> CausalBuffer::release(ReplicaId replica, std::uint64_t head) {
    std::vector<Change> released;
    const auto waiting = m_waiting.find(replica);
    if (waiting == m_waiting.end()) return released;
    auto& by_counter = waiting->second;
    while (!by_counter.empty() && by_counter.begin()->first <= head) {
        const auto change = m_changes.find(by_counter.begin()->second);
        released.push_back(std::move(change->second));
        m_changes.erase(change);
        by_counter.erase(by_counter.begin());
    }
    if (by_counter.empty()) m_waiting.erase(waiting);
    return released;
}

}  // namespace kimdb::crdt
