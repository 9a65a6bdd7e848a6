// SPDX-License-Identifier: MIT
#pragma once

#include "core/change.h"
#include "crdt/causal_buffer.h"
#include "crdt/change_graph.h"
#include "crdt/container.h"
#include "crdt/event_log.h"
#include "crdt/undo_manager.h"

namespace kimdb::crdt {

//! \brief The parts of a replica and how they play together. Local edits are in document_edit.cpp,
//! received changes in document_receive.cpp.
class Document::Impl {
 public:
    explicit Impl(ReplicaId self) : self_id(self), containers(graph.replicas()) {}

    // ---- local ----
    void begin();
    std::optional<Change> commit(std::int64_t time_ms, bool undoable);
    void set(Container& map, const std::string& key, ValueKind kind, const Value& value,
             ContainerType type);
    void insertText(Container& text, std::size_t position, std::u16string_view inserted);
    void removeText(Container& text, std::size_t position, std::size_t length);
    void increment(Container& counter, std::int64_t delta);
    std::optional<Change> undo(std::int64_t time_ms);
    std::optional<Change> redo(std::int64_t time_ms);

    // ---- received ----
    Result<Received> receive(const Change& change);

    // ---- reading ----
    Value valueOf(const Container* container, ContainerType type) const;
    std::vector<OpId> missing();
    std::optional<std::string> checkInvariants() const;

    ReplicaId self_id;
    std::uint32_t incarnation = 1;
    SaltKey salt_key{};
    ChangeGraph graph;
    ContainerTree containers;
    CausalBuffer buffer;
    UndoManager undo_manager;
    EventLog events;
    std::vector<std::string> reports;
    bool is_open = false;  //!< between begin and commit

 private:
    // local
    Change finish(std::int64_t time_ms);
    Register written(ValueKind kind, const Value& value, ContainerType type) const;
    void write(Container& map, const std::string& key, Register value, OriginKind origin);
    void clear(Container& container);
    enum class Direction : std::uint8_t { Undo, Redo };
    std::optional<Change> revert(Direction direction, std::int64_t time_ms);
    bool revert(UndoStep& step, Direction direction);
    bool revertToggle(UndoStep& step, Direction direction);
    bool revertWrite(const UndoStep& step, Direction direction);
    // received
    template <class F>
    void forEachMissing(const Change& change, F&& f);
    OpId firstMissing(const Change& change);
    void integrate(const Change& change);
    void report(std::string what);
    void apply(const Change& change, std::uint64_t lamport);
    void applyInsert(const Op& op, ReplicaIndex author);
    void applySet(const Op& op, const Change& change, std::uint64_t lamport);
    void applyCount(const Op& op, ReplicaId author);
    void applyToggle(const Op& op, ReplicaIndex author);
    // both
    void show(Container& map, const std::string& key, Register value, const Change* change);
    Rga::Listener listenerOf(Container& text);
    const Rga::Listener* orNone(const Rga::Listener& listener) const {
        return events.isListening() ? &listener : nullptr;
    }

    OpWriter m_writer;
    std::vector<OpId> m_deps;     // of the open transaction
    std::uint64_t m_first = 0;    // its first counter
    std::uint64_t m_lamport = 0;  // and that one's lamport
    ReplicaIndex m_self = 0;
    // used again and again
    std::string m_text;
    std::vector<SlotRun> m_slots;
    std::vector<IdRun> m_ids;
    OpReader m_reader;
    Op m_op;
};

}  // namespace kimdb::crdt
