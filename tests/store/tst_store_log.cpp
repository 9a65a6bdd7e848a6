// SPDX-License-Identifier: MIT
// Logs beyond appending: feeds, snapshots, retention, packed blocks.
#include <sqlite3.h>

#include "core/bytes.h"
#include "core/limits.h"
#include "store/block_codec.h"
#include "store/memtable.h"
#include "store/store_fixture.h"
#include "support/patience.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Batch;
using store::Engine;
using store::LogEntry;

namespace {

constexpr std::uint64_t kMany = 2'000;  // entries: several blocks and a hot tail

store::EngineOptions packingOptions(const StoreFolder& folder) {
    auto options = folder.options();
    options.flush_interval = 1ms;
    return options;
}

std::int64_t queryNumber(const StoreFolder& folder, const std::string& shard,
                         const std::string& sql) {
    sqlite3* db = nullptr;
    sqlite3_stmt* statement = nullptr;
    std::int64_t value = -1;
    if (sqlite3_open_v2(folder.file(shard).c_str(), &db, SQLITE_OPEN_READONLY, nullptr) ==
            SQLITE_OK &&
        sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

std::string shardNameOf(const std::string& doc) {
    return "shard-" + std::to_string(store::Memtable::shardOfDocument(doc, 8)) + ".db";
}

void appendMany(Engine& engine, const std::string& doc, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t n = from; n <= to;) {
        Batch batch;
        for (int i = 0; i < 100 && n <= to; ++i, ++n) batch.append(doc, entryAt(n, 7 + n % 3));
        KIMDB_OK(engine.commit(std::move(batch)));
    }
}

}  // namespace

class TestStoreLog : public QObject {
    Q_OBJECT
 private slots:
    void aBlockIsItsEntriesInLessSpace() {
        std::vector<LogEntry> entries;
        std::size_t bytes = 0;
        for (std::uint64_t n = 5; n < 200; ++n) {
            entries.push_back(entryAt(n));
            bytes += sizeof(LogEntry) + entries.back().change.size();
        }
        const Bytes block = store::encodeBlock(entries);
        QVERIFY(block.size() < bytes / 4);
        QVERIFY(*store::decodeBlock(block) == entries);
    }

    void aDamagedBlockIsRefusedBeforeMemoryIsTaken() {
        const Bytes block = store::encodeBlock({entryAt(1), entryAt(2)});
        for (std::size_t size = 0; size < block.size(); ++size)
            QVERIFY(!store::decodeBlock(ByteView(block).substr(0, size)));
        Bytes huge;
        huge.push_back(1);
        ByteWriter(huge).varint(std::uint64_t{1} << 40);
        QCOMPARE(store::decodeBlock(huge).error().code, ErrorCode::Malformed);
        QVERIFY(!store::decodeBlock(store::encodeBlock({entryAt(1), entryAt(3)})));
    }

    void theFeedNamesEachDocumentWithItsLatestNumber() {
        StoreFolder folder;
        auto options = folder.options();
        options.shard_count = 1;
        for (const bool flushed : {false, true}) {
            auto engine = StoreFolder::open(options);
            if (!flushed) {
                for (std::uint64_t n = 1; n <= 3; ++n)
                    for (const char* doc : {"d/a", "d/b", "d/c"})
                        KIMDB_OK(engine->commit(appendOf(doc, entryAt(n))));
                KIMDB_OK(engine->flush());
                KIMDB_OK(engine->commit(appendOf("d/a", entryAt(4))));
            }
            const std::vector<store::FeedItem> all{{"d/b", 3, 8}, {"d/c", 3, 9}, {"d/a", 4, 10}};
            QVERIFY(*engine->feed(0, 0, 10) == all);
            QVERIFY(*engine->feed(0, 8, 10) == (std::vector<store::FeedItem>{all[1], all[2]}));
            QVERIFY(*engine->feed(0, 0, 2) == (std::vector<store::FeedItem>{all[0], all[1]}));
            QVERIFY(engine->feed(0, 10, 10)->empty());
            QCOMPARE(engine->feed(1, 0, 10).error().code, ErrorCode::InvalidArgument);
        }
    }

    void theFeedGoesOnWhereItWasAfterACrash() {
        StoreFolder folder;
        auto options = folder.options();
        options.shard_count = 2;
        auto engine = StoreFolder::open(options);
        for (std::uint64_t n = 1; n <= 5; ++n)
            KIMDB_OK(engine->commit(appendOf("d/a", entryAt(n))));
        KIMDB_OK(engine->flush());
        for (std::uint64_t n = 1; n <= 5; ++n)
            KIMDB_OK(engine->commit(appendOf("d/b", entryAt(n))));
        KIMDB_OK(engine->whenDurable(10).get());
        StoreFolder killed;
        folder.copyTo(killed);
        options.path = killed.path();
        auto again = StoreFolder::open(options);
        for (int shard = 0; shard < 2; ++shard)
            QVERIFY(*again->feed(shard, 0, 10) == *engine->feed(shard, 0, 10));
    }

    void theNewestSnapshotAtOrBelowAPositionIsFound() {
        StoreFolder folder;
        for (int round = 0; round < 3; ++round) {
            auto engine = folder.open();
            if (round == 0) {
                appendMany(*engine, "d/a", 1, 10);
                Batch batch;
                batch.putSnapshot("d/a", 3, "three");
                batch.putSnapshot("d/a", 7, "seven");
                KIMDB_OK(engine->commit(std::move(batch)));
            }
            if (round == 2) {
                Batch batch;
                batch.eraseSnapshot("d/a", 3);
                batch.putSnapshot("d/a", 10, "ten");
                KIMDB_OK(engine->commit(std::move(batch)));
                QVERIFY(*engine->snapshot("d/a", 6) == std::nullopt);
                QVERIFY(*engine->snapshot("d/a", 100) == store::Snapshot({10, "ten"}));
            } else {
                QVERIFY(*engine->snapshot("d/a", 6) == store::Snapshot({3, "three"}));
            }
            QVERIFY(*engine->snapshot("d/a", 7) == store::Snapshot({7, "seven"}));
            QVERIFY(*engine->snapshot("d/a", 2) == std::nullopt);
            QVERIFY(*engine->snapshot("d/b", 7) == std::nullopt);
        }
    }

    void coldEntriesArePackedAndReadAsBefore() {
        StoreFolder folder;
        auto engine = StoreFolder::open(packingOptions(folder));
        appendMany(*engine, "d/a", 1, kMany);
        const std::string shard = shardNameOf("d/a");
        QTRY_VERIFY(queryNumber(folder, shard, "SELECT packed FROM documents") >=
                    std::int64_t{kMany - 2 * limits::kLogHotEntries});
        QVERIFY(queryNumber(folder, shard, "SELECT count(*) FROM log") < 520);
        for (int round = 0; round < 2; ++round) {
            const auto all = engine->readLog("d/a", 0, SIZE_MAX);
            KIMDB_OK(all);
            QCOMPARE(all->size(), kMany);
            for (std::uint64_t n = 1; n <= kMany; ++n)
                QVERIFY((*all)[n - 1] == entryAt(n, 7 + n % 3));
            for (const std::uint64_t after : {0, 1, 255, 256, 257, 1'000, 1'743, 1'999, 2'000}) {
                const auto some = engine->readLog("d/a", after, 300);
                KIMDB_OK(some);
                QCOMPARE(some->empty(), after == kMany);
                for (std::size_t i = 0; i < some->size(); ++i)
                    QCOMPARE((*some)[i].position, after + i + 1);
            }
            for (std::uint64_t n = 1; n <= kMany; n += 37) {
                QVERIFY(*engine->findEntry("d/a", 7 + n % 3, n) == entryAt(n, 7 + n % 3));
                QVERIFY(*engine->findEntry("d/a", 8 + n % 3, n) == std::nullopt);
            }
            engine.reset();
            engine = StoreFolder::open(packingOptions(folder));
        }
    }

    void aPackedEntryCanBeReplaced() {
        StoreFolder folder;
        auto engine = StoreFolder::open(packingOptions(folder));
        appendMany(*engine, "d/a", 1, kMany);
        QTRY_VERIFY(queryNumber(folder, shardNameOf("d/a"), "SELECT packed FROM documents") > 600);
        LogEntry voided = entryAt(300, 7 + 300 % 3);
        voided.change = "VOID";
        Batch batch;
        batch.replace("d/a", voided);
        KIMDB_OK(engine->commit(std::move(batch)));
        for (int round = 0; round < 2; ++round) {
            QVERIFY((*engine->readLog("d/a", 299, 1))[0] == voided);
            QVERIFY(*engine->findEntry("d/a", voided.replica, 300) == voided);
            QCOMPARE(engine->readLog("d/a", 0, SIZE_MAX)->size(), kMany);
            KIMDB_OK(engine->flush());
        }
    }

    void whatIsTrimmedIsGoneAndTheRestIsRead_data() {
        QTest::addColumn<int>("up_to");
        QTest::newRow("within a block") << 300;
        QTest::newRow("at a block's end") << 512;
        QTest::newRow("behind the blocks") << 1'900;
        QTest::newRow("all") << 2'000;
    }
    void whatIsTrimmedIsGoneAndTheRestIsRead() {
        QFETCH(int, up_to);
        const auto trimmed = static_cast<std::uint64_t>(up_to);
        StoreFolder folder;
        auto engine = StoreFolder::open(packingOptions(folder));
        appendMany(*engine, "d/a", 1, kMany);
        QTRY_VERIFY(queryNumber(folder, shardNameOf("d/a"), "SELECT packed FROM documents") >
                    1'200);
        Batch batch;
        batch.trim("d/a", trimmed);
        KIMDB_OK(engine->commit(std::move(batch)));
        for (int round = 0; round < 3; ++round) {
            QCOMPARE(*engine->trimmedPosition("d/a"), trimmed);
            QCOMPARE(*engine->lastPosition("d/a"), kMany);
            QCOMPARE(engine->readLog("d/a", trimmed - 1, 100).error().code, ErrorCode::TooOld);
            const auto rest = engine->readLog("d/a", trimmed, SIZE_MAX);
            KIMDB_OK(rest);
            QCOMPARE(rest->size(), kMany - trimmed);
            QVERIFY(*engine->findEntry("d/a", 7 + 299 % 3, 299) == std::nullopt);
            QCOMPARE(engine->findEntry("d/a", 7 + 1'950 % 3, 1'950)->has_value(), up_to < 1'950);
            if (round == 0) KIMDB_OK(engine->flush());
            if (round == 1) {
                engine.reset();
                engine = StoreFolder::open(packingOptions(folder));
            }
        }
        KIMDB_OK(engine->commit(appendOf("d/a", entryAt(kMany + 1))));
        QCOMPARE(*engine->lastPosition("d/a"), kMany + 1);
    }

    // An entry was read from its shard, then the table that said "trimmed" had been flushed and
    // could not say so any more: the entry came back for a moment.
    void whatIsTrimmedStaysGoneWhileItIsFlushed() {
        StoreFolder folder;
        auto options = folder.options();
        options.flush_interval = 1ms;
        auto engine = StoreFolder::open(options);
        for (std::uint64_t n = 1; n <= 100; ++n) {
            KIMDB_OK(engine->commit(appendOf("d/a", entryAt(n))));
            KIMDB_OK(engine->flush());
            Batch batch;
            batch.trim("d/a", n);
            KIMDB_OK(engine->commit(std::move(batch)));
            for (int i = 0; i < 200; ++i)
                QVERIFY(*engine->findEntry("d/a", entryAt(n).replica, n) == std::nullopt);
        }
    }

    void aLostBlockIsNoticed() {
        StoreFolder folder;
        {
            auto engine = StoreFolder::open(packingOptions(folder));
            appendMany(*engine, "d/a", 1, kMany);
            QTRY_VERIFY(queryNumber(folder, shardNameOf("d/a"), "SELECT packed FROM documents") >
                        1'200);
        }
        sqlite3* db = nullptr;
        QCOMPARE(sqlite3_open(folder.file(shardNameOf("d/a")).c_str(), &db), SQLITE_OK);
        QCOMPARE(
            sqlite3_exec(db, "DELETE FROM blocks WHERE first = 257", nullptr, nullptr, nullptr),
            SQLITE_OK);
        QCOMPARE(sqlite3_changes(db), 1);
        sqlite3_close(db);
        auto engine = folder.open();
        KIMDB_OK(engine->readLog("d/a", 0, 100));
        QCOMPARE(engine->readLog("d/a", 0, SIZE_MAX).error().code, ErrorCode::StorageCorrupt);
        QCOMPARE(engine->readLog("d/a", 300, 100).error().code, ErrorCode::StorageCorrupt);
        QCOMPARE(engine->findEntry("d/a", 7 + 300 % 3, 300).error().code,
                 ErrorCode::StorageCorrupt);
        KIMDB_OK(engine->readLog("d/a", 512, SIZE_MAX));
    }
};

QTEST_GUILESS_MAIN(TestStoreLog)
#include "tst_store_log.moc"
