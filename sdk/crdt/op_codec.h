// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kimdb/crdt/document.h>
#include <kimdb/ids.h>

#include "core/bytes.h"
#include "core/change.h"
#include "core/hash.h"

//! The operations inside a change (**format**): `structure` says what was done, `content` holds
//! what it was done with. Structure is the operations one after the other; nothing says how many:
//! their widths add up to the change's count. Integers are LEB128 (core/bytes.h), always in the
//! shortest form.
//!
//! operation  u8 head: bits 0-3 kind, bits 4-7 depend on the kind; then the body of the kind
//! kind           bits 4-7 / body                                             width     leaves
//!  0 Continue    n if 1…15; 0: varint n ≥ 16 follows                         n         text of n
//!  1 Insert      4 same container, 5 inherit                                 n         text of n
//!                plain:   container, id left, id right, varint n
//!                inherit: id left, varint n
//!  2 InsertElement   4 same container, 5 proceed, 6 a container              1  0 or 1 value
//!                container, id left, id right, [u8 container type]
//!                proceed (with 4): [u8 container type]
//!  3 Delete      4 same container, 5 one range of one replica                1
//!                container, runs
//!  4 Set         4 same container, 5-6 origin: 0 self, 1 none, 2 named     1  0 or 1 value
//!                container, name, u8 value: 0 absent, 1 leaf, 2 + container type; [id origin]
//!  5 Move        4 same container; container, id element, id left, id right   1
//!  6 Position    4 same container; container, id element, id slot            1
//!  7 Increment   4 same container; container, zigzag delta                   1
//!  8 Clear       4 same container; container, varint n, n × (replica, varint counter)   1
//!  9 Mark        4 same container, 5-6 origin as with Set, 7 comment       1  0 or 1 value
//!                container, u8 bits: 0 value, 1 from after, 2 to after, 3 new comment;
//!                varint length, key | id of the comment (none when new), id from, id to,
//!                [id origin]
//! 10 Toggle      4 same container, 5 on, 6 partly carried text               1         text of n
//!                container, varint n ranges, n × (own start, varint length - 1), varint n scalars
//!                partly: then varint m ≥ 1, m × (varint skipped, varint length - 1)
//! 11 Expunge     5 one range of one replica; runs                            1
//!
//! container  varint 2 × steps from the root, then per step: varint length, key, u8 type. Odd, with
//!            1 more: the path starts at a list element: u64 LE replica, varint counter, u8 type
//!            of what that operation wrote there come before the steps. "Same container" = that of
//!            the operation in front of it in this change, which has to have one.
//! name       of a map's key: varint length, UTF-8; of a list's element: id; of a set's member:
//!            the first 16 bytes of SHA-256 of its canonical encoding, which is the leaf: so that
//!            a member can be expunged. Members are present or absent, elements never absent.
//! id         varint tag: 0 start, 1 end of the sequence, 2 + index in the change's replica table;
//!            then varint: for the author how far the id lies behind the operation's own (≥ 1),
//!            for others the counter (≥ 1)
//! replica    varint index in the replica table; index = size of the table: a u64 LE follows and
//!            is appended. The table starts with the author, then the replicas of deps in order.
//! runs       [bit 5] replica, start, varint length - 1;
//!            else varint n replicas, n × (replica, varint m, m × (start, varint length - 1)),
//!            with ascending replica ids. The first start of a replica is coded like an id's
//!            counter, the next ones as the gap to the end of the run before (≥ 1).
//! own start  the first: how far behind the own counter (≥ 1); the next: the gap to the end before
//!
//! Continue is what a person typing makes: one byte. It inserts behind the author's previous
//! counter, which has to be an inserted character: same container, same right origin. Inherit says
//! the same of another character: what Continue becomes when a stream is renamed (SYNC rule 6).
//! Proceed is the same for elements, inside one change: behind the element that the operation in
//! front of it inserted, same right origin.
//!
//! A mark covers what stands between its anchors: an id and a side, `after` or before. Its key is
//! text that does not begin with '#', or, for a comment, the id of the operation that made it,
//! which is what a commenter may name (SYNC rule 12). Without value it removes. An element's child
//! container is named by the operation that wrote it, a mark's or register's content by `origin`.
//!
//! Leaves: text is cut every limits::kLeafScalarsMax scalars, each piece one leaf; the text a
//! toggle carries is that of all it can make visible (characters switched on, targets of deletions
//! switched off) in the order of its targets, or none, or those scalars it lists. A value is one
//! leaf. An expunged leaf stands for text or a value that nobody shows any more. Of a partial leaf
//! of text some scalars remain: varint n, n × (varint skipped, varint length - 1), their UTF-8.
namespace kimdb::crdt {

enum class OpKind : std::uint8_t {
    Continue = 0,
    Insert = 1,
    InsertElement = 2,
    Delete = 3,
    Set = 4,
    Move = 5,
    Position = 6,
    Increment = 7,
    Clear = 8,
    Mark = 9,
    Toggle = 10,
    Expunge = 11,
};

//! Ends of every sequence as ids: replica 0 exists nowhere else.
inline constexpr OpId kStartId{0, 0};
inline constexpr OpId kEndId{0, 1};

//! \brief A leaf's worth of text, or a part of it. What is skipped is expunged (in an insertion) or
//! not carried (in a toggle): the characters exist and this says nothing of their text.
struct TextPiece {
    ByteView utf8;
    std::uint32_t scalars = 0;  //!< of utf8
    std::uint32_t skipped = 0;  //!< in front of it
};

//! \brief Scalars that a toggle carries: how many it skips first, and how many it then has.
struct TextRange {
    std::uint64_t skipped = 0;
    std::uint64_t length = 0;
};

//! \brief Where a mark begins or ends.
struct Anchor {
    OpId id;
    bool after = false;

    bool operator==(const Anchor&) const = default;
};

//! \brief What names a mark: a text, or the operation that made a comment.
struct MarkKey {
    std::string text;
    OpId comment;

    bool isComment() const { return !comment.isNull(); }
    auto operator<=>(const MarkKey&) const = default;
};

enum class OriginKind : std::uint8_t { Self = 0, None = 1, Named = 2 };
enum class ValueKind : std::uint8_t { Absent, Plain, Container };

//! \brief One operation. Which fields count depends on the kind; views point into the change.
struct Op {
    OpKind kind = OpKind::Continue;
    std::uint64_t counter = 0;  //!< its own first counter
    std::uint64_t width = 1;
    ByteView container;  //!< encoded; empty: the text that holds `left`, or Expunge
    ContainerType container_type = ContainerType::Map;
    OpId container_origin;  //!< the list element its path starts at
    OpId left, right;       //!< Insert, InsertElement, Move; Continue and inherit have no right
    bool inherits = false;
    bool proceeds = false;           //!< InsertElement
    OpId element;                    //!< Set in a list, Move, Position
    OpId slot;                       //!< Position
    std::vector<IdRun> runs;         //!< Delete, Toggle, Expunge; Clear: `first` is the counter
    std::vector<TextPiece> text;     //!< Insert, Continue, Toggle
    std::uint64_t scalars = 0;       //!< what `text` stands for, skipped ones included
    bool partly = false;             //!< Toggle: `text` may end early
    std::vector<TextRange> carried;  //!< then: what it carries
    bool expunged = false;           //!< some of its content is gone
    ByteView key;                    //!< Set in a map or set (16 bytes); Mark that is no comment
    bool is_comment = false;         //!< Mark
    OpId comment;
    Anchor from, to;
    ValueKind value_kind = ValueKind::Absent;
    ByteView value;                           //!< encoded; empty with Plain: expunged
    ContainerType type = ContainerType::Map;  //!< of the container that is the value
    OriginKind origin_kind = OriginKind::Self;
    OpId origin;
    std::int64_t delta = 0;  //!< Increment
    bool on = false;         //!< Toggle
};

//! \brief Gives f the single ids that an operation needs, ends and its own id included; what it
//! names as runs is in `runs`.
template <class F>
void forEachId(const Op& op, F&& f) {
    if (!op.container.empty() && !op.container_origin.isNull()) f(op.container_origin);
    switch (op.kind) {
        case OpKind::Insert:
        case OpKind::Continue:
        case OpKind::InsertElement:
        case OpKind::Move:
            f(op.left);
            if (!op.inherits) f(op.right);
            if (op.kind == OpKind::Move) f(op.element);
            break;
        case OpKind::Position:
            f(op.element);
            f(op.slot);
            break;
        case OpKind::Set:
            if (op.container_type == ContainerType::List) f(op.element);
            f(op.origin);
            break;
        case OpKind::Mark:
            f(op.from.id);
            f(op.to.id);
            f(op.origin);
            if (op.is_comment) f(op.comment);
            break;
        default:
            break;
    }
}

//! \brief A register's or mark's content as it is written.
struct Written {
    ValueKind kind = ValueKind::Absent;
    ByteView value;  //!< encoded
    ContainerType type = ContainerType::Map;
    OriginKind origin_kind = OriginKind::Self;
    OpId origin;
};

//! \brief Writes the operations of one change into its structure and content, in order. \a deps and
//! the author must be final when the first operation is written.
class OpWriter {
 public:
    void begin(ReplicaId author, std::uint64_t first, const std::vector<OpId>& deps);
    bool empty() const { return m_counter == m_first; }
    std::uint64_t counter() const { return m_counter; }  //!< of the next operation
    //! The narrowest class that allows what was written.
    OpClass opClass() const;
    Bytes& structure() { return m_structure; }
    Bytes& content() { return m_content; }

    //! Appends the leaves of a text, all of it valid UTF-8.
    void text(ByteView utf8);
    //! These append structure; the text of insert, proceed and toggle is a call of its own.
    void proceed(std::uint64_t n);  // Continue
    void insert(const ContainerId& container, OpId left, OpId right, std::uint64_t n);
    void inherit(OpId left, std::uint64_t n);
    //! REQUIRES: runs ascending by replica and counter, not touching each other.
    void remove(const ContainerId& container, const std::vector<IdRun>& runs);
    void insertElement(const ContainerId& list, OpId left, OpId right, const Written& value);
    void move(const ContainerId& list, OpId element, OpId left, OpId right);
    void position(const ContainerId& list, OpId element, OpId slot);
    //! \a key: of a map, or the 16 bytes that name a set's member.
    void set(const ContainerId& container, ByteView key, const Written& value);
    void setElement(const ContainerId& list, OpId element, const Written& value);
    //! A comment without id is a new one.
    void mark(const ContainerId& text, const MarkKey& key, Anchor from, Anchor to,
              const Written& value);
    void increment(const ContainerId& container, std::int64_t delta);
    void clear(const ContainerId& container, const std::vector<OpId>& seen);
    void toggle(const ContainerId& container, bool on, const std::vector<IdRun>& own,
                std::uint64_t scalars);
    //! \a text carries \a carried, not empty, of the \a scalars; one run of leaves for each.
    void togglePartly(const ContainerId& container, bool on, const std::vector<IdRun>& own,
                      std::uint64_t scalars, const std::vector<TextRange>& carried);
    //! REQUIRES: as remove.
    void expunge(const std::vector<IdRun>& runs);

 private:
    void head(OpKind kind, int bits, const ContainerId& container);
    void runs(const std::vector<IdRun>& runs);
    void valueOf(const Written& value);
    void replica(ReplicaId id);
    void counterOf(ReplicaId replica, std::uint64_t counter);
    void id(OpId id);
    void ownRuns(const std::vector<IdRun>& own);

    ReplicaId m_author = 0;
    std::uint64_t m_first = 1;
    std::uint64_t m_counter = 1;
    std::vector<ReplicaId> m_table;
    Bytes m_structure;
    Bytes m_content;
    ContainerId m_last;               // of the operation before, perhaps in another change
    Bytes m_container;                // its encoding; empty: none yet
    bool m_has_container = false;     // this change has named it
    OpId m_element, m_element_right;  // what the operation in front inserted into its list
    bool m_only_comments = true;      // own ones
    bool m_only_expunges = true;
};

//! \brief Reads the operations of a change, strictly. Allocates in proportion to the input.
class OpReader {
 public:
    OpReader() : m_in({}), m_leaves({}) {}
    explicit OpReader(const Change& change) : OpReader() { begin(change); }
    //! From the front of \a change, which outlives the reading and is not VOID.
    void begin(const Change& change);
    //! Reads the next operation into \a op (its vectors are used again). False at the end and on
    //! error.
    bool next(Op& op);
    //! Why next() returned false: ok() at a proper end; Malformed or Unsupported otherwise.
    const Result<>& status() const { return m_status; }

 private:
    bool fail(const char* what);
    bool unsupported(const char* what);
    void readBody(Op& op, int bits);
    void readInsert(Op& op, int bits);
    void readElement(Op& op, int bits);
    void readMove(Op& op, int bits);
    void readSet(Op& op, int bits);
    void readMark(Op& op, int bits);
    void readOrigin(Op& op, int bits);
    void readToggle(Op& op, int bits);
    void readRuns(Op& op, bool single);
    void readClear(Op& op);
    void readContainer(Op& op, bool same);
    ReplicaId readReplica();
    std::uint64_t readCounter(ReplicaId replica);
    OpId readId();
    OpId readRealId();  // of an operation, not an end
    IdRun readRun(ReplicaId replica, const IdRun* before);
    void readText(Op& op, std::uint64_t scalars);
    void readPartialLeaf(Op& op, ByteView bytes, std::uint64_t scalars);
    void skip(Op& op, std::uint64_t scalars);
    void readValue(Op& op);
    bool finish();

    const Change* m_change = nullptr;
    ByteReader m_in;
    LeafReader m_leaves;
    std::uint64_t m_counter = 0;
    std::vector<ReplicaId> m_table;
    ByteView m_container;
    ContainerType m_container_type = ContainerType::Map;
    OpId m_container_origin;
    OpId m_element, m_element_right;  // what the operation in front inserted into its list
    std::uint64_t m_skipped = 0;      // by the text piece that comes next
    Result<> m_status;
    bool m_done = false;
};

//! \brief What names a member of a set.
Hash16 memberName(ByteView encoded_member);

//! \brief A comment's key at the public face: "#replica.counter", and back.
std::string commentKey(OpId comment);
std::optional<OpId> commentOf(std::string_view key);

//! \brief A container's encoding and back. Errors: Malformed, Unsupported.
void encodeContainer(Bytes& out, const ContainerId& container);
Result<ContainerId> decodeContainer(ByteView bytes);

}  // namespace kimdb::crdt
