// SPDX-License-Identifier: MIT
// A tree from the spans of a file, how it forgets text and gets it back, and its invariants.
#include <algorithm>
#include <cassert>

#include "core/utf8.h"
#include "crdt/span_tree_nodes.h"

namespace kimdb::crdt {

void SpanTree::trim() {
    std::string kept;
    for (Leaf* leaf = m_first; leaf; leaf = leaf->next)
        for (int i = 0; i < leaf->n; ++i) {
            Span& s = leaf->spans[i];
            if (!s.isVisible()) {
                s.dropped = !s.expunged;
                s.bytes = s.units = 0;
            }
            const std::string_view text = utf8(s);
            s.text = static_cast<std::uint32_t>(kept.size());
            kept.append(text);
        }
    m_text = std::move(kept);
    m_text.shrink_to_fit();
}

void SpanTree::restoreText(Slot slot, std::uint32_t n, std::string_view& text) {
    while (n > 0) {
        const Place at = find(slot);
        const std::uint32_t count = std::min(n, span(at).length - at.offset);
        const std::string_view own = text.substr(0, bytesOf(text, count));
        text.remove_prefix(own.size());
        if (span(at).dropped) {
            const std::uint32_t units_before = span(at).visibleUnits();
            Span& s = spanAt(isolate(slot, count));
            s.dropped = 0;
            s.text = static_cast<std::uint32_t>(m_text.size());
            s.bytes = static_cast<std::uint32_t>(own.size());
            s.units = static_cast<std::uint32_t>(utf16Count(own));
            m_text.append(own);
            const Place place = find(slot);
            forgetHotSpan(place.leaf, place.index);
            if (s.visibleUnits() != units_before) addUnits(place.leaf, s.visibleUnits());
        }
        slot += count;
        n -= count;
    }
}

void SpanTree::build(const std::vector<Span>& spans, std::string text, Slot slots) {
    constexpr std::size_t kFill = kSpansMax - 2;  // room for the next edit
    assert(m_next_slot == 0);
    m_text = std::move(text);
    m_next_slot = slots;
    m_span_count = spans.size();
    m_pages.resize((slots + kPageSlots - 1) / kPageSlots);
    for (Page& page : m_pages) page.leaf = kNewPage;
    std::vector<std::pair<Node*, std::uint32_t>> level;  // with units
    for (std::size_t i = 0; i < spans.size(); i += kFill) {
        Leaf* leaf = i == 0 ? m_first : newLeafBehind(m_last);
        leaf->n = static_cast<std::uint16_t>(std::min(kFill, spans.size() - i));
        for (int k = 0; k < leaf->n; ++k) {
            const Span& span = leaf->spans[k] = spans[i + k];
            leaf->units += span.visibleUnits();
            setLeaf(span.slot, span.length, leaf);
        }
        m_units += leaf->units;
        level.emplace_back(leaf, leaf->units);
    }
    while (level.size() > 1) {
        std::vector<std::pair<Node*, std::uint32_t>> above;
        for (std::size_t i = 0; i < level.size(); ++i) {
            if (i % kChildrenMax == 0) {
                m_inners.push_back(std::make_unique<Inner>());
                above.emplace_back(m_inners.back().get(), 0);
            }
            auto* inner = static_cast<Inner*>(above.back().first);
            inner->put(inner->n++, level[i].first, level[i].second);
            above.back().second += level[i].second;
        }
        level = std::move(above);
    }
    if (!level.empty()) m_root = level[0].first;
}

// ---- invariants ----

std::optional<std::string> SpanTree::checkNode(const Node* node) const {
    if (node->is_leaf) {
        const auto* leaf = static_cast<const Leaf*>(node);
        std::uint32_t units = 0;
        for (int i = 0; i < leaf->n; ++i) {
            const Span& s = leaf->spans[i];
            units += s.visibleUnits();
            if (s.length == 0) return "a span is empty";
            if (s.bytes == 0 && s.units != (s.expunged || s.dropped ? 0 : s.length))
                return "a span's units";
            if (s.bytes > 0 && scalarCount(utf8(s)) != s.length) return "a span's scalars";
            if (s.bytes > 0 && utf16Count(utf8(s)) != s.units) return "a span's units";
            for (std::uint32_t k = 0; k < s.length; ++k) {
                const Place found = find(s.slot + k);
                if (found.leaf != leaf || found.index != i) return "a slot's page";
            }
        }
        if (leaf->n == 0 && m_leaves.size() > 1) return "a leaf is empty";
        return units == leaf->units ? std::nullopt : std::optional<std::string>("a leaf's units");
    }
    const auto* inner = static_cast<const Inner*>(node);
    for (int i = 0; i < inner->n; ++i) {
        const Node* child = inner->children[i];
        if (child->parent != inner || child->pos != i) return "a child's parent";
        if (auto bad = checkNode(child)) return bad;
        const std::uint32_t units = child->is_leaf ? static_cast<const Leaf*>(child)->units
                                                   : static_cast<const Inner*>(child)->sum();
        if (units != inner->units[i]) return "an inner node's units";
    }
    return std::nullopt;
}

// What the next search in the hot leaf begins with.
bool SpanTree::isHotSpanRight() const {
    if (!m_hot.leaf) return true;
    if (m_hot.index > m_hot.leaf->n) return false;
    std::uint32_t before = 0;
    for (int i = 0; i < m_hot.index; ++i) before += m_hot.leaf->spans[i].visibleUnits();
    return before == m_hot.before;
}

std::optional<std::string> SpanTree::checkInvariants() const {
    settleHot();
    if (!isHotSpanRight()) return "the hot span";
    if (auto bad = checkNode(m_root)) return bad;
    std::size_t slots = 0;
    std::size_t spans = 0;
    std::size_t units = 0;
    forEach([&](const Span& s) {
        slots += s.length;
        units += s.visibleUnits();
        ++spans;
    });
    if (slots != m_next_slot) return "a slot is missing or twice";
    if (spans != m_span_count) return "the number of spans";
    if (units != m_units) return "the number of units";
    return std::nullopt;
}

}  // namespace kimdb::crdt
