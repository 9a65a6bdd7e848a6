// SPDX-License-Identifier: MIT
#include "store/shard_reader.h"

#include <algorithm>

#include "store/batch_codec.h"
#include "store/log_rows.h"

namespace kimdb::store {
namespace {

// Steps from one name to the next through the index instead of reading every row of it.
constexpr const char* kDocuments =
    "WITH RECURSIVE m(doc) AS (SELECT min(doc) FROM meta UNION ALL"
    " SELECT (SELECT min(doc) FROM meta WHERE doc > m.doc) FROM m WHERE m.doc IS NOT NULL)"
    " SELECT doc FROM documents UNION SELECT doc FROM m WHERE doc IS NOT NULL ORDER BY doc";

constexpr const char* kCollections =
    "WITH RECURSIVE c(name) AS (SELECT min(collection) FROM records UNION ALL"
    " SELECT (SELECT min(collection) FROM records WHERE collection > c.name) FROM c"
    " WHERE c.name IS NOT NULL) SELECT name FROM c WHERE name IS NOT NULL";

std::int64_t signedOf(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

// Several statements of a reader see one state.
class ReadTransaction {
 public:
    explicit ReadTransaction(ShardReader& reader) : m_reader(reader), m_begun(reader.begin()) {}
    ~ReadTransaction() {
        if (m_begun) m_reader.end();
    }
    ReadTransaction(const ReadTransaction&) = delete;
    ReadTransaction& operator=(const ReadTransaction&) = delete;
    const Result<>& begun() const { return m_begun; }

 private:
    ShardReader& m_reader;
    Result<> m_begun;
};

bool covers(const LogEntry& entry, ReplicaId replica, std::uint64_t counter) {
    return entry.replica == replica && entry.first <= counter &&
           counter - entry.first < entry.count;
}

}  // namespace

Result<std::unique_ptr<ShardReader>> ShardReader::open(const std::string& path, const char* vfs,
                                                       std::size_t cache_bytes) {
    auto connection = Connection::open(path, Connection::Mode::Read, vfs);
    if (!connection) return connection.error();
    std::unique_ptr<ShardReader> reader(new ShardReader);
    reader->m_path = path;
    reader->m_connection = std::move(*connection);
    const std::string cache = "PRAGMA cache_size=-" + std::to_string(cache_bytes / 1024);
    if (auto ok = reader->m_connection.run(cache.c_str()); !ok) return ok.error();
    if (auto ok = reader->prepare(); !ok) return ok.error();
    return reader;
}

Result<> ShardReader::prepare() {
    const std::pair<Statement*, const char*> all[] = {
        {&m_begin, "BEGIN"},
        {&m_end, "COMMIT"},
        {&m_document, "SELECT last, trimmed, packed, shard_seq, crc FROM documents WHERE doc = ?1"},
        {&m_read_log, "SELECT " KIMDB_ENTRY_COLUMNS
                      " FROM log WHERE doc = ?1 AND position > ?2 ORDER BY position"},
        {&m_read_blocks,
         "SELECT first, last, entries, crc FROM blocks WHERE doc = ?1 AND last > ?2 ORDER BY last"},
        {&m_find_entry,
         "SELECT " KIMDB_ENTRY_COLUMNS " FROM log WHERE doc = ?1 AND replica = ?2 AND first <= ?3"
         " ORDER BY first DESC, position LIMIT 1"},
        {&m_find_block,
         "SELECT first, last, block, crc FROM block_streams"
         " WHERE doc = ?1 AND replica = ?2 AND first <= ?3 ORDER BY first DESC"},
        {&m_snapshot,
         "SELECT position, bytes, crc FROM snapshots WHERE doc = ?1 AND position <= ?2"
         " ORDER BY position DESC LIMIT 1"},
        {&m_feed,
         "SELECT doc, last, trimmed, packed, shard_seq, crc FROM documents WHERE shard_seq > ?1"
         " ORDER BY shard_seq LIMIT ?2"},
        {&m_get, "SELECT value, crc FROM meta WHERE doc = ?1 AND key = ?2"},
        {&m_scan, "SELECT key, value, crc FROM meta WHERE doc = ?1 AND key >= ?2 ORDER BY key"},
        {&m_documents, kDocuments},
        {&m_record,
         "SELECT value, version, expires_ms, crc FROM records WHERE collection = ?1 AND key = ?2"},
        {&m_scan_records,
         "SELECT value, version, expires_ms, crc, key FROM records"
         " WHERE collection = ?1 AND key >= ?2 ORDER BY key"},
        {&m_count,
         "SELECT count(*) FROM records"
         " WHERE collection = ?1 AND (expires_ms = 0 OR expires_ms > ?2)"},
        {&m_expired,
         "SELECT collection, key, version FROM records"
         " WHERE expires_ms > 0 AND expires_ms <= ?1 LIMIT ?2"},
        {&m_collections, kCollections},
    };
    for (const auto& [statement, sql] : all) {
        auto prepared = m_connection.prepare(sql);
        if (!prepared) return prepared.error();
        *statement = std::move(*prepared);
    }
    return {};
}

Error ShardReader::damaged(const std::string& what) const {
    return {ErrorCode::StorageCorrupt, m_path + ": " + what + " is damaged; restore a backup"};
}

Result<DocumentRow> ShardReader::document(const std::string& doc) {
    StatementUse use(m_document);
    use->bindText(1, doc);
    auto found = use->step();
    if (!found) return found.error();
    if (!*found) return DocumentRow{};
    const auto number = [&](int at) { return static_cast<std::uint64_t>(use->integer(at)); };
    const DocumentRow row{number(0), number(1), number(2), number(3)};
    if (use->integer(4) != std::int64_t{documentChecksum(doc, row)})
        return damaged("the log's head of document " + doc);
    return row;
}

Result<std::vector<LogEntry>> ShardReader::readLog(const std::string& doc, std::uint64_t after,
                                                   std::size_t bytes_max) {
    const ReadTransaction one_state(*this);
    if (!one_state.begun()) return one_state.begun().error();
    return readRun(doc, after, bytes_max);
}

Result<std::vector<LogEntry>> ShardReader::readRun(const std::string& doc, std::uint64_t after,
                                                   std::size_t bytes_max) {
    auto row = document(doc);
    if (!row) return row.error();
    std::vector<LogEntry> out;
    if (after >= row->last) return out;
    if (after < row->trimmed)
        return Error{ErrorCode::TooOld, "the log of document " + doc + " begins behind position " +
                                            std::to_string(row->trimmed)};
    if (after < row->packed)
        if (auto ok = readBlocks(doc, after, bytes_max, out); !ok) return ok.error();
    std::size_t bytes = 0;
    for (const LogEntry& entry : out) bytes += entry.change.size();
    const std::uint64_t packed_end = std::max(after, row->packed);
    if (bytes < bytes_max || out.empty())
        if (auto ok = readHot(doc, packed_end, bytes_max - bytes, out); !ok) return ok.error();
    for (std::uint64_t at = after; const LogEntry& entry : out)
        if (entry.position != ++at)
            return damaged("log position " + std::to_string(at) + " of document " + doc);
    if (out.empty())
        return damaged("log position " + std::to_string(after + 1) + " of document " + doc);
    bytes = 0;
    for (const LogEntry& entry : out) bytes += entry.change.size();
    if (bytes < bytes_max && out.back().position < row->last)
        return damaged("log position " + std::to_string(out.back().position + 1) + " of document " +
                       doc);
    return out;
}

Result<> ShardReader::readBlocks(const std::string& doc, std::uint64_t after, std::size_t bytes_max,
                                 std::vector<LogEntry>& out) {
    StatementUse use(m_read_blocks);
    use->bindText(1, doc);
    use->bindInteger(2, signedOf(after));
    for (std::size_t bytes = 0; bytes < bytes_max || out.empty();) {
        auto row = use->step();
        if (!row) return row.error();
        if (!*row) return {};
        auto entries = blockOf(m_read_blocks, doc);
        if (!entries) return damaged("a block of the log of document " + doc);
        for (LogEntry& entry : *entries) {
            if (entry.position <= after) continue;
            if (bytes >= bytes_max && !out.empty()) return {};
            bytes += entry.change.size();
            out.push_back(std::move(entry));
        }
    }
    return {};
}

Result<> ShardReader::readHot(const std::string& doc, std::uint64_t after, std::size_t bytes_max,
                              std::vector<LogEntry>& out) {
    StatementUse use(m_read_log);
    use->bindText(1, doc);
    use->bindInteger(2, signedOf(after));
    for (std::size_t bytes = 0; out.empty() || bytes < bytes_max;) {
        auto row = use->step();
        if (!row) return row.error();
        if (!*row) return {};
        auto entry = logEntryOf(m_read_log, doc);
        if (!entry)
            return damaged("log position " + std::to_string(m_read_log.integer(0)) +
                           " of document " + doc);
        bytes += entry->change.size();
        out.push_back(std::move(*entry));
    }
    return {};
}

Result<std::optional<LogEntry>> ShardReader::findEntry(const std::string& doc, ReplicaId replica,
                                                       std::uint64_t counter) {
    const ReadTransaction one_state(*this);
    if (!one_state.begun()) return one_state.begun().error();
    auto hot = findHot(doc, replica, counter);
    if (!hot || *hot) return hot;
    return findPacked(doc, replica, counter);
}

Result<std::optional<LogEntry>> ShardReader::findHot(const std::string& doc, ReplicaId replica,
                                                     std::uint64_t counter) {
    StatementUse use(m_find_entry);
    use->bindText(1, doc);
    use->bindInteger(2, signedOf(replica));
    use->bindInteger(3, signedOf(counter));
    auto row = use->step();
    if (!row) return row.error();
    if (!*row) return std::optional<LogEntry>();
    auto entry = logEntryOf(m_find_entry, doc);
    if (!entry)
        return damaged("log position " + std::to_string(use->integer(0)) + " of document " + doc);
    if (!covers(*entry, replica, counter)) return std::optional<LogEntry>();
    return entry;
}

Result<std::optional<LogEntry>> ShardReader::findPacked(const std::string& doc, ReplicaId replica,
                                                        std::uint64_t counter) {
    StatementUse use(m_find_block);
    use->bindText(1, doc);
    use->bindInteger(2, signedOf(replica));
    use->bindInteger(3, signedOf(counter));
    for (;;) {
        auto row = use->step();
        if (!row) return row.error();
        if (!*row) return std::optional<LogEntry>();
        const auto number = [&](int at) { return static_cast<std::uint64_t>(use->integer(at)); };
        const std::uint64_t first = number(0), last = number(1), at = number(2);
        if (use->integer(3) != std::int64_t{blockStreamChecksum(doc, replica, first, last, at)})
            return damaged("the index of the log's blocks of document " + doc);
        if (last < counter) continue;
        auto entries = block(doc, at);
        if (!entries) return entries.error();
        for (LogEntry& entry : *entries)
            if (covers(entry, replica, counter)) return std::optional<LogEntry>(std::move(entry));
    }
}

Result<std::vector<LogEntry>> ShardReader::block(const std::string& doc, std::uint64_t last) {
    StatementUse use(m_read_blocks);
    use->bindText(1, doc);
    use->bindInteger(2, signedOf(last - 1));
    auto row = use->step();
    if (!row) return row.error();
    auto entries = *row ? blockOf(m_read_blocks, doc) : std::nullopt;
    if (!entries || entries->back().position != last)
        return damaged("a block of the log of document " + doc);
    return std::move(*entries);
}

Result<std::optional<Snapshot>> ShardReader::snapshot(const std::string& doc,
                                                      std::uint64_t position) {
    StatementUse use(m_snapshot);
    use->bindText(1, doc);
    use->bindInteger(2, static_cast<std::int64_t>(std::min<std::uint64_t>(position, INT64_MAX)));
    auto row = use->step();
    if (!row) return row.error();
    if (!*row) return std::optional<Snapshot>();
    Snapshot found{static_cast<std::uint64_t>(use->integer(0)), Bytes(use->bytes(1))};
    if (use->integer(2) != std::int64_t{snapshotChecksum(doc, found.position, found.bytes)})
        return damaged("the snapshot " + std::to_string(found.position) + " of document " + doc);
    return std::optional<Snapshot>(std::move(found));
}

Result<std::vector<FeedItem>> ShardReader::feed(std::uint64_t after, std::size_t limit) {
    StatementUse use(m_feed);
    use->bindInteger(1, signedOf(after));
    use->bindInteger(2, static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX)));
    std::vector<FeedItem> out;
    for (;;) {
        auto row = use->step();
        if (!row) return row.error();
        if (!*row) return out;
        const auto number = [&](int at) { return static_cast<std::uint64_t>(use->integer(at)); };
        const DocumentRow head{number(1), number(2), number(3), number(4)};
        FeedItem item{std::string(use->bytes(0)), head.last, head.shard_seq};
        if (use->integer(5) != std::int64_t{documentChecksum(item.doc, head)})
            return damaged("the log's head of document " + item.doc);
        out.push_back(std::move(item));
    }
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

namespace {

// Of a row "value, version, expires_ms, crc"; nothing when its checksum is wrong.
std::optional<StoredRecord> recordOf(const Statement& row, ByteView collection, ByteView key) {
    StoredRecord record{Bytes(row.bytes(0)), static_cast<SeqNo>(row.integer(1)), row.integer(2)};
    const std::uint32_t sum =
        recordChecksum(collection, key, record.value, record.version, record.expires_ms);
    if (row.integer(3) != std::int64_t{sum}) return {};
    return record;
}

std::string text(const RecordName& name) {
    return "record " + std::string(name.first) + "/" + std::string(name.second);
}

}  // namespace

Result<std::optional<StoredRecord>> ShardReader::record(const RecordName& name) {
    StatementUse use(m_record);
    use->bindText(1, name.first);
    use->bindText(2, name.second);
    auto row = use->step();
    if (!row) return row.error();
    if (!*row) return std::optional<StoredRecord>();
    auto found = recordOf(m_record, name.first, name.second);
    if (!found) return damaged(text(name));
    return found;
}

void ShardReader::beginRecords(const std::string& collection, const std::string& from) {
    m_collection = collection;
    m_from = from;
    m_scan_records.bindText(1, m_collection);
    m_scan_records.bindText(2, m_from);
}

Result<std::optional<NamedRecord>> ShardReader::nextRecord() {
    auto row = m_scan_records.step();
    if (!row) return row.error();
    if (!*row) return std::optional<NamedRecord>();
    std::string key(m_scan_records.bytes(4));
    auto found = recordOf(m_scan_records, m_collection, key);
    if (!found) return damaged(text({m_collection, key}));
    return std::optional<NamedRecord>({std::move(key), std::move(*found)});
}

Result<std::vector<std::string>> ShardReader::collections() {
    StatementUse use(m_collections);
    std::vector<std::string> out;
    for (;;) {
        auto row = use->step();
        if (!row) return row.error();
        if (!*row) return out;
        out.emplace_back(use->bytes(0));
    }
}

Result<std::uint64_t> ShardReader::countRecords(std::string_view collection, std::int64_t now_ms) {
    StatementUse use(m_count);
    use->bindText(1, collection);
    use->bindInteger(2, now_ms);
    auto row = use->step();
    if (!row) return row.error();
    return static_cast<std::uint64_t>(use->integer(0));
}

Result<std::vector<ShardReader::Expired>> ShardReader::expired(std::int64_t now_ms,
                                                               std::size_t limit) {
    StatementUse use(m_expired);
    use->bindInteger(1, now_ms);
    use->bindInteger(2, static_cast<std::int64_t>(limit));
    std::vector<Expired> out;
    for (;;) {
        auto row = use->step();
        if (!row) return row.error();
        if (!*row) return out;
        out.push_back({std::string(use->bytes(0)), std::string(use->bytes(1)),
                       static_cast<SeqNo>(use->integer(2))});
    }
}

}  // namespace kimdb::store
