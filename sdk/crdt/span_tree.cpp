// SPDX-License-Identifier: MIT
#include "crdt/span_tree.h"

#include <algorithm>
#include <cassert>

#include "core/utf8.h"
#include "crdt/span_tree_nodes.h"

namespace kimdb::crdt {

SpanTree::SpanTree() {
    m_leaves.push_back(std::make_unique<Leaf>());
    m_root = m_first = m_last = m_leaves[0].get();
}
SpanTree::~SpanTree() = default;
SpanTree::SpanTree(SpanTree&&) noexcept = default;
SpanTree& SpanTree::operator=(SpanTree&&) noexcept = default;

// ---- places ----

SpanTree::Place SpanTree::find(Slot slot) const {
    assert(slot < m_next_slot);
    for (const Found& found : m_found) {
        if (!found.leaf || found.index >= found.leaf->n) continue;
        const Span& s = found.leaf->spans[found.index];
        if (slot - s.slot < s.length) return {found.leaf, found.index, slot - s.slot};
    }
    const Page& page = m_pages[slot / kPageSlots];
    const std::uint32_t id =
        page.leaf == kMixedPage ? (*page.leaves)[slot % kPageSlots] : page.leaf;
    Leaf* leaf = m_leaves[id].get();
    int i = 0;
    while (slot - leaf->spans[i].slot >= leaf->spans[i].length) {
        ++i;
        assert(i < leaf->n);
    }
    m_found[m_next_found++ % m_found.size()] = {leaf, i};
    return {leaf, i, slot - leaf->spans[i].slot};
}

SpanTree::Place SpanTree::atUnit(std::size_t unit, std::size_t* first_unit) const {
    assert(unit < m_units);
    if (!m_hot.leaf || unit < m_hot.begin || unit - m_hot.begin >= m_hot.leaf->units) {
        settleHot();
        auto rest = static_cast<std::uint32_t>(unit);
        Node* node = m_root;
        while (!node->is_leaf) {
            const auto* inner = static_cast<const Inner*>(node);
            int i = 0;
            while (rest >= inner->units[i]) rest -= inner->units[i++];
            node = inner->children[i];
        }
        m_hot = {static_cast<Leaf*>(node), unit - rest, 0, 0, 0};
    }
    Leaf* leaf = m_hot.leaf;
    const auto in_leaf = static_cast<std::uint32_t>(unit - m_hot.begin);
    int i = in_leaf >= m_hot.before ? m_hot.index : 0;
    std::uint32_t rest = in_leaf - (i > 0 ? m_hot.before : 0);
    for (std::uint32_t n; rest >= (n = leaf->spans[i].visibleUnits()); ++i) rest -= n;
    m_hot.index = i;
    m_hot.before = in_leaf - rest;
    const Span& s = leaf->spans[i];
    if (s.units == s.length) {
        if (first_unit) *first_unit = unit;
        return {leaf, i, rest};
    }
    std::uint32_t scalar = 0;
    std::uint32_t seen = 0;
    for (const char c : utf8(s)) {
        const auto b = static_cast<std::uint8_t>(c);
        if ((b & 0xC0) == 0x80) continue;
        const std::uint32_t width = b >= 0xF0 ? 2 : 1;
        if (seen + width > rest) break;
        seen += width;
        ++scalar;
    }
    if (first_unit) *first_unit = unit - (rest - seen);
    return {leaf, i, scalar};
}

SpanTree::Place SpanTree::gapAfter(Slot slot) const {
    if (slot == kStartSlot) return front();
    Place place = find(slot);
    if (++place.offset == span(place).length) place = {place.leaf, place.index + 1, 0};
    return place;
}

SpanTree::Place SpanTree::front() const {
    return {m_first, 0, 0};
}
SpanTree::Place SpanTree::back() const {
    return {m_last, m_last->n, 0};
}

SpanTree::Place SpanTree::normal(Place gap) const {
    if (gap.index == gap.leaf->n && gap.leaf->next) return {gap.leaf->next, 0, 0};
    return gap;
}

Slot SpanTree::slotAt(Place gap) const {
    gap = normal(gap);
    if (gap.index == gap.leaf->n) return kEndSlot;
    return span(gap).slot + gap.offset;
}

Slot SpanTree::slotBefore(Place gap) const {
    if (gap.offset > 0) return span(gap).slot + gap.offset - 1;
    if (gap.index > 0) return gap.leaf->spans[gap.index - 1].endSlot() - 1;
    const Leaf* leaf = gap.leaf->previous;
    return leaf ? leaf->spans[leaf->n - 1].endSlot() - 1 : kStartSlot;
}

const Span& SpanTree::span(Place place) const {
    return place.leaf->spans[place.index];
}
Span& SpanTree::spanAt(Place place) {
    return place.leaf->spans[place.index];
}

bool SpanTree::before(Place a, Place b) const {
    if (a.leaf == b.leaf) return a.index != b.index ? a.index < b.index : a.offset < b.offset;
    const Node* x = a.leaf;
    const Node* y = b.leaf;
    while (x->parent != y->parent) {
        x = x->parent;
        y = y->parent;
    }
    return x->pos < y->pos;
}

std::size_t SpanTree::unitOffset(Place place) const {
    const Span& s = span(place);
    if (s.units == s.length) return place.offset;
    return utf16Count(utf8(s).substr(0, byteOffset(s, place.offset)));
}

std::size_t SpanTree::unitsBefore(Place place) const {
    std::size_t units = 0;
    if (place.offset > 0 && span(place).isVisible()) units = unitOffset(place);
    for (int i = 0; i < place.index; ++i) units += place.leaf->spans[i].visibleUnits();
    if (place.leaf != m_hot.leaf) {
        settleHot();
        std::size_t begin = 0;
        for (const Node* node = place.leaf; node->parent; node = node->parent)
            for (int i = 0; i < node->pos; ++i) begin += node->parent->units[i];
        m_hot = {place.leaf, begin, 0};
    }
    return m_hot.begin + units;
}

SpanTree::Place SpanTree::nextSpan(Place place) const {
    if (!place.leaf) return m_first->n ? Place{m_first, 0, 0} : Place{};
    if (place.index + 1 < place.leaf->n) return {place.leaf, place.index + 1, 0};
    return place.leaf->next ? Place{place.leaf->next, 0, 0} : Place{};
}

SpanTree::Place SpanTree::previousSpan(Place place) const {
    if (place.index > 0) return {place.leaf, place.index - 1, 0};
    Leaf* leaf = place.leaf->previous;
    return leaf ? Place{leaf, leaf->n - 1, 0} : Place{};
}

Slot SpanTree::leftOf(Slot slot) const {
    const Place place = find(slot);
    return place.offset > 0 ? slot - 1 : span(place).left;
}

Slot SpanTree::rightOf(Slot slot) const {
    return span(find(slot)).right;
}

void SpanTree::appendText(Slot slot, std::uint32_t n, std::string& out) const {
    while (n > 0) {
        const Place place = find(slot);
        const Span& s = span(place);
        const std::uint32_t take = std::min(n, s.length - place.offset);
        const std::uint32_t begin = byteOffset(s, place.offset);
        const std::uint32_t end = byteOffset(s, place.offset + take);
        out.append(utf8(s).substr(begin, end - begin));
        slot += take;
        n -= take;
    }
}

std::uint32_t SpanTree::byteOffset(const Span& span, std::uint32_t scalars) const {
    if (scalars == span.length) return span.bytes;
    return span.bytes == span.length ? scalars : bytesOf(utf8(span), scalars);
}

// ---- changing ----

Slot SpanTree::insert(Place gap, Slot left, Slot right, std::string_view utf8, std::uint32_t length,
                      std::uint32_t units, bool expunged, bool ties) {
    Span s;
    s.slot = m_next_slot;
    s.length = length;
    s.left = left;
    s.right = right;
    s.text = static_cast<std::uint32_t>(m_text.size());
    s.bytes = static_cast<std::uint32_t>(utf8.size());
    s.units = units;
    s.expunged = expunged;
    m_text.append(utf8);
    m_next_slot += length;
    if (gap.offset == 0 && gap.index > 0 && joins(gap.leaf->spans[gap.index - 1], s)) {
        Span& before = gap.leaf->spans[gap.index - 1];
        forgetHotSpan(gap.leaf, gap.index - 1);
        before.length += s.length;
        before.bytes += s.bytes;
        before.units += s.units;
    } else if (gap.offset > 0) {
        makeRoom(gap, 2);
        Span behind = cutSpan(gap.leaf, gap.index++, gap.offset);
        if (ties) behind.has_left_child = 1;
        openLeaf(gap.leaf, gap.index, 2);
        gap.leaf->spans[gap.index] = s;
        gap.leaf->spans[gap.index + 1] = behind;
    } else {
        makeRoom(gap, 1);
        openLeaf(gap.leaf, gap.index, 1);
        gap.leaf->spans[gap.index] = s;
        if (ties) {
            const Place behind = nextSpan({gap.leaf, gap.index, 0});
            assert(behind.leaf && span(behind).slot == right);
            spanAt(behind).has_left_child = 1;
        }
    }
    setLeaf(s.slot, length, gap.leaf);
    if (s.visibleUnits()) addUnits(gap.leaf, s.units);
    return s.slot;
}

bool SpanTree::extend(Place place, std::string_view utf8, std::uint32_t length) {
    Span& s = spanAt(place);
    const bool joins = s.isVisible() && s.endSlot() == m_next_slot && s.bytes == s.length &&
                       utf8.size() == length && s.text + s.bytes == m_text.size() &&
                       slotAt({place.leaf, place.index + 1, 0}) == s.right;
    if (!joins) return false;
    forgetHotSpan(place.leaf, place.index);
    s.length += length;
    s.bytes += length;
    s.units += length;
    m_text.append(utf8);
    setLeaf(m_next_slot, length, place.leaf);
    m_next_slot += length;
    addUnits(place.leaf, length);
    return true;
}

void SpanTree::setHasLeftChild(Slot slot) {
    const Place place = find(slot);
    assert(place.offset == 0);
    spanAt(place).has_left_child = 1;
}

SpanTree::Place SpanTree::isolate(Slot slot, std::uint32_t n) {
    Place place = find(slot);
    if (place.offset == 0 && span(place).length <= n) return place;
    makeRoom(place, 2);
    if (place.offset > 0) splitSpan(place.leaf, place.index, place.offset);
    if (place.offset > 0) place = {place.leaf, place.index + 1, 0};
    if (span(place).length > n) splitSpan(place.leaf, place.index, n);
    return place;
}

void SpanTree::settle(Place place, std::uint32_t units_before, const Changed* changed) {
    const Span& s = span(place);
    if (s.visibleUnits() != units_before) {
        forgetHotSpan(place.leaf, place.index);
        addUnits(place.leaf, s.visibleUnits() - units_before);
        if (changed) (*changed)(unitsBefore(place), s, units_before);
    }
    joinWithNext(place.leaf, place.index);
    if (place.index > 0) joinWithNext(place.leaf, place.index - 1);
}

void SpanTree::expunge(Slot slot, std::uint32_t n, const Changed* changed) {
    const auto erase = [this](Span& span) {
        std::fill_n(m_text.begin() + span.text, span.bytes, '\0');
        span.bytes = span.units = 0;
        span.expunged = 1;
    };
    change(slot, n, erase, changed);
}

void SpanTree::makeRoom(Place& place, int spans) {
    if (place.leaf->n + spans > kSpansMax) splitLeaf(place);
}

SpanTree::Leaf* SpanTree::newLeafBehind(Leaf* leaf) {
    m_leaves.push_back(std::make_unique<Leaf>());
    Leaf* right = m_leaves.back().get();
    right->id = static_cast<std::uint32_t>(m_leaves.size() - 1);
    right->previous = leaf;
    right->next = leaf->next;
    (leaf->next ? leaf->next->previous : m_last) = right;
    leaf->next = right;
    return right;
}

void SpanTree::splitLeaf(Place& place) {
    settleHot();
    m_hot.leaf = nullptr;
    Leaf* left = place.leaf;
    Leaf* right = newLeafBehind(left);
    // Whoever appends leaves full leaves behind.
    const bool appends = place.index == left->n;
    const int keep = appends ? left->n : left->n / 2;
    right->n = static_cast<std::uint16_t>(left->n - keep);
    std::copy_n(left->spans.begin() + keep, right->n, right->spans.begin());
    left->n = static_cast<std::uint16_t>(keep);
    for (int i = 0; i < right->n; ++i) {
        right->units += right->spans[i].visibleUnits();
        setLeaf(right->spans[i].slot, right->spans[i].length, right);
    }
    left->units -= right->units;
    addChild(left, right);
    if (place.index >= keep) place = {right, place.index - keep, place.offset};
}

void SpanTree::addChild(Node* left, Node* right) {
    const auto unitsOf = [](Node* node) {
        return node->is_leaf ? static_cast<Leaf*>(node)->units : static_cast<Inner*>(node)->sum();
    };
    if (!left->parent) {
        m_inners.push_back(std::make_unique<Inner>());
        Inner* root = m_inners.back().get();
        root->put(0, left, unitsOf(left));
        root->n = 1;
        m_root = root;
    }
    if (left->parent->n == kChildrenMax) splitInner(left->parent);
    Inner* parent = left->parent;
    for (int i = parent->n; i > left->pos + 1; --i)
        parent->put(i, parent->children[i - 1], parent->units[i - 1]);
    ++parent->n;
    parent->units[left->pos] = unitsOf(left);
    parent->put(left->pos + 1, right, unitsOf(right));
}

void SpanTree::splitInner(Inner* inner) {
    m_inners.push_back(std::make_unique<Inner>());
    Inner* right = m_inners.back().get();
    const int keep = inner->n / 2;
    for (int i = keep; i < inner->n; ++i) right->put(i - keep, inner->children[i], inner->units[i]);
    right->n = static_cast<std::uint16_t>(inner->n - keep);
    inner->n = static_cast<std::uint16_t>(keep);
    addChild(inner, right);
}

// Differences wrap around.
void SpanTree::addUnits(Leaf* leaf, std::uint32_t delta) {
    leaf->units += delta;
    m_units +=
        static_cast<std::size_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(delta)));
    if (leaf == m_hot.leaf) {
        m_hot.delta += delta;
        return;
    }
    settleHot();  // and what was hot may begin elsewhere now
    m_hot = {leaf, 0, delta, 0, 0};
    settleHot();
    m_hot.leaf = nullptr;
}

void SpanTree::settleHot() const {
    if (m_hot.delta == 0) return;
    for (const Node* node = m_hot.leaf; node->parent; node = node->parent)
        node->parent->units[node->pos] += m_hot.delta;
    m_hot.delta = 0;
}

// Shortens a span; returns what is behind `offset`, which has no place yet.
Span SpanTree::cutSpan(Leaf* leaf, int index, std::uint32_t offset) {
    forgetHotSpan(leaf, index);
    Span& a = leaf->spans[index];
    Span b = a;
    const std::uint32_t bytes = byteOffset(a, offset);
    const auto units = static_cast<std::uint32_t>(unitOffset({leaf, index, offset}));
    b.slot += offset;
    b.length -= offset;
    b.text += bytes;
    b.bytes -= bytes;
    b.units -= units;
    b.left = b.slot - 1;
    b.has_left_child = 0;
    a.length = offset;
    a.bytes = bytes;
    a.units = units;
    return b;
}

void SpanTree::splitSpan(Leaf* leaf, int index, std::uint32_t offset) {
    const Span behind = cutSpan(leaf, index, offset);
    openLeaf(leaf, index + 1, 1);
    leaf->spans[index + 1] = behind;
}

// Makes a gap of `spans` in front of a leaf's span.
void SpanTree::openLeaf(Leaf* leaf, int index, int spans) {
    assert(leaf->n + spans <= kSpansMax);
    forgetHotSpan(leaf, index);
    std::copy_backward(leaf->spans.begin() + index, leaf->spans.begin() + leaf->n,
                       leaf->spans.begin() + leaf->n + spans);
    leaf->n = static_cast<std::uint16_t>(leaf->n + spans);
    m_span_count += static_cast<std::size_t>(spans);
}

bool SpanTree::joins(const Span& a, const Span& b) const {
    const bool same_state = a.deletions == b.deletions && a.off == b.off &&
                            a.expunged == b.expunged && a.elsewhere == b.elsewhere &&
                            a.dropped == b.dropped && a.buried == b.buried && a.stub == b.stub &&
                            (b.bytes == 0 || b.text == a.text + a.bytes);
    const bool ascii =
        (a.bytes == a.length && b.bytes == b.length) || (a.bytes == 0 && b.bytes == 0);
    return same_state && b.slot == a.endSlot() && b.left == b.slot - 1 && b.right == a.right &&
           !b.has_left_child && (ascii || a.length + b.length <= kMixedLengthMax);
}

bool SpanTree::joinWithNext(Leaf* leaf, int index) {
    if (index + 1 >= leaf->n) return false;
    Span& a = leaf->spans[index];
    const Span& b = leaf->spans[index + 1];
    if (!joins(a, b)) return false;
    forgetHotSpan(leaf, index);
    a.length += b.length;
    a.bytes += b.bytes;
    a.units += b.units;
    std::copy(leaf->spans.begin() + index + 2, leaf->spans.begin() + leaf->n,
              leaf->spans.begin() + index + 1);
    --leaf->n;
    --m_span_count;
    return true;
}

void SpanTree::setLeaf(Slot slot, std::uint32_t n, Leaf* leaf) {
    const Slot end = slot + n;
    const Slot first_page = slot / kPageSlots;
    const bool is_known = first_page == (end - 1) / kPageSlots && first_page < m_pages.size() &&
                          m_pages[first_page].leaf == leaf->id;
    if (is_known) return;
    while (slot < end) {
        const Slot p = slot / kPageSlots;
        const Slot page_end = std::min(end, (p + 1) * kPageSlots);
        if (p >= m_pages.size()) m_pages.push_back({leaf->id, nullptr});
        Page& page = m_pages[p];
        if (page.leaf == kNewPage || (slot % kPageSlots == 0 && page_end == (p + 1) * kPageSlots)) {
            page = {leaf->id, nullptr};
        } else if (page.leaf != leaf->id) {
            if (!page.leaves) {
                page.leaves = std::make_unique<std::array<std::uint32_t, kPageSlots>>();
                page.leaves->fill(page.leaf);
                page.leaf = kMixedPage;
            }
            std::fill(page.leaves->begin() + slot % kPageSlots,
                      page.leaves->begin() + (page_end - p * kPageSlots), leaf->id);
        }
        slot = page_end;
    }
}

}  // namespace kimdb::crdt
