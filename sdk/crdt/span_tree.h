// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

//! The characters of one text in their full order, deleted ones included, as a B+tree of spans.
//!
//!   inner nodes   children with their visible UTF-16 units
//!   leaves        up to kSpansMax spans, chained left to right
//!   span          characters that were inserted one behind the other and are in one state:
//!                 slots slot … slot+length-1, the first behind `left`, each next one behind the
//!                 one in front of it, all in front of `right`
//!   pages         slot → leaf, one word per 64 slots while they are in one leaf
//!
//! A *slot* is the number a character got when it arrived here, dense from 0: a local name for its
//! id, never seen outside. Invariants: every slot is in exactly one span; the pages say in which
//! leaf; counts are sums; a span is not empty; a left child's parent is the first of its span.
//! The counts above the *hot* leaf, the one that was found last, may lag behind by m_hot.delta:
//! whoever types or deletes stays in one leaf, and only leaving it walks to the root. The next
//! search in it begins with the span that was found last.
//! Complexity: O(log n) per operation, n = spans. Nothing is ever taken out.
namespace kimdb::crdt {

//! Bounds the scan for a byte offset in text that is not ASCII.
inline constexpr std::uint32_t kMixedLengthMax = 256;

using Slot = std::uint32_t;
inline constexpr Slot kSlotMax = 0xFFFF'FFF0;
inline constexpr Slot kStartSlot = 0xFFFF'FFFE;
inline constexpr Slot kEndSlot = 0xFFFF'FFFF;

struct Span {
    Slot slot = 0;
    std::uint32_t length = 0;  //!< scalars
    Slot left = kStartSlot;
    Slot right = kEndSlot;
    std::uint32_t text = 0;            //!< where its UTF-8 begins
    std::uint32_t bytes = 0;           //!< 0: elements of a list, or expunged
    std::uint32_t units = 0;           //!< UTF-16, or elements; 0: expunged
    std::uint32_t deletions : 24 = 0;  //!< enabled ones
    std::uint32_t off : 1 = 0;         //!< the insertion is toggled off
    std::uint32_t expunged : 1 = 0;
    std::uint32_t dropped : 1 = 0;         //!< its text was trimmed: no bytes, no units
    std::uint32_t elsewhere : 1 = 0;       //!< a list's element that is shown at another slot
    std::uint32_t has_left_child : 1 = 0;  //!< of its first character: something is tied in front
    std::uint32_t buried : 1 = 0;          //!< deleted before the root: never back (rga.h)
    std::uint32_t stub : 1 = 0;            //!< and nothing but a right origin any more

    bool isVisible() const { return deletions == 0 && !off && !expunged && !elsewhere; }
    std::uint32_t visibleUnits() const { return isVisible() ? units : 0; }
    Slot endSlot() const { return slot + length; }
};

class SpanTree {
 public:
    struct Leaf;
    //! A character: `offset` scalars into span `index` of `leaf`. As a gap: in front of it; then
    //! index may be the number of spans (behind the leaf's last character).
    struct Place {
        Leaf* leaf = nullptr;
        int index = 0;
        std::uint32_t offset = 0;
    };

    SpanTree();
    ~SpanTree();
    SpanTree(SpanTree&&) noexcept;
    SpanTree& operator=(SpanTree&&) noexcept;

    std::size_t units() const { return m_units; }
    std::size_t spanCount() const { return m_span_count; }
    Slot nextSlot() const { return m_next_slot; }

    // ---- places ----
    Place find(Slot slot) const;
    //! The visible character that covers unit \a unit. REQUIRES: unit < units().
    Place atUnit(std::size_t unit, std::size_t* first_unit = nullptr) const;
    Place gapBefore(Slot slot) const { return slot == kEndSlot ? back() : find(slot); }
    Place gapAfter(Slot slot) const;
    Place front() const;
    Place back() const;
    //! Moves a gap that stands behind a leaf's last span to the next leaf's front.
    Place normal(Place gap) const;
    //! What stands behind the gap; kEndSlot at the end.
    Slot slotAt(Place gap) const;
    //! The character in front of the gap; kStartSlot at the start.
    Slot slotBefore(Place gap) const;
    const Span& span(Place place) const;
    bool before(Place a, Place b) const;
    std::size_t unitsBefore(Place place) const;
    std::size_t unitOffset(Place place) const;  //!< units of the span in front of its `offset`
    //! The span behind the one at \a place as its first character; leaf == nullptr at the end.
    Place nextSpan(Place place) const;
    Place previousSpan(Place place) const;

    Slot leftOf(Slot slot) const;  //!< its left origin
    Slot rightOf(Slot slot) const;
    std::string_view utf8(const Span& span) const {
        return std::string_view(m_text).substr(span.text, span.bytes);
    }
    //! The text of characters slot … slot+n-1, visible or not.
    void appendText(Slot slot, std::uint32_t n, std::string& out) const;

    // ---- changing ----
    //! New characters between left and right origin, at \a gap. Returns their first slot.
    //! \a ties: \a right stands behind the gap and has a left child from now on.
    Slot insert(Place gap, Slot left, Slot right, std::string_view utf8, std::uint32_t length,
                std::uint32_t units, bool expunged, bool ties = false);
    //! Insert in short for who types on: new characters behind the newest one, which stands at
    //! \a place, has the same right origin and was not written beside. False: not in short.
    bool extend(Place place, std::string_view utf8, std::uint32_t length);
    void setHasLeftChild(Slot slot);
    //! Drops the text of all that is invisible; the characters stay.
    void trim();
    //! Gives characters slot … slot+n-1 their text back where it was dropped; takes it from the
    //! front of \a text. Nobody sees it unless \a n are visible.  REQUIRES: it is valid UTF-8.
    void restoreText(Slot slot, std::uint32_t n, std::string_view& text);
    //! Makes an empty tree hold these spans, in order, and their text. REQUIRES: their slots are
    //! all of 0 … \a slots - 1.
    void build(const std::vector<Span>& spans, std::string text, Slot slots);
    //! Gives spans that make up exactly slot … slot+n-1 to \a change, one after the other, and
    //! tells \a changed of each whose visibility is another now (position in units before it;
    //! units it showed before).
    using Changed =
        std::function<void(std::size_t position, const Span& span, std::uint32_t units_before)>;
    template <class F>
    void change(Slot slot, std::uint32_t n, F&& change, const Changed* changed) {
        while (n > 0) {
            const Place place = isolate(slot, n);
            Span& span = spanAt(place);
            const std::uint32_t length = span.length;
            const std::uint32_t before = span.visibleUnits();
            change(span);
            settle(place, before, changed);
            slot += length;
            n -= length;
        }
    }

    //! The characters exist and never show; their text is overwritten.
    void expunge(Slot slot, std::uint32_t n, const Changed* changed);

    //! Walks the spans left to right.
    template <class F>
    void forEach(F&& f) const {
        for (Place p = nextSpan({}); p.leaf; p = nextSpan(p)) f(span(p));
    }
    std::optional<std::string> checkInvariants() const;

 private:
    struct Inner;
    struct Node;
    struct Page;

    Span& spanAt(Place place);
    Place isolate(Slot slot, std::uint32_t n);
    void settle(Place place, std::uint32_t units_before, const Changed* changed);
    void makeRoom(Place& place, int spans);
    void splitLeaf(Place& place);
    Leaf* newLeafBehind(Leaf* leaf);
    void addChild(Node* left, Node* right);
    void splitInner(Inner* inner);
    void addUnits(Leaf* leaf, std::uint32_t delta);
    void settleHot() const;
    Span cutSpan(Leaf* leaf, int index, std::uint32_t offset);
    void splitSpan(Leaf* leaf, int index, std::uint32_t offset);
    void openLeaf(Leaf* leaf, int index, int spans);
    void forgetHotSpan(const Leaf* leaf, int index) const {
        if (leaf == m_hot.leaf && index < m_hot.index) m_hot.index = 0, m_hot.before = 0;
    }
    bool joins(const Span& a, const Span& b) const;
    bool joinWithNext(Leaf* leaf, int index);
    void setLeaf(Slot slot, std::uint32_t n, Leaf* leaf);
    std::uint32_t byteOffset(const Span& span, std::uint32_t scalars) const;
    std::optional<std::string> checkNode(const Node* node) const;
    bool isHotSpanRight() const;

    std::string m_text;  // of every character that arrived, in slot order
    std::vector<Page> m_pages;
    std::vector<std::unique_ptr<Leaf>> m_leaves;
    std::vector<std::unique_ptr<Inner>> m_inners;
    Node* m_root = nullptr;
    Leaf* m_first = nullptr;
    Leaf* m_last = nullptr;
    Slot m_next_slot = 0;
    std::size_t m_units = 0;
    std::size_t m_span_count = 0;
    struct Hot {
        Leaf* leaf = nullptr;
        std::size_t begin = 0;    // units before the leaf
        std::uint32_t delta = 0;  // units that its ancestors do not know of
        int index = 0;            // the span found last, and the units before it in the leaf
        std::uint32_t before = 0;
    };
    mutable Hot m_hot;
    struct Found {  // by slot: looked at first, whatever became of it
        Leaf* leaf = nullptr;
        int index = 0;
    };
    mutable std::array<Found, 2> m_found;
    mutable unsigned m_next_found = 0;  // which one the next takes the place of
};

}  // namespace kimdb::crdt
