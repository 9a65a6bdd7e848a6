// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include <kimdb/ids.h>

namespace kimdb::crdt {

using ReplicaIndex = std::uint32_t;

//! \brief Small numbers for the replicas of one document, in order of appearance: a local name,
//! never compared where order matters.
class ReplicaTable {
 public:
    ReplicaIndex intern(ReplicaId id) {
        if (!m_ids.empty() && m_ids[m_last] == id) return m_last;
        const auto [at, added] = m_index.try_emplace(id, static_cast<ReplicaIndex>(m_ids.size()));
        if (added) m_ids.push_back(id);
        return m_last = at->second;
    }
    std::optional<ReplicaIndex> find(ReplicaId id) const {
        if (!m_ids.empty() && m_ids[m_last] == id) return m_last;
        const auto at = m_index.find(id);
        if (at == m_index.end()) return std::nullopt;
        return at->second;
    }
    ReplicaId id(ReplicaIndex index) const { return m_ids[index]; }
    std::size_t size() const { return m_ids.size(); }

 private:
    std::vector<ReplicaId> m_ids;
    std::unordered_map<ReplicaId, ReplicaIndex> m_index;
    ReplicaIndex m_last = 0;  // whoever was asked for is asked for again
};

}  // namespace kimdb::crdt
