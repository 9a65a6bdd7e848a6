// SPDX-License-Identifier: MIT
#include "store/log_rows.h"

#include "store/batch_codec.h"
#include "store/block_codec.h"
#include "store/shard_schema.h"

namespace kimdb::store {

std::optional<LogEntry> logEntryOf(const Statement& row, ByteView doc) {
    LogEntry entry;
    entry.position = static_cast<std::uint64_t>(row.integer(0));
    entry.replica = static_cast<ReplicaId>(row.integer(1));
    entry.first = static_cast<std::uint64_t>(row.integer(2));
    entry.count = static_cast<std::uint64_t>(row.integer(3));
    entry.received_ms = row.integer(4);
    entry.user = row.bytes(5);
    entry.flags = static_cast<std::uint8_t>(row.integer(6));
    const ByteView hash = row.bytes(7);
    if (hash.size() != 16) return {};
    entry.log_hash = Hash16::from(hash);
    entry.change = row.bytes(8);
    if (row.integer(9) != std::int64_t{entryChecksum(doc, entry)}) return {};
    return entry;
}

std::optional<std::vector<LogEntry>> blockOf(const Statement& row, ByteView doc) {
    const auto first = static_cast<std::uint64_t>(row.integer(0));
    const auto last = static_cast<std::uint64_t>(row.integer(1));
    const ByteView bytes = row.bytes(2);
    if (row.integer(3) != std::int64_t{blockChecksum(doc, first, last, bytes)}) return {};
    auto entries = decodeBlock(bytes);
    if (!entries || entries->front().position != first || entries->back().position != last)
        return {};
    return std::move(*entries);
}

}  // namespace kimdb::store
