// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kimdb/crdt/vector_clock.h>
#include <kimdb/ids.h>
#include <kimdb/value.h>

namespace kimdb {
struct Change;
}

namespace kimdb::crdt {

enum class ContainerType : std::uint8_t { Map = 0, Text = 1, List = 2, Set = 3, Counter = 4 };

//! \brief Names a container: the root map, a map's child (parent, key, type) or a list's child
//! (OpId that wrote it, type). Two replicas that create "the same" child offline get one container.
class ContainerId {
 public:
    static ContainerId root() { return {}; }
    static ContainerId child(const ContainerId& parent, std::string key, ContainerType type);
    static ContainerId element(OpId origin, ContainerType type);

    ContainerType type() const;
    bool isRoot() const { return m_path.empty() && m_origin.isNull(); }
    //! Keys from the root (or from the list element) down, each with its type.
    const std::vector<std::pair<std::string, ContainerType>>& path() const { return m_path; }
    OpId origin() const { return m_origin; }
    auto operator<=>(const ContainerId&) const = default;

 private:
    OpId m_origin;  // null: the path starts at the root
    ContainerType m_origin_type = ContainerType::Map;
    std::vector<std::pair<std::string, ContainerType>> m_path;
};

//! \brief A stable position: holds on to a character, also when that is deleted (DESIGN §4).
//! Side After: behind character \a id; Before: in front of it. The ends of a text are ids too.
struct Cursor {
    enum class Side : std::uint8_t { Before = 0, After = 1 };
    enum class Anchor : std::uint8_t { Character = 0, Start = 1, End = 2 };
    Anchor anchor = Anchor::Start;
    OpId id;
    Side side = Side::After;

    Bytes encode() const;
    static Result<Cursor> decode(ByteView bytes);
    bool operator==(const Cursor&) const = default;
};

enum class Origin : std::uint8_t { Local, Undo, Remote, Rebuild };

//! \brief One splice of a text, in UTF-16 units of the text before it (splices of one event apply
//! one after the other).
struct TextSplice {
    std::size_t position = 0;
    std::size_t removed = 0;
    std::u16string inserted;
    bool operator==(const TextSplice&) const = default;
};

//! \brief One key of a map that shows something else than before.
struct MapUpdate {
    std::string key;
    std::optional<Value> before;  //!< nullopt: absent, or a container
    std::optional<Value> after;
    std::optional<Value>
        overwritten;  //!< a concurrent value that lost against `after` (conflict journal)
};

//! \brief What a transaction or an integrated batch did to one container. Applied to a plain copy
//! it reproduces the container at every step.
struct Event {
    ContainerId container;
    Origin origin = Origin::Local;
    std::vector<TextSplice> splices;  //!< container is a Text
    std::vector<MapUpdate> updates;   //!< container is a Map
    // A Counter's event has neither: its value may be another now.
};

//! \brief What happened to a change that was received.
enum class Received : std::uint8_t { Applied, Duplicate, Waiting };

//! \brief The replica of one document: applies local edits at once and integrates remote changes in
//! any order. No I/O, no clock, no threads; it belongs to one thread at a time. Everything it shows
//! is a function of the set of changes it has applied.
//!
//! Writing: begin(); edit calls …; commit(time) returns the change to be stored and sent, or
//! nothing when nothing was written. Edit calls outside begin()/commit() are a programmer error
//! (assert). Positions at this face count UTF-16 units; a range that cuts a surrogate pair is
//! rounded outward, an empty one down; a lone surrogate in any string becomes U+FFFD.
class Document {
 public:
    //! \a self: the replica new edits are made under; 0 for a read-only copy.
    explicit Document(ReplicaId self = 0);
    ~Document();
    Document(Document&&) noexcept;
    Document& operator=(Document&&) noexcept;

    ReplicaId replica() const;
    //! New edits get another id (SYNC rule 5). Undo stacks are emptied: an author toggles only its
    //! own operations. REQUIRES: no open transaction.
    void setReplica(ReplicaId self);
    //! Incarnation and stream secret of the changes that commit() makes. The salt key goes into the
    //! change with counter 1.
    void setIncarnation(std::uint32_t incarnation);
    void setSaltKey(const Bytes& key16);

    // ---- events ----
    //! Called at the end of each commit, undo and receive with what changed; not reentrant into
    //! editing.
    void onEvent(std::function<void(const std::vector<Event>&)> handler);

    // ---- reading ----
    //! The value at \a key; nullopt when absent or a container.
    std::optional<Value> value(const ContainerId& map, const std::string& key) const;
    //! The container shown at \a key, if one is.
    std::optional<ContainerId> container(const ContainerId& map, const std::string& key) const;
    std::vector<std::string> keys(const ContainerId& map) const;
    std::u16string text(const ContainerId& text) const;
    std::string textUtf8(const ContainerId& text) const;
    std::size_t textLength(const ContainerId& text) const;  //!< UTF-16 units
    std::int64_t counter(const ContainerId& counter) const;
    //! The whole document as a value: map = object, text = string, counter = integer.
    Value toValue() const;

    // ---- editing ----
    void begin();
    //! Ends the transaction. \a time_ms is metadata only. \a undoable false: not on the undo stack.
    //! REQUIRES: what was written fits into limits::kChangeBytesMax; a larger paste takes several.
    std::optional<Change> commit(std::int64_t time_ms, bool undoable = true);
    bool inTransaction() const;

    //! REQUIRES of all three: keys of at most limits::kMapKeyBytesMax, values nested no deeper than
    //! limits::kValueDepthMax, containers neither. Others would refuse the change.
    void set(const ContainerId& map, const std::string& key, const Value& value);
    void remove(const ContainerId& map, const std::string& key);
    //! Makes \a key show a container of \a type unless it does, and returns it.
    ContainerId createContainer(const ContainerId& map, const std::string& key, ContainerType type);
    void insertText(const ContainerId& text, std::size_t position, std::u16string_view inserted);
    void removeText(const ContainerId& text, std::size_t position, std::size_t length);
    void increment(const ContainerId& counter, std::int64_t delta);

    // ---- undo: this replica's own edits only, by toggling operations ----
    bool canUndo() const;
    bool canRedo() const;
    std::optional<Change> undo(std::int64_t time_ms);
    std::optional<Change> redo(std::int64_t time_ms);
    //! Transactions within this time of each other are one undo step (default 500 ms; 0: each its
    //! own).
    void setCaptureInterval(std::int64_t ms);
    void stopCapturing();  //!< the next transaction starts a new undo step
    void setUndoDepth(std::size_t items);

    // ---- changes ----
    //! Integrates a change of any replica, or keeps it until what it needs has arrived. Emits one
    //! event list.
    //! Errors: Equivocation (another change with that counter is here), Malformed only for a change
    //! that breaks the envelope rules; a change whose operations break a rule is VOID on every
    //! replica alike and listed in reports().
    Result<Received> receive(const Change& change);
    //! The same for a batch with one event list at the end. Stops at the first error.
    Result<> receiveAll(const std::vector<Change>& changes, Origin origin = Origin::Remote);

    std::uint64_t head(ReplicaId replica) const;  //!< last applied counter, 0 if none
    std::vector<OpId> heads() const;              //!< changes no other applied change depends on
    std::vector<std::pair<ReplicaId, std::uint64_t>> version() const;
    VectorClock clock() const;  //!< the same as a clock
    //! What waiting changes wait for.
    std::vector<OpId> missing() const;
    //! Changes that had no effect because they break a rule; the oldest hundred.
    std::vector<std::string> reports() const;

    // ---- cursors ----
    Cursor cursorAt(const ContainerId& text, std::size_t position, Cursor::Side side) const;
    //! UTF-16 position; a cursor on an invisible character stands in the gap where it would be.
    //! nullopt while its character has not arrived.
    std::optional<std::size_t> resolve(const ContainerId& text, const Cursor& cursor) const;

    //! Checks every invariant of the structures; for tests. Returns a description of the first
    //! violation.
    std::optional<std::string> checkInvariants() const;

 private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

//! \brief The ids a change's operations need, beyond deps and its own counters (SYNC rule 11), as
//! runs in no particular order: a deletion may name a million characters. What a keystroke needs is
//! the character it continues, so it lists that one. Errors: Malformed, Unsupported.
Result<std::vector<IdRun>> references(const Change& change);

//! \brief Map children a change shows by a register write, and those it writes inside of: what
//! "needs a refused creation" means (spec/DECISIONS.md B3).
struct ContainerUse {
    std::vector<ContainerId> created;  //!< by `set` of a key to a container
    std::vector<ContainerId> used;  //!< operations are inside these (and so inside their parents)
};
Result<ContainerUse> containerUse(const Change& change);

//! \brief The same change with ids moved to a derived stream (SYNC rule 6): every id (\a from, c)
//! with c >= \a at becomes (\a to, c - at + 1), in the header, in deps and in the operations; an id
//! run that crosses \a at is split. The change that becomes the derived stream's first gets the
//! explicit dep (from, at - 1) when at > 1; its salt key is the caller's to set. Errors: Malformed.
//! REQUIRES: the change itself does not straddle \a at.
Result<Change> renamed(const Change& change, ReplicaId from, std::uint64_t at, ReplicaId to);

}  // namespace kimdb::crdt
