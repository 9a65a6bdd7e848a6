// SPDX-License-Identifier: MIT
#include "crdt/deletion_log.h"

#include <algorithm>

namespace kimdb::crdt {

void DeletionLog::add(ReplicaIndex replica, std::uint64_t counter,
                      const std::vector<SlotRun>& targets) {
    if (m_entries.size() <= replica) m_entries.resize(replica + 1);
    std::vector<Entry>& entries = m_entries[replica];
    const SlotRun& first = targets[0];
    if (targets.size() == 1 && first.count == 1 && !entries.empty()) {
        Entry& last = entries.back();
        const auto step = static_cast<std::int32_t>(
            first.first - last.slot - static_cast<Slot>(last.step) * (last.deletions - 1));
        const bool follows = last.length == 1 && counter == last.counter + last.deletions;
        const bool walks = last.deletions > 1 ? step == last.step : step == 1 || step == -1;
        if (follows && walks) {
            last.step = step;
            ++last.deletions;
            return;
        }
    }
    if (targets.size() == 1) {
        entries.push_back({counter, 1, first.first, first.count, 0});
    } else {
        entries.push_back({counter, 1, static_cast<Slot>(m_lists.size()), 0, 0});
        m_lists.push_back(targets);
    }
}

const DeletionLog::Entry* DeletionLog::find(ReplicaIndex replica, std::uint64_t counter) const {
    if (replica >= m_entries.size()) return nullptr;
    const std::vector<Entry>& entries = m_entries[replica];
    auto at = std::upper_bound(entries.begin(), entries.end(), counter,
                               [](std::uint64_t c, const Entry& e) { return c < e.counter; });
    if (at == entries.begin()) return nullptr;
    --at;
    return counter - at->counter < at->deletions ? &*at : nullptr;
}

bool DeletionLog::contains(ReplicaIndex replica, std::uint64_t counter) const {
    return find(replica, counter) != nullptr;
}

void DeletionLog::setOff(ReplicaIndex replica, std::uint64_t counter, bool off) {
    if (off)
        m_off.insert({replica, counter});
    else
        m_off.erase({replica, counter});
}

std::vector<SlotRun> DeletionLog::targets(ReplicaIndex replica, std::uint64_t counter) const {
    const Entry& e = *find(replica, counter);
    if (e.length == 0) return m_lists[e.slot];
    const auto steps = static_cast<Slot>(counter - e.counter);
    return {{e.slot + steps * static_cast<Slot>(e.step), e.length}};
}

}  // namespace kimdb::crdt
