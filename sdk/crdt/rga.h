// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <kimdb/crdt/document.h>

#include "crdt/deletion_log.h"
#include "crdt/op_codec.h"
#include "crdt/replica_table.h"
#include "crdt/span_tree.h"

namespace kimdb::crdt {

//! \brief A replicated growable array of characters in FugueMax order (Weidner, Gentle, Kleppmann:
//! "The Art of the Fugue", 2023), with deletions and insertions that can be toggled.
//!
//! The order is that of a tree walked in order. A run inserted between left origin l and right
//! origin r (its neighbours when it was written, deleted ones included) is
//!     a left child of r   if r's own left origin is l,
//!     a right child of l  otherwise;
//! left children stand by id, right children by right origin (further right first), then by id. All
//! of this are facts about ids, so every replica builds the same tree, whatever arrives first.
//!
//!                 l                 l, r known; A wrote "ab" and B wrote "x" between them:
//!                  \                both first characters are right children of l; the second
//!            a      x   r           character of a run is the right child of the first, so a run
//!             \                     is never torn apart:  l a b x r
//!              b
//!
//! The tree is never stored. Where l and r still are neighbours, the run goes between them: no
//! sibling can be there. Elsewhere the place follows from the sibling in front of it, and
//! m_siblings remembers the children of parents where that happened: a parent that is not in it has
//! at most one child on that side, so what is written at one spot by many costs O(log n) each.
//!
//! A character is visible <=> its insertion is enabled and no enabled deletion names it.
//! Positions are UTF-16 units of the visible text. Thread: one at a time.
//!
//! In a shallow document the characters in front of the root are the slots 0 … rootSlots()-1 in
//! document order. Of them there are those that were visible, those that hold marks (*buried*), and
//! of every gap where others were the first (a *stub*): what is typed there names it as right
//! origin. Whoever knows the root sees all of this as neighbours, so of the tree of then only one
//! fact is left: whether the left origin of a character is the one in front of it, and its right
//! origin the one behind it; other origins read as the ends (docs/decisions/0018).
class Rga {
 public:
    //! What became visible (inserted: UTF-8, or elements from `slot`) or invisible (removed units)
    //! at a position.
    struct Splice {
        std::size_t position = 0;
        std::size_t removed = 0;
        std::string_view utf8;
        Slot slot = 0;
        std::uint32_t inserted = 0;  //!< characters or elements
    };
    using Listener = std::function<void(const Splice&)>;

    //! \a replicas outlives this and names every replica index used here.
    explicit Rga(const ReplicaTable& replicas) : m_replicas(&replicas) {}

    // ---- ids ----
    std::optional<Slot> slotOf(ReplicaIndex replica, std::uint64_t counter) const;
    std::optional<Slot> slotOf(OpId id) const;
    OpId idOf(Slot slot) const;  //!< of the ends too
    //! Appends the slots of an id run in order. False when one of them is not a character here.
    bool appendSlots(const IdRun& run, std::vector<SlotRun>* slots) const;
    //! The ids of slots, ascending, joined: how a deletion names them.
    void idsOf(const std::vector<SlotRun>& slots, std::vector<IdRun>* ids) const;
    //! Those characters of an id run that are here.
    std::vector<SlotRun> slotsIn(const IdRun& run) const;
    Slot leftOf(Slot slot) const { return m_tree.leftOf(slot); }
    Slot rightOf(Slot slot) const { return m_tree.rightOf(slot); }
    bool isBefore(Slot a, Slot b) const;

    // ---- reading ----
    std::size_t length() const { return m_tree.units(); }
    std::string utf8() const;
    void appendText(Slot slot, std::uint32_t n, std::string& out) const {
        m_tree.appendText(slot, n, out);
    }
    //! What holds on to the position (see Cursor), and where that is now.
    Cursor cursorAt(std::size_t position, Cursor::Side side) const;
    std::optional<std::size_t> resolve(const Cursor& cursor) const;

    //! The visible neighbours of a position; the ends are neighbours too.
    struct Neighbours {
        Slot left = kStartSlot, right = kEndSlot;
    };
    Neighbours neighboursOf(std::size_t position) const;
    //! Position of a slot: the units that are visible in front of it.
    std::size_t positionOf(Slot slot) const;
    bool isVisible(Slot slot) const {
        return slot < kSlotMax && m_tree.span(m_tree.find(slot)).isVisible();
    }
    bool isElsewhere(Slot slot) const { return m_tree.span(m_tree.find(slot)).elsewhere; }
    std::size_t unitsOf(Slot slot) const;  //!< of one character, visible or not
    Slot nextSlot() const { return m_tree.nextSlot(); }
    //! Gives f(first slot, count) for what is visible, left to right.
    template <class F>
    void forEachVisible(F&& f) const {
        m_tree.forEach([&](const Span& span) {
            if (span.isVisible()) f(span.slot, span.length);
        });
    }

    //! The first visible newline at or behind a position; kEndSlot when there is none.
    Slot newlineFrom(std::size_t position) const;

    // ---- local edits ----
    struct Inserted {
        OpId left, right;
        std::size_t position = 0;  //!< after rounding
        bool continues = false;    //!< Continue says it all
    };
    //! Behind the visible character in front of \a position, or behind \a behind, which is
    //! invisible and stands in that gap. \a utf8 is empty for elements of a list.
    Inserted insert(std::size_t position, ReplicaIndex replica, std::uint64_t counter,
                    std::string_view utf8, std::uint32_t scalars,
                    std::optional<Slot> behind = std::nullopt);
    //! The visible characters in [position, position + length), pairs whole. Returns where they
    //! begin.
    std::size_t visible(std::size_t position, std::size_t length,
                        std::vector<SlotRun>* slots) const;

    // ---- operations of anyone ----
    //! REQUIRES: origins exist, left in front of right.
    void integrate(ReplicaIndex replica, std::uint64_t counter, Slot left, Slot right,
                   const std::vector<TextPiece>& text, const Listener* listener);
    void remove(ReplicaIndex replica, std::uint64_t counter, const std::vector<SlotRun>& slots,
                const Listener* listener);
    //! Whether all of the author's counters are characters or deletions here.
    bool canToggle(ReplicaIndex author, const IdRun& run) const;
    void toggle(ReplicaIndex author, const IdRun& run, bool on, const Listener* listener);
    bool isOff(ReplicaIndex author, std::uint64_t counter) const;
    //! What a deletion of the author names, in its order. Empty when that is no deletion.
    std::vector<SlotRun> targetsOf(ReplicaIndex author, std::uint64_t counter) const;
    //! The text of all that the toggle can make visible, in order; returns its scalars.
    std::uint64_t textOfToggle(ReplicaIndex author, const IdRun& run, bool on,
                               std::string* out) const;

    void expunge(const SlotRun& run, const Listener* listener);

    // ---- elements of a list: what is done to one is done to all its places ----
    //! One more slot, integrated and not shown, for the element at \a home.
    void addPlace(Slot home, Slot slot);
    //! Shows or hides the element at this slot.
    void setShown(Slot slot, bool shown, const Listener* listener);

    // ---- files (sequence_codec.h) ----
    //! Ids that follow each other as their slots do.
    struct Ids {
        std::uint64_t counter = 0;
        Slot slot = 0;
        ReplicaIndex replica = 0;
    };
    struct Parts {
        std::vector<Span> spans;  //!< in document order, their text too
        std::string text;
        Slot characters = 0;
        std::vector<Ids> ids;  //!< ascending by slot
        DeletionLog deletions;
        Slot root_slots = 0;
    };
    //! Makes an empty sequence hold what a file said. REQUIRES: every origin stands on its side of
    //! its character and has a smaller slot.
    void build(Parts parts);
    const SpanTree& tree() const { return m_tree; }
    const DeletionLog& deletions() const { return m_deletions; }
    //! Gives f(counter, slot, n) for all runs of a replica's characters, ascending.
    template <class F>
    void forEachIds(ReplicaIndex replica, F&& f) const {
        if (replica >= m_by_replica.size()) return;
        for (const std::uint32_t run : m_by_replica[replica])
            f(m_runs[run].counter, m_runs[run].slot, lengthOf(run));
    }

    // ---- the root of a shallow document ----
    Slot rootSlots() const { return m_root_slots; }
    bool isBuried(Slot slot) const {
        return slot < m_root_slots && m_tree.span(m_tree.find(slot)).buried;
    }
    bool isStub(Slot slot) const {
        return slot < m_root_slots && m_tree.span(m_tree.find(slot)).stub;
    }
    //! Whether something of the root stands between the two. REQUIRES: a in front of b.
    bool hasRootBetween(Slot a, Slot b) const;
    //! Whether what stands behind it in the root is its right child.
    bool hasRootChild(Slot slot) const;

    //! Drops the text of all that is invisible; a toggle that shows it again carries it.
    void trim() { m_tree.trim(); }
    //! Takes what a toggle carries back in, before it is applied; \a text is shortened by it.
    void restoreText(ReplicaIndex author, const IdRun& run, bool on, std::string_view& text);

    std::optional<std::string> checkInvariants() const;

 private:
    enum class Side : std::uint8_t { Left, Right };
    using Place = SpanTree::Place;
    std::uint32_t lengthOf(std::size_t run) const;
    std::size_t runOf(Slot slot) const;
    bool isNewest(ReplicaIndex replica, std::uint64_t counter) const;
    Slot endOfIds(Slot slot) const;
    void addIds(ReplicaIndex replica, std::uint64_t counter, Slot slot);
    Slot addText(Place gap, Slot left, Slot right, std::string_view utf8, std::uint32_t scalars,
                 std::uint32_t units, bool expunged);
    Place place(Slot left, Slot right, OpId id);
    std::vector<Slot>* siblings(Slot parent, Side side);
    bool isChained(Slot slot) const;
    void buildSiblings(const std::vector<Span>& spans);
    static std::uint64_t siblingKey(Slot parent, Side side) {
        return static_cast<std::uint64_t>(parent) << 1 | static_cast<std::uint64_t>(side);
    }
    bool standsBefore(Slot sibling, Side side, Slot right, OpId id) const;
    Slot onlyLeftChild(Slot parent) const;
    Slot onlyRightChild(Slot parent) const;
    Slot firstOfLeftSubtree(Slot slot) const;
    Place endOfRightSubtree(Slot slot) const;
    template <class F>
    void changeAt(const SlotRun& run, F&& f, const Listener* listener);
    template <class F>
    void change(const SlotRun& run, F&& f, const Listener* listener);
    template <class F>
    void forEachPlace(const SlotRun& run, F&& f) const;
    static std::uint32_t unitsOf(std::string_view utf8, std::uint32_t scalars);

    const ReplicaTable* m_replicas;
    SpanTree m_tree;
    DeletionLog m_deletions;
    Slot m_root_slots = 0;
    static constexpr Slot kIdPageSlots = 64;
    std::vector<Ids> m_runs;              // id runs by slot
    std::vector<std::uint32_t> m_run_at;  // of the first slot of a page, as far as m_runs.back()
    std::vector<std::vector<std::uint32_t>> m_by_replica;  // indexes into m_runs
    mutable std::vector<std::uint32_t> m_found;  // by replica: of a run in front of its last
    // Ids that were asked for last: an operation is checked, then applied.
    mutable std::array<std::pair<OpId, Slot>, 2> m_asked{};
    mutable unsigned m_next_asked = 0;  // which one the next takes the place of
    std::unordered_map<std::uint64_t, std::vector<Slot>> m_siblings;
    std::map<Slot, std::vector<Slot>> m_places;  // of elements that were moved, besides their own
};

}  // namespace kimdb::crdt
