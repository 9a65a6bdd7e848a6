// SPDX-License-Identifier: MIT
#include "store/record_cache.h"

#include <algorithm>
#include <utility>

namespace kimdb::store {
namespace {

// '/' is in no name.
std::string textOf(const RecordName& name) {
    std::string text;
    text.reserve(name.first.size() + 1 + name.second.size());
    return text.append(name.first).append(1, '/').append(name.second);
}

}  // namespace

std::size_t RecordCache::Slot::cost() const {
    constexpr std::size_t kNodeBytes = 64;  // of the index, beside the name in it
    return sizeof(Slot) + kNodeBytes + 2 * name.capacity() + (found ? found->value.capacity() : 0);
}

RecordCache::Partition& RecordCache::partitionOf(const std::string& name) {
    return m_partitions[(std::hash<std::string>{}(name) >> 20) % kPartitions];
}

std::optional<RecordCache::Found> RecordCache::find(const RecordName& name) {
    if (m_bytes_max == 0) return {};
    const std::string text = textOf(name);
    Partition& partition = partitionOf(text);
    const std::lock_guard lock(partition.mutex);
    const auto it = partition.index.find(text);
    if (it == partition.index.end()) {
        m_misses.fetch_add(1, std::memory_order_relaxed);
        return {};
    }
    m_hits.fetch_add(1, std::memory_order_relaxed);
    Slot& slot = partition.ring[it->second];
    slot.used = true;
    return slot.found;
}

void RecordCache::put(const RecordName& name, const Found& found, std::uint64_t epoch) {
    Slot slot{textOf(name), found, false};
    const std::size_t cost = slot.cost();
    if (cost > m_bytes_max / 4) return;  // one value must not push out all others
    Partition& partition = partitionOf(slot.name);
    const std::lock_guard lock(partition.mutex);
    // forget() raises the epoch before it comes to this partition: either it removes what is put
    // here, or this is seen to be too late.
    if (m_epoch != epoch) return;
    const auto it = partition.index.find(slot.name);
    if (it != partition.index.end()) erase(partition, it->second);
    makeRoom(partition, cost);
    partition.index.emplace(slot.name, partition.ring.size());
    partition.ring.push_back(std::move(slot));
    partition.bytes += cost;
    m_bytes += cost;
}

void RecordCache::forget(const Memtable& table, int shard) {
    ++m_epoch;
    if (m_bytes_max == 0) return;
    // A partition seen empty under its lock stays free of what the epoch has made too late.
    const bool nothing =
        std::all_of(m_partitions.begin(), m_partitions.end(), [](Partition& partition) {
            const std::lock_guard lock(partition.mutex);
            return partition.ring.empty();
        });
    if (nothing) return;
    for (const auto& [collection, rows] : table.records(shard))
        for (const SortedRows::Row& row : rows) {
            const std::string text = textOf({collection, row.key});
            Partition& partition = partitionOf(text);
            const std::lock_guard lock(partition.mutex);
            const auto it = partition.index.find(text);
            if (it != partition.index.end()) erase(partition, it->second);
        }
}

// The last slot moves into the gap.
void RecordCache::erase(Partition& partition, std::size_t at) {
    const std::size_t cost = partition.ring[at].cost();
    partition.index.erase(partition.ring[at].name);
    if (at + 1 < partition.ring.size()) {
        partition.ring[at] = std::move(partition.ring.back());
        partition.index[partition.ring[at].name] = at;
    }
    partition.ring.pop_back();
    partition.bytes -= cost;
    m_bytes -= cost;
}

void RecordCache::makeRoom(Partition& partition, std::size_t bytes) {
    while (!partition.ring.empty() && partition.bytes + bytes > m_bytes_max) {
        if (partition.hand >= partition.ring.size()) partition.hand = 0;
        Slot& slot = partition.ring[partition.hand];
        if (std::exchange(slot.used, false))
            ++partition.hand;
        else
            erase(partition, partition.hand);
    }
}

}  // namespace kimdb::store
