// SPDX-License-Identifier: MIT
#pragma once

#include "crdt/naive_state.h"

namespace kimdb::test {

//! \brief One replica of the model: what it shows, and what it writes and takes back. Positions
//! count Unicode scalar values.
class NaiveDocument : public NaiveState {
 public:
    explicit NaiveDocument(ReplicaId replica = 0) : m_replica(replica) {}

    // ---- writing: begin, operations, commit ----
    void begin();
    std::optional<NaiveChange> commit(bool undoable = true);
    OpId nextId() const { return {m_replica, m_first + m_width}; }
    void insert(const Box& text, std::size_t position, const std::u32string& inserted);
    void remove(const Box& sequence, std::size_t position, std::size_t n);
    void insertItem(const Box& list, std::size_t position, Shown value);
    void setItem(const Box& list, std::size_t position, Shown value);
    void moveItem(const Box& list, std::size_t from, std::size_t to);  //!< index afterwards
    Box setKey(const Box& map, const std::string& key, Shown value);   //!< the child it makes
    void putMember(const Box& set, const Value& member, bool present);
    void increment(const Box& counter, std::int64_t delta);
    void mark(const Box& text, std::size_t from, std::size_t to, const std::string& key,
              Shown value, const std::string& expand);
    void unmarkAll(const Box& text, const std::string& key);
    //! An attribute of the paragraph around a position.
    void block(const Box& text, std::size_t position, const std::string& key, Shown value);
    void expunge(std::vector<OpId> ids);

    // ---- undo: by toggles and re-writes of own operations ----
    std::optional<NaiveChange> undo() { return revert(m_undos, m_redos, false); }
    std::optional<NaiveChange> redo() { return revert(m_redos, m_undos, true); }
    void forgetUndo();

    //! The relay refused the own change that begins there: it and each later own one that needs it
    //! become VOID, and nothing can be undone any more.
    std::map<std::uint64_t, NaiveChange> refuse(std::uint64_t first);

 private:
    struct Run {
        NaiveAnchor from, to;
        Written before;
    };
    struct Step {  // one reversible thing: 't' toggles, 'r' a register, 'p' a position, 'm' a mark
        char what = 't';
        Box box;
        std::vector<OpId> targets;
        bool inserts = false;
        std::map<OpId, char32_t> text;
        RegisterName name;
        std::string key;
        Written before, after;
        std::vector<Run> runs;
    };
    using Item = std::vector<Step>;

    OpId append(NaiveOp op);
    void capture(const NaiveOp& op, OpId id);
    void keep(Step step);
    std::pair<OpId, OpId> gap(const Box& box, std::size_t position,
                              std::optional<OpId> without = {}) const;
    OpId elementAt(const Box& list, std::size_t position) const;
    void clear(const Box& box);
    std::optional<NaiveChange> revert(std::vector<Item>& source, std::vector<Item>& target,
                                      bool redo);
    bool revert(Step& step, bool redo);
    bool revertMark(Step& step, bool redo);

    ReplicaId m_replica;
    std::vector<Item> m_undos, m_redos;
    Item m_steps;                // of the open transaction
    std::vector<NaiveOp> m_ops;  // of the open transaction
    std::vector<OpId> m_deps;
    std::uint64_t m_first = 0, m_width = 0, m_lamport = 0;
};

}  // namespace kimdb::test
