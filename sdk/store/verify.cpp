// SPDX-License-Identifier: MIT
#include "store/verify.h"

#include "store/batch_codec.h"
#include "store/log_rows.h"

namespace kimdb::store {
namespace {

constexpr std::uint64_t kRowsPerProgress = 4'096;

std::uint64_t number(const Statement& row, int at) {
    return static_cast<std::uint64_t>(row.integer(at));
}

// One table: its rows, whether one is sound, and what to call it.
struct Table {
    const char* what;
    const char* sql;
    bool (*sound)(const Statement& row);
    int name_columns[2];
};

const Table kTables[] = {
    {"state",
     "SELECT name, value, crc FROM state",
     [](const Statement& r) {
         return r.integer(2) == std::int64_t{stateChecksum(r.bytes(0), r.integer(1))};
     },
     {0, 0}},
    {"log entry",
     "SELECT " KIMDB_ENTRY_COLUMNS ", doc FROM log",
     [](const Statement& r) { return logEntryOf(r, r.bytes(10)).has_value(); },
     {10, 0}},
    {"block",
     "SELECT first, last, entries, crc, doc FROM blocks",
     [](const Statement& r) { return blockOf(r, r.bytes(4)).has_value(); },
     {4, 1}},
    {"block index",
     "SELECT doc, replica, first, last, block, crc FROM block_streams",
     [](const Statement& r) {
         return r.integer(5) ==
                std::int64_t{blockStreamChecksum(r.bytes(0), number(r, 1), number(r, 2),
                                                 number(r, 3), number(r, 4))};
     },
     {0, 4}},
    {"log's head",
     "SELECT doc, last, trimmed, packed, shard_seq, crc FROM documents",
     [](const Statement& r) {
         const DocumentRow row{number(r, 1), number(r, 2), number(r, 3), number(r, 4)};
         return r.integer(5) == std::int64_t{documentChecksum(r.bytes(0), row)};
     },
     {0, 0}},
    {"snapshot",
     "SELECT doc, position, bytes, crc FROM snapshots",
     [](const Statement& r) {
         return r.integer(3) ==
                std::int64_t{snapshotChecksum(r.bytes(0), number(r, 1), r.bytes(2))};
     },
     {0, 1}},
    {"key",
     "SELECT doc, key, value, crc FROM meta",
     [](const Statement& r) {
         return r.integer(3) == std::int64_t{valueChecksum(r.bytes(0), r.bytes(1), r.bytes(2))};
     },
     {0, 1}},
    {"record",
     "SELECT collection, key, value, version, expires_ms, crc FROM records",
     [](const Statement& r) {
         return r.integer(5) == std::int64_t{recordChecksum(r.bytes(0), r.bytes(1), r.bytes(2),
                                                            number(r, 3), r.integer(4))};
     },
     {0, 1}},
};

// Logs whose entries and blocks are not as many as their heads say.
constexpr const char* kGaps =
    "SELECT doc FROM documents d WHERE"
    " (SELECT count(*) FROM log WHERE doc = d.doc) <> d.last - d.packed * (d.packed > d.trimmed)"
    "  - d.trimmed * (d.packed <= d.trimmed)"
    " OR (SELECT coalesce(sum(last - first + 1), 0) FROM blocks WHERE doc = d.doc)"
    "  <> max(d.packed - d.trimmed, 0)"
    " UNION SELECT doc FROM log WHERE doc NOT IN (SELECT doc FROM documents)";

class Verifier {
 public:
    Verifier(ShardReader& reader, const std::string& path, VerifyReport& report,
             const VerifyProgress& progress)
        : m_db(reader.connection()), m_path(path), m_report(report), m_progress(progress) {}

    Result<> verify() {
        if (auto ok = checkStructure(); !ok) return ok;
        for (const Table& table : kTables)
            if (auto ok = tolerate(checkTable(table)); !ok) return ok;
        return tolerate(checkGaps());
    }

 private:
    // Damage that SQLite itself stumbles over is a finding too.
    Result<> tolerate(Result<> done) {
        if (done || done.error().code != ErrorCode::StorageCorrupt) return done;
        m_report.add(done.error().message);
        return {};
    }

    Result<> checkStructure() {
        auto query = m_db.prepare("PRAGMA integrity_check(20)");
        if (!query) return tolerate(query.error());
        for (;;) {
            auto row = query->step();
            if (!row) return tolerate(row.error());
            if (!*row) return {};
            if (query->bytes(0) != "ok") m_report.add(m_path + ": " + std::string(query->bytes(0)));
        }
    }

    Result<> checkTable(const Table& table) {
        auto rows = m_db.prepare(table.sql);
        if (!rows) return rows.error();
        for (;;) {
            auto more = rows->step();
            if (!more) return more.error();
            if (!*more) return {};
            ++m_report.rows;
            if (!table.sound(*rows)) {
                std::string name(rows->bytes(table.name_columns[0]));
                if (table.name_columns[1] != table.name_columns[0])
                    name += " " + std::string(rows->bytes(table.name_columns[1]));
                m_report.add(m_path + ": " + table.what + " " + name + " is damaged");
            }
            if (m_report.rows % kRowsPerProgress == 0 && m_progress &&
                !m_progress(m_report.rows, 0))
                return Error{ErrorCode::Closed, "stopped"};
        }
    }

    Result<> checkGaps() {
        auto rows = m_db.prepare(kGaps);
        if (!rows) return rows.error();
        for (;;) {
            auto more = rows->step();
            if (!more) return more.error();
            if (!*more) return {};
            m_report.add(m_path + ": the log of document " + std::string(rows->bytes(0)) +
                         " has a gap");
        }
    }

    Connection& m_db;
    const std::string& m_path;
    VerifyReport& m_report;
    const VerifyProgress& m_progress;
};

}  // namespace

Result<> verifyShard(ShardReader& reader, const std::string& path, VerifyReport& report,
                     const VerifyProgress& progress) {
    if (auto ok = reader.begin(); !ok) return ok;  // one state, also while the shard is written
    const Result<> done = Verifier(reader, path, report, progress).verify();
    reader.end();
    return done;
}

}  // namespace kimdb::store
