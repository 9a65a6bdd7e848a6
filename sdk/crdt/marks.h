// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crdt/op_codec.h"
#include "crdt/rga.h"

namespace kimdb::crdt {

//! \brief The marks of one text (Litt, Lim, Kleppmann, van Hardenberg: "Peritext", 2022): ranges
//! between anchors, never characters of the sequence.
//!
//!   text        T  h  e     f  o  x        per key, boundaries cut the text into stretches, and
//!   bold      ├──── true ───────┤          on each the mark with the greatest (lamport, replica)
//!                     ├─ none ─────┤       wins; "none" is a mark too, so that taking one away
//!   stretches │ true  │ none       │ -     wins or loses like the rest
//!
//! An anchor is a character and a side, so a boundary stays where it is when text comes between:
//! text typed into a stretch has what the stretch has. Deleted characters hold their anchors.
//! Invariants, per key: boundaries ascend in the full order; a boundary is an anchor of a living
//! mark; a mark lives while it wins on a stretch (what covers it never goes away), so there are no
//! more marks than stretches, however often one is toggled. Thread: one at a time.
class Marks {
 public:
    //! An anchor in the text here.
    struct Point {
        Slot slot = kStartSlot;
        bool after = false;
        bool operator==(const Point&) const = default;
    };
    struct Mark {
        std::uint64_t lamport = 0;
        ReplicaId replica = 0;
        Point from, to;
        std::optional<Value> value;  //!< nullopt: none
        OpId origin;
        std::size_t stretches = 0;  //!< where it wins

        bool losesTo(const Mark& other) const {
            return lamport != other.lamport ? lamport < other.lamport : replica < other.replica;
        }
    };
    struct Stretch {
        Point from, to;
        const Mark* winner = nullptr;
    };

    explicit Marks(const Rga& text) : m_text(text) {}

    bool isEmpty() const { return m_tracks.empty(); }
    //! Living marks of a key.
    std::size_t count(const MarkKey& key) const {
        const auto track = m_tracks.find(key);
        return track == m_tracks.end() ? 0 : track->second.marks.size();
    }
    //! Where the mark came to win, as one range or several, goes to \a changed.
    void add(const MarkKey& key, Mark mark,
             const std::function<void(Point from, Point to)>& changed);
    //! [from, to) cut at every boundary.
    std::vector<Stretch> stretches(const MarkKey& key, Point from, Point to) const;
    //! What wins on a character or on the end; nullptr: nothing ever did, or "none" wins.
    const Mark* at(const MarkKey& key, Slot slot) const;
    //! Gives f(key, mark) what has a value there.
    template <class F>
    void forEachAt(Slot slot, F&& f) const {
        for (const auto& [key, track] : m_tracks)
            if (const Mark* mark = at(key, slot)) f(key, *mark);
    }
    //! Gives f(key, marks) what add() needs to make the same state, ascending by lamport.
    template <class F>
    void forEachTrack(F&& f) const {
        for (const auto& [key, track] : m_tracks) {
            std::vector<const Mark*> marks;
            for (const auto& mark : track.marks) marks.push_back(mark.get());
            std::sort(marks.begin(), marks.end(),
                      [](const Mark* a, const Mark* b) { return a->losesTo(*b); });
            f(key, marks);
        }
    }
    //! Keys of marks that have a value somewhere.
    std::vector<MarkKey> keys() const;
    //! Where text goes that is typed between two visible neighbours: behind the last tombstone
    //! where a mark that wins on the left one ends, or one that wins on the right one begins, with
    //! an anchor behind it. nullopt: directly behind the left one.
    std::optional<Slot> behind(const Rga::Neighbours& gap) const;
    //! The visible text in runs of equal attributes.
    std::vector<TextSpan> spans() const;
    void expunge(const std::function<bool(OpId origin)>& is_expunged,
                 const std::function<void(const MarkKey&, Point from, Point to)>& changed);
    //! In units of the visible text.
    std::size_t positionOf(Point point) const;

    std::optional<std::string> checkInvariants() const;

 private:
    struct Boundary {
        Point at;
        Mark* winner = nullptr;   // from here to the next boundary
        std::size_t anchors = 0;  // of living marks
    };
    struct Track {
        std::vector<std::unique_ptr<Mark>> marks;
        std::vector<Boundary> boundaries;
    };

    bool isBefore(Point a, Point b) const {
        return a.slot == b.slot ? a.after < b.after : m_text.isBefore(a.slot, b.slot);
    }
    //! The first boundary that is not in front of the point.
    std::size_t lowerBound(const Track& track, Point point) const;
    const Mark* winnerAt(const Track& track, Point point) const;
    std::size_t cut(Track& track, Point point);
    void drop(Track& track, Mark* mark);
    void release(Track& track, Point anchor);

    const Rga& m_text;
    std::map<MarkKey, Track> m_tracks;
};

}  // namespace kimdb::crdt
