// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kimdb/ids.h>
#include <kimdb/result.h>

namespace kimdb {

//! \brief How a Store is opened.
struct StoreOptions {
    //! A folder of the store's own: missing, empty, or made by a Store before.
    std::string path;
    //! Number of SQLite files, 1 to 8. Must be what the folder was made with.
    int shard_count = 8;
    //! Memory for what the SQLite files do not hold yet, at least 64 KiB; on a phone
    //! 4 MiB will do.
    std::size_t buffer_bytes = 64 << 20;
    //! When nothing was set for so long, the buffer is moved into the SQLite files. At least 1 ms.
    std::chrono::milliseconds flush_interval{100};
};

//! \brief A folder of records: (collection, key) → value, local and not synchronised.
//!
//! It is the same engine that keeps documents: a journal in front of SQLite shards. Collection and
//! key are named like documents are (see DocumentName), in a space of their own; a value is bytes.
//! Thread: every function from any thread; writes of different threads are ordered by a lock
//! inside.
//! Owner: the caller of open(). The destructor closes.
//! Reads see every finished set() and remove() at once. What was set before a durable set is
//! durable no later than it.
class Store {
 public:
    struct Record {
        std::string key;
        Bytes value;
        bool operator==(const Record&) const = default;
    };

    //! \brief Opens or makes the folder, and recovers it after a crash.
    //! Errors: InvalidArgument (options, or the folder holds something else), DatabaseBusy naming
    //! the holder, VersionTooNew, ShardCountMismatch, StorageCorrupt, StorageFull, StorageFailed,
    //! PermissionDenied. A folder that is refused is not changed.
    static Result<std::unique_ptr<Store>> open(const StoreOptions& options);
    static Result<std::unique_ptr<Store>> open(const std::string& path);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    //! \brief Visible when it returns, durable a moment later. Errors: InvalidName, TooLarge (64
    //! MiB), StorageFull (retryable), StorageFailed, Closed.
    Result<> set(std::string_view collection, std::string_view key, Bytes value);
    //! \brief As set(); the future is ready when the record is on the disk, and has the error when
    //! it will not get there. Not waiting for one before the next lets many share a flush. On a
    //! full disk an accepted record waits for space.
    std::future<Result<>> setDurable(std::string_view collection, std::string_view key,
                                     Bytes value);
    //! \brief Nothing happens when there is no such record. Errors: as set().
    Result<> remove(std::string_view collection, std::string_view key);

    //! Errors: InvalidName, StorageCorrupt, StorageFailed, Closed.
    Result<std::optional<Bytes>> get(std::string_view collection, std::string_view key) const;
    Result<bool> contains(std::string_view collection, std::string_view key) const;
    //! \brief At most \a limit records with a key >= \a from, ascending by the bytes of the key.
    //! To go on: the last key with a '-' behind it, the smallest character of a name, as \a from.
    //! Each record is shown as it was at one moment during the call.
    Result<std::vector<Record>> scan(std::string_view collection, std::string_view from,
                                     std::size_t limit) const;

    //! \brief Waits until the SQLite files hold everything that was set. Never needed for safety.
    //! Errors: StorageFull, StorageFailed, Closed.
    Result<> flush();
    //! \brief Makes durable what was set and releases the folder. Later calls return Closed.
    //! Error: what kept something from becoming durable.
    Result<> close();

 private:
    class Impl;
    explicit Store(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

}  // namespace kimdb
