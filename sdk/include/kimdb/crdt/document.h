// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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
    ContainerType originType() const { return m_origin_type; }  //!< of the list's child
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

//! \brief An attribute that a stretch of a text has now, in units of the text behind all splices of
//! the event. Inserted text has none until a format says so. Length 0 at the end of the text: the
//! attributes of an unterminated last paragraph.
struct TextFormat {
    std::size_t position = 0;
    std::size_t length = 0;
    std::string key;
    std::optional<Value> value;  //!< nullopt: none any more
    bool operator==(const TextFormat&) const = default;
};

//! \brief A run of text with its attributes; comments are under their keys. The last span of a text
//! may be empty: the attributes of an unterminated last paragraph.
struct TextSpan {
    std::u16string text;
    std::map<std::string, Value> attributes;
    bool operator==(const TextSpan&) const = default;
};

//! \brief Whether text that is typed at the edge of a mark has it too (bold: After; link: None).
enum class Expand : std::uint8_t { After, None, Both, Before };

//! \brief Embeds (images, formulas) are this character with this attribute, docs/CRDT.md.
inline constexpr char16_t kEmbedCharacter = 0xFFFC;
inline constexpr const char* kEmbedKey = "embed";

//! \brief What a list shows at one place, or a map at one key: a value or a container.
struct Item {
    std::optional<Value> value;
    std::optional<ContainerId> container;
    bool operator==(const Item&) const = default;
};

//! \brief One splice of a list, in elements of the list before it. An element that was set is
//! removed and inserted at one place; one that was moved, at two.
struct ListSplice {
    std::size_t position = 0;
    std::size_t removed = 0;
    std::vector<Item> inserted;
    bool operator==(const ListSplice&) const = default;
};

//! \brief One key of a map that shows something else than before.
struct MapUpdate {
    std::string key;
    std::optional<Value> before;  //!< nullopt: absent, or a container
    std::optional<Value> after;
    std::optional<Value>
        overwritten;  //!< a concurrent value that lost against `after` (conflict journal)
    std::optional<ContainerId> container;  //!< what the key shows now, when that is a container
};

//! \brief A member that a set has now, or has no more.
struct SetUpdate {
    Value member;
    bool present = false;
    bool operator==(const SetUpdate&) const = default;
};

//! \brief What a transaction or an integrated batch did to one container. Applied to a plain copy
//! it reproduces the container at every step. Containers that are not shown have events too: they
//! may be shown again.
struct Event {
    ContainerId container;
    Origin origin = Origin::Local;
    std::vector<TextSplice> splices;       //!< Text
    std::vector<TextFormat> formats;       //!< Text: attributes, once all splices are applied
    std::vector<ListSplice> list_splices;  //!< List
    std::vector<MapUpdate> updates;        //!< Map
    std::vector<SetUpdate> set_updates;    //!< Set
    std::optional<std::int64_t> counter;   //!< Counter: its value now
};

//! \brief Where a user's selection is: kept with what can be undone (setSelection).
struct Selection {
    ContainerId container;
    Cursor anchor, head;
    bool operator==(const Selection&) const = default;
};

//! \brief How much of a document a file or a replica still knows (DESIGN "GC levels").
enum class Detail : std::uint8_t {
    Full = 0,     //!< everything
    Trimmed = 1,  //!< without the text of what is deleted; every change can still be merged
    //! Without what was deleted before the root and how the rest came about, see Document::root().
    Shallow = 2,
};

//! \brief What goes into a document file.
struct SaveOptions {
    //! Or what the document still has, if that is less. Shallow makes the version now the root.
    Detail detail = Detail::Full;
    bool compress = true;  //!< without, bytes do not depend on the version of zstd
    //! The undo stacks too, with the text they can bring back: for who opens the file under the
    //! same id. Bytes then depend on more than the version.
    bool undo = false;
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
    //! The text in runs of equal attributes.
    std::vector<TextSpan> spans(const ContainerId& text) const;
    //! Of the character at a position; behind the last one, those of an unterminated last
    //! paragraph.
    std::map<std::string, Value> attributes(const ContainerId& text, std::size_t position) const;
    std::size_t listLength(const ContainerId& list) const;
    //! nullopt behind the end.
    std::optional<Item> item(const ContainerId& list, std::size_t index) const;
    std::vector<Item> items(const ContainerId& list) const;
    bool contains(const ContainerId& set, const Value& member) const;
    std::vector<Value> members(const ContainerId& set) const;  //!< by canonical encoding
    //! The whole document as a value: map = object, text = string, list and set = array, counter =
    //! integer.
    Value toValue() const;

    // ---- editing ----
    //! \a tag: where the transaction comes from, for setUndoFilter().
    void begin(std::string_view tag = {});
    //! Ends the transaction. \a time_ms is metadata only. \a undoable false: not on the undo stack.
    //! A change that sets or removes own comments only is of class Comment (SYNC rule 12).
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

    // ---- rich text ----
    //! Gives [position, position + length) the attribute; nothing for an empty range. REQUIRES:
    //! \a key is not empty, does not begin with '#' and has at most limits::kMapKeyBytesMax bytes.
    void mark(const ContainerId& text, std::size_t position, std::size_t length,
              const std::string& key, const Value& value, Expand expand = Expand::After);
    //! Takes the attribute away.
    void unmark(const ContainerId& text, std::size_t position, std::size_t length,
                const std::string& key, Expand expand = Expand::After);
    //! Comments may overlap. Returns the comment's key, "" for an empty range.
    std::string comment(const ContainerId& text, std::size_t position, std::size_t length,
                        const Value& value);
    void removeComment(const ContainerId& text, const std::string& comment_key);
    //! Attribute of the paragraph around \a position, held by its newline or, in the last one, by
    //! the end of the text; nullopt removes. A newline typed into a paragraph ends one that has the
    //! same attributes when the caller sets them.
    void setBlock(const ContainerId& text, std::size_t position, const std::string& key,
                  const std::optional<Value>& value);
    //! An object in the text, one unit long.
    void insertEmbed(const ContainerId& text, std::size_t position, const Value& object);

    // ---- lists: positions in elements, beyond the end means the end ----
    void insertItems(const ContainerId& list, std::size_t position,
                     const std::vector<Value>& values);
    ContainerId insertContainer(const ContainerId& list, std::size_t position, ContainerType type);
    //! REQUIRES: index < listLength.
    void setItem(const ContainerId& list, std::size_t index, const Value& value);
    ContainerId setItemContainer(const ContainerId& list, std::size_t index, ContainerType type);
    void removeItems(const ContainerId& list, std::size_t position, std::size_t count);
    //! \a to is the index the element has afterwards. REQUIRES: both < listLength.
    void moveItem(const ContainerId& list, std::size_t from, std::size_t to);

    // ---- sets ----
    //! Members are equal when type and canonical encoding are: 1, 1.0, "1" and true are four.
    void addMember(const ContainerId& set, const Value& member);
    void removeMember(const ContainerId& set, const Value& member);

    // ---- expunge ----
    //! Writes a change of class Admin that erases the content of \a ids for good: characters, list
    //! elements, writers of values and marks. It erases here and in every replica's memory and undo
    //! stacks; whoever keeps changes erases there once the relay has accepted it (spec/DECISIONS
    //! F3), see withoutExpunged(). REQUIRES: no open transaction.
    Change expunge(const std::vector<IdRun>& ids, std::int64_t time_ms);
    //! \a change, which was applied here, without what was expunged: leaves of characters, values
    //! and marks that are gone or, as origin, copied from such, become hashes; the change's own
    //! hash stays. \a salt_key is that of its stream, 16 bytes. Errors: NotFound, Malformed.
    Result<Change> withoutExpunged(const Change& change, const Bytes& salt_key) const;
    //! The ids of the visible characters in a range.
    std::vector<IdRun> idsOf(const ContainerId& text, std::size_t position,
                             std::size_t length) const;

    // ---- undo: this replica's own edits only, by toggling operations ----
    bool canUndo() const;
    bool canRedo() const;
    std::optional<Change> undo(std::int64_t time_ms);
    std::optional<Change> redo(std::int64_t time_ms);
    //! Transactions within this time of each other are one undo step (default 500 ms; 0: each its
    //! own).
    void setCaptureInterval(std::int64_t ms);
    void stopCapturing();  //!< the next transaction starts a new undo step
    //! All transactions up to endUndoGroup() are one undo step.
    void beginUndoGroup();
    void endUndoGroup();
    //! Only transactions whose tag passes can be undone; without a filter all can.
    void setUndoFilter(std::function<bool(std::string_view tag)> filter);
    void setUndoDepth(std::size_t items);
    //! Where the user is now. What was told last before an undo step and what was told last before
    //! the next one are kept with it.
    void setSelection(std::optional<Selection> selection);
    //! Where the user was before what was undone last, or after what was redone last.
    const std::optional<Selection>& restoredSelection() const;

    // ---- changes ----
    //! Integrates a change of any replica, or keeps it until what it needs has arrived. Emits one
    //! event list. In a shallow document a change that waited and turns out to be too old is listed
    //! in reports().
    //! Errors: TooOld (a shallow document: the author did not know the root, or the change names
    //! what was dropped with it, or needs one that was refused so; the message says what is
    //! missing);
    //! Equivocation (another change with that counter is here), Malformed only for a change
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
    //! Of a text or a list.
    Cursor cursorAt(const ContainerId& sequence, std::size_t position, Cursor::Side side) const;
    //! Position in UTF-16 units or elements; a cursor on an invisible character stands in the gap
    //! where it would be. nullopt while its character has not arrived, and for good when it was
    //! dropped with the root.
    std::optional<std::size_t> resolve(const ContainerId& sequence, const Cursor& cursor) const;

    //! The same with the reason. Errors: MissingDependencies (not yet); TooOld (dropped with the
    //! root); NotFound (the id belongs to something else).
    Result<std::size_t> locate(const ContainerId& sequence, const Cursor& cursor) const;

    // ---- files (DocumentFile opens them) ----
    //! The state as a document file. Equal versions of equal detail give equal bytes, whatever the
    //! order in which changes arrived. Changes that wait are not in it. REQUIRES: no open
    //! transaction.
    Bytes save(const SaveOptions& options = {}) const;
    Detail detail() const;
    //! Forgets the text of what is deleted; whoever undoes a deletion brings it back. From then on
    //! detail() is Trimmed.
    void trim();
    //! Forgets what is deleted, and how all that there is came about: the version now is the root
    //! and detail() Shallow. What is here goes on being edited like before. A change can be
    //! received if its author knew the root and it names nothing that is gone: deleted characters
    //! and elements, deletions, increments, what list elements showed before. What of the undo
    //! stacks needs those is dropped from them. Errors: TooLarge; then nothing has changed.
    //! REQUIRES: no open transaction.
    Result<> makeShallow();
    //! What every change has to know to be received; empty unless detail() is Shallow.
    VectorClock root() const;

    //! Checks every invariant of the structures; for tests. Returns a description of the first
    //! violation.
    std::optional<std::string> checkInvariants() const;

 private:
    friend class DocumentFile;
    friend class History;
    friend class StateWriter;
    friend class StateReader;
    friend class UndoCodec;
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

//! \brief Ids from `from.first` on become `to`, `to` + 1, …
struct IdMove {
    IdRun from;
    OpId to;
};

//! \brief What \a change did, done again under other ids: its own are moved like those it names.
//! An undo of operations that stay with another author is given up. \a moves: do not overlap; one
//! of them moves the change's own counters. \a deps: none of the new author's. The salt key of a
//! stream's first change is the caller's to set. Errors: as renamed().
Result<Change> reissued(const Change& change, std::span<const IdMove> moves,
                        std::vector<OpId> deps);

//! \brief The same operations in a change with other deps. Operations name replicas by their place
//! among the deps, so they are written anew. Errors: as renamed().
Result<Change> withDeps(const Change& change, std::vector<OpId> deps);

}  // namespace kimdb::crdt
