// SPDX-License-Identifier: MIT
// One damaged shard: it is named, answers with an error, and the others go on serving.
#include <sqlite3.h>

#include "store/memtable.h"
#include "store/store_fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Batch;
using store::Engine;

namespace {

std::string keyIn(int shard, int n = 0) {
    for (int i = 0;; ++i) {
        const std::string key = "k" + std::to_string(i);
        if (store::Memtable::shardOfRecord({"c", key}, 8) == shard && n-- == 0) return key;
    }
}

Batch recordOf(const std::string& key, const std::string& value) {
    Batch batch;
    batch.putRecord("c", key, value);
    return batch;
}

void fill(const StoreFolder& folder) {
    auto engine = folder.open();
    for (int shard = 0; shard < 8; ++shard) KIMDB_OK(engine->commit(recordOf(keyIn(shard), "v")));
    KIMDB_OK(engine->flush());
}

// Shard 3 is out of order, the others are not.
void verifyOthersServe(Engine& engine, const std::string& value) {
    QCOMPARE(engine.damages().size(), std::size_t{1});
    QVERIFY(engine.damages()[0].message.find("shard-3.db") != std::string::npos);
    for (int shard = 0; shard < 8; ++shard) {
        const auto committed = engine.commit(recordOf(keyIn(shard), value));
        const auto found = engine.record("c", keyIn(shard, 0));
        QCOMPARE(committed.ok(), shard != 3);
        QCOMPARE(found.ok(), shard != 3);
        const Error& error = shard == 3 ? committed.error() : Error{ErrorCode::StorageCorrupt};
        QCOMPARE(error.code, ErrorCode::StorageCorrupt);
        if (shard != 3) QVERIFY((*found)->value == value);
    }
    QCOMPARE(engine.scanRecords("c", "", 10).error().code, ErrorCode::StorageCorrupt);
    QCOMPARE(engine.countRecords("c").error().code, ErrorCode::StorageCorrupt);
    KIMDB_OK(engine.flush());
    KIMDB_OK(engine.health());
}

int keptSegments(const StoreFolder& folder) {
    int kept = 0;
    for (const auto& e : std::filesystem::directory_iterator(folder.file("journal")))
        kept += e.path().string().ends_with(".seg.kept");
    return kept;
}

}  // namespace

class TestStoreDamage : public QObject {
    Q_OBJECT
 private slots:
    void aShardThatIsNoShardIsNamedAndTheOthersServe_data() {
        QTest::addColumn<int>("what");
        QTest::newRow("no database") << 1;
        QTest::newRow("empty") << 2;
        QTest::newRow("of another place") << 3;
        QTest::newRow("its state damaged") << 4;
    }
    void aShardThatIsNoShardIsNamedAndTheOthersServe() {
        QFETCH(int, what);
        StoreFolder folder;
        fill(folder);
        const std::string path = folder.file("shard-3.db");
        const std::string good = StoreFolder::read(path);
        std::string bad = what == 1   ? std::string(8192, 'x')
                          : what == 3 ? StoreFolder::read(folder.file("shard-4.db"))
                          : what == 4 ? good
                                      : std::string();
        if (what == 4) bad[bad.find("applied_seq") + 12] ^= 1;
        StoreFolder::write(path, bad);
        for (const char* value : {"one", "two"}) {
            auto engine = folder.open();
            verifyOthersServe(*engine, value);
        }
        // An older copy is not taken for the present one: the others have gone on without it.
        StoreFolder::write(path, good);
        for (const char* rest : {"-wal", "-shm"}) std::filesystem::remove(path + rest);
        QCOMPARE(Engine::open(folder.options()).error().code, ErrorCode::StorageCorrupt);
    }

    void aMissingShardIsAskedForBeforeAnythingGoesOn() {
        StoreFolder folder;
        fill(folder);
        const std::string path = folder.file("shard-3.db");
        const std::string good = StoreFolder::read(path);
        std::filesystem::remove(path);
        const auto refused = Engine::open(folder.options());
        QCOMPARE(refused.error().code, ErrorCode::StorageCorrupt);
        QVERIFY(refused.error().message.find("shard-3.db is missing") != std::string::npos);
        QVERIFY(!std::filesystem::exists(path));
        StoreFolder::write(path, good);
        QVERIFY((*folder.open()->record("c", keyIn(3)))->value == "v");
    }

    void aShardThatIsDamagedUnderWayIsLeftOut() {
        StoreFolder folder;
        fill(folder);
        const std::string path = folder.file("shard-3.db");
        auto engine = folder.open();
        {
            std::string bytes = StoreFolder::read(path);
            for (std::size_t page = 1; page < bytes.size() / 4096; ++page)
                bytes.replace(page * 4096, 100, std::string(100, '\xEE'));
            std::fstream f(path, std::ios::binary | std::ios::in | std::ios::out);
            f.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        }
        KIMDB_OK(engine->commit(recordOf(keyIn(3), "acknowledged")));
        KIMDB_OK(engine->whenDurable(engine->lastSeq()).get());
        KIMDB_OK(engine->flush());
        verifyOthersServe(*engine, "v");
        // What the shard may lack stays on the disk for a repair.
        engine.reset();
        engine = folder.open();
        verifyOthersServe(*engine, "w");
        const std::string large(200'000, 'x');
        for (int i = 0; i < 20; ++i) KIMDB_OK(engine->commit(recordOf(keyIn(1), large)));
        KIMDB_OK(engine->flush());
        QVERIFY(keptSegments(folder) > 0);
        bool found = false;
        for (const auto& e : std::filesystem::directory_iterator(folder.file("journal")))
            found |= StoreFolder::read(e.path().string()).find("acknowledged") != std::string::npos;
        QVERIFY(found);
    }

    void whenNoShardIsLeftTheStoreIsNotOpened() {
        StoreFolder folder;
        fill(folder);
        for (int shard = 0; shard < 8; ++shard)
            StoreFolder::write(folder.file("shard-" + std::to_string(shard) + ".db"), "x");
        const auto opened = Engine::open(folder.options());
        QCOMPARE(opened.error().code, ErrorCode::StorageCorrupt);
    }
};

QTEST_GUILESS_MAIN(TestStoreDamage)
#include "tst_store_damage.moc"
