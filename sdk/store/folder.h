// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "core/clock.h"
#include "store/file_layer.h"

//! A database folder (docs/STORAGE.md "Folder"):
//!   FORMAT              text: version, shard count, store id, checksum; written last when the
//!   folder is made LOCK                who uses the folder; the lock itself is the kernel's
//!   journal/N.seg       segments of the journal
//!   shard-0.db …        the shards, each with SQLite's -wal and -shm beside it
namespace kimdb::store {

inline constexpr int kFolderVersion = 1;

//! \brief The folder of one open database, locked for this process.
class Folder {
 public:
    //! Locks the folder; makes one when it is missing or empty. Nothing is made or changed when the
    //! folder is refused. Errors: VersionTooNew, ShardCountMismatch, DatabaseBusy,
    //! PermissionDenied, StorageCorrupt, StorageFull; InvalidArgument when it is a file or holds
    //! something else.
    static Result<Folder> open(FileLayer& files, Random& random, const std::string& path,
                               int shard_count);

    std::uint64_t storeId() const { return m_store_id; }
    std::string journal() const { return m_path + "/journal"; }
    std::string shard(int index) const { return shardPath(m_path, index); }

    static std::string shardPath(const std::string& path, int index) {
        return path + "/shard-" + std::to_string(index) + ".db";
    }

 private:
    std::string m_path;
    std::uint64_t m_store_id = 0;
    std::unique_ptr<FolderLock> m_lock;
};

//! \brief The contents of FORMAT.
struct FolderFormat {
    int shard_count = 0;
    std::uint64_t store_id = 0;
};
Bytes encodeFormat(const FolderFormat& format);
//! \brief Errors: VersionTooNew; Malformed.
Result<FolderFormat> decodeFormat(ByteView text);

}  // namespace kimdb::store
