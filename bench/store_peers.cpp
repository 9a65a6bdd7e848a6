// SPDX-License-Identifier: MIT
#include "bench/store_peers.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#ifdef KIMDB_BENCH_LEVELDB
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>
#endif
#ifdef KIMDB_BENCH_ROCKSDB
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#endif
#ifdef KIMDB_BENCH_LMDB
#include <lmdb.h>
#endif

namespace bench {

void failPeer(const std::string& what) {
    std::fprintf(stderr, "bench_store: %s\n", what.c_str());
    std::exit(1);
}

namespace {

constexpr std::size_t kWriteBufferBytes = 64 << 20;  // as our own

// SQLite with one table and a primary key.
class SqlitePeer final : public StorePeer {
 public:
    SqlitePeer(const std::string& folder, std::size_t cache_bytes, const char* journal) {
        check(sqlite3_open((folder + "/rows.db").c_str(), &m_db));
        run(std::string("PRAGMA journal_mode=") + journal +
            "; PRAGMA synchronous=FULL; PRAGMA cache_size=-" + std::to_string(cache_bytes >> 10) +
            "; CREATE TABLE IF NOT EXISTS rows"
            "(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID");
        check(sqlite3_prepare_v2(m_db, "INSERT OR REPLACE INTO rows VALUES(?1,?2)", -1, &m_put,
                                 nullptr));
        check(sqlite3_prepare_v2(m_db, "SELECT value FROM rows WHERE key=?1", -1, &m_get, nullptr));
    }
    ~SqlitePeer() override {
        sqlite3_finalize(m_put);
        sqlite3_finalize(m_get);
        sqlite3_close(m_db);
    }
    SqlitePeer(const SqlitePeer&) = delete;
    SqlitePeer& operator=(const SqlitePeer&) = delete;

    void put(const Rows& rows, std::size_t from, std::size_t to, std::size_t per_commit,
             bool durable) override {
        run(durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
        for (std::size_t n = from; n < to;) {
            if (per_commit > 1) run("BEGIN");
            for (const std::size_t end = std::min(n + per_commit, to); n < end; ++n) {
                bind(m_put, 1, rows.key(n));
                const std::string_view value = rows.value(n);
                sqlite3_bind_blob(m_put, 2, value.data(), static_cast<int>(value.size()),
                                  SQLITE_STATIC);
                check(sqlite3_step(m_put) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR);
                sqlite3_reset(m_put);
            }
            if (per_commit > 1) run("COMMIT");
        }
    }
    void settle() override { run("PRAGMA wal_checkpoint(TRUNCATE)"); }
    std::size_t get(const Rows& rows, const std::vector<std::uint32_t>& numbers) override {
        std::size_t found = 0;
        for (const std::uint32_t n : numbers) {
            bind(m_get, 1, rows.key(n));
            if (sqlite3_step(m_get) == SQLITE_ROW) {
                const auto* value = static_cast<const char*>(sqlite3_column_blob(m_get, 0));
                const auto bytes = static_cast<std::size_t>(sqlite3_column_bytes(m_get, 0));
                found += std::string_view(value, bytes) == rows.value(n);
            }
            sqlite3_reset(m_get);
        }
        return found;
    }

 private:
    static void bind(sqlite3_stmt* to, int at, std::string_view text) {
        sqlite3_bind_text(to, at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    }
    void check(int code) {
        if (code != SQLITE_OK) failPeer(std::string("SQLite: ") + sqlite3_errmsg(m_db));
    }
    void run(const std::string& sql) {
        check(sqlite3_exec(m_db, sql.c_str(), nullptr, nullptr, nullptr));
    }
    sqlite3* m_db = nullptr;
    sqlite3_stmt* m_put = nullptr;
    sqlite3_stmt* m_get = nullptr;
};

#ifdef KIMDB_BENCH_LEVELDB
class LeveldbPeer final : public StorePeer {
 public:
    LeveldbPeer(const std::string& folder, std::size_t cache_bytes)
        : m_cache(leveldb::NewLRUCache(cache_bytes)), m_filter(leveldb::NewBloomFilterPolicy(10)) {
        leveldb::Options options;
        options.create_if_missing = true;
        options.write_buffer_size = kWriteBufferBytes;
        options.block_cache = m_cache.get();
        options.filter_policy = m_filter.get();
        leveldb::DB* db = nullptr;
        check(leveldb::DB::Open(options, folder, &db));
        m_db.reset(db);
    }
    void put(const Rows& rows, std::size_t from, std::size_t to, std::size_t per_commit,
             bool durable) override {
        leveldb::WriteOptions options;
        options.sync = durable;
        for (std::size_t n = from; n < to;) {
            leveldb::WriteBatch batch;
            for (const std::size_t end = std::min(n + per_commit, to); n < end; ++n)
                batch.Put(slice(rows.key(n)), slice(rows.value(n)));
            check(m_db->Write(options, &batch));
        }
    }
    void settle() override { m_db->CompactRange(nullptr, nullptr); }
    std::size_t get(const Rows& rows, const std::vector<std::uint32_t>& numbers) override {
        std::size_t found = 0;
        std::string value;
        for (const std::uint32_t n : numbers)
            found += m_db->Get({}, slice(rows.key(n)), &value).ok() && value == rows.value(n);
        return found;
    }

 private:
    static leveldb::Slice slice(std::string_view v) { return {v.data(), v.size()}; }
    static void check(const leveldb::Status& status) {
        if (!status.ok()) failPeer("LevelDB: " + status.ToString());
    }
    std::unique_ptr<leveldb::Cache> m_cache;
    std::unique_ptr<const leveldb::FilterPolicy> m_filter;
    std::unique_ptr<leveldb::DB> m_db;
};
#endif

#ifdef KIMDB_BENCH_ROCKSDB
class RocksdbPeer final : public StorePeer {
 public:
    RocksdbPeer(const std::string& folder, std::size_t cache_bytes) {
        rocksdb::BlockBasedTableOptions table;
        table.block_cache = rocksdb::NewLRUCache(cache_bytes);
        table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
        rocksdb::Options options;
        options.create_if_missing = true;
        options.write_buffer_size = kWriteBufferBytes;
        options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
        rocksdb::DB* db = nullptr;
        check(rocksdb::DB::Open(options, folder, &db));
        m_db.reset(db);
    }
    void put(const Rows& rows, std::size_t from, std::size_t to, std::size_t per_commit,
             bool durable) override {
        rocksdb::WriteOptions options;
        options.sync = durable;
        for (std::size_t n = from; n < to;) {
            rocksdb::WriteBatch batch;
            for (const std::size_t end = std::min(n + per_commit, to); n < end; ++n)
                check(batch.Put(slice(rows.key(n)), slice(rows.value(n))));
            check(m_db->Write(options, &batch));
        }
    }
    void settle() override {
        check(m_db->Flush({}));
        check(m_db->CompactRange({}, nullptr, nullptr));
    }
    std::size_t get(const Rows& rows, const std::vector<std::uint32_t>& numbers) override {
        std::size_t found = 0;
        rocksdb::PinnableSlice value;
        for (const std::uint32_t n : numbers) {
            value.Reset();
            found += m_db->Get({}, m_db->DefaultColumnFamily(), slice(rows.key(n)), &value).ok() &&
                     std::string_view(value.data(), value.size()) == rows.value(n);
        }
        return found;
    }

 private:
    static rocksdb::Slice slice(std::string_view v) { return {v.data(), v.size()}; }
    static void check(const rocksdb::Status& status) {
        if (!status.ok()) failPeer("RocksDB: " + status.ToString());
    }
    std::unique_ptr<rocksdb::DB> m_db;
};
#endif

#ifdef KIMDB_BENCH_LMDB
class LmdbPeer final : public StorePeer {
 public:
    explicit LmdbPeer(const std::string& folder) {
        check(mdb_env_create(&m_env));
        check(mdb_env_set_mapsize(m_env, std::size_t{16} << 30));
        check(mdb_env_open(m_env, folder.c_str(), 0, 0644));
        MDB_txn* txn = begin(0);
        check(mdb_dbi_open(txn, nullptr, MDB_CREATE, &m_db));
        check(mdb_txn_commit(txn));
    }
    ~LmdbPeer() override { mdb_env_close(m_env); }
    LmdbPeer(const LmdbPeer&) = delete;
    LmdbPeer& operator=(const LmdbPeer&) = delete;

    void put(const Rows& rows, std::size_t from, std::size_t to, std::size_t per_commit,
             bool durable) override {
        check(mdb_env_set_flags(m_env, MDB_NOSYNC, durable ? 0 : 1));
        for (std::size_t n = from; n < to;) {
            MDB_txn* txn = begin(0);
            for (const std::size_t end = std::min(n + per_commit, to); n < end; ++n) {
                MDB_val key = val(rows.key(n)), value = val(rows.value(n));
                check(mdb_put(txn, m_db, &key, &value, 0));
            }
            check(mdb_txn_commit(txn));
        }
    }
    std::size_t get(const Rows& rows, const std::vector<std::uint32_t>& numbers) override {
        std::size_t found = 0;
        MDB_txn* txn = begin(MDB_RDONLY);
        for (const std::uint32_t n : numbers) {
            MDB_val key = val(rows.key(n)), value{};
            found +=
                mdb_get(txn, m_db, &key, &value) == 0 &&
                std::string_view(static_cast<char*>(value.mv_data), value.mv_size) == rows.value(n);
            mdb_txn_reset(txn);  // as a program does that reads one row: a view of its own
            check(mdb_txn_renew(txn));
        }
        mdb_txn_abort(txn);
        return found;
    }

 private:
    static MDB_val val(std::string_view v) { return {v.size(), const_cast<char*>(v.data())}; }
    static void check(int code) {
        if (code != 0) failPeer(std::string("LMDB: ") + mdb_strerror(code));
    }
    MDB_txn* begin(unsigned flags) {
        MDB_txn* txn = nullptr;
        check(mdb_txn_begin(m_env, nullptr, flags, &txn));
        return txn;
    }
    MDB_env* m_env = nullptr;
    MDB_dbi m_db = 0;
};
#endif

}  // namespace

const std::vector<StorePeerKind>& storePeers() {
    using Opened = std::unique_ptr<StorePeer>;
    static const std::vector<StorePeerKind> kinds = {
#ifdef KIMDB_BENCH_LEVELDB
        {"leveldb", 1'000,
         [](const std::string& folder, std::size_t cache) -> Opened {
             return std::make_unique<LeveldbPeer>(folder, cache);
         }},
#endif
#ifdef KIMDB_BENCH_ROCKSDB
        {"rocksdb", 1'000,
         [](const std::string& folder, std::size_t cache) -> Opened {
             return std::make_unique<RocksdbPeer>(folder, cache);
         }},
#endif
#ifdef KIMDB_BENCH_LMDB
        {"lmdb", 1'000,
         [](const std::string& folder, std::size_t) -> Opened {
             return std::make_unique<LmdbPeer>(folder);
         }},
#endif
        {"sqlite", 1'000,
         [](const std::string& folder, std::size_t cache) -> Opened {
             return std::make_unique<SqlitePeer>(folder, cache, "WAL");
         }},
        {"sqlite-plain", 1,
         [](const std::string& folder, std::size_t cache) -> Opened {
             return std::make_unique<SqlitePeer>(folder, cache, "DELETE");
         }},
    };
    return kinds;
}

}  // namespace bench
