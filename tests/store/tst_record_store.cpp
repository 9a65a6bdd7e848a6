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
        QVERIFY(m_store->setDurable("cities", "seoul", "9.4 M").ok());
        QVERIFY(m_store->setDurable("cities", "busan", "3.3 M").ok());
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
        }
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
