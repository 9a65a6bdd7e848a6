// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/container.h"

namespace kimdb::crdt {

//! \brief A register write that can be undone: the content before and after.
struct UndoWrite {
    std::string key;
    Register before, after;
};

//! \brief One reversible thing an author did: a register write, or operations to toggle. Undoing
//! turns them off (a deletion: off means back) and redoing turns them on. `text` is a copy of what
//! that can revive, so that text may be forgotten elsewhere.
struct UndoStep {
    Container* container = nullptr;
    std::vector<IdRun> targets;  //!< ascending; empty: a register write
    bool inserts = false;        //!< on shows the text, otherwise off does
    Bytes text;
    std::shared_ptr<UndoWrite> write;

    bool isToggle() const { return !write; }
};

using UndoItem = std::vector<UndoStep>;

//! \brief The two stacks of one author, and which transactions become one item.
class UndoManager {
 public:
    void setCaptureInterval(std::int64_t ms) { m_interval_ms = ms; }
    void setDepth(std::size_t items);
    void stopCapturing() { m_is_capturing = false; }
    void clear();

    // ---- a transaction in progress ----
    void captureToggle(Container& container, IdRun target, bool inserts, std::string_view text);
    void captureWrite(Container& container, UndoWrite write);
    void keep(std::int64_t time_ms);  //!< the transaction can be undone
    void forget() { m_count = 0; }

    // ---- the stacks ----
    bool canUndo() const { return !m_undos.empty(); }
    bool canRedo() const { return !m_redos.empty(); }
    UndoItem takeUndo() { return take(m_undos); }
    UndoItem takeRedo() { return take(m_redos); }
    //! What was really undone or redone, in the order it was first done.
    void pushUndo(UndoItem done) { push(m_undos, std::move(done)); }
    void pushRedo(UndoItem done) { push(m_redos, std::move(done)); }

 private:
    UndoItem take(std::deque<UndoItem>& stack);
    void push(std::deque<UndoItem>& stack, UndoItem item);
    UndoStep& fresh(Container& container);
    static void append(UndoItem& item, const UndoStep& step);

    static constexpr std::size_t kDepthDefault = 1000;
    std::deque<UndoItem> m_undos;
    std::deque<UndoItem> m_redos;
    UndoItem m_current;  // the first m_count are in use: their memory serves every keystroke
    std::size_t m_count = 0;
    std::size_t m_depth = kDepthDefault;
    std::int64_t m_interval_ms = 500;
    std::int64_t m_time_ms = 0;  // of the last transaction kept
    bool m_is_capturing = false;
};

}  // namespace kimdb::crdt
