// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "store/log_store.h"
#include "store/sqlite.h"

//! How rows of a shard become values again: with their checksums, which both the reading and the
//! writing side check.
namespace kimdb::store {

//! The columns that logEntryOf() expects, from column 0 on.
#define KIMDB_ENTRY_COLUMNS \
    "position, replica, first, count, received_ms, user, flags, log_hash, change, crc"

//! \brief The entry of a row of `log`; nothing when its checksum is wrong.
std::optional<LogEntry> logEntryOf(const Statement& row, ByteView doc);

//! \brief The entries of a row "first, last, entries, crc" of `blocks`; nothing when it is damaged.
std::optional<std::vector<LogEntry>> blockOf(const Statement& row, ByteView doc);

}  // namespace kimdb::store
