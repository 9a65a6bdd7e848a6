// SPDX-License-Identifier: MIT
// Rows and blocks. Entries 1 … trimmed of a log are gone, trimmed+1 … packed are in blocks, the
// rest, at least the newest kLogHotEntries, is in `log`. Only the tail grows, so a block is written
// once; replacing an entry in one (VOID, expunge) rewrites that block.
#include "store/shard_writer.h"

#include <algorithm>
#include <map>

#include "core/limits.h"
#include "store/batch_codec.h"
#include "store/block_codec.h"
#include "store/log_rows.h"

namespace kimdb::store {
namespace {

std::int64_t signedOf(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

}  // namespace

Result<> ShardWriter::prepare(Connection& db, const std::string& path) {
    m_path = path;
    m_db = &db;
    const std::pair<Statement*, const char*> all[] = {
        {&m_put_entry, "INSERT OR REPLACE INTO log VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"},
        {&m_put_key, "INSERT OR REPLACE INTO meta VALUES(?1,?2,?3,?4)"},
        {&m_erase_key, "DELETE FROM meta WHERE doc = ?1 AND key = ?2"},
        {&m_add_record, "INSERT OR IGNORE INTO records VALUES(?1,?2,?3,?4,?5,?6)"},
        {&m_change_record,
         "UPDATE records SET value = ?3, crc = ?4, version = ?5, expires_ms = ?6"
         " WHERE collection = ?1 AND key = ?2"},
        {&m_erase_record, "DELETE FROM records WHERE collection = ?1 AND key = ?2"},
        {&m_put_state, "INSERT OR REPLACE INTO state VALUES(?1,?2,?3)"},
        {&m_get_document,
         "SELECT last, trimmed, packed, shard_seq, crc FROM documents WHERE doc = ?1"},
        {&m_put_document, "INSERT OR REPLACE INTO documents VALUES(?1,?2,?3,?4,?5,?6)"},
        {&m_put_snapshot, "INSERT OR REPLACE INTO snapshots VALUES(?1,?2,?3,?4)"},
        {&m_erase_snapshot, "DELETE FROM snapshots WHERE doc = ?1 AND position = ?2"},
        {&m_trim_log, "DELETE FROM log WHERE doc = ?1 AND position <= ?2"},
        {&m_trim_blocks, "DELETE FROM blocks WHERE doc = ?1 AND last <= ?2"},
        {&m_trim_streams, "DELETE FROM block_streams WHERE doc = ?1 AND block <= ?2"},
        {&m_get_block,
         "SELECT first, last, entries, crc FROM blocks WHERE doc = ?1 AND last >= ?2"
         " ORDER BY last LIMIT 1"},
        {&m_put_block, "INSERT OR REPLACE INTO blocks VALUES(?1,?2,?3,?4,?5)"},
        {&m_erase_block, "DELETE FROM blocks WHERE doc = ?1 AND last = ?2"},
        {&m_put_stream, "INSERT OR REPLACE INTO block_streams VALUES(?1,?2,?3,?4,?5,?6)"},
        {&m_erase_streams, "DELETE FROM block_streams WHERE doc = ?1 AND block = ?2"},
        {&m_cold, "SELECT " KIMDB_ENTRY_COLUMNS
                  " FROM log WHERE doc = ?1 AND position > ?2 ORDER BY position LIMIT ?3"},
    };
    for (const auto& [statement, sql] : all) {
        auto prepared = db.prepare(sql);
        if (!prepared) return prepared.error();
        *statement = std::move(*prepared);
    }
    return {};
}

Error ShardWriter::damaged(const std::string& what) const {
    return {ErrorCode::StorageCorrupt, m_path + ": " + what + " is damaged; restore a backup"};
}

Result<> ShardWriter::write(const Memtable& table, int index) {
    for (const auto& [doc, document] : table.documents())
        if (document.shard == index)
            if (auto ok = writeDocument(doc, document); !ok) return ok;
    for (const auto& [collection, rows] : table.records(index))
        for (const SortedRows::Row& row : rows)
            if (auto ok = writeRecord(collection, row); !ok) return ok;
    if (auto ok = putState("rows", m_rows); !ok) return ok;
    return putState("shard_seq", signedOf(table.shardSeqs()[static_cast<std::size_t>(index)]));
}

Result<> ShardWriter::putState(ByteView name, std::int64_t value) {
    m_put_state.bindText(1, name);
    m_put_state.bindInteger(2, value);
    m_put_state.bindInteger(3, stateChecksum(name, value));
    return m_put_state.run();
}

Result<> ShardWriter::writeDocument(const std::string& doc, const Memtable::Document& document) {
    if (!document.log.empty() || document.trimmed > 0 || document.last > 0) {
        auto row = documentRow(doc);
        if (!row) return row.error();
        if (document.last > row->last) {
            m_rows += static_cast<std::int64_t>(document.last - row->last);
            row->last = document.last;
        }
        if (document.shard_seq > row->shard_seq) row->shard_seq = document.shard_seq;
        if (auto ok = trimDocument(doc, *row, document.trimmed); !ok) return ok;
        for (const auto& [position, entry] : document.log) {
            const bool packed = position <= row->packed;
            if (auto ok = packed ? replacePacked(doc, entry) : putEntry(doc, entry); !ok) return ok;
        }
        if (auto ok = putDocumentRow(doc, *row); !ok) return ok;
        const std::uint64_t loose = row->last - std::max(row->packed, row->trimmed);
        if (loose >= limits::kLogHotEntries + limits::kLogBlockEntriesMax) m_packable.insert(doc);
    }
    if (auto ok = writeKeys(doc, document); !ok) return ok;
    return writeSnapshots(doc, document);
}

Result<> ShardWriter::writeKeys(const std::string& doc, const Memtable::Document& document) {
    for (const auto& [key, value] : document.keys) {
        Statement& statement = value ? m_put_key : m_erase_key;
        statement.bindText(1, doc);
        statement.bindBlob(2, key);
        if (value) {
            statement.bindBlob(3, *value);
            statement.bindInteger(4, valueChecksum(doc, key, *value));
        }
        if (auto ok = statement.run(); !ok) return ok;
    }
    return {};
}

Result<> ShardWriter::writeSnapshots(const std::string& doc, const Memtable::Document& document) {
    for (const auto& [position, bytes] : document.snapshots) {
        Statement& statement = bytes ? m_put_snapshot : m_erase_snapshot;
        statement.bindText(1, doc);
        statement.bindInteger(2, signedOf(position));
        if (bytes) {
            statement.bindBlob(3, *bytes);
            statement.bindInteger(4, snapshotChecksum(doc, position, *bytes));
        }
        if (auto ok = statement.run(); !ok) return ok;
    }
    return {};
}

// Added or changed, so that the rows are counted.
Result<> ShardWriter::writeRecord(const std::string& collection, const SortedRows::Row& row) {
    const auto& key = row.key;  // Clang 14 binds no structured name in a lambda
    const auto& value = row.value;
    const auto run = [&](Statement& statement) {
        statement.bindText(1, collection);
        statement.bindText(2, key);
        if (value) {
            statement.bindBlob(3, value->value);
            statement.bindInteger(4, recordChecksum(collection, key, value->value, value->version,
                                                    value->expires_ms));
            statement.bindInteger(5, signedOf(value->version));
            statement.bindInteger(6, value->expires_ms);
        }
        return statement.run();
    };
    if (auto ok = run(value ? m_add_record : m_erase_record); !ok) return ok;
    const int changed = m_db->changes();
    m_rows += value ? changed : -changed;
    return value && changed == 0 ? run(m_change_record) : Result<>();
}

Result<> ShardWriter::putEntry(const std::string& doc, const LogEntry& entry) {
    m_put_entry.bindText(1, doc);
    m_put_entry.bindInteger(2, signedOf(entry.position));
    m_put_entry.bindInteger(3, signedOf(entry.replica));
    m_put_entry.bindInteger(4, signedOf(entry.first));
    m_put_entry.bindInteger(5, signedOf(entry.count));
    m_put_entry.bindInteger(6, entry.received_ms);
    m_put_entry.bindText(7, entry.user);
    m_put_entry.bindInteger(8, entry.flags);
    m_put_entry.bindBlob(9, entry.log_hash.view());
    m_put_entry.bindBlob(10, entry.change);
    m_put_entry.bindInteger(11, entryChecksum(doc, entry));
    return m_put_entry.run();
}

Result<> ShardWriter::trimDocument(const std::string& doc, DocumentRow& row, std::uint64_t up_to) {
    if (up_to <= row.trimmed) return {};
    // Of a block that is cut through, the rest stays.
    std::vector<LogEntry> rest;
    if (up_to < row.packed) {
        auto block = blockAt(doc, up_to);
        if (!block) return block.error();
        rest = std::move(*block);
        std::erase_if(rest, [&](const LogEntry& e) { return e.position <= up_to; });
    }
    for (Statement* statement : {&m_trim_log, &m_trim_blocks, &m_trim_streams}) {
        (*statement).bindText(1, doc);
        (*statement).bindInteger(2, signedOf(up_to));
        if (auto ok = statement->run(); !ok) return ok;
    }
    m_rows -= static_cast<std::int64_t>(up_to - row.trimmed);
    row.trimmed = up_to;
    row.packed = std::max(row.packed, up_to);
    if (rest.empty()) return {};
    if (auto ok = eraseBlock(doc, rest.back().position); !ok) return ok;
    return putBlock(doc, rest);
}

Result<> ShardWriter::replacePacked(const std::string& doc, const LogEntry& entry) {
    auto block = blockAt(doc, entry.position);
    if (!block) return block.error();
    if (block->empty() || block->front().position > entry.position) return {};  // trimmed since
    const std::uint64_t last = block->back().position;
    (*block)[entry.position - block->front().position] = entry;
    if (auto ok = eraseBlock(doc, last); !ok) return ok;
    return putBlock(doc, *block);
}

Result<DocumentRow> ShardWriter::documentRow(const std::string& doc) {
    StatementUse use(m_get_document);
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

Result<> ShardWriter::putDocumentRow(const std::string& doc, const DocumentRow& row) {
    m_put_document.bindText(1, doc);
    m_put_document.bindInteger(2, signedOf(row.shard_seq));
    m_put_document.bindInteger(3, signedOf(row.last));
    m_put_document.bindInteger(4, signedOf(row.trimmed));
    m_put_document.bindInteger(5, signedOf(row.packed));
    m_put_document.bindInteger(6, documentChecksum(doc, row));
    return m_put_document.run();
}

Result<std::vector<LogEntry>> ShardWriter::blockAt(const std::string& doc, std::uint64_t position) {
    StatementUse use(m_get_block);
    use->bindText(1, doc);
    use->bindInteger(2, signedOf(position));
    auto found = use->step();
    if (!found) return found.error();
    if (!*found) return std::vector<LogEntry>();
    auto entries = blockOf(m_get_block, doc);
    if (!entries) return damaged("a block of the log of document " + doc);
    return std::move(*entries);
}

Result<> ShardWriter::eraseBlock(const std::string& doc, std::uint64_t last) {
    for (Statement* statement : {&m_erase_block, &m_erase_streams}) {
        statement->bindText(1, doc);
        statement->bindInteger(2, signedOf(last));
        if (auto ok = statement->run(); !ok) return ok;
    }
    return {};
}

Result<> ShardWriter::putBlock(const std::string& doc, const std::vector<LogEntry>& entries) {
    const Bytes bytes = encodeBlock(entries);
    const std::uint64_t first = entries.front().position, last = entries.back().position;
    m_put_block.bindText(1, doc);
    m_put_block.bindInteger(2, signedOf(last));
    m_put_block.bindInteger(3, signedOf(first));
    m_put_block.bindBlob(4, bytes);
    m_put_block.bindInteger(5, blockChecksum(doc, first, last, bytes));
    if (auto ok = m_put_block.run(); !ok) return ok;
    return putBlockStreams(doc, entries);
}

// Which counters of which replicas are in the block, so that an entry is found by its counter.
Result<> ShardWriter::putBlockStreams(const std::string& doc,
                                      const std::vector<LogEntry>& entries) {
    std::map<ReplicaId, std::pair<std::uint64_t, std::uint64_t>> streams;
    for (const LogEntry& e : entries) {
        const auto [it, fresh] = streams.try_emplace(e.replica, e.first, e.first + e.count - 1);
        if (fresh) continue;
        it->second.first = std::min(it->second.first, e.first);
        it->second.second = std::max(it->second.second, e.first + e.count - 1);
    }
    const std::uint64_t block = entries.back().position;
    for (const auto& [replica, range] : streams) {
        m_put_stream.bindText(1, doc);
        m_put_stream.bindInteger(2, signedOf(replica));
        m_put_stream.bindInteger(3, signedOf(range.first));
        m_put_stream.bindInteger(4, signedOf(range.second));
        m_put_stream.bindInteger(5, signedOf(block));
        m_put_stream.bindInteger(
            6, blockStreamChecksum(doc, replica, range.first, range.second, block));
        if (auto ok = m_put_stream.run(); !ok) return ok;
    }
    return {};
}

Result<std::vector<LogEntry>> ShardWriter::coldEntries(const std::string& doc,
                                                       const DocumentRow& row) {
    const std::uint64_t from = std::max(row.packed, row.trimmed);
    const std::uint64_t loose = row.last - from;
    if (loose < limits::kLogHotEntries + limits::kLogBlockEntriesMax)
        return std::vector<LogEntry>();
    StatementUse use(m_cold);
    use->bindText(1, doc);
    use->bindInteger(2, signedOf(from));
    use->bindInteger(3, limits::kLogBlockEntriesMax);
    std::vector<LogEntry> entries;
    for (std::size_t bytes = 0; bytes < limits::kLogBlockBytesMax;) {
        auto more = use->step();
        if (!more) return more.error();
        if (!*more) break;
        auto entry = logEntryOf(m_cold, doc);
        if (!entry || entry->position != from + entries.size() + 1)
            return damaged("the log of document " + doc);
        bytes += entry->change.size();
        entries.push_back(std::move(*entry));
    }
    return entries;
}

Result<> ShardWriter::packBlock(const std::string& doc) {
    m_packable.erase(doc);
    auto row = documentRow(doc);
    if (!row) return row.error();
    auto entries = coldEntries(doc, *row);
    if (!entries) return entries.error();
    if (entries->empty()) return {};
    if (auto ok = putBlock(doc, *entries); !ok) return ok;
    row->packed = entries->back().position;
    m_trim_log.bindText(1, doc);
    m_trim_log.bindInteger(2, signedOf(row->packed));
    if (auto ok = m_trim_log.run(); !ok) return ok;
    if (row->last - row->packed >= limits::kLogHotEntries + limits::kLogBlockEntriesMax)
        m_packable.insert(doc);
    return putDocumentRow(doc, *row);
}

}  // namespace kimdb::store
