// SPDX-License-Identifier: MIT
#pragma once

#include "core/bytes.h"
#include "store/log_store.h"

//! How a batch is written into a journal record (**format**, docs/STORAGE.md "Batch"):
//!
//!   varint n, n × op
//!   op:  u8 kind, then
//!     1 append, 2 replace     bytes doc, entry
//!     3 put                   bytes doc, bytes key, bytes value
//!     4 erase                 bytes doc, bytes key
//!     5 put record            bytes collection, bytes key, bytes value
//!     6 erase record          bytes collection, bytes key
//!     7 put expiring record   bytes collection, bytes key, bytes value, varint expires_ms > 0
//!     8 put snapshot          bytes doc, varint position, bytes snapshot
//!     9 erase snapshot        bytes doc, varint position
//!     10 trim log             bytes doc, varint up_to
//!   entry: varint position | u64 LE replica | varint first | varint count | zigzag received_ms |
//!          bytes user | u8 flags | 16 log hash | bytes change
//!   bytes: varint length, then so many bytes
namespace kimdb::store {

Bytes encodeBatch(const Batch& batch);

//! \brief Strict inverse of encodeBatch. Errors: Malformed.
Result<Batch> decodeBatch(ByteView bytes);

//! \brief An entry as in a journal record; a shard's checksum of a row is taken over doc and this.
void encodeEntry(Bytes& out, const LogEntry& entry);

//! \brief Strict inverse of encodeEntry; \a in fails when the bytes break the grammar.
LogEntry decodeEntry(ByteReader& in);

//! \brief Checksum of a log row, a key's row and a record's row in a shard. Each covers the row's
//! name too, so that a value found under another name is noticed.
std::uint32_t entryChecksum(ByteView doc, const LogEntry& entry);
std::uint32_t valueChecksum(ByteView space, ByteView key, ByteView value);

//! \brief Checksum of a record's row. One that has version 1 and never expires has the sum that
//! format version 1 gave it, so that an upgrade touches no row.
std::uint32_t recordChecksum(ByteView collection, ByteView key, ByteView value, SeqNo version,
                             std::int64_t expires_ms);

}  // namespace kimdb::store
