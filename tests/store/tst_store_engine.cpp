// SPDX-License-Identifier: MIT
#include "store/store_fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Batch;
using store::Engine;
using store::LogEntry;

class TestStoreEngine : public QObject {
    Q_OBJECT
 private slots:
    void whatWasCommittedIsReadBeforeAndAfterAFlushAndAReopen() {
        StoreFolder folder;
        auto engine = folder.open();
        Batch batch;
        batch.append("notes/a", entryAt(1));
        batch.append("notes/a", entryAt(2));
        batch.put("notes/a", "head", "2");
        batch.put("", "epoch", "e");
        batch.putRecord("people", "bob", "{}");
        auto seq = engine->commit(std::move(batch));
        KIMDB_OK(seq);
        QCOMPARE(*seq, store::SeqNo{1});
        for (const char* stage : {"memory", "flushing", "reopened"}) {
            if (stage == std::string("flushing")) KIMDB_OK(engine->flush());
            if (stage == std::string("reopened")) {
                engine.reset();
                engine = folder.open();
            }
            QCOMPARE(*engine->lastPosition("notes/a"), std::uint64_t{2});
            auto log = engine->readLog("notes/a", 0, 1 << 20);
            KIMDB_OK(log);
            QVERIFY((*log == std::vector<LogEntry>{entryAt(1), entryAt(2)}));
            QVERIFY(*engine->findEntry("notes/a", 7, 2) == entryAt(2));
            QVERIFY(!engine->findEntry("notes/a", 7, 3)->has_value());
            QVERIFY(*engine->get("notes/a", "head") == "2");
            QVERIFY(*engine->get("", "epoch") == "e");
            QVERIFY((*engine->record("people", "bob"))->value == "{}");
            QVERIFY(*engine->documents() == std::vector<std::string>{"notes/a"});
        }
    }

    void aBatchIsDurableWhenItsFutureSaysSo() {
        StoreFolder folder;
        auto engine = folder.open();
        auto seq = engine->commit(putOf("d/d", "k", "v"));
        KIMDB_OK(seq);
        KIMDB_OK(engine->whenDurable(*seq).get());
        QVERIFY(engine->durableSeq() >= *seq);
    }

    void theDurableHandlerHearsEveryGroup() {
        StoreFolder folder;
        auto engine = folder.open();
        std::vector<store::SeqNo> heard;  // by the journal's thread, read after it has ended
        engine->onDurable([&](store::SeqNo durable) { heard.push_back(durable); });
        for (int i = 0; i < 100; ++i) KIMDB_OK(engine->commit(putOf("d/d", "k", "v")));
        KIMDB_OK(engine->close());
        QVERIFY(!heard.empty());
        QCOMPARE(heard.back(), store::SeqNo{100});
        QVERIFY(std::is_sorted(heard.begin(), heard.end()));
    }

    void replaceAndEraseAreSeenOverWhatIsFlushed() {
        StoreFolder folder;
        auto engine = folder.open();
        KIMDB_OK(engine->commit(appendOf("d/d", entryAt(1))));
        KIMDB_OK(engine->commit(appendOf("d/d", entryAt(2))));
        KIMDB_OK(engine->commit(putOf("d/k", "only", "x")));
        KIMDB_OK(engine->flush());
        Batch batch;
        LogEntry other = entryAt(1, 9, "other");
        batch.replace("d/d", other);
        batch.erase("d/k", "only");
        KIMDB_OK(engine->commit(std::move(batch)));
        for (int flushed = 0; flushed < 2; ++flushed) {
            QVERIFY((*engine->readLog("d/d", 0, 1000) == std::vector<LogEntry>{other, entryAt(2)}));
            QVERIFY(!engine->findEntry("d/d", 7, 1)->has_value());
            QVERIFY(*engine->findEntry("d/d", 9, 1) == other);
            QVERIFY(!engine->get("d/k", "only")->has_value());
            QVERIFY(engine->scan("d/k", "")->empty());
            QVERIFY(*engine->documents() == std::vector<std::string>{"d/d"});
            KIMDB_OK(engine->flush());
        }
    }

    void readLogStopsAtTheBytesAskedForAndGivesAtLeastOne() {
        StoreFolder folder;
        auto engine = folder.open();
        for (std::uint64_t i = 1; i <= 20; ++i) {
            KIMDB_OK(engine->commit(appendOf("d/d", entryAt(i, 7, std::string(100, 'x')))));
            if (i == 10) KIMDB_OK(engine->flush());
        }
        QCOMPARE(engine->readLog("d/d", 0, 1)->size(), std::size_t{1});
        QCOMPARE(engine->readLog("d/d", 8, 450)->size(), std::size_t{5});
        QCOMPARE(engine->readLog("d/d", 15, 1 << 20)->size(), std::size_t{5});
        QVERIFY(engine->readLog("d/d", 20, 1 << 20)->empty());
        QVERIFY(engine->readLog("d/other", 0, 1 << 20)->empty());
    }

    void shortEntriesOverLongOnesDoNotTearTheLog() {
        StoreFolder folder;
        auto engine = folder.open();
        for (std::uint64_t i = 1; i <= 6; ++i)
            KIMDB_OK(engine->commit(appendOf("d/d", entryAt(i, 7, std::string(100, 'x')))));
        KIMDB_OK(engine->flush());
        for (std::uint64_t i = 1; i <= 3; ++i) {
            Batch batch;
            batch.replace("d/d", entryAt(i, 7, "void"));
            KIMDB_OK(engine->commit(std::move(batch)));
        }
        KIMDB_OK(engine->commit(appendOf("d/d", entryAt(7))));
        std::uint64_t after = 0;
        while (after < 7) {
            auto log = engine->readLog("d/d", after, 250);
            KIMDB_OK(log);
            QVERIFY(!log->empty());
            QCOMPARE(log->front().position, after + 1);
            after = log->back().position;
        }
    }

    void recordsAreScannedInKeyOrderOverAllShards() {
        StoreFolder folder;
        auto engine = folder.open();
        std::map<std::string, std::string> expected;
        for (int i = 0; i < 200; ++i) {
            const std::string key = "k" + std::to_string(1000 + i * 37 % 200);
            Batch batch;
            batch.putRecord("c", key, "v" + key);
            expected[key] = "v" + key;
            KIMDB_OK(engine->commit(std::move(batch)));
            if (i % 60 == 59) KIMDB_OK(engine->flush());
        }
        Batch batch;
        for (int i = 0; i < 50; ++i) {
            batch.eraseRecord("c", "k" + std::to_string(1010 + i));
            expected.erase("k" + std::to_string(1010 + i));
        }
        KIMDB_OK(engine->commit(std::move(batch)));
        std::map<std::string, std::string> got;
        for (std::string from;;) {
            auto page = engine->scanRecords("c", from, 7);
            KIMDB_OK(page);
            if (page->empty()) break;
            QVERIFY(page->size() <= 7);
            for (auto& [key, record] : *page) {
                QVERIFY(got.empty() || got.rbegin()->first < key);
                got[key] = record.value;
            }
            from = page->back().key + '\0';
        }
        QVERIFY(got == expected);
    }

    void aScanPassesRecordsThatANewerTableErased() {
        const auto records = [](std::initializer_list<const char*> keys, bool erase) {
            store::Memtable table(8);
            Batch batch;
            for (const char* key : keys)
                erase ? batch.eraseRecord("c", key) : batch.putRecord("c", key, "v");
            table.apply(std::move(batch), 1);
            return table;
        };
        store::RecordOverlay overlay(0);
        overlay.collect(records({"a", "b"}, true), "c", "", 2);
        overlay.collect(records({"a", "b", "c", "d", "e"}, false), "c", "", 2);
        std::string seen;
        for (const auto& [key, value] : overlay.takeRecords())
            if (value) seen += key;
        QCOMPARE(seen, std::string("cd"));
    }

    void tooLargeABatchIsRefusedAndNothingOfItIsVisible() {
        StoreFolder folder;
        auto engine = folder.open();
        Batch batch;
        batch.put("d/d", "small", "x");
        batch.put("d/d", "large", std::string((64 << 20) + 1, 'x'));
        const auto refused = engine->commit(std::move(batch));
        QCOMPARE(refused.error().code, ErrorCode::TooLarge);
        QVERIFY(!engine->get("d/d", "small")->has_value());
    }

    void aBatchLargerThanASegmentIsDurable() {
        StoreFolder folder;
        const std::string large(3 << 20, 'x');
        {
            auto engine = folder.open();
            KIMDB_OK(engine->commit(putOf("d/d", "large", large)));
            KIMDB_OK(engine->whenDurable(1).get());
            const StoreFolder killed;
            folder.copyTo(killed);
            auto again = killed.open();
            QVERIFY(*again->get("d/d", "large") == large);
        }
        QVERIFY(*folder.open()->get("d/d", "large") == large);
    }

    void aClosedEngineSaysSo() {
        StoreFolder folder;
        auto engine = folder.open();
        KIMDB_OK(engine->commit(putOf("d/d", "k", "v")));
        KIMDB_OK(engine->close());
        QCOMPARE(engine->commit(putOf("d/d", "k", "v")).error().code, ErrorCode::Closed);
        QCOMPARE(engine->get("d/d", "k").error().code, ErrorCode::Closed);
        QCOMPARE(engine->flush().error().code, ErrorCode::Closed);
        QCOMPARE(engine->health().error().code, ErrorCode::Closed);
        QCOMPARE(engine->whenDurable(2).get().error().code, ErrorCode::Closed);
        QVERIFY(engine->close().ok());
    }

    void theJournalDoesNotGrowForEver() {
        StoreFolder folder;
        auto options = folder.options();
        options.flush_interval = 1ms;
        auto engine = folder.open(options);
        const std::string value(10'000, 'x');
        for (int i = 0; i < 1'000; ++i) KIMDB_OK(engine->commit(putOf("d/d", "k", value)));
        KIMDB_OK(engine->flush());
        std::uintmax_t bytes = 0;
        for (const auto& e : std::filesystem::directory_iterator(folder.file("journal")))
            bytes += e.file_size();
        QVERIFY2(bytes < 6 << 20, std::to_string(bytes).c_str());  // 10 MB went through it
    }
};

QTEST_GUILESS_MAIN(TestStoreEngine)
#include "tst_store_engine.moc"
