// SPDX-License-Identifier: MIT
#include "store/record_table.h"

#include <algorithm>
#include <cassert>

namespace kimdb::store {

struct SortedRows::Key {
    explicit Key(std::string_view k) : whole(k) {
        for (std::size_t i = 0; i < 16; ++i) {
            std::uint64_t& half = i < 8 ? head.high : head.low;
            half = half << 8 | (i < k.size() ? static_cast<std::uint8_t>(k[i]) : 0);
        }
    }
    std::string_view whole;
    Head head;

    bool before(const Entry& entry) const {
        return head == entry.head ? whole < entry.row->key : head < entry.head;
    }
    bool behind(const Entry& entry) const {
        return head == entry.head ? whole > entry.row->key : entry.head < head;
    }
};

SortedRows::Place SortedRows::locate(const Key& key) const {
    if (m_leaves.empty()) return {};
    const auto leaf = std::partition_point(m_firsts.begin(), m_firsts.end(),
                                           [&](const Entry& first) { return !key.before(first); });
    Place place;
    place.leaf = static_cast<std::size_t>(leaf - m_firsts.begin());
    const Leaf& in = *m_leaves[place.leaf];
    const auto end = in.entries.begin() + static_cast<std::ptrdiff_t>(in.count);
    const auto at = std::partition_point(in.entries.begin(), end,
                                         [&](const Entry& entry) { return key.behind(entry); });
    place.at = static_cast<std::size_t>(at - in.entries.begin());
    place.found = at != end && !key.before(*at);
    return place;
}

SortedRows::Row& SortedRows::row(std::string text) {
    const Key key(text);
    const Place place = locate(key);
    if (place.found) return *m_leaves[place.leaf]->entries[place.at].row;
    const Head head = key.head;
    Row& made = m_rows.emplace_back(Row{std::move(text), {}});
    insert(place, {head, &made});
    return made;
}

void SortedRows::insert(Place place, const Entry& entry) {
    if (m_leaves.empty()) m_leaves.push_back(std::make_unique<Leaf>());
    if (m_leaves[place.leaf]->count == kLeafEntries) {
        Leaf& full = *m_leaves[place.leaf];
        const std::size_t kept = place.at == kLeafEntries ? kLeafEntries - 1 : kLeafEntries / 2;
        auto half = std::make_unique<Leaf>();
        half->count = kLeafEntries - kept;
        std::copy(full.entries.begin() + static_cast<std::ptrdiff_t>(kept), full.entries.end(),
                  half->entries.begin());
        full.count = kept;
        const auto behind = static_cast<std::ptrdiff_t>(place.leaf);
        m_firsts.insert(m_firsts.begin() + behind, half->entries[0]);
        m_leaves.insert(m_leaves.begin() + behind + 1, std::move(half));
        if (place.at > kept) {
            ++place.leaf;
            place.at -= kept;
        }
    }
    Leaf& leaf = *m_leaves[place.leaf];
    assert(place.at <= leaf.count && leaf.count < kLeafEntries);
    const auto at = leaf.entries.begin() + static_cast<std::ptrdiff_t>(place.at);
    const auto end = leaf.entries.begin() + static_cast<std::ptrdiff_t>(leaf.count);
    std::copy_backward(at, end, end + 1);
    *at = entry;
    ++leaf.count;
}

const SortedRows::Row* SortedRows::find(std::string_view key) const {
    const Place place = locate(Key(key));
    return place.found ? m_leaves[place.leaf]->entries[place.at].row : nullptr;
}

SortedRows::Iterator SortedRows::lowerBound(std::string_view key) const {
    const Place place = locate(Key(key));
    if (place.leaf < m_leaves.size() && place.at == m_leaves[place.leaf]->count)
        return {m_leaves, place.leaf + 1, 0};
    return {m_leaves, place.leaf, place.at};
}

}  // namespace kimdb::store
