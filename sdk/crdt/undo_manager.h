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
    void forget() { m_count = 0; }

    // ---- the stacks ----
    bool canUndo() const { return !m_undos.empty(); }
    bool canRedo() const { return !m_redos.empty(); }
    UndoItem takeUndo() { return take(m_undos); }
    UndoItem takeRedo() { return take(m_redos); }
    //! What was really undone or redone, in the order it was first done.
    void pushUndo(UndoItem done) { push(m_undos, std::move(done)); }
    void pushRedo(UndoItem done) { push(m_redos, std::move(done)); }
    //! Gives f every step, to change it.
    template <class F>
    void forEachStep(F&& f) {
        for (auto* stack : {&m_undos, &m_redos})
            for (UndoItem& item : *stack)
                for (UndoStep& step : item.steps) f(step);
    }
    // ---- files: the oldest item first ----
    const std::deque<UndoItem>& undos() const { return m_undos; }
    const std::deque<UndoItem>& redos() const { return m_redos; }
    void restore(std::deque<UndoItem> undos, std::deque<UndoItem> redos);

    //! Drops the steps that \a keeps, which may change them, does not want, and items without any.
    template <class F>
    void prune(F&& keeps) {
        for (auto* stack : {&m_undos, &m_redos}) {
            for (UndoItem& item : *stack)
                std::erase_if(item.steps, [&](UndoStep& step) { return !keeps(step); });
            std::erase_if(*stack, [](const UndoItem& item) { return item.steps.empty(); });
        }
    }

 private:
    UndoItem take(std::deque<UndoItem>& stack);
    void push(std::deque<UndoItem>& stack, UndoItem item);
    UndoStep& fresh(Container& container);
    static void append(UndoItem& item, const UndoStep& step);

    static constexpr std::size_t kDepthDefault = 1000;
    std::deque<UndoItem> m_undos;
    std::deque<UndoItem> m_redos;
    std::vector<UndoStep> m_current;  // the first m_count are in use: memory for every keystroke
    std::size_t m_count = 0;
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
