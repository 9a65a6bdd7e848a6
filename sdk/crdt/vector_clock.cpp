// SPDX-License-Identifier: MIT
#include <kimdb/crdt/vector_clock.h>

#include <algorithm>

namespace kimdb::crdt {

namespace {

auto find(auto& entries, ReplicaId replica) {
    return std::lower_bound(entries.begin(), entries.end(), replica,
                            [](const auto& entry, ReplicaId r) { return entry.first < r; });
}

}  // namespace

std::uint64_t VectorClock::at(ReplicaId replica) const {
    const auto entry = find(m_entries, replica);
    return entry != m_entries.end() && entry->first == replica ? entry->second : 0;
}

OpId VectorClock::tick(ReplicaId replica) {
    const OpId id{replica, at(replica) + 1};
    include(id);
    return id;
}

void VectorClock::include(OpId id) {
    if (id.counter == 0) return;
    const auto entry = find(m_entries, id.replica);
    if (entry == m_entries.end() || entry->first != id.replica)
        m_entries.insert(entry, {id.replica, id.counter});
    else
        entry->second = std::max(entry->second, id.counter);
}

void VectorClock::merge(const VectorClock& other) {
    for (const auto& [replica, counter] : other.m_entries) include({replica, counter});
}

VectorClock::Order VectorClock::compare(const VectorClock& other) const {
    const auto isPartOf = [](const VectorClock& a, const VectorClock& b) {
        return std::all_of(a.m_entries.begin(), a.m_entries.end(), [&](const auto& e) {
            return b.contains({e.first, e.second});
        });
    };
    const bool before = isPartOf(*this, other);
    const bool after = isPartOf(other, *this);
    if (before) return after ? Order::Equal : Order::Before;
    return after ? Order::After : Order::Concurrent;
}

std::vector<IdRun> VectorClock::difference(const VectorClock& other) const {
    std::vector<IdRun> runs;
    for (const auto& [replica, counter] : m_entries)
        if (const std::uint64_t known = other.at(replica); known < counter)
            runs.push_back({replica, known + 1, counter - known});
    return runs;
}

}  // namespace kimdb::crdt
