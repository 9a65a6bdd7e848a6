// SPDX-License-Identifier: MIT
#include "store/shard_reader.h"

#include "store/batch_codec.h"

namespace kimdb::store {
namespace {

#define KIMDB_ENTRY_COLUMNS \
    "position, replica, first, count, received_ms, user, flags, log_hash, change, crc"

// Steps from one name to the next through the index instead of reading every row of it.
constexpr const char* kDocuments =
    "WITH RECURSIVE l(doc) AS (SELECT min(doc) FROM log UNION ALL"
    " SELECT (SELECT min(doc) FROM log WHERE doc > l.doc) FROM l WHERE l.doc IS NOT NULL),"
    " m(doc) AS (SELECT min(doc) FROM meta UNION ALL"
    " SELECT (SELECT min(doc) FROM meta WHERE doc > m.doc) FROM m WHERE m.doc IS NOT NULL)"
    " SELECT doc FROM l WHERE doc IS NOT NULL UNION SELECT doc FROM m WHERE doc IS NOT NULL"
    " ORDER BY doc";

}  // namespace

Result<std::unique_ptr<ShardReader>> ShardReader::open(const std::string& path, const char* vfs) {
    auto connection = Connection::open(path, Connection::Mode::Read, vfs);
    if (!connection) return connection.error();
    std::unique_ptr<ShardReader> reader(new ShardReader);
    reader->m_path = path;
    reader->m_connection = std::move(*connection);
    if (auto ok = reader->prepare(); !ok) return ok.error();
    return reader;
}

Result<> ShardReader::prepare() {
    const std::pair<Statement*, const char*> all[] = {
        {&m_last_position, "SELECT max(position) FROM log WHERE doc = ?1"},
        {&m_read_log, "SELECT " KIMDB_ENTRY_COLUMNS
                      " FROM log WHERE doc = ?1 AND position > ?2 ORDER BY position"},
        {&m_find_entry,
         "SELECT " KIMDB_ENTRY_COLUMNS " FROM log WHERE doc = ?1 AND replica = ?2 AND first <= ?3"
         " ORDER BY first DESC, position LIMIT 1"},
        {&m_get, "SELECT value, crc FROM meta WHERE doc = ?1 AND key = ?2"},
        {&m_scan, "SELECT key, value, crc FROM meta WHERE doc = ?1 AND key >= ?2 ORDER BY key"},
        {&m_documents, kDocuments},
        {&m_record, "SELECT value, crc FROM records WHERE collection = ?1 AND key = ?2"},
        {&m_scan_records,
         "SELECT key, value, crc FROM records WHERE collection = ?1 AND key >= ?2 ORDER BY key"},
    };
    for (const auto& [statement, sql] : all) {
        auto prepared = m_connection.prepare(sql);
        if (!prepared) return prepared.error();
        *statement = std::move(*prepared);
    }
    return {};
}

Error ShardReader::damaged(const std::string& what) const {
    return {ErrorCode::StorageCorrupt, m_path + ": " + what + " is damaged"};
}

Result<LogEntry> ShardReader::entryOf(const Statement& row, const std::string& doc) const {
    LogEntry entry;
    entry.position = static_cast<std::uint64_t>(row.integer(0));
    entry.replica = static_cast<ReplicaId>(row.integer(1));
    entry.first = static_cast<std::uint64_t>(row.integer(2));
    entry.count = static_cast<std::uint64_t>(row.integer(3));
    entry.received_ms = row.integer(4);
    entry.user = row.bytes(5);
    entry.flags = static_cast<std::uint8_t>(row.integer(6));
    const ByteView hash = row.bytes(7);
    if (hash.size() == 16) entry.log_hash = Hash16::from(hash);
    entry.change = row.bytes(8);
    if (hash.size() != 16 || row.integer(9) != std::int64_t{entryChecksum(doc, entry)})
        return damaged("log position " + std::to_string(entry.position) + " of document " + doc);
    return entry;
}

Result<std::uint64_t> ShardReader::lastPosition(const std::string& doc) {
    StatementUse use(m_last_position);
    use->bindText(1, doc);
    auto row = use->step();
    if (!row) return row.error();
    return static_cast<std::uint64_t>(use->integer(0));  // NULL reads as 0
}

Result<std::vector<LogEntry>> ShardReader::readLog(const std::string& doc, std::uint64_t after,
                                                   std::size_t bytes_max) {
    StatementUse use(m_read_log);
    use->bindText(1, doc);
    use->bindInteger(2, static_cast<std::int64_t>(after));
    std::vector<LogEntry> out;
    for (std::size_t bytes = 0; out.empty() || bytes < bytes_max;) {
        auto row = use->step();
        if (!row) return row.error();
        if (!*row) break;
        auto entry = entryOf(m_read_log, doc);
        if (!entry) return entry.error();
        if (!out.empty() && entry->position != out.back().position + 1)
            return damaged("log position " + std::to_string(out.back().position + 1) +
                           " of document " + doc);
        bytes += entry->change.size();
        out.push_back(std::move(*entry));
    }
    return out;
}

Result<std::optional<LogEntry>> ShardReader::findEntry(const std::string& doc, ReplicaId replica,
                                                       std::uint64_t counter) {
    StatementUse use(m_find_entry);
    use->bindText(1, doc);
    use->bindInteger(2, static_cast<std::int64_t>(replica));
    use->bindInteger(3, static_cast<std::int64_t>(counter));
    auto row = use->step();
    if (!row) return row.error();
    if (!*row) return std::optional<LogEntry>();
    auto entry = entryOf(m_find_entry, doc);
    if (!entry) return entry.error();
    if (counter - entry->first >= entry->count) return std::optional<LogEntry>();
    return std::optional<LogEntry>(std::move(*entry));
}

Result<std::optional<Bytes>> ShardReader::get(const std::string& doc, const std::string& key) {
    StatementUse use(m_get);
    use->bindText(1, doc);
    use->bindBlob(2, key);
    auto row = use->step();
    if (!row) return row.error();
    if (!*row) return std::optional<Bytes>();
    const ByteView value = use->bytes(0);
    if (use->integer(1) != std::int64_t{valueChecksum(doc, key, value)})
        return damaged("key " + key + " of document " + doc);
    return std::optional<Bytes>(value);
}

Result<std::vector<std::pair<std::string, Bytes>>> ShardReader::scan(const std::string& doc,
                                                                     const std::string& prefix) {
    StatementUse use(m_scan);
    use->bindText(1, doc);
    use->bindBlob(2, prefix);
    std::vector<std::pair<std::string, Bytes>> out;
    for (;;) {
        auto row = use->step();
        if (!row) return row.error();
        if (!*row || !use->bytes(0).starts_with(prefix)) return out;
        const ByteView key = use->bytes(0);
        const ByteView value = use->bytes(1);
        if (use->integer(2) != std::int64_t{valueChecksum(doc, key, value)})
            return damaged("key " + std::string(key) + " of document " + doc);
        out.emplace_back(key, value);
    }
}

Result<std::vector<std::string>> ShardReader::documents() {
    StatementUse use(m_documents);
    std::vector<std::string> out;
    for (;;) {
        auto row = use->step();
        if (!row) return row.error();
        if (!*row) return out;
        out.emplace_back(use->bytes(0));
    }
}

Result<std::optional<Bytes>> ShardReader::record(const std::string& collection,
                                                 const std::string& key) {
    StatementUse use(m_record);
    use->bindText(1, collection);
    use->bindText(2, key);
    auto row = use->step();
    if (!row) return row.error();
    if (!*row) return std::optional<Bytes>();
    const ByteView value = use->bytes(0);
    if (use->integer(1) != std::int64_t{valueChecksum(collection, key, value)})
        return damaged("record " + collection + "/" + key);
    return std::optional<Bytes>(value);
}

void ShardReader::beginRecords(const std::string& collection, const std::string& from) {
    m_collection = collection;
    m_from = from;
    m_scan_records.bindText(1, m_collection);
    m_scan_records.bindText(2, m_from);
}

Result<std::optional<std::pair<std::string, Bytes>>> ShardReader::nextRecord() {
    using Pair = std::pair<std::string, Bytes>;
    auto row = m_scan_records.step();
    if (!row) return row.error();
    if (!*row) return std::optional<Pair>();
    const ByteView key = m_scan_records.bytes(0);
    const ByteView value = m_scan_records.bytes(1);
    if (m_scan_records.integer(2) != std::int64_t{valueChecksum(m_collection, key, value)})
        return damaged("record " + m_collection + "/" + std::string(key));
    return std::optional<Pair>(Pair(key, value));
}

}  // namespace kimdb::store
