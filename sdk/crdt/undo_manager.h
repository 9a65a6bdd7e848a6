// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crdt/container.h"

namespace kimdb::crdt {

//! \brief A register write that can be undone: the content before and after.
struct UndoWrite {
    std::string key;  //!< of a map or set
    OpId element;     //!< of a list
    Register before, after;
};

//! \brief A move: the slots that showed the element before and after.
struct UndoMove {
    OpId element, before, after;
};

//! \brief A mark: what won before, stretch by stretch, and what was written there.
struct UndoMark {
    struct Content {
        std::optional<Value> value;
        OpId origin;
    };
    struct Stretch {
        Anchor from, to;
        Content before;
    };
    MarkKey key;
    std::vector<Stretch> stretches;
    Content after;
};

using UndoRewrite = std::variant<UndoWrite, UndoMove, UndoMark>;

//! \brief One reversible thing an author did: a rewrite, or operations to toggle. Undoing turns
//! them off (a deletion: off means back) and redoing turns them on. `text` is a copy of what that
//! can revive, so that text may be forgotten elsewhere.
struct UndoStep {
    Container* container = nullptr;
    std::vector<IdRun> targets;  //!< ascending; empty: a rewrite
    bool inserts = false;        //!< on shows the text, otherwise off does
    Bytes text;
    std::shared_ptr<UndoRewrite> rewrite;

    bool isToggle() const { return !rewrite; }
};

//! \brief What one undo takes back, and where the user was before and after it.
struct UndoItem {
    std::vector<UndoStep> steps;
    std::optional<Selection> before, after;
};

//! \brief The two stacks of one author, and which transactions become one item.
//!
//! An item is kept packed, the targets and the text of all of its steps one behind the other:
//! whoever types for an hour makes one item of thousands of short steps.
class UndoManager {
 public:
    void setCaptureInterval(std::int64_t ms) { m_interval_ms = ms; }
    void setDepth(std::size_t items);
    void stopCapturing() { m_is_capturing = false; }
    void beginGroup();
    void endGroup();
    void setFilter(std::function<bool(std::string_view)> filter) { m_filter = std::move(filter); }
    void setSelection(std::optional<Selection> selection);
    void clear();

    // ---- a transaction in progress ----
    void begin(std::string_view tag);
    void captureToggle(Container& container, IdRun target, bool inserts, std::string_view text);
    void capture(Container& container, UndoRewrite rewrite);
    void keep(std::int64_t time_ms);  //!< the transaction can be undone, if its tag passes
    void forget() {
        m_single.container = nullptr;
        m_current.clear();
    }

    // ---- the stacks ----
    bool canUndo() const { return !m_undos.empty(); }
    bool canRedo() const { return !m_redos.empty(); }
    UndoItem takeUndo() { return take(m_undos); }
    UndoItem takeRedo() { return take(m_redos); }
    //! What was really undone or redone, in the order it was first done.
    void pushUndo(const UndoItem& done) { push(m_undos, done); }
    void pushRedo(const UndoItem& done) { push(m_redos, done); }
    //! Gives f every step, to change it.
    template <class F>
    void forEachStep(F&& f) {
        for (auto* stack : {&m_undos, &m_redos})
            for (Packed& packed : *stack) {
                UndoItem item = packed.unpack();
                for (UndoStep& step : item.steps) f(step);
                packed = Packed(item);
            }
    }
    // ---- files: the oldest item first ----
    std::deque<UndoItem> undos() const { return unpacked(m_undos); }
    std::deque<UndoItem> redos() const { return unpacked(m_redos); }
    void restore(const std::deque<UndoItem>& undos, const std::deque<UndoItem>& redos);

    //! Drops the steps that \a keeps, which may change them, does not want, and items without any.
    template <class F>
    void prune(F&& keeps) {
        for (auto* stack : {&m_undos, &m_redos}) {
            for (Packed& packed : *stack) {
                UndoItem item = packed.unpack();
                std::erase_if(item.steps, [&](UndoStep& step) { return !keeps(step); });
                packed = Packed(item);
            }
            std::erase_if(*stack, [](const Packed& packed) { return packed.steps.empty(); });
        }
    }
    std::optional<std::string> checkInvariants() const;

 private:
    struct Packed {
        struct Step {
            Container* container = nullptr;
            std::size_t text_end = 0;  // of its text, which begins where that in front ends
            std::uint32_t targets_end = 0;
            std::uint32_t inserts : 1 = 0;
            std::uint32_t rewrite : 31 = 0;  // 1 + index in rewrites; 0: a toggle
        };
        struct Target {
            std::uint64_t first = 0;
            std::uint64_t count = 0;
        };
        std::vector<Step> steps;
        std::vector<Target> targets;
        Bytes text;
        std::vector<std::shared_ptr<UndoRewrite>> rewrites;
        ReplicaId author = 0;  // of all targets
        std::optional<Selection> before, after;

        Packed() = default;
        explicit Packed(const UndoItem& item);
        UndoItem unpack() const;
        void add(Container& container, IdRun target, bool inserts, std::string_view added);
        void add(Container& container, std::shared_ptr<UndoRewrite> rewrite);
        void append(const Packed& other);
        void clear();
        std::optional<std::string> checkInvariants() const;
    };
    static std::deque<UndoItem> unpacked(const std::deque<Packed>& stack);
    void unfoldSingle();
    UndoItem take(std::deque<Packed>& stack);
    void push(std::deque<Packed>& stack, const UndoItem& item);

    static constexpr std::size_t kDepthDefault = 1000;
    std::deque<Packed> m_undos;
    std::deque<Packed> m_redos;
    // The transaction in progress: one toggle, as a keystroke is, or else all of it.
    struct Single {
        Container* container = nullptr;
        IdRun target;
        bool inserts = false;
        Bytes text;
    };
    Single m_single;
    Packed m_current;
    std::size_t m_depth = kDepthDefault;
    std::int64_t m_interval_ms = 500;
    std::int64_t m_time_ms = 0;  // of the last transaction kept
    bool m_is_capturing = false;
    int m_groups = 0;               // begun and not ended
    bool m_is_in_group = false;     // the newest item belongs to the group
    bool m_passes = true;           // the tag of the transaction in progress
    bool m_is_newest_done = false;  // nothing was undone since the newest item was made
    std::function<bool(std::string_view)> m_filter;
    std::optional<Selection> m_selection, m_selection_at_begin;
};

}  // namespace kimdb::crdt
