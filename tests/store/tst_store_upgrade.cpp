// SPDX-License-Identifier: MIT
// Databases that older versions have written are opened and brought to the present format.
// golden/v1: two shards, made by format version 1, as a killed process left it: three documents,
// twelve records, and the last three batches in the journal only. golden/v2: the same by version 2,
// and a log of 600 entries with a packed block, snapshots, a trimmed log, a record that expires.
#include <sqlite3.h>

#include "store/store_fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Engine;
using store::LogEntry;

namespace {

store::EngineOptions optionsOf(const StoreFolder& folder) {
    auto options = folder.options();
    options.shard_count = 2;
    return options;
}

void copyGolden(const std::string& name, const StoreFolder& folder) {
    std::filesystem::remove_all(folder.path());
    std::filesystem::copy(std::string(KIMDB_GOLDEN_STORES "/") + name, folder.path(),
                          std::filesystem::copy_options::recursive);
}

LogEntry goldenEntry(std::uint64_t position, const std::string& user) {
    LogEntry e = entryAt(position);
    e.user = user;
    e.change = "change " + std::to_string(position);
    e.log_hash = sha256Truncated({"change" + std::to_string(position)});
    return e;
}

// What version 1 wrote, as its generator says.
void verifyContents(Engine& engine) {
    QCOMPARE(engine.lastSeq(), store::SeqNo{16});
    QVERIFY((*engine.documents() == std::vector<std::string>{"notes/n0", "notes/n1", "notes/n2"}));
    for (int d = 0; d < 3; ++d) {
        std::vector<LogEntry> expected;
        for (std::uint64_t n = 1; n <= (d == 0 ? 6U : 4U); ++n)
            expected.push_back(goldenEntry(n, d == 0 && n > 4 ? "bob" : "alice"));
        if (d == 1) expected[1] = goldenEntry(2, "void");
        const std::string doc = "notes/n" + std::to_string(d);
        QVERIFY(*engine.readLog(doc, 0, SIZE_MAX) == expected);
        QVERIFY(*engine.findEntry(doc, 7, 3) == expected[2]);
        QVERIFY(*engine.get(doc, "head") == "4");
        QCOMPARE(*engine.trimmedPosition(doc), std::uint64_t{0});
    }
    QVERIFY(*engine.get("", "epoch") == "0123456789abcdef");
    QCOMPARE(*engine.countRecords("cities"), std::uint64_t{14});
    QVERIFY((*engine.record("cities", "c1"))->value == "newer");
    QVERIFY((*engine.record("cities", "c12"))->value == "flushed 4");
    QVERIFY((*engine.record("cities", "c26"))->value == "journalled");
    QVERIFY(!engine.record("cities", "gone")->has_value());
    std::size_t in_feeds = 0;
    for (int shard = 0; shard < 2; ++shard) in_feeds += engine.feed(shard, 0, 100)->size();
    QCOMPARE(in_feeds, std::size_t{3});
}

int versionOf(const StoreFolder& folder, int shard) {
    return StoreFolder::read(folder.file("shard-" + std::to_string(shard) + ".db"))[63];
}

}  // namespace

class TestStoreUpgrade : public QObject {
    Q_OBJECT
 private slots:
    void versionOneIsReadWholeAndUpgraded() {
        StoreFolder folder;
        copyGolden("v1", folder);
        for (int round = 0; round < 3; ++round) {
            auto engine = StoreFolder::open(optionsOf(folder));
            verifyContents(*engine);
        }
        for (int shard = 0; shard < 2; ++shard) QCOMPARE(versionOf(folder, shard), 2);
        QVERIFY(StoreFolder::read(folder.file("FORMAT")).find("version 2") != std::string::npos);
        auto engine = StoreFolder::open(optionsOf(folder));
        store::Batch batch;
        batch.putRecord("cities", "c12", "changed");
        batch.append("notes/n2", goldenEntry(5, "carol"));
        KIMDB_OK(engine->commit(std::move(batch), {{"cities", "c12", 1}}));  // as upgraded
        KIMDB_OK(engine->flush());
        QCOMPARE(*engine->lastPosition("notes/n2"), std::uint64_t{5});
    }

    void versionTwoIsReadAsItIs() {
        StoreFolder folder;
        copyGolden("v2", folder);
        for (int round = 0; round < 2; ++round) {
            auto engine = StoreFolder::open(optionsOf(folder));
            QCOMPARE(engine->lastSeq(), store::SeqNo{617});
            QVERIFY(engine->verify()->clean());
            std::vector<LogEntry> expected;
            for (std::uint64_t n = 1; n <= 600; ++n) expected.push_back(goldenEntry(n, "dave"));
            QVERIFY(*engine->readLog("notes/long", 0, SIZE_MAX) == expected);
            QVERIFY(*engine->findEntry("notes/long", 7, 100) == expected[99]);
            QCOMPARE(*engine->lastPosition("notes/n0"), std::uint64_t{6});
            QVERIFY((*engine->readLog("notes/n1", 1, 1))[0] == goldenEntry(2, "void"));
            QCOMPARE(*engine->trimmedPosition("notes/n2"), std::uint64_t{2});
            QVERIFY(*engine->snapshot("notes/n0", 5) == store::Snapshot({3, "state of n0"}));
            QVERIFY(*engine->snapshot("notes/n0", 6) == store::Snapshot({6, "later"}));
            QCOMPARE(*engine->countRecords("cities"), std::uint64_t{15});
            QCOMPARE((*engine->record("cities", "late"))->expires_ms, 4'000'000'000'000);
            QCOMPARE((*engine->record("cities", "c1"))->version, store::SeqNo{617});
        }
    }

    void anUpgradeThatWasInterruptedIsFinished() {
        // FORMAT is marked first, then shard after shard: any of these states may be found.
        StoreFolder upgraded;
        copyGolden("v1", upgraded);
        (void)StoreFolder::open(optionsOf(upgraded));
        for (const int done : {0, 1, 2}) {
            StoreFolder folder;
            copyGolden("v1", folder);
            std::filesystem::copy_file(upgraded.file("FORMAT"), folder.file("FORMAT"),
                                       std::filesystem::copy_options::overwrite_existing);
            for (int shard = 0; shard < done; ++shard) {
                // Upgraded, but without what the journal still holds.
                auto place =
                    store::ShardPlace{folder.file("shard-" + std::to_string(shard) + ".db"), shard,
                                      2, storeIdOf(folder)};
                KIMDB_OK(store::Shard::open(place));
            }
            auto engine = StoreFolder::open(optionsOf(folder));
            verifyContents(*engine);
        }
    }

    void whatWasDamagedBeforeIsNotMadeGoodByAnUpgrade() {
        StoreFolder folder;
        copyGolden("v1", folder);
        for (const char* shard : {"shard-0.db", "shard-1.db"}) {
            sqlite3* db = nullptr;  // the pages out of the WAL, whose own checksums guard them
            QCOMPARE(sqlite3_open(folder.file(shard).c_str(), &db), SQLITE_OK);
            sqlite3_exec(db, "SELECT count(*) FROM log", nullptr, nullptr, nullptr);
            sqlite3_close(db);
            std::string bytes = StoreFolder::read(folder.file(shard));
            for (std::size_t at = 0; (at = bytes.find("flushed 4", at)) != std::string::npos;)
                bytes[at++] ^= 1;
            StoreFolder::write(folder.file(shard), bytes);
        }
        int failed = 0;
        auto engine = StoreFolder::open(optionsOf(folder));
        for (const char* key : {"c4", "c8", "c12"}) failed += !engine->record("cities", key).ok();
        QCOMPARE(failed, 3);
    }

 private:
    static std::uint64_t storeIdOf(const StoreFolder& folder) {
        const std::string text = StoreFolder::read(folder.file("FORMAT"));
        return std::stoull(text.substr(text.find("id ") + 3, 16), nullptr, 16);
    }
};

QTEST_GUILESS_MAIN(TestStoreUpgrade)
#include "tst_store_upgrade.moc"
