// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "store/log_store.h"

//! Cold entries of one document's log, packed (**format**, docs/STORAGE.md "Blocks"):
//!
//!   block:    u8 1 (zstd) | varint raw size | zstd frame of the raw bytes
//!   raw:      entry after entry, as in a journal record (store/batch_codec.h)
//!
//! The positions in a block are dense. How many there are is said by the row that holds it.
namespace kimdb::store {

//! REQUIRES: \a entries is not empty and its positions are dense.
Bytes encodeBlock(const std::vector<LogEntry>& entries);

//! \brief Strict inverse: refuses a raw size above limits::kLogBlockRawBytesMax before it takes
//! memory for it. Errors: Malformed.
Result<std::vector<LogEntry>> decodeBlock(ByteView bytes);

}  // namespace kimdb::store
