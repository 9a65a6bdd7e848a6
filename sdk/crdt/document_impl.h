// SPDX-License-Identifier: MIT
#pragma once

#include "core/change.h"
#include "crdt/causal_buffer.h"
#include "crdt/change_graph.h"
#include "crdt/container.h"
#include "crdt/event_log.h"
#include "crdt/file_chunks.h"
#include "crdt/id_set.h"
#include "crdt/undo_manager.h"

namespace kimdb::crdt {

//! \brief The parts of a replica and how they play together. Local edits are in document_edit.cpp,
//! document_list.cpp, document_rich_text.cpp, document_undo.cpp and document_revert.cpp; received
//! changes in document_receive.cpp; comparing versions in document_compare.cpp.
class Document::Impl {
 public:
    explicit Impl(ReplicaId self) : self_id(self), containers(graph.replicas()) {}

    // ---- local ----
    void begin(std::string_view tag);
    std::optional<Change> commit(std::int64_t time_ms, bool undoable);
    void set(Container& map, const std::string& key, ValueKind kind, const Value& value,
             ContainerType type);
    void insertText(Container& text, std::size_t position, std::u16string_view inserted);
    void removeText(Container& text, std::size_t position, std::size_t length);
    void increment(Container& counter, std::int64_t delta);
    // document_list.cpp
    void insertElements(Container& list, std::size_t position, const std::vector<Value>& values);
    OpId insertChild(Container& list, std::size_t position, ContainerType type);
    OpId setElement(Container& list, std::size_t index, ValueKind kind, const Value& value,
                    ContainerType type);
    void removeElements(Container& list, std::size_t position, std::size_t count);
    void moveElement(Container& list, std::size_t from, std::size_t to);
    void setMember(Container& set, const Value& member, bool present);
    // document_rich_text.cpp
    void mark(Container& text, std::size_t position, std::size_t length, const MarkKey& key,
              const std::optional<Value>& value, Expand expand);
    void markAll(Container& text, const MarkKey& key);
    void setBlock(Container& text, std::size_t position, const std::string& key,
                  const std::optional<Value>& value);
    Change expunge(const std::vector<IdRun>& ids, std::int64_t time_ms);
    // document_undo.cpp
    std::optional<Change> undo(std::int64_t time_ms);
    std::optional<Change> redo(std::int64_t time_ms);

    // document_revert.cpp; erases from \a then what was expunged here
    std::vector<Change> revertTo(Impl& then, std::int64_t time_ms);

    // ---- received ----
    Result<Received> receive(const Change& change);

    // ---- reading ----
    Value valueOf(const Container* container, ContainerType type) const;
    Value::Array listValue(const ElementList& list) const;
    Value::Array membersOf(const Container& set) const;
    Item itemOf(const Register& element) const;
    // document_compare.cpp
    //! What turns another version into this one.
    std::vector<Event> differenceFrom(const Impl& before) const;
    //! The operation that something in a container comes from.
    struct Source {
        std::size_t position = 0, length = 0;  //!< Text: units; List: elements
        std::string key;                       //!< Map
        std::optional<Value> member;           //!< Set
        OpId id;
    };
    std::vector<Source> sourcesOf(const Container& container) const;
    OpId nextId() const { return {self_id, m_writer.counter()}; }
    std::vector<OpId> missing();
    std::vector<std::vector<OpId>> carriedIds(const Op& op, ReplicaId author) const;
    std::optional<std::string> checkInvariants() const;

    //! Whether a step that a file has is one that this replica could have made.
    bool canRevert(const UndoStep& step) const;

    // ---- root (document_root.cpp) ----
    //! What a replica has besides its state goes on with this one, which has the root of a file.
    void takeSession(Impl& other);

    ReplicaId self_id;
    std::uint32_t incarnation = 1;
    SaltKey salt_key{};
    ChangeGraph graph;
    ContainerTree containers;
    CausalBuffer buffer;
    UndoManager undo_manager;
    EventLog events;
    IdSet expunged;
    std::vector<std::string> reports;
    std::optional<Selection> restored_selection;
    bool is_open = false;  //!< between begin and commit
    Detail detail = Detail::Full;
    //! Of a shallow document: from here on it cannot have the replica's changes.
    std::map<ReplicaId, std::uint64_t> refused;
    std::vector<ForeignChunk> foreign;  //!< of the file it was in
    VectorClock foreign_version;

 private:
    // local
    Change finish(std::int64_t time_ms);
    void finish(std::int64_t time_ms, Change& change);  //!< into a fresh one
    std::uint64_t lamportNow() const { return m_lamport + (m_writer.counter() - m_first); }
    Register written(ValueKind kind, const Value& value, ContainerType type) const;
    void write(Container& map, const std::string& key, Register value, OriginKind origin);
    void write(Container& list, const ElementList::Element& element, Register value,
               OriginKind origin);
    void removeSlots(Container& text, std::size_t begin);
    void addElements(Container& list, std::size_t position, const std::vector<Register>& values);
    void place(Container& list, const ElementList::Element& element, OpId slot);
    void mark(Container& text, const MarkKey& key, Anchor from, Anchor to,
              const std::optional<Value>& value, OriginKind origin_kind, OpId origin);
    Marks::Mark markOf(const Container& text, Anchor from, Anchor to,
                       const std::optional<Value>& value, OpId origin) const;
    void clear(Container& container);
    Event eventOf(const ContainerId& id, const Impl& before, const Container* from,
                  const Container* to) const;
    class Reverter;
    enum class Direction : std::uint8_t { Undo, Redo };
    std::optional<Change> revert(Direction direction, std::int64_t time_ms);
    bool revert(UndoStep& step, Direction direction, std::vector<UndoStep>* rest);
    bool revertToggle(UndoStep& step, Direction direction, std::vector<UndoStep>* rest);
    class Carried;
    template <class F>
    void forEachRevivable(const UndoStep& step, std::uint64_t counter, F&& f) const;
    void toggle(Container& container, const std::vector<IdRun>& targets, bool on);
    void restoreText(const Op& op);
    void restoreText(Container& container, const std::vector<IdRun>& targets, bool on,
                     std::string_view text);
    void eraseFrom(UndoStep& step, const IdSet& ids);
    bool revertRewrite(Container& container, UndoWrite& write, Direction direction);
    bool revertRewrite(Container& container, UndoMove& move, Direction direction);
    bool revertRewrite(Container& container, UndoMark& mark, Direction direction);
    // received
    template <class F>
    void forEachMissing(const Change& change, F&& f);
    OpId firstMissing(const Change& change);
    OpId firstRefused(const Change& change);
    Result<> checkRefused(const Change& change);
    Result<> checkRoot(const Change& change);
    Error refuse(const Change& change, Error why);
    bool canRevert(const Container& container, const UndoWrite& write) const;
    bool canRevert(const Container& container, const UndoMove& move) const;
    bool canRevert(const Container& container, const UndoMark& mark) const;
    bool canToggle(const UndoStep& step) const;
    bool rebind(UndoStep& step);
    bool rebind(Container& container, UndoWrite& write) const;
    bool rebind(Container& container, UndoMove& move) const;
    bool rebind(Container& container, UndoMark& mark) const;
    void integrate(const Change& change);
    void report(std::string what);
    void apply(const Change& change, std::uint64_t lamport);
    void applyOp(const Op& op, const Change& change, std::uint64_t lamport);
    void applyInsert(const Op& op, ReplicaIndex author);
    void applyDelete(const Op& op, ReplicaIndex author);
    void applyElement(const Op& op, const Change& change, std::uint64_t lamport);
    void applyMove(const Op& op, const Change& change, std::uint64_t lamport);
    void applySet(const Op& op, const Change& change, std::uint64_t lamport);
    void applyMark(const Op& op, const Change& change, std::uint64_t lamport);
    void applyCount(const Op& op, ReplicaId author);
    Register registerOf(const Op& op, const Change& change, std::uint64_t lamport) const;
    // both
    void show(Container& map, const std::string& key, Register value, const Change* change);
    void showElement(Container& list, const ElementList::Element& element, Register value);
    void showMark(Container& text, const MarkKey& key, Marks::Mark mark);
    void erase(const std::vector<IdRun>& ids);
    void erase(Container& container, const std::vector<IdRun>& ids);
    void eraseSlots(Container& container, const SlotRun& slots, const Rga::Listener* listener);
    bool isErased(OpId id) const { return !expunged.isEmpty() && expunged.contains(id); }
    Rga::Listener listenerOf(Container& sequence);
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
    const Change* m_single = nullptr;  // looked at last: m_op is all of it
};

}  // namespace kimdb::crdt
