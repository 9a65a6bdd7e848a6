// SPDX-License-Identifier: MIT
#include "store/shard.h"

#include "store/batch_codec.h"

namespace kimdb::store {
namespace {

constexpr const char* kTables =
    "CREATE TABLE state(name TEXT PRIMARY KEY, value INTEGER NOT NULL,"
    " crc INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE log(doc TEXT NOT NULL, position INTEGER NOT NULL,"
    " replica INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,"
    " received_ms INTEGER NOT NULL, user TEXT NOT NULL, flags INTEGER NOT NULL,"
    " log_hash BLOB NOT NULL, change BLOB NOT NULL, crc INTEGER NOT NULL,"
    " PRIMARY KEY(doc, position)) WITHOUT ROWID;"
    "CREATE INDEX log_by_counter ON log(doc, replica, first);"
    "CREATE TABLE meta(doc TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
    " crc INTEGER NOT NULL, PRIMARY KEY(doc, key)) WITHOUT ROWID;"
    "CREATE TABLE records(collection TEXT NOT NULL, key TEXT NOT NULL,"
    " value BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(collection, key)) WITHOUT ROWID;";

std::uint32_t stateChecksum(ByteView name, std::int64_t value) {
    return valueChecksum("state", name, std::to_string(value));
}

std::string stateRow(const char* name, std::int64_t value) {
    return std::string("INSERT INTO state VALUES('") + name + "'," + std::to_string(value) + "," +
           std::to_string(stateChecksum(name, value)) + ");";
}

Result<> execute(Statement& statement) {
    auto row = statement.step();
    statement.reset();
    if (!row) return row.error();
    return {};
}

}  // namespace

Result<> Shard::create(const ShardPlace& place) {
    auto db = Connection::open(place.path, Connection::Mode::Create, place.vfs);
    if (!db) return db.error();
    // Still with a rollback journal, so that the version is in the file itself and can be read
    // without SQLite touching anything; WAL comes last. Nothing is flushed on the way: until its
    // folder says that it is complete the file does not count, and the maker flushes it before
    // that.
    const std::string sql =
        "PRAGMA page_size=4096; PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY;"
        "BEGIN IMMEDIATE;"
        "PRAGMA application_id=" +
        std::to_string(kShardApplication) +
        "; PRAGMA user_version=" + std::to_string(kShardVersion) + ";" + kTables +
        stateRow("shard", place.index) + stateRow("shards", place.count) +
        stateRow("store_id", static_cast<std::int64_t>(place.store_id)) +
        stateRow("applied_seq", 0) + "COMMIT; PRAGMA journal_mode=WAL;";
    return db->run(sql.c_str());
}

Result<std::unique_ptr<Shard>> Shard::open(const ShardPlace& place) {
    std::unique_ptr<Shard> shard(new Shard(place));
    if (auto ok = shard->openWriter(); !ok) return ok.error();
    if (auto ok = shard->checkState(); !ok) return ok.error();
    return shard;
}

Shard::~Shard() {
    m_readers.clear();  // the writer goes last: the last connection empties the WAL
}

Result<> Shard::openWriter() {
    auto db = Connection::open(m_place.path, Connection::Mode::Write, m_place.vfs);
    if (!db) return db.error();
    m_writer = std::move(*db);
    // The checkpoint flushes what a killed process left in the WAL without an fsync: until then
    // applied_seq may not be trusted, a power loss could take it back after the journal was
    // recycled (SYNC rule 2).
    if (auto ok = m_writer.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                               "PRAGMA wal_checkpoint(TRUNCATE);");
        !ok)
        return ok;
    const std::pair<Statement*, const char*> all[] = {
        {&m_put_entry, "INSERT OR REPLACE INTO log VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"},
        {&m_put_key, "INSERT OR REPLACE INTO meta VALUES(?1,?2,?3,?4)"},
        {&m_erase_key, "DELETE FROM meta WHERE doc = ?1 AND key = ?2"},
        {&m_put_record, "INSERT OR REPLACE INTO records VALUES(?1,?2,?3,?4)"},
        {&m_erase_record, "DELETE FROM records WHERE collection = ?1 AND key = ?2"},
        {&m_put_state, "INSERT OR REPLACE INTO state VALUES(?1,?2,?3)"},
    };
    for (const auto& [statement, sql] : all) {
        auto prepared = m_writer.prepare(sql);
        if (!prepared) return prepared.error();
        *statement = std::move(*prepared);
    }
    return {};
}

Result<std::int64_t> Shard::state(const char* name) {
    auto query = m_writer.prepare("SELECT value, crc FROM state WHERE name = ?1");
    if (!query) return query.error();
    query->bindText(1, name);
    auto row = query->step();
    if (!row) return row.error();
    const std::int64_t value = *row ? query->integer(0) : 0;
    if (!*row || query->integer(1) != std::int64_t{stateChecksum(name, value)})
        return Error{ErrorCode::StorageCorrupt,
                     m_place.path + ": its state \"" + name + "\" is damaged"};
    return value;
}

Result<> Shard::checkState() {
    const std::pair<const char*, std::int64_t> expected[] = {
        {"store_id", static_cast<std::int64_t>(m_place.store_id)},
        {"shard", m_place.index},
        {"shards", m_place.count},
    };
    for (const auto& [name, value] : expected) {
        auto found = state(name);
        if (!found) return found.error();
        if (*found != value)
            return Error{ErrorCode::StorageCorrupt,
                         m_place.path + ": belongs to another place (its " + name + " differs)"};
    }
    auto applied = state("applied_seq");
    if (!applied) return applied.error();
    m_applied = static_cast<SeqNo>(*applied);
    return {};
}

template <class Work>
Result<> Shard::transaction(Work work) {
    if (auto ok = m_writer.run("BEGIN IMMEDIATE"); !ok) return ok;
    Result<> done = work();
    if (done) done = m_writer.run("COMMIT");
    if (!done) (void)m_writer.run("ROLLBACK");  // after some errors SQLite has done it already
    return done;
}

Result<> Shard::apply(const Memtable& table) {
    auto done = transaction([&]() -> Result<> {
        if (auto ok = writeRows(table); !ok) return ok;
        return writeState(table.last());
    });
    if (done) m_applied = table.last();
    return done;
}

Result<> Shard::advance(SeqNo applied) {
    auto done = transaction([&] { return writeState(applied); });
    if (done) m_applied = applied;
    return done;
}

Result<> Shard::writeState(SeqNo applied) {
    const auto value = static_cast<std::int64_t>(applied);
    m_put_state.bindText(1, "applied_seq");
    m_put_state.bindInteger(2, value);
    m_put_state.bindInteger(3, stateChecksum("applied_seq", value));
    return execute(m_put_state);
}

Result<> Shard::writeRows(const Memtable& table) {
    for (const auto& [doc, document] : table.documents())
        if (document.shard == m_place.index)
            if (auto ok = writeDocument(doc, document); !ok) return ok;
    for (const auto& record : table.records())
        if (record.second.shard == m_place.index)
            if (auto ok = writeRecord(record); !ok) return ok;
    return {};
}

Result<> Shard::writeDocument(const std::string& doc, const Memtable::Document& document) {
    for (const auto& [position, entry] : document.log) {
        m_put_entry.bindText(1, doc);
        m_put_entry.bindInteger(2, static_cast<std::int64_t>(position));
        m_put_entry.bindInteger(3, static_cast<std::int64_t>(entry.replica));
        m_put_entry.bindInteger(4, static_cast<std::int64_t>(entry.first));
        m_put_entry.bindInteger(5, static_cast<std::int64_t>(entry.count));
        m_put_entry.bindInteger(6, entry.received_ms);
        m_put_entry.bindText(7, entry.user);
        m_put_entry.bindInteger(8, entry.flags);
        m_put_entry.bindBlob(9, entry.log_hash.view());
        m_put_entry.bindBlob(10, entry.change);
        m_put_entry.bindInteger(11, entryChecksum(doc, entry));
        if (auto ok = execute(m_put_entry); !ok) return ok;
    }
    for (const auto& [key, value] : document.keys) {
        Statement& statement = value ? m_put_key : m_erase_key;
        statement.bindText(1, doc);
        statement.bindBlob(2, key);
        if (value) {
            statement.bindBlob(3, *value);
            statement.bindInteger(4, valueChecksum(doc, key, *value));
        }
        if (auto ok = execute(statement); !ok) return ok;
    }
    return {};
}

Result<> Shard::writeRecord(const Memtable::Records::value_type& record) {
    const auto& [collection, key] = record.first;
    const Memtable::Value& value = record.second.value;
    Statement& statement = value ? m_put_record : m_erase_record;
    statement.bindText(1, collection);
    statement.bindText(2, key);
    if (value) {
        statement.bindBlob(3, *value);
        statement.bindInteger(4, valueChecksum(collection, key, *value));
    }
    return execute(statement);
}

Shard::Lease::~Lease() {
    if (!m_reader) return;
    const std::lock_guard lock(m_shard->m_mutex);
    m_shard->m_readers.push_back(std::move(m_reader));
}

Result<Shard::Lease> Shard::reader() const {
    {
        const std::lock_guard lock(m_mutex);
        if (!m_readers.empty()) {
            Lease lease(*this, std::move(m_readers.back()));
            m_readers.pop_back();
            return lease;
        }
    }
    auto opened = ShardReader::open(m_place.path, m_place.vfs);
    if (!opened) return opened.error();
    return Lease(*this, std::move(*opened));
}

}  // namespace kimdb::store
