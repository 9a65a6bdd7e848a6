// SPDX-License-Identifier: MIT
#include <QtTest>

#include <kimdb/store.h>

using namespace kimdb;

class TestRecordStore : public QObject {
    Q_OBJECT
 private slots:
    void init() {
        m_folder = std::make_unique<QTemporaryDir>();
        open();
    }
    void cleanup() { m_store.reset(); }

    void whatWasSetIsReadAtOnce() {
        QVERIFY(m_store->set("cities", "seoul", "9.4 M").ok());
        QVERIFY(*m_store->get("cities", "seoul") == "9.4 M");
        QVERIFY(m_store->set("cities", "seoul", "9.5 M").ok());
        QVERIFY(*m_store->get("cities", "seoul") == "9.5 M");
        QVERIFY(*m_store->get("rivers", "seoul") == std::nullopt);
    }

    void whatWasRemovedIsGoneAlsoAfterReopening() {
        QVERIFY(m_store->setDurable("cities", "seoul", "9.4 M").get().ok());
        QVERIFY(m_store->setDurable("cities", "busan", "3.3 M").get().ok());
        QVERIFY(m_store->remove("cities", "seoul").ok());
        QVERIFY(m_store->remove("cities", "atlantis").ok());
        for (int round = 0; round < 2; ++round, open()) {
            QVERIFY(*m_store->get("cities", "seoul") == std::nullopt);
            QVERIFY(*m_store->get("cities", "busan") == "3.3 M");
        }
    }

    void aScanIsOrderedBoundedAndGoesOn() {
        for (const char* key : {"b", "a", "a-", "c", "B"})
            QVERIFY(m_store->set("letters", key, key).ok());
        QVERIFY(m_store->set("numbers", "a", "1").ok());
        std::vector<std::string> keys;
        std::string from;
        for (int pages = 0; pages < 10; ++pages) {
            const auto page = m_store->scan("letters", from, 2);
            QVERIFY(page.ok() && page->size() <= 2);
            if (page->empty()) break;
            for (const Store::Record& record : *page) keys.push_back(record.key);
            from = keys.back() + '-';
        }
        QVERIFY(keys == std::vector<std::string>({"B", "a", "a-", "b", "c"}));
    }

    void namesAreChecked() {
        for (const char* bad : {"", "a b", "..", "~x", "a/b"}) {
            QCOMPARE(m_store->set("cities", bad, "x").error().code, ErrorCode::InvalidName);
            QCOMPARE(m_store->set(bad, "seoul", "x").error().code, ErrorCode::InvalidName);
            QCOMPARE(m_store->get("cities", bad).error().code, ErrorCode::InvalidName);
            QCOMPARE(m_store->remove(bad, "seoul").error().code, ErrorCode::InvalidName);
            QCOMPARE(m_store->setDurable("cities", bad, "x").get().error().code,
                     ErrorCode::InvalidName);
            QCOMPARE(m_store->contains(bad, "seoul").error().code, ErrorCode::InvalidName);
            QCOMPARE(m_store->scan(bad, "", 1).error().code, ErrorCode::InvalidName);
        }
    }

    void manyDurableSetsAreUnderWayTogether() {
        std::vector<std::future<Result<>>> durable;
        for (int i = 0; i < 500; ++i)
            durable.push_back(m_store->setDurable("numbers", std::to_string(i), "x"));
        for (auto& one : durable) QVERIFY(one.get().ok());
        QVERIFY(m_store->flush().ok());
        QVERIFY(*m_store->contains("numbers", "499"));
        QVERIFY(!*m_store->contains("numbers", "500"));
    }

    void aClosedStoreSaysSo() {
        QVERIFY(m_store->set("cities", "seoul", "9.4 M").ok());
        QVERIFY(m_store->close().ok());
        QCOMPARE(m_store->get("cities", "seoul").error().code, ErrorCode::Closed);
        QCOMPARE(m_store->setDurable("cities", "seoul", "x").get().error().code, ErrorCode::Closed);
        open();
        QVERIFY(*m_store->get("cities", "seoul") == "9.4 M");
    }

    void optionsAreChecked() {
        m_store.reset();
        StoreOptions options{.path = m_folder->path().toStdString(), .shard_count = 4};
        QCOMPARE(Store::open(options).error().code, ErrorCode::ShardCountMismatch);
        options.shard_count = 9;
        QCOMPARE(Store::open(options).error().code, ErrorCode::InvalidArgument);
        options = {.path = options.path, .buffer_bytes = 1};
        QCOMPARE(Store::open(options).error().code, ErrorCode::InvalidArgument);
    }

    void aSecondOpenIsBusy() {
        const auto second = Store::open(m_folder->path().toStdString());
        QCOMPARE(second.error().code, ErrorCode::DatabaseBusy);
    }

 private:
    void open() {
        m_store.reset();
        auto store = Store::open(m_folder->path().toStdString());
        QVERIFY2(store.ok(), store.ok() ? "" : store.error().message.c_str());
        m_store = std::move(*store);
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<Store> m_store;
};

QTEST_GUILESS_MAIN(TestRecordStore)
#include "tst_record_store.moc"
