// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "store/log_store.h"
#include "store/sqlite.h"

namespace kimdb::store {

//! \brief Reads one shard file through a connection of its own. Every call sees what was committed
//! when it began; every value is checked against its CRC32C. Errors: StorageCorrupt naming the
//! file, StorageFailed. Thread: one at a time.
class ShardReader {
 public:
    static Result<std::unique_ptr<ShardReader>> open(const std::string& path, const char* vfs);

    Result<std::uint64_t> lastPosition(const std::string& doc);
    //! A dense run: it ends where \a bytes_max is reached, or at a position that is missing.
    Result<std::vector<LogEntry>> readLog(const std::string& doc, std::uint64_t after,
                                          std::size_t bytes_max);
    Result<std::optional<LogEntry>> findEntry(const std::string& doc, ReplicaId replica,
                                              std::uint64_t counter);
    Result<std::optional<Bytes>> get(const std::string& doc, const std::string& key);
    Result<std::vector<std::pair<std::string, Bytes>>> scan(const std::string& doc,
                                                            const std::string& prefix);
    Result<std::vector<std::string>> documents();
    Result<std::optional<Bytes>> record(const std::string& collection, const std::string& key);

    //! Walks the records of \a collection from \a from on. REQUIRES: endRecords() after it.
    void beginRecords(const std::string& collection, const std::string& from);
    //! The next one; nothing at the end.
    Result<std::optional<std::pair<std::string, Bytes>>> nextRecord();
    void endRecords() { m_scan_records.reset(); }

 private:
    ShardReader() = default;
    Result<> prepare();
    Result<LogEntry> entryOf(const Statement& row, const std::string& doc) const;
    Error damaged(const std::string& what) const;

    std::string m_path;
    Connection m_connection;  // outlives the statements
    Statement m_last_position, m_read_log, m_find_entry, m_get, m_scan, m_documents, m_record;
    Statement m_scan_records;
    std::string m_collection, m_from;
};

}  // namespace kimdb::store
