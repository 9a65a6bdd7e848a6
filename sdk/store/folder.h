// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/hash.h"
#include "core/limits.h"
#include "store/file_layer.h"

//! A database folder (docs/STORAGE.md "Folder"):
//!   FORMAT              text: version, shard count, store id, epoch, checksum; made last
//!   LOCK                who uses the folder; the lock itself is the kernel's
//!   journal/N.seg       segments of the journal
//!   shard-0.db …        the shards, each with SQLite's -wal and -shm beside it
namespace kimdb::store {

inline constexpr int kFolderVersion = 2;

//! \brief The contents of FORMAT.
struct FolderFormat {
    int version = kFolderVersion;
    int shard_count = 0;
    std::uint64_t store_id = 0;
    Hash16 epoch;  //!< zero in version 1, which has none
};
Bytes encodeFormat(const FolderFormat& format);
//! \brief Puts FORMAT into the folder, or exchanges it, at one moment and on the disk.
Result<> writeFormat(FileLayer& files, const std::string& path, const FolderFormat& format);
//! \brief Errors: VersionTooNew; Malformed.
Result<FolderFormat> decodeFormat(ByteView text);

//! \brief The folder of one open database, locked for this process.
class Folder {
 public:
    //! Locks the folder; makes one when it is missing or empty; marks one of an older version as of
    //! the present one, before anything in it is changed. Nothing is made or changed when the
    //! folder is refused. Errors: VersionTooNew, ShardCountMismatch, DatabaseBusy,
    //! PermissionDenied, StorageCorrupt, StorageFull; InvalidArgument when it is a file or holds
    //! something else.
    static Result<Folder> open(FileLayer& files, Random& random, const std::string& path,
                               int shard_count);

    std::uint64_t storeId() const { return m_format.store_id; }
    const Hash16& epoch() const { return m_format.epoch; }
    //! Why a shard's file cannot be one, found before opening it.
    std::optional<Error> damage(int shard) const {
        return m_damages[static_cast<std::size_t>(shard)];
    }
    //! Lets the next one in.
    void unlock() { m_lock.reset(); }
    std::string journal() const { return m_path + "/journal"; }
    std::string shard(int index) const { return shardPath(m_path, index); }

    static std::string shardPath(const std::string& path, int index) {
        return path + "/shard-" + std::to_string(index) + ".db";
    }

 private:
    std::string m_path;
    FolderFormat m_format;
    std::array<std::optional<Error>, limits::kShardCountMax> m_damages;
    std::unique_ptr<FolderLock> m_lock;
};

}  // namespace kimdb::store
