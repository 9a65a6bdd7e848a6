// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "store/log_store.h"

//! The journal's bytes (**format**, docs/STORAGE.md "Journal"). A segment file is
//!
//!   segment header   one block:  8 "KIMDBSEG" | u32 version = 1 | u64 file size | u32 CRC32C of
//!   the 20
//!                    bytes before; the rest of the block is zero. Written once, when the file is
//!                    made
//!   groups           each begins at a block boundary and is padded with zeros to the next
//!
//! and a group, which is one write and one fdatasync,
//!
//!   group header     8 "KIMDBGRP" | u64 segment id | u64 first | u64 durable | u64 cut | u32 count
//!   |
//!                    u32 body size | u32 CRC32C of u64 store id and the 48 bytes before
//!   body             count × record: u32 size | u32 CRC32C | size bytes (one batch)
//!
//! Integers are little endian. Record i has sequence number first + i; its CRC is taken over u64
//! store id, u64 segment id, u64 sequence number, u32 size and the bytes, so that neither what an
//! earlier life of the file left behind nor bytes a user made up count as a record. *durable* is
//! durable_seq when the group was written (SYNC rule 3). *cut* is the last number that counts from
//! segments with a smaller id: what a recovery has cut off stays cut off.
//!
//! Groups are aligned to blocks so that a block with durable bytes is never written again: a torn
//! write can damage only what nobody was told is durable.
namespace kimdb::store {

inline constexpr std::size_t kBlockBytes = 4096;
inline constexpr std::size_t kSegmentHeaderBytes = 24;
inline constexpr std::size_t kGroupHeaderBytes = 52;
inline constexpr std::size_t kRecordHeaderBytes = 8;
inline constexpr std::uint32_t kSegmentVersion = 1;

struct GroupHeader {
    std::uint64_t segment = 0;
    SeqNo first = 0;
    SeqNo durable = 0;
    SeqNo cut = 0;
    std::uint32_t count = 0;
    std::uint32_t body_bytes = 0;

    //! What the group takes in the file, padding included.
    std::size_t spanBytes() const;
    bool operator==(const GroupHeader&) const = default;
};

//! \brief The first block of a new segment file of \a file_bytes bytes.
Bytes encodeSegmentHeader(std::uint64_t file_bytes);
//! \brief Errors: Malformed; VersionTooNew.
Result<> checkSegmentHeader(ByteView block);

//! \brief A whole group, padded. count and body_bytes of \a header are filled in.
Bytes encodeGroup(std::uint64_t store_id, GroupHeader header, const std::vector<Bytes>& records);
//! \brief How long encodeGroup's result will be for records of \a payload_bytes in all.
std::size_t groupSpanBytes(std::size_t records, std::size_t payload_bytes);

//! \brief The header at the beginning of \a bytes, if there is a valid one.
std::optional<GroupHeader> decodeGroupHeader(std::uint64_t store_id, ByteView bytes);

//! \brief One record of a group whose header is valid.
struct RecordRange {
    SeqNo seq = 0;
    std::size_t offset = 0;        //!< of the record in the group
    std::optional<Bytes> payload;  //!< nothing when it is damaged; the walk ends there
};
//! \brief The records of the group at the beginning of \a bytes, up to and with the first damaged
//! one.
std::vector<RecordRange> decodeRecords(std::uint64_t store_id, const GroupHeader& header,
                                       ByteView bytes);

}  // namespace kimdb::store
