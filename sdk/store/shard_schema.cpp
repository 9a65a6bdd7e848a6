// SPDX-License-Identifier: MIT
#include "store/shard_schema.h"

#include "core/bytes.h"
#include "store/batch_codec.h"

namespace kimdb::store {
namespace {

// What version 1 had. Columns that came later stand last, as ALTER TABLE adds them.
constexpr const char* kTables1 =
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

// What version 2 added. A record that was there before has version 1 and never expires, which is
// what its checksum says already.
constexpr const char* kTables2 =
    "ALTER TABLE records ADD COLUMN version INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE records ADD COLUMN expires_ms INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX records_expiring ON records(expires_ms) WHERE expires_ms > 0;"
    "CREATE TABLE documents(doc TEXT NOT NULL, shard_seq INTEGER NOT NULL, last INTEGER NOT NULL,"
    " trimmed INTEGER NOT NULL, packed INTEGER NOT NULL, crc INTEGER NOT NULL,"
    " PRIMARY KEY(doc)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX feed ON documents(shard_seq);"
    "CREATE TABLE blocks(doc TEXT NOT NULL, last INTEGER NOT NULL, first INTEGER NOT NULL,"
    " entries BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(doc, last)) WITHOUT ROWID;"
    "CREATE TABLE block_streams(doc TEXT NOT NULL, replica INTEGER NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, block INTEGER NOT NULL, crc INTEGER NOT NULL,"
    " PRIMARY KEY(doc, replica, first, block)) WITHOUT ROWID;"
    "CREATE TABLE snapshots(doc TEXT NOT NULL, position INTEGER NOT NULL, bytes BLOB NOT NULL,"
    " crc INTEGER NOT NULL, PRIMARY KEY(doc, position)) WITHOUT ROWID;";

std::string stateRow(const char* name, std::int64_t value) {
    return std::string("INSERT INTO state VALUES('") + name + "'," + std::to_string(value) + "," +
           std::to_string(stateChecksum(name, value)) + ");";
}

std::string setVersion() {
    return "PRAGMA user_version=" + std::to_string(kShardVersion) + ";";
}

// Numbers the documents of version 1, which had no feed, in the order of their names.
Result<> fillDocuments(Connection& db) {
    auto read = db.prepare("SELECT doc, max(position) FROM log GROUP BY doc ORDER BY doc");
    auto write = db.prepare("INSERT INTO documents VALUES(?1,?2,?3,0,0,?4)");
    if (!read) return read.error();
    if (!write) return write.error();
    DocumentRow row;
    for (;;) {
        auto more = read->step();
        if (!more) return more.error();
        if (!*more) break;
        const std::string doc(read->bytes(0));
        row.last = static_cast<std::uint64_t>(read->integer(1));
        ++row.shard_seq;
        write->bindText(1, doc);
        write->bindInteger(2, static_cast<std::int64_t>(row.shard_seq));
        write->bindInteger(3, static_cast<std::int64_t>(row.last));
        write->bindInteger(4, documentChecksum(doc, row));
        if (auto ok = write->run(); !ok) return ok;
    }
    auto rows = db.number("SELECT (SELECT count(*) FROM log) + (SELECT count(*) FROM records)");
    if (!rows) return rows.error();
    return db.run(
        (stateRow("shard_seq", static_cast<std::int64_t>(row.shard_seq)) + stateRow("rows", *rows))
            .c_str());
}

}  // namespace

std::uint32_t stateChecksum(ByteView name, std::int64_t value) {
    return valueChecksum("state", name, std::to_string(value));
}

std::uint32_t documentChecksum(ByteView doc, const DocumentRow& row) {
    Bytes value;
    ByteWriter w(value);
    for (const std::uint64_t n : {row.last, row.trimmed, row.packed, row.shard_seq}) w.varint(n);
    return valueChecksum("documents", doc, value);
}

std::uint32_t blockChecksum(ByteView doc, std::uint64_t first, std::uint64_t last, ByteView bytes) {
    Bytes key;
    ByteWriter(key).varint(first);
    ByteWriter(key).varint(last);
    return valueChecksum(doc, key, bytes);
}

std::uint32_t blockStreamChecksum(ByteView doc, std::uint64_t replica, std::uint64_t first,
                                  std::uint64_t last, std::uint64_t block) {
    Bytes value;
    ByteWriter w(value);
    w.u64(replica);
    for (const std::uint64_t n : {first, last, block}) w.varint(n);
    return valueChecksum("block_streams", doc, value);
}

std::uint32_t snapshotChecksum(ByteView doc, std::uint64_t position, ByteView bytes) {
    Bytes key;
    ByteWriter(key).varint(position);
    return valueChecksum(doc, key, bytes);
}

Result<> createShardTables(Connection& db, const ShardPlace& place) {
    // Still with a rollback journal, so that the version is in the file itself and can be read
    // without SQLite touching anything; WAL comes last. Nothing is flushed on the way: until its
    // folder says that it is complete the file does not count, and the maker flushes it before
    // that.
    const std::string sql =
        "PRAGMA page_size=4096; PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY;"
        "BEGIN IMMEDIATE;"
        "PRAGMA application_id=" +
        std::to_string(kShardApplication) + ";" + setVersion() + kTables1 + kTables2 +
        stateRow("shard", place.index) + stateRow("shards", place.count) +
        stateRow("store_id", static_cast<std::int64_t>(place.store_id)) +
        stateRow("applied_seq", 0) + stateRow("shard_seq", 0) + stateRow("rows", 0) +
        "COMMIT; PRAGMA journal_mode=WAL;";
    return db.run(sql.c_str());
}

Result<int> shardVersion(Connection& db) {
    auto version = db.number("PRAGMA user_version");
    if (!version) return version.error();
    return static_cast<int>(*version);
}

Result<> upgradeShard(Connection& db) {
    return db.transaction([&]() -> Result<> {
        if (auto ok = db.run((kTables2 + setVersion()).c_str()); !ok) return ok;
        return fillDocuments(db);
    });
}

}  // namespace kimdb::store
