// SPDX-License-Identifier: MIT
// Numbers, checks and bounds of a running store, and its errors with their cures.
#include <malloc.h>
#include <sqlite3.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <kimdb/store.h>

#include "core/clock.h"
#include "store/store_fixture.h"
#include "support/patience.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Batch;

namespace {

bool anyFileHolds(const StoreFolder& folder, const std::string& text) {
    for (const auto& [name, bytes] : folder.bytes())
        if (bytes.find(text) != std::string::npos) return true;
    return false;
}

std::uintmax_t bytesOf(const StoreFolder& folder) {
    std::uintmax_t bytes = 0;
    for (const auto& e : std::filesystem::recursive_directory_iterator(folder.path()))
        if (e.is_regular_file()) bytes += e.file_size();
    return bytes;
}

// Files are opened as a user that owns nothing, also when the test runs as root.
class AsNobody {
 public:
    AsNobody() { ::setfsuid(65'534); }
    ~AsNobody() { ::setfsuid(::geteuid()); }
    AsNobody(const AsNobody&) = delete;
    AsNobody& operator=(const AsNobody&) = delete;
};

// What is allocated, in bytes; sanitizers do not tell.
std::size_t allocated() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

}  // namespace

class TestStoreAdmin : public QObject {
    Q_OBJECT
 private slots:
    void statisticsTellWhatHappened() {
        StoreFolder folder;
        TestClock clock;
        auto options = folder.options();
        options.clock = &clock;
        auto engine = StoreFolder::open(options);
        for (int i = 0; i < 50; ++i) {
            Batch batch;
            batch.putRecord("c", "k" + std::to_string(i % 40), std::string(100, 'x'));
            batch.append("d/d", entryAt(static_cast<std::uint64_t>(i) + 1));
            KIMDB_OK(engine->commit(std::move(batch)));
        }
        KIMDB_OK(engine->whenDurable(50).get());
        auto s = engine->statistics();
        QCOMPARE(s.writes, std::uint64_t{100});
        QCOMPARE(s.last, std::uint64_t{50});
        QCOMPARE(s.durable, std::uint64_t{50});
        QCOMPARE(s.flushed, std::uint64_t{0});
        QCOMPARE(s.buffered_rows, std::uint64_t{100});
        QVERIFY(s.buffered_bytes > 9'000 && s.journal_bytes > 9'000 && s.journal_segments > 0);
        QVERIFY(s.fsync_time.count() > 0 && s.fsync_time.count() <= 50);
        clock.advance(1'000);
        QCOMPARE(engine->statistics().writes_per_s, 10.0);
        clock.advance(20'000);
        QCOMPARE(engine->statistics().writes_per_s, 0.0);
        KIMDB_OK(engine->flush());
        for (int i = 0; i < 3; ++i) QVERIFY(engine->record("c", "k7")->has_value());
        s = engine->statistics();
        QCOMPARE(s.flushed, std::uint64_t{50});
        QCOMPARE(s.buffered_rows, std::uint64_t{0});
        QCOMPARE(s.flush_time.count(), std::uint64_t{1});
        QCOMPARE(s.cache_hits, std::uint64_t{2});
        QCOMPARE(s.cache_misses, std::uint64_t{1});
        QVERIFY(s.cache_bytes > 100 && s.last_errors.empty() && s.retries == 0);
        std::uint64_t rows = 0;
        for (const auto& shard : s.shards) {
            rows += shard.rows;
            QVERIFY(shard.serves && shard.file_bytes > 0 && shard.last_error.empty());
        }
        QCOMPARE(rows, std::uint64_t{90});  // 40 records, 50 entries
        engine.reset();
        engine = StoreFolder::open(options);
        rows = 0;
        for (const auto& shard : engine->statistics().shards) rows += shard.rows;
        QCOMPARE(rows, std::uint64_t{90});
    }

    void durationsAreCountedInPowersOfTwo() {
        store::DurationCounter counter;
        for (int i = 0; i < 90; ++i) counter.add(3us);
        for (int i = 0; i < 10; ++i) counter.add(900us);
        const DurationHistogram h = counter.histogram();
        QCOMPARE(h.count(), std::uint64_t{100});
        QVERIFY(h.percentile(0.5) == 4us);
        QVERIFY(h.percentile(0.99) == 1'024us);
        QVERIFY(DurationHistogram().percentile(0.5) == 0us);
    }

    void everyKindOfDamagedRowIsFound() {
        StoreFolder folder;
        auto options = folder.options();
        options.shard_count = 1;
        options.flush_interval = 1ms;
        {
            auto engine = StoreFolder::open(options);
            for (std::uint64_t n = 1; n <= 700; ++n)
                KIMDB_OK(engine->commit(appendOf("d/d", entryAt(n))));
            Batch batch;
            batch.put("d/d", "key", "value");
            batch.putSnapshot("d/d", 5, "snapshot");
            batch.putRecord("c", "k", "record");
            KIMDB_OK(engine->commit(std::move(batch)));
            QTRY_VERIFY(engine->statistics().buffered_rows == 0);
            KIMDB_OK(engine->verify());
            QVERIFY(engine->verify()->clean());
        }
        const std::pair<const char*, const char*> damages[] = {
            {"UPDATE log SET user = 'bob' WHERE position = 650", "log entry d/d 650"},
            {"UPDATE log SET position = 9000 WHERE position = 650", "log entry"},
            {"DELETE FROM log WHERE position = 650", "has a gap"},
            {"DELETE FROM documents", "has a gap"},
            {"UPDATE documents SET last = last + 1", "log's head d/d"},
            {"UPDATE meta SET value = 'other'", "key d/d key"},
            {"UPDATE snapshots SET position = 6", "snapshot d/d 6"},
            {"UPDATE records SET expires_ms = 1", "record c k"},
            {"UPDATE records SET version = 1", "record c k"},
            {"UPDATE state SET value = value + 1 WHERE name = 'rows'", "state rows"},
        };
        for (const auto& [sql, finding] : damages) {
            StoreFolder copy;
            folder.copyTo(copy);
            auto copied = options;
            copied.path = copy.path();
            copied.flush_interval = 1h;
            auto engine = StoreFolder::open(copied);
            sqlite3* db = nullptr;
            QCOMPARE(sqlite3_open(copy.file("shard-0.db").c_str(), &db), SQLITE_OK);
            QCOMPARE(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK);
            QVERIFY(sqlite3_changes(db) > 0);
            sqlite3_close(db);
            const auto report = engine->scrub(0);
            KIMDB_OK(report);
            std::string all;
            for (const std::string& d : report->damages) all += d + "\n";
            QVERIFY2(all.find(finding) != std::string::npos, (sql + ("\n" + all)).c_str());
            QVERIFY(!engine->statistics().last_errors.empty());
            QVERIFY(engine->statistics().scrubbed_rows > 700 - 256);
        }
    }

    // A journal file that was used again while traces were erased kept, behind the few groups of
    // its new life, the text of its old one.
    void whatWasErasedIsInNoFile() {
        StoreFolder folder;
        auto options = folder.options();
        options.flush_interval = 1ms;
        auto engine = StoreFolder::open(options);
        const auto secret = [](int i) { return "SECRET" + std::to_string(i) + "SECRET"; };
        for (std::uint64_t n = 1; n <= 700; ++n) {
            auto e = entryAt(n);
            if (n == 3) e.change = secret(1);
            if (n == 690) e.change = secret(2);
            KIMDB_OK(engine->commit(appendOf("d/d", e)));
        }
        Batch batch;
        batch.put("d/d", "key", secret(3));
        batch.putSnapshot("d/d", 5, secret(4));
        batch.putRecord("c", "k", secret(5) + std::string(20'000, 'x'));
        KIMDB_OK(engine->commit(std::move(batch)));
        KIMDB_OK(engine->flush());
        KIMDB_OK(engine->record("c", "k"));
        for (int i = 2; i <= 5; ++i) QVERIFY(anyFileHolds(folder, secret(i)));
        Batch erase;
        for (const std::uint64_t n : {3, 690}) erase.replace("d/d", entryAt(n));
        erase.erase("d/d", "key");
        erase.eraseSnapshot("d/d", 5);
        erase.eraseRecord("c", "k");
        KIMDB_OK(engine->commit(std::move(erase)));
        KIMDB_OK(engine->eraseTraces());
        for (int i = 1; i <= 5; ++i) QVERIFY2(!anyFileHolds(folder, secret(i)), secret(i).c_str());
        QCOMPARE(engine->readLog("d/d", 0, SIZE_MAX)->size(), std::size_t{700});
        KIMDB_OK(engine->commit(appendOf("d/d", entryAt(701))));
        engine.reset();
        QCOMPARE(*StoreFolder::open(options)->lastPosition("d/d"), std::uint64_t{701});
    }

    void theSmallProfileKeepsItsBounds() {
        StoreFolder folder = StoreFolder::onDisk();
        StoreOptions options = StoreOptions::small();
        options.path = folder.path();
        const std::size_t before = allocated();
        auto store = Store::open(options);
        KIMDB_OK(store);
        KIMDB_OK((*store)->setDurable("c", "first", "v").get());  // the journal has its segment
        QVERIFY2(bytesOf(folder) <= 1 << 20, std::to_string(bytesOf(folder)).c_str());
        std::size_t peak = 0;
        SeededRandom random(1);
        for (int i = 0; i < 60'000; ++i) {
            const std::string key = "k" + std::to_string(random.below(100'000));
            KIMDB_OK((*store)->set("c", key, std::string(200, 'x')));
            if (i % 3 == 0)
                KIMDB_OK((*store)->get("c", "k" + std::to_string(random.below(50'000))));
            peak = std::max(peak, allocated() - before);
        }
        KIMDB_OK((*store)->scan("c", "", 1'000));
        peak = std::max(peak, allocated() - before);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        QVERIFY2(peak > 1 << 20 && peak <= 8'000'000, std::to_string(peak).c_str());
        qInfo("peak %zu KB, empty on disk below 1 MiB", peak / 1000);
#endif
    }

    void theBackgroundSweepsAndScrubs() {
        StoreFolder folder;
        StoreOptions options;
        options.path = folder.path();
        options.shard_count = 1;
        options.maintenance_interval = 5ms;
        auto store = Store::open(options);
        KIMDB_OK(store);
        KIMDB_OK((*store)->set("c", "short", "v", {.ttl = 1ms}));
        KIMDB_OK((*store)->set("c", "long", "v"));
        KIMDB_OK((*store)->flush());
        QTRY_COMPARE((*store)->statistics().shards[0].rows, std::uint64_t{1});
        QTRY_VERIFY((*store)->statistics().scrubbed_rows > 0);
        KIMDB_OK((*store)->close());
        KIMDB_OK((*store)->close());
    }

    void whatIsOutOfRangeIsRefusedWithTheCure() {
        const auto refusal = [](auto change) {
            StoreFolder folder;
            StoreOptions options;
            options.path = folder.path();
            change(options);
            const auto refused = Store::open(options);
            if (refused) return Error{};
            return std::filesystem::exists(folder.path()) ? Error{} : refused.error();
        };
        const std::pair<Error, const char*> refusals[] = {
            {refusal([](auto& o) { o.shard_count = 0; }), "1 to 8"},
            {refusal([](auto& o) { o.shard_count = 9; }), "1 to 8"},
            {refusal([](auto& o) { o.buffer_bytes = 1'000; }), "at least 64 KiB"},
            {refusal([](auto& o) { o.flush_interval = 0ms; }), "at least 1 ms"},
            {refusal([](auto& o) { o.path.clear(); }), "set the path"},
        };
        for (const auto& [error, cure] : refusals) {
            QCOMPARE(error.code, ErrorCode::InvalidArgument);
            QVERIFY2(error.message.find(cure) != std::string::npos, error.message.c_str());
        }
    }

    void aFolderThatMayNotBeWrittenIsToldSo() {
        StoreFolder folder;
        (void)folder.open();
        std::filesystem::permissions(std::filesystem::path(folder.path()).parent_path(),
                                     std::filesystem::perms(0755));
        const auto before = folder.bytes();
        {
            const AsNobody nobody;
            const auto refused = store::Engine::open(folder.options());
            QCOMPARE(refused.error().code, ErrorCode::PermissionDenied);
            QVERIFY2(refused.error().message.find("permission") != std::string::npos,
                     refused.error().message.c_str());
        }
        QVERIFY(folder.bytes() == before);
        std::filesystem::permissions(folder.file("FORMAT"), std::filesystem::perms(0600));
        {
            const AsNobody nobody;
            QCOMPARE(store::Engine::open(folder.options()).error().code,
                     ErrorCode::PermissionDenied);
        }
        KIMDB_OK(store::Engine::open(folder.options()));
    }

    void anotherProgramThatHoldsAShardIsWaitedFor() {
        StoreFolder folder;
        auto engine = folder.open();
        sqlite3* db = nullptr;
        QCOMPARE(sqlite3_open(folder.file("shard-2.db").c_str(), &db), SQLITE_OK);
        QCOMPARE(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
        KIMDB_OK(engine->commit(putOf("default/hello", "k", "v")));  // of shard 2
        std::atomic<bool> flushed = false;
        std::thread flusher([&] { flushed = engine->flush().ok(); });
        QTRY_VERIFY(engine->statistics().retries > 0);
        const auto errors = engine->statistics().last_errors;
        const bool named = !errors.empty() && errors[0].find("shard-2.db") != std::string::npos;
        const bool readable = *engine->get("default/hello", "k") == "v";
        sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
        sqlite3_close(db);
        flusher.join();
        QVERIFY(flushed && named && readable);
    }

    void aShardThatAnotherProgramHoldsAtTheStartIsToldSo() {
        StoreFolder folder;
        (void)folder.open();
        sqlite3* db = nullptr;
        QCOMPARE(sqlite3_open(folder.file("shard-2.db").c_str(), &db), SQLITE_OK);
        QCOMPARE(sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE", nullptr,
                              nullptr, nullptr),
                 SQLITE_OK);
        const auto refused = store::Engine::open(folder.options());
        sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
        sqlite3_close(db);
        QCOMPARE(refused.error().code, ErrorCode::DatabaseBusy);
        QVERIFY2(refused.error().message.find("close the program") != std::string::npos,
                 refused.error().message.c_str());
        KIMDB_OK(store::Engine::open(folder.options()));
    }
};

QTEST_GUILESS_MAIN(TestStoreAdmin)
#include "tst_store_admin.moc"
