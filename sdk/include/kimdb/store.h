// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <future>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kimdb/ids.h>
#include <kimdb/result.h>
#include <kimdb/store_options.h>
#include <kimdb/store_statistics.h>
#include <kimdb/value.h>

namespace kimdb {

//! \brief Names one write of a record: each write of a store has a larger one than all before it.
//! 0 means "there is no such record".
using RecordVersion = std::uint64_t;

//! \brief What a write of a record may add to its value.
struct WriteOptions {
    //! Only if the record has this version now (0: only if there is none); otherwise Conflict.
    std::optional<RecordVersion> if_version;
    //! The record is gone after so long, by the system's clock. 0: it stays.
    std::chrono::milliseconds ttl{0};
};

//! \brief Writes that take place together: all of them or none, also after a crash, whatever shards
//! they touch. A plain value.
class WriteBatch {
 public:
    void set(std::string collection, std::string key, Bytes value, WriteOptions options = {});
    void remove(std::string collection, std::string key,
                std::optional<RecordVersion> if_version = {});
    //! The batch takes place only if the record has \a version (0: only if there is none).
    void require(std::string collection, std::string key, RecordVersion version);
    bool empty() const { return m_writes.empty(); }

 private:
    friend class Store;
    struct Write {
        std::string collection;
        std::string key;
        std::optional<Bytes> value;  // nothing: remove
        std::chrono::milliseconds ttl{0};
    };
    struct Demand {
        std::string collection;
        std::string key;
        RecordVersion version = 0;
    };
    std::vector<Write> m_writes;
    std::vector<Demand> m_demands;
};

//! \brief Both acknowledgements of a write.
struct Acknowledgements {
    //! Every read sees it; with the version it gave. Ready at once.
    std::future<Result<RecordVersion>> buffered;
    //! It is on the disk, or will not get there. On a full disk an accepted write waits for space.
    std::future<Result<>> durable;
};

//! \brief Hears how far something long has come; the total is an estimate and may be 0. Called from
//! the thread that does it. False: stop.
using StoreProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

//! \brief Rows of a query.
struct QueryResult {
    std::vector<std::string> columns;
    std::vector<std::vector<Value>> rows;
};

//! \brief A folder of records: (collection, key) → value, local and not synchronised.
//!
//! It is the same engine that keeps documents: a journal in front of SQLite shards. Collection and
//! key are named like documents are (see DocumentName), in a space of their own; a value is bytes.
//! Thread: every function from any thread; writes of different threads are ordered by a lock
//! inside.
//! Owner: the caller of open(). The destructor closes.
//! Reads see every finished write at once. What was written before a durable write is durable no
//! later than it.
//! Errors of every write: InvalidName, Conflict (retryable), TooLarge (64 MiB), StorageFull
//! (retryable), StorageFailed, StorageCorrupt (its shard is damaged), Closed; of every read:
//! InvalidName, StorageCorrupt, StorageFailed, Closed.
class Store {
 public:
    struct Record {
        std::string key;
        Bytes value;
        RecordVersion version = 0;
        bool operator==(const Record&) const = default;
    };
    class Transaction;

    //! \brief Opens or makes the folder, brings an older one to the present format, and recovers it
    //! after a crash. A damaged shard does not keep the others from serving: see damages().
    //! Errors: InvalidArgument (options, or the folder holds something else), DatabaseBusy naming
    //! the holder, VersionTooNew, ShardCountMismatch, StorageCorrupt, StorageFull, StorageFailed,
    //! PermissionDenied. A folder that is refused is not changed.
    static Result<std::unique_ptr<Store>> open(const StoreOptions& options);
    static Result<std::unique_ptr<Store>> open(const std::string& path);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    //! \brief Visible when it returns; durable too if StoreOptions::durability says so, else a
    //! moment later.
    Result<RecordVersion> set(std::string_view collection, std::string_view key, Bytes value,
                              const WriteOptions& options = {});
    //! \brief As set(); the future is ready when the record is on the disk, or will not get there.
    //! Not waiting for one before the next lets many share a flush.
    std::future<Result<>> setDurable(std::string_view collection, std::string_view key, Bytes value,
                                     const WriteOptions& options = {});
    //! \brief Nothing happens when there is no such record.
    Result<> remove(std::string_view collection, std::string_view key,
                    std::optional<RecordVersion> if_version = {});
    //! \brief All of \a batch or nothing. Waits as set() does.
    Result<RecordVersion> commit(WriteBatch batch);
    //! \brief As commit(), with a future for each acknowledgement.
    Acknowledgements write(WriteBatch batch);
    //! \brief A transaction that sees its own writes and takes place only if nothing it has read
    //! was changed meanwhile. REQUIRES: the store outlives it.
    Transaction begin();

    Result<std::optional<Bytes>> get(std::string_view collection, std::string_view key) const;
    //! \brief The value with its version.
    Result<std::optional<Record>> find(std::string_view collection, std::string_view key) const;
    Result<bool> contains(std::string_view collection, std::string_view key) const;
    //! \brief At most \a limit records with a key >= \a from, ascending by the bytes of the key.
    //! To go on: the last key with a '-' behind it, the smallest character of a name, as \a from.
    //! Each record is shown as it was at one moment during the call.
    Result<std::vector<Record>> scan(std::string_view collection, std::string_view from,
                                     std::size_t limit) const;
    //! \brief How many records a collection has. Takes time in proportion to it.
    Result<std::uint64_t> count(std::string_view collection) const;

    //! \brief Which shard a record lives in.
    int shardOf(std::string_view collection, std::string_view key) const;
    //! \brief Makes a collection queryable: its records are in the table "records:NAME"(key, json,
    //! version) of query(), json being NULL for a value that is no JSON. To be called after each
    //! open(); builds the table when it is not up to date (the first time, after a crash, when
    //! query.db was deleted), and \a progress hears of it. Errors too: InvalidName.
    Result<> declareQueryable(const std::string& collection, const StoreProgress& progress = {});
    //! \brief An index for json_extract(json, PATH). \a json_path: "$.field". REQUIRES: declared.
    Result<> createIndex(const std::string& collection, const std::string& json_path);
    //! \brief The full-text table (FTS5) "text:records:NAME" with a column f0, f1, … for each path;
    //! its rowid is that of the collection's table. REQUIRES: declared.
    Result<> createTextIndex(const std::string& collection,
                             const std::vector<std::string>& json_paths);
    //! \brief Runs one SELECT of SQLite with the parameters ?1, ?2, …; it sees every write that has
    //! returned. At most \a rows_max rows, at most 5 s (Timeout). Errors too: InvalidArgument.
    Result<QueryResult> query(const std::string& sql, const std::vector<Value>& parameters = {},
                              std::size_t rows_max = 10'000);
    //! \brief How SQLite would run it, a line for each step.
    Result<std::vector<std::string>> explain(const std::string& sql);

    //! \brief What the store is doing. Cheap enough to be asked every second.
    StoreStatistics statistics() const;
    ShardStatistics shardStats(int shard) const;
    //! \brief The shards that are damaged and do not serve, each with its error; the others do.
    std::vector<Error> damages() const;

    //! \brief Reads every row of every file and checks it: one line for each damage, with file and
    //! row; none: all is well. Reads and writes go on. Errors: StorageFailed, Closed.
    Result<std::vector<std::string>> verify(const StoreProgress& progress = {}) const;
    //! \brief Copies all that was written so far into \a folder, which must not exist or be empty,
    //! while reads and writes go on. restore() makes a store of it. Errors too: InvalidArgument.
    Result<> backup(const std::string& folder, const StoreProgress& progress = {}) const;
    //! \brief Makes the store \a folder, which must not exist or be empty, from a backup; every row
    //! of it is checked before. All or nothing. Errors: InvalidArgument, StorageCorrupt, those of
    //! files.
    static Result<> restore(const std::string& backup, const std::string& folder,
                            const StoreProgress& progress = {});
    //! \brief Gives a store that is not open another number of shards, 1 to 8. A crash leaves the
    //! old or the new one. Errors: as open(); Closed when \a progress said stop.
    static Result<> reshard(const std::string& folder, int shard_count,
                            const StoreProgress& progress = {});
    //! \brief Writes the records as JSON, one line each, with the line's end. Errors: of reads.
    Result<> exportTo(std::ostream& out, const StoreProgress& progress = {}) const;
    //! \brief Sets the records that exportTo() wrote, and waits until they are durable. A line that
    //! is not understood ends it with Malformed and its number; what came before stays.
    Result<> importFrom(std::istream& in, const StoreProgress& progress = {});
    //! \brief After it nothing that was removed or overwritten before is in a file of the store any
    //! more. Takes a flush and waits for scans that are under way.
    Result<> eraseTraces();

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

//! \brief Reads and writes that take place together, or not at all: optimistic, nothing is locked.
//! commit() is refused with Conflict when a record that was read has been changed since; then begin
//! again. Phantoms are not looked for: a transaction reads by key only. Thread: one at a time.
class Store::Transaction {
 public:
    //! What this transaction wrote, else what the store has.
    Result<std::optional<Bytes>> get(std::string_view collection, std::string_view key);
    void set(std::string_view collection, std::string_view key, Bytes value,
             std::chrono::milliseconds ttl = std::chrono::milliseconds{0});
    void remove(std::string_view collection, std::string_view key);
    //! Waits as Store::set() does. Afterwards the transaction is empty and may be used again.
    Result<RecordVersion> commit();
    //! As commit(), with a future for each acknowledgement.
    Acknowledgements write();

 private:
    friend class Store;
    explicit Transaction(Store& store) : m_store(store) {}
    using Name = std::pair<std::string, std::string>;
    struct Write {
        std::optional<Bytes> value;
        std::chrono::milliseconds ttl{0};
    };
    WriteBatch take();

    Store& m_store;
    std::map<Name, RecordVersion> m_read;
    std::map<Name, Write> m_writes;
};

}  // namespace kimdb
