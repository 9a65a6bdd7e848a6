// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <kimdb/ids.h>

#include "core/bytes.h"

//! The frame of a document file (**format**, docs/CRDT.md "The file"): chunks that stand alone, so
//! that text can be read without the rest, and that programs may skip.
//!
//!   file    "KimDBdoc" | u8 version = 1 | chunks, ascending by type | end
//!   chunk   u8 type ≥ 1 | u8 coding | varint size | coding > 0: varint inflated size
//!           | size bytes | u32 LE CRC32C of the chunk so far
//!   coding  0 as it is, 1 zstd, 2 zstd behind the text chunk (RFC 8878; "prefix")
//!   end     u8 0 | u32 LE CRC32C of all in front of it
//!
//! Types below 64 are needed to understand the document: an unknown one is Unsupported. Others are
//! kept and passed on: 64-127 as long as the document lives, from 128 only until it is changed.
namespace kimdb::crdt {

enum class ChunkType : std::uint8_t {
    Clock = 1,      //!< who wrote how much, lamports
    Tree = 2,       //!< containers, registers, counters
    Text = 3,       //!< what texts show
    Sequences = 4,  //!< the order of texts, and who deleted what
    DeadText = 5,   //!< text that does not show
    Deps = 6,       //!< what changes knew of each other
    Changes = 7,    //!< what the changes were, beyond what the state says
    Undo = 8,       //!< the author's own undo stacks
    Names = 64,     //!< named versions
};
inline constexpr std::uint8_t kFirstOptionalChunk = 64;
inline constexpr std::uint8_t kFirstVolatileChunk = 128;

//! \brief A chunk this version does not know, as it was found.
struct ForeignChunk {
    std::uint8_t type = 0;
    Bytes bytes;  //!< the whole chunk
    bool operator==(const ForeignChunk&) const = default;
};

enum class Compression : std::uint8_t { None, Zstd };

class ChunkWriter {
 public:
    explicit ChunkWriter(Compression compression);
    //! Leaves empty chunks out. \a prefix: what the reader will have read by then, or nothing.
    //! REQUIRES: types ascend.
    void add(ChunkType type, ByteView inflated, ByteView prefix = {});
    void add(const ForeignChunk& chunk);
    Bytes finish();

 private:
    void end(std::size_t begin);

    Compression m_compression;
    Bytes m_file;
};

//! \brief Opens a file: checks the frame and every checksum, inflates nothing. The bytes outlive
//! it.
class ChunkReader {
 public:
    //! Errors: Malformed; VersionTooNew; Unsupported (a chunk that is needed and not known).
    static Result<ChunkReader> open(ByteView file);
    bool has(ChunkType type) const { return find(type) != nullptr; }
    //! Inflates a chunk; empty if there is none. Memory grows with what comes out, not with what
    //! the chunk says. Errors: Malformed, TooLarge (limits::kFileChunkBytesMax).
    Result<Bytes> read(ChunkType type, ByteView prefix = {}) const;
    const std::vector<ForeignChunk>& foreign() const { return m_foreign; }

 private:
    struct Chunk {
        ChunkType type = ChunkType::Clock;
        std::uint8_t coding = 0;
        std::uint64_t inflated = 0;
        ByteView bytes;
    };
    const Chunk* find(ChunkType type) const;
    Result<> readChunk(ByteReader& in, std::uint8_t type, std::size_t begin, ByteView file);

    std::vector<Chunk> m_chunks;
    std::vector<ForeignChunk> m_foreign;
};

}  // namespace kimdb::crdt
