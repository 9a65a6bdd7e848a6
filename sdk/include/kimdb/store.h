// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kimdb/ids.h>
#include <kimdb/result.h>

namespace kimdb {

//! \brief A folder of records: (collection, key) → value, local and not synchronised.
//!
//! It is the same engine that keeps documents: a journal in front of SQLite shards. Collection and
//! key are named like documents are (see DocumentName), in a space of their own; a value is bytes.
//! Thread: every function from any thread.
//! Owner: the caller of open(). The destructor makes durable what was set and releases the folder.
//! Reads see every finished set() and remove() at once.
class Store {
 public:
    struct Record {
        std::string key;
        Bytes value;
        bool operator==(const Record&) const = default;
    };

    //! \brief Opens or makes the folder \a path, and recovers it after a crash.
    //! Errors: DatabaseBusy, VersionTooNew, StorageCorrupt, StorageFull, StorageFailed,
    //! PermissionDenied.
    static Result<std::unique_ptr<Store>> open(const std::string& path);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    //! \brief Visible when it returns, durable a moment later. Errors: InvalidName, TooLarge,
    //! StorageFull, StorageFailed.
    Result<> set(std::string_view collection, std::string_view key, Bytes value);
    //! \brief As set(), and waits until it is durable, which makes durable all that was set before.
    Result<> setDurable(std::string_view collection, std::string_view key, Bytes value);
    //! \brief Nothing happens when there is no such record. Errors: as set().
    Result<> remove(std::string_view collection, std::string_view key);
    //! Errors: InvalidName, StorageCorrupt, StorageFailed.
    Result<std::optional<Bytes>> get(std::string_view collection, std::string_view key) const;
    //! \brief At most \a limit records with a key >= \a from, ascending by the bytes of the key.
    //! To go on: the last key with a '-' behind it, the smallest character of a name, as \a from.
    Result<std::vector<Record>> scan(std::string_view collection, std::string_view from,
                                     std::size_t limit) const;

 private:
    class Impl;
    explicit Store(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

}  // namespace kimdb
