// SPDX-License-Identifier: MIT
#include "store/record_cache.h"
#include "store/store_fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using store::RecordCache;
using store::StoredRecord;

namespace {

std::string keyOf(int i) {
    return "key" + std::to_string(i);
}

store::Memtable tableWith(const std::string& key) {
    store::Memtable table(1);
    store::Batch batch;
    batch.putRecord("c", key, "new");
    table.apply(std::move(batch), 1);
    return table;
}

}  // namespace

class TestRecordCache : public QObject {
    Q_OBJECT
 private slots:
    void whatWasPutIsFoundAlsoThatThereIsNone() {
        RecordCache cache(1 << 20);
        QVERIFY(!cache.find({"c", "a"}));
        cache.put({"c", "a"}, StoredRecord{"value", 3, 0}, cache.epoch());
        cache.put({"c", "b"}, std::nullopt, cache.epoch());
        QVERIFY(cache.find({"c", "a"}).value() == StoredRecord({"value", 3, 0}));
        QVERIFY(cache.find({"c", "b"}).value() == std::nullopt);
        QVERIFY(!cache.find({"d", "a"}));
        QCOMPARE(cache.hits(), std::uint64_t{2});
        QCOMPARE(cache.misses(), std::uint64_t{2});
    }

    void itsBytesAreBounded() {
        constexpr std::size_t kBytes = 256 << 10;
        RecordCache cache(kBytes);
        for (int i = 0; i < 20'000; ++i) {
            cache.put({"c", keyOf(i)}, StoredRecord{Bytes(i % 300, 'x'), 1, 0}, cache.epoch());
            QVERIFY(cache.bytes() <= kBytes);
        }
        QVERIFY(cache.bytes() > kBytes / 2);
        cache.put({"c", "huge"}, StoredRecord{Bytes(kBytes, 'x'), 1, 0}, cache.epoch());
        QVERIFY(!cache.find({"c", "huge"}));
        QVERIFY(cache.bytes() > kBytes / 2);  // and nothing went for it
    }

    void whatIsUsedStaysWhenOtherThingsCome() {
        RecordCache cache(256 << 10);
        for (int i = 0; i < 5'000; ++i) {
            cache.put({"c", keyOf(i)}, StoredRecord{"x", 1, 0}, cache.epoch());
            if (i % 5 == 0) {
                if (!cache.find({"c", "hot"}))
                    cache.put({"c", "hot"}, StoredRecord{"hot", 1, 0}, cache.epoch());
            }
        }
        const std::uint64_t misses = cache.misses();
        QVERIFY2(misses < 20, std::to_string(misses).c_str());
    }

    void aFlushedTableIsForgottenAndWhatWasReadBeforeIsRefused() {
        RecordCache cache(1 << 20);
        const auto before = cache.epoch();
        cache.put({"c", "a"}, StoredRecord{"old", 1, 0}, before);
        cache.put({"c", "other"}, StoredRecord{"kept", 1, 0}, before);
        cache.forget(tableWith("a"), 0);
        QVERIFY(!cache.find({"c", "a"}));
        QVERIFY(cache.find({"c", "other"}));
        cache.put({"c", "a"}, StoredRecord{"old", 1, 0}, before);
        QVERIFY(!cache.find({"c", "a"}));
        cache.put({"c", "a"}, StoredRecord{"new", 2, 0}, cache.epoch());
        QVERIFY(cache.find({"c", "a"}));
    }

    void withoutBytesNothingIsKept() {
        RecordCache cache(0);
        cache.put({"c", "a"}, StoredRecord{"value", 1, 0}, cache.epoch());
        QVERIFY(!cache.find({"c", "a"}));
    }
};

QTEST_GUILESS_MAIN(TestRecordCache)
#include "tst_record_cache.moc"
