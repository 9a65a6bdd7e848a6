// SPDX-License-Identifier: MIT
// A sequence from the parts a file holds (nothing is placed or searched), and how it forgets text.
#include <algorithm>

#include "crdt/rga.h"

namespace kimdb::crdt {

void Rga::build(Parts parts) {
    m_tree.build(parts.spans, std::move(parts.text), parts.characters);
    m_deletions = std::move(parts.deletions);
    m_root_slots = parts.root_slots;
    for (const Ids& ids : parts.ids) addIds(ids.replica, ids.counter, ids.slot);
    for (auto& runs : m_by_replica)
        std::sort(runs.begin(), runs.end(), [&](std::uint32_t a, std::uint32_t b) {
            return m_runs[a].counter < m_runs[b].counter;
        });
    buildSiblings(parts.spans);
}

// Whether a character follows the one in front of it as in one insertion: its only right child,
// unless somebody wrote between them.
bool Rga::isChained(Slot slot) const {
    return slot > 0 && slot < m_tree.nextSlot() && m_tree.leftOf(slot) == slot - 1 &&
           m_tree.rightOf(slot) == m_tree.rightOf(slot - 1);
}

// Only parents that several wrote beside at the same time have a list of their children. Nobody
// can write beside children that are older than the root.
void Rga::buildSiblings(const std::vector<Span>& spans) {
    std::vector<std::pair<std::uint64_t, Slot>> children;  // by parent, in document order
    for (const Span& span : spans) {
        if (span.slot < m_root_slots || isChained(span.slot)) continue;
        const bool is_left = span.right != kEndSlot && m_tree.leftOf(span.right) == span.left;
        if (is_left) m_tree.setHasLeftChild(span.right);
        const Slot parent = is_left ? span.right : span.left;
        children.emplace_back(siblingKey(parent, is_left ? Side::Left : Side::Right), span.slot);
    }
    std::stable_sort(children.begin(), children.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 0; i < children.size();) {
        const std::uint64_t key = children[i].first;
        std::vector<Slot> slots;
        for (; i < children.size() && children[i].first == key; ++i)
            slots.push_back(children[i].second);
        const auto parent = static_cast<Slot>(key >> 1);
        const bool is_right = key & 1;
        if (is_right && parent < kSlotMax && isChained(parent + 1)) slots.push_back(parent + 1);
        if (slots.size() < 2) continue;
        std::sort(slots.begin(), slots.end(), [&](Slot a, Slot b) { return isBefore(a, b); });
        m_siblings[key] = std::move(slots);
    }
}

// ---- the root ----

bool Rga::hasRootBetween(Slot a, Slot b) const {
    if (m_root_slots == 0) return false;
    if (a == kStartSlot || a < m_root_slots) {
        const Slot next = a == kStartSlot ? 0 : a + 1;
        return next < m_root_slots && next != b && isBefore(next, b);
    }
    Place at = m_tree.find(a);
    for (Slot from = a + 1;; from = m_tree.span(at).slot) {
        const Slot end = m_tree.span(at).endSlot();
        if (b >= from && b < end) return false;
        if (from < end && from < m_root_slots) return true;
        at = m_tree.nextSpan(at);
        if (!at.leaf) return false;
    }
}

bool Rga::hasRootChild(Slot slot) const {
    const Slot next = slot == kStartSlot ? 0 : slot + 1;
    return next < m_root_slots && m_tree.leftOf(next) == slot;
}

// ---- text that was forgotten ----

void Rga::restoreText(ReplicaIndex author, const IdRun& run, bool on, std::string_view& text) {
    for (std::uint64_t c = run.first; c < run.end(); ++c) {
        const auto slot = slotOf(author, c);
        if (slot && on) m_tree.restoreText(*slot, 1, text);
        if (!slot && !on)
            for (const SlotRun& target : m_deletions.targets(author, c))
                m_tree.restoreText(target.first, target.count, text);
    }
}

}  // namespace kimdb::crdt
