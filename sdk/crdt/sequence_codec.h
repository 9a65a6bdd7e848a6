// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include <kimdb/ids.h>

#include "core/bytes.h"
#include "crdt/deletion_log.h"
#include "crdt/rga.h"

//! The order of a sequence in a file (**format**). Insertions and deletions stand as runs in one
//! order that follows from the version alone: of all replicas' next operations here the one with
//! the least (lamport, replica), as far as it goes on in one go. A run says what SequenceWalk does
//! not foretell:
//!
//!   sequence  varint dead text bytes | [root, if the document has one] | varint runs, 4 columns,
//!             each varint length and bytes | off, expunged, dropped: id ranges
//!   kinds     u8 per run: bits 0-1 kind, 2 jumps, 3 counter gap, 4 other replica,
//!             5 right origin said, 6 place said
//!   lengths   varint ≥ 1 per run
//!   jumps     zigzag ≠ 0 from the cursor of the replica, if bit 2
//!   rest      bit 4: varint replica; bit 3: varint ≥ 1 counters skipped; bit 5: varint right
//!             origin; bit 6: varint place; kind 3: varint ranges - 1, each further one zigzag
//!             from the end of the one before, varint length
//!   kinds     0 insert: n characters; cursor = left origin; right origin and place follow from it:
//!                what stands behind the left origin, and directly behind it
//!             1 back: n deletions of one character each; cursor = the first, then to the left
//!             2 ahead: the same to the right; the first is the one behind the cursor
//!             3 ranges: one deletion of several characters
//!   root      what a shallow document keeps of the version it begins with; the runs above go on
//!             from there: n × varint runs of each replica, 4 columns as above: kinds, lengths,
//!             skips, places. Runs are by replica and counter, characters that follow each other
//!     kind    bits 0-1 fate: 0 visible then, 1 buried, 2 stub; 2 left origin is not in front;
//!             3 right origin is behind; 4 skips counters; 5 is not behind the run before
//!     lengths varint length - 1, but for stubs
//!     skips   varint counters skipped - 1, if bit 4
//!     places  zigzag ≠ 0, if bit 5: among the runs in front of it in this order, in document
//!             order, how many farther than directly behind the last one
//!   id ranges varint n, n × (varint replica, varint counter gap, varint length - 1), ascending;
//!             in front of those dropped: u8 1 if all that is invisible is, too
//!
//! Dead text is what does not show, in document order, and a NUL for every character of a text that
//! has none (trimmed, buried, a stub, expunged): memory is for what a file has bytes for.
//!
//! Deletions named by bits 1-3 are those of characters numbered in the order of the file. Reading
//! costs a few words per character and one pass; nothing is searched.
namespace kimdb::crdt {

//! \brief Replicas of a file, ascending by id, and how the engine numbers them.
struct FileReplicas {
    std::vector<ReplicaIndex> engine;  //!< by file index
    std::vector<std::uint32_t> file;   //!< by engine index
    //! The root by file index: what is up to there has no structure. Empty: there is none.
    std::vector<std::uint64_t> root;
};

//! \brief What a new root does with a slot. Of each row of dropped ones the first stays as a stub.
enum class RootFate : std::uint8_t { Keep = 0, Bury = 1, Drop = 2 };

//! \brief Writes sequences; one after the other.
class SequenceWriter {
 public:
    using LamportOf = std::function<std::uint64_t(OpId)>;
    SequenceWriter(const ReplicaTable& replicas, const FileReplicas& numbers, LamportOf lamport_of)
        : m_replicas(replicas), m_numbers(numbers), m_lamport_of(std::move(lamport_of)) {}

    enum class DeadText { Keep, Drop };
    //! Appends the order to \a out, and the two texts. Returns the slots in the order of the file.
    std::vector<Slot> write(const Rga& sequence, DeadText dead_text, Bytes& out, Bytes& live,
                            Bytes& dead);
    //! The same with everything there is as the root. \a fates: by slot.
    std::vector<Slot> writeRoot(const Rga& sequence, const std::vector<RootFate>& fates, Bytes& out,
                                Bytes& live, Bytes* dead);

 private:
    struct Run;
    struct Stream;
    struct State;
    void writeRuns(State& state);
    void writeInsert(State& state, Stream& stream);
    void writeDeletion(State& state, Stream& stream);
    void writeRanges(const Rga& sequence, DeadText dead_text, Bytes& out, bool is_root) const;
    void writeOldRoot(State& state, Bytes& out) const;
    class RootRuns;

    const ReplicaTable& m_replicas;
    const FileReplicas& m_numbers;
    LamportOf m_lamport_of;
};

//! \brief What a sequence may consist of.
struct SequenceText {
    ByteView live;             //!< all of what shows
    ByteView* dead = nullptr;  //!< shortened by what is used; nullptr: elements without text
    std::size_t elements = 0;  //!< of those, stubs apart
};

//! \brief Reads one sequence. Errors: Malformed. Texts are valid UTF-8. \a heads: last counters by
//! file index. Slots are numbered in the order of the file.
Result<Rga::Parts> readSequence(ByteReader& in, const FileReplicas& numbers,
                                const std::vector<std::uint64_t>& heads, SequenceText text);

}  // namespace kimdb::crdt
