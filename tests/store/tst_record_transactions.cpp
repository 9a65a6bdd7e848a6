// SPDX-License-Identifier: MIT
// Batches, conditions, transactions and time to live of records.
#include <kimdb/store.h>

#include <thread>

#include "store/store_fixture.h"

using namespace kimdb;
using namespace kimdb::test;

class TestRecordTransactions : public QObject {
    Q_OBJECT
 private slots:
    void init() {
        m_folder = std::make_unique<StoreFolder>();
        open();
    }
    void cleanup() { m_store.reset(); }

    void aBatchTakesPlaceWholeAcrossShards() {
        WriteBatch batch;
        for (int i = 0; i < 40; ++i) batch.set("c", "k" + std::to_string(i), "v");
        batch.remove("c", "k7");
        const auto version = m_store->commit(std::move(batch));
        KIMDB_OK(version);
        QCOMPARE(*m_store->count("c"), std::uint64_t{39});
        for (const Store::Record& r : *m_store->scan("c", "", 100)) QCOMPARE(r.version, *version);
    }

    void aBadNameInABatchRefusesAllOfIt() {
        WriteBatch batch;
        batch.set("c", "good", "v");
        batch.set("c", "not good", "v");
        QCOMPARE(m_store->commit(std::move(batch)).error().code, ErrorCode::InvalidName);
        QVERIFY(!*m_store->contains("c", "good"));
    }

    void everyWriteHasALargerVersion() {
        const auto first = m_store->set("c", "k", "1");
        const auto second = m_store->set("c", "k", "2");
        QVERIFY(*first < *second);
        QCOMPARE((*m_store->find("c", "k"))->version, *second);
        KIMDB_OK(m_store->flush());
        QCOMPARE((*m_store->find("c", "k"))->version, *second);
        open();
        QCOMPARE((*m_store->find("c", "k"))->version, *second);
    }

    void aConditionalSetNeedsTheVersion_data() {
        QTest::addColumn<bool>("flushed");
        QTest::newRow("in memory") << false;
        QTest::newRow("in a shard") << true;
    }
    void aConditionalSetNeedsTheVersion() {
        QFETCH(bool, flushed);
        const auto settle = [&] {
            if (flushed) KIMDB_OK(m_store->flush());
        };
        const auto made = m_store->set("c", "k", "1", {.if_version = 0});
        KIMDB_OK(made);
        settle();
        const auto again = m_store->set("c", "k", "x", {.if_version = 0});
        QCOMPARE(again.error().code, ErrorCode::Conflict);
        QVERIFY(again.error().retryable);
        const auto changed = m_store->set("c", "k", "2", {.if_version = *made});
        KIMDB_OK(changed);
        settle();
        QCOMPARE(m_store->set("c", "k", "x", {.if_version = *made}).error().code,
                 ErrorCode::Conflict);
        QVERIFY(*m_store->get("c", "k") == "2");
        QCOMPARE(m_store->remove("c", "k", *made).error().code, ErrorCode::Conflict);
        KIMDB_OK(m_store->remove("c", "k", *changed));
        settle();
        KIMDB_OK(m_store->set("c", "k", "3", {.if_version = 0}));
    }

    void aTransactionSeesItsWritesAndNobodyElseDoes() {
        KIMDB_OK(m_store->set("c", "a", "1"));
        auto t = m_store->begin();
        t.set("c", "a", "2");
        t.remove("c", "b");
        QVERIFY(*t.get("c", "a") == "2");
        QVERIFY(*t.get("c", "b") == std::nullopt);
        QVERIFY(*m_store->get("c", "a") == "1");
        KIMDB_OK(t.commit());
        QVERIFY(*m_store->get("c", "a") == "2");
    }

    void aTransactionThatReadWhatHasChangedIsRefused() {
        KIMDB_OK(m_store->set("c", "a", "1"));
        for (const char* touched : {"a", "not yet there"}) {
            const std::string key = touched == std::string("a") ? "a" : "b";
            auto t = m_store->begin();
            KIMDB_OK(t.get("c", key));
            t.set("c", "result", "x");
            KIMDB_OK(m_store->set("c", key, "changed"));
            QCOMPARE(t.commit().error().code, ErrorCode::Conflict);
            QVERIFY(!*m_store->contains("c", "result"));
        }
        auto t = m_store->begin();  // reads only
        KIMDB_OK(t.get("c", "a"));
        KIMDB_OK(m_store->set("c", "a", "again"));
        QCOMPARE(t.commit().error().code, ErrorCode::Conflict);
    }

    void transactionsOfManyThreadsLoseNoIncrement() {
        constexpr int kThreads = 4, kEach = 100;
        const auto count = [&](int n) {
            for (int i = 0; i < kEach;) {
                auto t = m_store->begin();
                const std::string key = "counter" + std::to_string(i % 3);
                const auto old = t.get("c", key);
                if (!old) return;
                t.set("c", key, std::to_string(std::stoi(old->value_or("0")) + 1));
                i += t.commit().ok();
                if (n == 0 && i % 10 == 0 && !m_store->flush().ok()) return;
            }
        };
        std::vector<std::thread> threads;
        for (int n = 0; n < kThreads; ++n) threads.emplace_back(count, n);
        for (auto& thread : threads) thread.join();
        int sum = 0;
        for (const Store::Record& r : *m_store->scan("c", "counter", 3)) sum += std::stoi(r.value);
        QCOMPARE(sum, kThreads * kEach);
    }

    void bothAcknowledgementsCome() {
        WriteBatch batch;
        batch.set("c", "k", "v");
        auto acknowledged = m_store->write(std::move(batch));
        const auto buffered = acknowledged.buffered.get();
        KIMDB_OK(buffered);
        QCOMPARE((*m_store->find("c", "k"))->version, *buffered);
        KIMDB_OK(acknowledged.durable.get());
        WriteBatch refused;
        refused.set("c", "k", "w", {.if_version = 0});
        acknowledged = m_store->write(std::move(refused));
        QCOMPARE(acknowledged.buffered.get().error().code, ErrorCode::Conflict);
        QCOMPARE(acknowledged.durable.get().error().code, ErrorCode::Conflict);
    }

    void aDurableStoreReturnsWhenItIsOnTheDisk() {
        m_options.durability = Durability::Durable;
        open();
        KIMDB_OK(m_store->set("c", "k", "v"));
        const StoreFolder killed;
        m_folder->copyTo(killed);
        auto options = m_options;
        options.path = killed.path();
        auto again = Store::open(options);
        KIMDB_OK(again);
        QVERIFY(*(*again)->get("c", "k") == "v");
    }

    void anExpiredRecordIsNotThere_data() {
        QTest::addColumn<bool>("flushed");
        QTest::newRow("in memory") << false;
        QTest::newRow("in a shard") << true;
    }
    void anExpiredRecordIsNotThere() {
        QFETCH(bool, flushed);
        m_store.reset();
        TestClock clock;
        auto options = m_folder->options();
        options.clock = &clock;
        auto engine = StoreFolder::open(options);
        store::Batch batch;
        batch.putRecord("c", "soon", "v", clock.wallTime() + 100);
        batch.putRecord("c", "late", "v", clock.wallTime() + 200);
        batch.putRecord("c", "never", "v");
        KIMDB_OK(engine->commit(std::move(batch)));
        if (flushed) KIMDB_OK(engine->flush());
        QVERIFY(engine->record("c", "soon")->has_value());  // and is in the cache
        clock.advance(100);
        QVERIFY(!engine->record("c", "soon")->has_value());
        QCOMPARE(engine->scanRecords("c", "", 10)->size(), std::size_t{2});
        QCOMPARE(*engine->countRecords("c"), std::uint64_t{2});
        store::Batch made;
        made.putRecord("c", "soon", "w");
        KIMDB_OK(engine->commit(std::move(made), {{"c", "soon", 0}}));  // absent
        QVERIFY(engine->record("c", "soon")->has_value());
    }

    void sweepingRemovesWhatIsExpiredAndNothingElse() {
        m_store.reset();
        TestClock clock;
        auto options = m_folder->options();
        options.clock = &clock;
        {
            auto engine = StoreFolder::open(options);
            store::Batch batch;
            for (int i = 0; i < 30; ++i)
                batch.putRecord("c", "k" + std::to_string(i), "v",
                                i % 3 ? clock.wallTime() + i : 0);
            KIMDB_OK(engine->commit(std::move(batch)));
            KIMDB_OK(engine->flush());
            clock.advance(1000);
            store::Batch renewed;
            renewed.putRecord("c", "k1", "again");
            KIMDB_OK(engine->commit(std::move(renewed)));
            std::size_t swept = 0;
            for (std::size_t n = 7; n == 7; swept += n) n = *engine->sweepExpired(7);
            QCOMPARE(swept, std::size_t{19});
            KIMDB_OK(engine->flush());
            QCOMPARE(*engine->sweepExpired(7), std::size_t{0});
        }
        clock.advance(-1000);  // if they were only hidden, they would be back
        auto engine = StoreFolder::open(options);
        QCOMPARE(*engine->countRecords("c"), std::uint64_t{11});
    }

    void aNegativeTimeToLiveIsRefused() {
        QCOMPARE(m_store->set("c", "k", "v", {.ttl = -1ms}).error().code,
                 ErrorCode::InvalidArgument);
        KIMDB_OK(m_store->set("c", "k", "v", {.ttl = std::chrono::milliseconds::max()}));
        QVERIFY(*m_store->contains("c", "k"));
    }

 private:
    void open() {
        m_store.reset();
        m_options.path = m_folder->path();
        m_options.buffer_bytes = 256 << 10;
        auto store = Store::open(m_options);
        KIMDB_OK(store);
        m_store = std::move(*store);
    }

    std::unique_ptr<StoreFolder> m_folder;
    StoreOptions m_options;
    std::unique_ptr<Store> m_store;
};

QTEST_GUILESS_MAIN(TestRecordTransactions)
#include "tst_record_transactions.moc"
