// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <kimdb/ids.h>

namespace kimdb::store {

//! \brief One open file, read and written at offsets.
//! Thread: one at a time per file, except that reads may go on beside a write of other bytes.
//! Errors of all: StorageFull (retryable), PermissionDenied, StorageFailed.
class File {
 public:
    virtual ~File() = default;
    virtual Result<std::uint64_t> size() const = 0;
    //! At most \a bytes_max bytes; fewer only at the end of the file.
    virtual Result<Bytes> readAt(std::uint64_t offset, std::size_t bytes_max) const = 0;
    virtual Result<> writeAt(std::uint64_t offset, ByteView bytes) = 0;
    //! Everything written so far is on the disk (fdatasync). After an error nothing is known about
    //! what was written since the last success, and a second call proves nothing.
    virtual Result<> syncData() = 0;
};

//! \brief A kernel lock on a folder, held until destroyed or until the process ends.
class FolderLock {
 public:
    virtual ~FolderLock() = default;
};

//! \brief The seam between the store and the disk: what the engine does to files outside SQLite
//! goes through here, so that tests can count, fail and lose it. Thread: any.
class FileLayer {
 public:
    enum class Access { Read, ReadWrite, Create };  //!< Create empties a file that exists

    virtual ~FileLayer() = default;
    //! Errors: NotFound, PermissionDenied, StorageFull, StorageFailed.
    virtual Result<std::unique_ptr<File>> open(const std::string& path, Access access) = 0;
    //! Names in a folder, ascending. Errors: NotFound; InvalidArgument when it is no folder.
    virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
    //! Makes the folder and its parents; fine when it exists.
    virtual Result<> makeFolder(const std::string& path) = 0;
    virtual Result<> rename(const std::string& from, const std::string& to) = 0;
    //! A file or an empty folder; fine when it is gone already.
    virtual Result<> remove(const std::string& path) = 0;
    //! Names made, renamed and removed in the folder so far are on the disk.
    virtual Result<> syncFolder(const std::string& path) = 0;
    //! Locks the file \a path for this process and open, writing pid and program name into it.
    //! Errors: DatabaseBusy naming the holder, also when it is this process.
    virtual Result<std::unique_ptr<FolderLock>> lock(const std::string& path) = 0;
    //! Which SQLite VFS the shards use; null = SQLite's default.
    virtual const char* sqliteVfs() const { return nullptr; }
};

//! \brief The operating system's files.
FileLayer& posixFiles();

}  // namespace kimdb::store
