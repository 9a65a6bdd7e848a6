// SPDX-License-Identifier: MIT
#include "crdt/span_tree.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "core/utf8.h"

namespace kimdb::crdt {

namespace {

constexpr int kSpansMax = 32;
constexpr int kChildrenMax = 32;
constexpr Slot kPageSlots = 64;
constexpr std::uint32_t kMixedPage = UINT32_MAX;
constexpr std::uint32_t kNewPage = UINT32_MAX - 1;  // belongs to whoever comes first

// Bytes of the first `scalars` scalars.
std::uint32_t bytesOf(std::string_view utf8, std::uint32_t scalars) {
    std::size_t i = 0;
    while (scalars > 0 && i < utf8.size()) {
        const auto lead = static_cast<std::uint8_t>(utf8[i]);
        i += lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        --scalars;
    }
    return static_cast<std::uint32_t>(i);
}

}  // namespace

struct SpanTree::Node {
    Inner* parent = nullptr;
    std::uint16_t pos = 0;  // among the parent's children
    std::uint16_t n = 0;
    bool is_leaf = true;
};

struct SpanTree::Leaf : Node {
    std::uint32_t id = 0;  // in m_leaves
    std::uint32_t units = 0;
    Leaf* previous = nullptr;
    Leaf* next = nullptr;
    std::array<Span, kSpansMax> spans;
};

struct SpanTree::Inner : Node {
    Inner() { is_leaf = false; }
    std::array<Node*, kChildrenMax> children;
    std::array<std::uint32_t, kChildrenMax> units;

    void put(int at, Node* child, std::uint32_t child_units) {
        children[at] = child;
        units[at] = child_units;
        child->parent = this;
        child->pos = static_cast<std::uint16_t>(at);
    }
    std::uint32_t sum() const {
        std::uint32_t total = 0;
        for (int i = 0; i < n; ++i) total += units[i];
        return total;
    }
};

struct SpanTree::Page {
    std::uint32_t leaf = 0;  // of all its slots, or kMixedPage
    std::unique_ptr<std::array<std::uint32_t, kPageSlots>> leaves;
};

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
    const Page& page = m_pages[slot / kPageSlots];
    const std::uint32_t id =
        page.leaf == kMixedPage ? (*page.leaves)[slot % kPageSlots] : page.leaf;
    Leaf* leaf = m_leaves[id].get();
    int i = 0;
    while (slot - leaf->spans[i].slot >= leaf->spans[i].length) {
        ++i;
        assert(i < leaf->n);
    }
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
        m_hot = {static_cast<Leaf*>(node), unit - rest, 0};
    }
    Leaf* leaf = m_hot.leaf;
    auto rest = static_cast<std::uint32_t>(unit - m_hot.begin);
    int i = 0;
    for (std::uint32_t n; rest >= (n = leaf->spans[i].visibleUnits()); ++i) rest -= n;
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
                      std::uint32_t units, bool expunged) {
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
        before.length += s.length;
        before.bytes += s.bytes;
        before.units += s.units;
    } else {
        makeRoom(gap, 2);
        if (gap.offset > 0) splitSpan(gap.leaf, gap.index++, gap.offset);
        insertSpan(gap.leaf, gap.index, s);
    }
    setLeaf(s.slot, length, gap.leaf);
    if (s.visibleUnits()) addUnits(gap.leaf, s.units);
    return s.slot;
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
    m_hot = {leaf, 0, delta};
    settleHot();
    m_hot.leaf = nullptr;
}

void SpanTree::settleHot() const {
    if (m_hot.delta == 0) return;
    for (const Node* node = m_hot.leaf; node->parent; node = node->parent)
        node->parent->units[node->pos] += m_hot.delta;
    m_hot.delta = 0;
}

void SpanTree::splitSpan(Leaf* leaf, int index, std::uint32_t offset) {
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
    insertSpan(leaf, index + 1, b);
}

void SpanTree::insertSpan(Leaf* leaf, int index, const Span& span) {
    assert(leaf->n < kSpansMax);
    std::copy_backward(leaf->spans.begin() + index, leaf->spans.begin() + leaf->n,
                       leaf->spans.begin() + leaf->n + 1);
    leaf->spans[index] = span;
    ++leaf->n;
    ++m_span_count;
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

std::optional<std::string> SpanTree::checkInvariants() const {
    settleHot();
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
