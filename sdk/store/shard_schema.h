// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "store/sqlite.h"

//! The tables of a shard and how an older one is brought to them (docs/STORAGE.md "Shards").
namespace kimdb::store {

inline constexpr int kShardVersion = 2;                        // PRAGMA user_version of a shard
inline constexpr std::int32_t kShardApplication = 0x4B494D42;  // PRAGMA application_id: "KIMB"

//! \brief Where a shard is and which one it must be.
struct ShardPlace {
    std::string path;
    int index = 0;
    int count = 0;
    std::uint64_t store_id = 0;
    const char* vfs = nullptr;
    std::size_t cache_bytes = 1 << 20;  //!< page cache of the connection that writes
};

//! \brief A row of `documents`: where a document's log stands.
struct DocumentRow {
    std::uint64_t last = 0;       //!< position of its last entry
    std::uint64_t trimmed = 0;    //!< entries up to here were dropped
    std::uint64_t packed = 0;     //!< entries up to here are in blocks, the rest in `log`
    std::uint64_t shard_seq = 0;  //!< number of its last append in the shard's feed
};
std::uint32_t documentChecksum(ByteView doc, const DocumentRow& row);
//! \brief Checksum of a block's row.
std::uint32_t blockChecksum(ByteView doc, std::uint64_t first, std::uint64_t last, ByteView bytes);
//! \brief Checksum of a row that says which counters of a replica a block holds.
std::uint32_t blockStreamChecksum(ByteView doc, std::uint64_t replica, std::uint64_t first,
                                  std::uint64_t last, std::uint64_t block);
std::uint32_t snapshotChecksum(ByteView doc, std::uint64_t position, ByteView bytes);
std::uint32_t stateChecksum(ByteView name, std::int64_t value);

//! \brief Makes the tables in a new file and says which shard it is. Not flushed to the disk.
Result<> createShardTables(Connection& db, const ShardPlace& place);

//! \brief The version an open shard's file has.
Result<int> shardVersion(Connection& db);

//! \brief Brings version 1 to the present one in one transaction: whole or not at all.
Result<> upgradeShard(Connection& db);

}  // namespace kimdb::store
