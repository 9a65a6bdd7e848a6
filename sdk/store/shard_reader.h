// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "store/memtable.h"
#include "store/shard_schema.h"
#include "store/sqlite.h"

namespace kimdb::store {

//! \brief A record with its key, as a scan finds it.
struct NamedRecord {
    std::string key;
    StoredRecord record;
};

//! \brief Reads one shard file through a connection of its own. Every call sees what was committed
//! when it began; every value is checked against its CRC32C. Errors: StorageCorrupt naming the
//! file, StorageFailed. Thread: one at a time.
class ShardReader {
 public:
    static Result<std::unique_ptr<ShardReader>> open(const std::string& path, const char* vfs,
                                                     std::size_t cache_bytes);

    //! Where the document's log stands; all zero when it has none.
    Result<DocumentRow> document(const std::string& doc);
    //! A dense run behind \a after: it ends where \a bytes_max is reached, or with the log.
    //! Errors: TooOld when it was trimmed above \a after.
    Result<std::vector<LogEntry>> readLog(const std::string& doc, std::uint64_t after,
                                          std::size_t bytes_max);
    Result<std::optional<LogEntry>> findEntry(const std::string& doc, ReplicaId replica,
                                              std::uint64_t counter);
    //! The newest at or below \a position.
    Result<std::optional<Snapshot>> snapshot(const std::string& doc, std::uint64_t position);
    Result<std::vector<FeedItem>> feed(std::uint64_t after, std::size_t limit);
    Result<std::optional<Bytes>> get(const std::string& doc, const std::string& key);
    Result<std::vector<std::pair<std::string, Bytes>>> scan(const std::string& doc,
                                                            const std::string& prefix);
    Result<std::vector<std::string>> documents();

    Result<std::optional<StoredRecord>> record(const RecordName& name);
    //! Walks the records of \a collection from \a from on. REQUIRES: endRecords() after it.
    void beginRecords(const std::string& collection, const std::string& from);
    //! The next one; nothing at the end.
    Result<std::optional<NamedRecord>> nextRecord();
    void endRecords() { m_scan_records.reset(); }
    Result<std::vector<std::string>> collections();
    //! How many records of \a collection are not expired at \a now_ms.
    Result<std::uint64_t> countRecords(std::string_view collection, std::int64_t now_ms);
    //! Names and versions of at most \a limit records that are expired at \a now_ms.
    struct Expired {
        std::string collection;
        std::string key;
        SeqNo version = 0;
    };
    Result<std::vector<Expired>> expired(std::int64_t now_ms, std::size_t limit);

    //! Until end(), every call sees the state of now.
    Result<> begin() { return m_begin.run(); }
    void end() { (void)m_end.run(); }
    Connection& connection() { return m_connection; }

 private:
    ShardReader() = default;
    Result<> prepare();
    Result<> readBlocks(const std::string& doc, std::uint64_t after, std::size_t bytes_max,
                        std::vector<LogEntry>& out);
    Result<> readHot(const std::string& doc, std::uint64_t after, std::size_t bytes_max,
                     std::vector<LogEntry>& out);
    Result<std::vector<LogEntry>> readRun(const std::string& doc, std::uint64_t after,
                                          std::size_t bytes_max);
    Result<std::optional<LogEntry>> findHot(const std::string& doc, ReplicaId replica,
                                            std::uint64_t counter);
    Result<std::optional<LogEntry>> findPacked(const std::string& doc, ReplicaId replica,
                                               std::uint64_t counter);
    Result<std::vector<LogEntry>> block(const std::string& doc, std::uint64_t last);
    Error damaged(const std::string& what) const;

    std::string m_path;
    Connection m_connection;  // outlives the statements
    Statement m_begin, m_end, m_document, m_read_log, m_read_blocks, m_find_entry, m_find_block;
    Statement m_snapshot, m_feed, m_get, m_scan, m_documents, m_record, m_scan_records, m_count;
    Statement m_expired, m_collections;
    std::string m_collection, m_from;
};

}  // namespace kimdb::store
