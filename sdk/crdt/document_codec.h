// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <vector>

#include "core/bytes.h"
#include "crdt/document_impl.h"
#include "crdt/file_chunks.h"
#include "crdt/sequence_codec.h"

//! The chunks of a document file that hold its state (**format**).
//!
//!   clock      u8 detail | varint incarnation | varint n replicas, n × u64 LE id, ascending |
//!              n × varint (head × 2 + 1 if nothing depends on its last change) |
//!              n × (varint m, m × (varint counter gap, varint lamport gap)): where the lamports of
//!              the replica begin to count anew. Of a shallow document there stand in front of
//!              these: varint the greatest lamport of its root | n × varint (counter of the root ×
//!              2 + 1 if nothing of the root depends on it), and the runs are those behind the
//!              root, both gaps of the first from there
//!   deps       n × (varint m, m × (varint gap of first counters, varint k,
//!              k × (varint replica, zigzag counter - the last one named of that replica)))
//!   tree       the root map | varint n, n × (id, u8 type, container): what list elements show,
//!              ascending | varint n, n × (id, varint count): what was expunged, ascending
//!   map        set | varint n, n × (key, u8 type, container), ascending by key and type; those to
//!              which nothing was done are left out
//!   set        varint n, n × (key, register), ascending by key
//!   register   u8 bits 0-3: 0 absent, 1 value, 2 + container type; bits 4-5: origin 0 self,
//!              1 none, 2 named | id writer | [id origin] | [value]
//!   text       varint bytes it shows | varint n, n × (u8 0, key or u8 1, id of a comment;
//!              varint m, m × mark): marks that win somewhere, ascending by key and
//!              (lamport, replica)
//!   mark       u8 bit 0 has a value, 1 from behind, 2 to behind | varint lamport |
//!              varint replica | any id from | any id to | any id origin | [value]
//!   list       varint n, n × slot in the order of its sequence, without stubs
//!   slot       u8 0, register: an element; u8 1, register, id of the slot that shows it, varint
//!              lamport, varint replica: one that was moved; u8 2, id: a further slot of an element
//!   counter    [of a shallow document: zigzag sum at the root, varint n, n × id: the last one of
//!              each replica] | varint n increments, n × (id, zigzag delta) | varint n clearings,
//!              n × (id, varint k, k × id) | varint n, n × id: those that are off
//!   text       what texts show, in the order of the tree
//!   sequences  sequence_codec.h, in the order of the tree
//!
//! id = varint replica (its place in `clock`), varint counter. any id = varint 0 (none, or the
//! start), varint 1 (the end), or varint 2 + replica, varint counter. Lamports of
//! registers are those of their writers. key, value = varint length, bytes.
namespace kimdb::crdt {

enum ListSlot : std::uint8_t { kElement = 0, kMovedElement = 1, kPlaceOfElement = 2 };

//! \brief Gathers the chunks of a document's state.
class StateWriter {
 public:
    //! Writes at most \a detail. Shallow makes all of the document the root.
    StateWriter(const Document::Impl& document, Detail detail);
    const FileReplicas& numbers() const { return m_numbers; }

    Bytes clock, deps, tree, text, sequences, dead_text;

 private:
    void writeClock();
    void writeLamports();
    void writeDeps();
    void writeContainer(const Container& container);
    void writeMap(const Container& map);
    void writeRegisters(const LwwMap& map);
    void writeRegister(const Register& shown);
    void writeText(const Container& container);
    void writeMark(const Rga& text_order, const Marks::Mark& mark);
    void writeList(const ElementList& list);
    void writeCounter(const Counter& counter);
    void writeElements();
    void writeId(OpId id);
    void writeAnyId(OpId id);
    using Elements = std::map<std::pair<OpId, ContainerType>, const Container*>;
    void findElements(const Container& container, Elements& elements) const;
    std::vector<RootFate> fatesOf(const Container& container) const;
    static std::vector<RootFate> fatesOf(const ElementList& list);
    bool isEmpty(const Container& container) const;
    std::size_t countOf(const LwwMap& map) const;

    const Document::Impl& m_document;
    Detail m_detail;
    bool m_makes_root;  // all of it
    FileReplicas m_numbers;
    SequenceWriter m_sequences;
    SequenceWriter::DeadText m_dead;
};

//! \brief Makes a document of its chunks. REQUIRES: \a document is new.
class StateReader {
 public:
    explicit StateReader(Document::Impl& document) : m_document(document) {}

    //! In this order. Errors: Malformed, Unsupported, TooLarge.
    Result<> readClock(ByteView clock);
    Result<> readDeps(ByteView deps);
    Result<> readTree(ByteView tree);
    Result<> readSequences(ByteView sequences, ByteView text, ByteView dead_text);

    const FileReplicas& numbers() const { return m_numbers; }
    //! A text or list of the tree, and what its sequence needs.
    struct Sequence {
        Container* container = nullptr;
        std::size_t bytes = 0;  //!< of text it shows
        struct Mark {
            MarkKey key;
            Marks::Mark mark;
            Anchor from, to;
        };
        std::vector<Mark> marks;
        struct Slot {
            std::uint8_t kind = kElement;
            Register value;
            OpId id;  //!< kMovedElement: the slot that shows it; kPlaceOfElement: the element
            std::uint64_t lamport = 0;
            ReplicaId replica = 0;
        };
        std::vector<Slot> slots;
    };
    const std::vector<Sequence>& sequences() const { return m_sequences; }

 private:
    void readContainer(ByteReader& in, Container& container);
    void readMap(ByteReader& in, Container& map);
    void readRegisters(ByteReader& in, Container& map);
    bool readRegister(ByteReader& in, Register& value);
    void readText(ByteReader& in, Container& text);
    void readMark(ByteReader& in, Sequence::Mark& mark);
    void readList(ByteReader& in, Container& list);
    void readCounter(ByteReader& in, Counter& counter);
    void readElements(ByteReader& in);
    OpId readId(ByteReader& in);
    OpId readAnyId(ByteReader& in);
    void readRoot(ByteReader& in);
    bool buildText(Sequence& sequence, Rga::Parts parts);
    bool buildList(Sequence& sequence, Rga::Parts parts);

    Document::Impl& m_document;
    FileReplicas m_numbers;
    std::vector<ReplicaId> m_ids;
    std::vector<std::uint64_t> m_heads;  // by number
    std::vector<Sequence> m_sequences;
    bool m_supported = true;
    std::size_t m_memory_left = 0;  // for containers
};

}  // namespace kimdb::crdt
