// SPDX-License-Identifier: MIT
// Backup of a running store, restore, another number of shards, and the store as text.
#include <sstream>
#include <thread>

#include <kimdb/store.h>

#include "store/backup.h"
#include "store/json_lines.h"
#include "store/reshard.h"
#include "store/store_fixture.h"
#include "support/patience.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Batch;
using store::Engine;
using store::LogEntry;

namespace {

constexpr std::uint64_t kEntries = 700;  // more than fit outside of blocks

std::string docOf(int n) {
    return "d/" + std::to_string(n);
}

// Every kind of thing a store holds.
void fill(Engine& engine) {
    for (int d = 0; d < 12; ++d) {
        for (std::uint64_t n = 1; n <= (d == 0 ? kEntries : 5);) {
            Batch batch;
            for (int i = 0; i < 100 && n <= (d == 0 ? kEntries : 5); ++i, ++n)
                batch.append(docOf(d), entryAt(n, 1 + n % 3));
            KIMDB_OK(engine.commit(std::move(batch)));
        }
        Batch batch;
        batch.put(docOf(d), std::string("k\0", 2), std::string("\xFF\0v", 3));
        batch.putSnapshot(docOf(d), 3, "state");
        batch.putRecord("c", "r" + std::to_string(d), "text");
        batch.putRecord("bytes", "r" + std::to_string(d), std::string("\0\xFE", 2));
        batch.putRecord("late", "r" + std::to_string(d), "v", 4'000'000'000'000);
        KIMDB_OK(engine.commit(std::move(batch)));
    }
    Batch batch;
    batch.trim(docOf(1), 2);
    batch.put("", "epoch", "own");
    KIMDB_OK(engine.commit(std::move(batch)));
}

// Two stores hold the same, but for versions of records and numbers of feeds.
void verifySame(const Engine& a, const Engine& b) {
    QVERIFY(*a.documents() == *b.documents());
    auto docs = *a.documents();
    docs.push_back("");
    for (const std::string& doc : docs) {
        const std::uint64_t from = *a.trimmedPosition(doc);
        QCOMPARE(*b.trimmedPosition(doc), from);
        QCOMPARE(*a.lastPosition(doc), *b.lastPosition(doc));
        const auto log = b.readLog(doc, from, SIZE_MAX);
        KIMDB_OK(log);
        QVERIFY(*a.readLog(doc, from, SIZE_MAX) == *log);
        QVERIFY(*a.scan(doc, "") == *b.scan(doc, ""));
        QVERIFY(*a.snapshot(doc, 1'000) == *b.snapshot(doc, 1'000));
        for (const LogEntry& e : *log) QVERIFY(*b.findEntry(doc, e.replica, e.first) == e);
    }
    for (const std::string collection : {"c", "bytes", "late"}) {
        const auto mine = a.scanRecords(collection, "", SIZE_MAX);
        const auto other = b.scanRecords(collection, "", SIZE_MAX);
        KIMDB_OK(other);
        QCOMPARE(mine->size(), other->size());
        for (std::size_t i = 0; i < mine->size(); ++i) {
            QCOMPARE((*mine)[i].key, (*other)[i].key);
            QVERIFY((*mine)[i].record.value == (*other)[i].record.value);
            QCOMPARE((*mine)[i].record.expires_ms, (*other)[i].record.expires_ms);
        }
    }
    const auto report = b.verify();
    KIMDB_OK(report);
    QVERIFY2(report->clean(), report->clean() ? "" : report->damages[0].c_str());
}

store::EngineOptions packing(const StoreFolder& folder, int shards = 8) {
    auto options = folder.options();
    options.shard_count = shards;
    options.flush_interval = 1ms;
    return options;
}

Result<> restore(const std::string& from, const std::string& to) {
    SystemRandom random;
    return store::restoreBackup(store::posixFiles(), random, from, to);
}

}  // namespace

class TestStoreBackup : public QObject {
    Q_OBJECT
 private slots:
    void aRestoredBackupIsTheStoreInANewEpoch() {
        StoreFolder folder, backup, restored;
        auto engine = StoreFolder::open(packing(folder));
        fill(*engine);
        KIMDB_OK(engine->backup(backup.path()));
        KIMDB_OK(restore(backup.path(), restored.path()));
        auto again = StoreFolder::open(packing(restored));
        verifySame(*engine, *again);
        QVERIFY(again->epoch() != engine->epoch());
        QCOMPARE(again->lastSeq(), engine->lastSeq());
        KIMDB_OK(again->commit(appendOf(docOf(2), entryAt(6))));
        KIMDB_OK(again->flush());
    }

    void aBackupUnderLoadIsOneMoment() {
        // Batch n writes n to two places in different shards.
        StoreFolder folder;
        auto engine = StoreFolder::open(packing(folder));
        std::atomic<bool> done = false;
        std::thread writer([&] {
            for (int n = 1; !done; ++n) {
                Batch batch;
                for (int i = 0; i < 8; ++i)
                    batch.putRecord("c", "r" + std::to_string(i), std::to_string(n));
                if (!engine->commit(std::move(batch))) return;
            }
        });
        for (int round = 0; round < 3; ++round) {
            StoreFolder backup, restored;
            const auto before = engine->lastSeq();
            const auto copied = engine->backup(backup.path());
            const auto back = restore(backup.path(), restored.path());
            if (!copied || !back) done = true;
            if (done) writer.join();
            KIMDB_OK(copied);
            KIMDB_OK(back);
            auto again = StoreFolder::open(packing(restored));
            QVERIFY(again->lastSeq() >= before);
            const auto records = again->scanRecords("c", "", 10);
            for (const auto& r : *records)
                QCOMPARE(r.record.value, std::to_string(again->lastSeq()));
        }
        done = true;
        writer.join();
    }

    void aDamagedBackupIsRefusedAndNothingIsMade() {
        StoreFolder folder, backup;
        auto engine = StoreFolder::open(packing(folder));
        fill(*engine);
        KIMDB_OK(engine->backup(backup.path()));
        for (const char* file : {"shard-3.db", "BACKUP"}) {
            StoreFolder copy, restored;
            backup.copyTo(copy);
            StoreFolder::damage(copy.file(file), file[0] == 'B' ? 40 : 9'000);
            QCOMPARE(restore(copy.path(), restored.path()).error().code, ErrorCode::StorageCorrupt);
            QVERIFY(!std::filesystem::exists(restored.path()));
        }
        StoreFolder unfinished, restored;
        backup.copyTo(unfinished);
        std::filesystem::remove(unfinished.file("BACKUP"));
        QCOMPARE(restore(unfinished.path(), restored.path()).error().code,
                 ErrorCode::InvalidArgument);
        // A restore that was interrupted is begun again.
        std::filesystem::create_directories(restored.path() + ".restoring/journal");
        StoreFolder::write(restored.path() + ".restoring/shard-0.db", "half a page");
        KIMDB_OK(restore(backup.path(), restored.path()));
        verifySame(*engine, *StoreFolder::open(packing(restored)));
    }

    void aDamagedRowIsNotRestored() {
        StoreFolder folder, backup, restored;
        {
            auto engine = StoreFolder::open(packing(folder));
            Batch batch;
            batch.putRecord("c", "k", "a value that will be damaged");
            KIMDB_OK(engine->commit(std::move(batch)));
        }
        for (int i = 0; i < 8; ++i) {
            const std::string path = folder.file("shard-" + std::to_string(i) + ".db");
            const std::size_t at = StoreFolder::read(path).find("will be damaged");
            if (at != std::string::npos) StoreFolder::damage(path, at);
        }
        auto engine = StoreFolder::open(packing(folder));
        QCOMPARE(engine->verify()->damages.size(), std::size_t{1});
        QVERIFY(engine->verify()->damages[0].find("record c k") != std::string::npos);
        KIMDB_OK(engine->backup(backup.path()));
        QCOMPARE(restore(backup.path(), restored.path()).error().code, ErrorCode::StorageCorrupt);
    }

    void foldersThatAreInUseAreLeftAlone() {
        StoreFolder folder, backup;
        auto engine = StoreFolder::open(packing(folder));
        QCOMPARE(engine->backup(folder.path()).error().code, ErrorCode::InvalidArgument);
        KIMDB_OK(engine->backup(backup.path()));
        QCOMPARE(restore(backup.path(), folder.path()).error().code, ErrorCode::InvalidArgument);
        const auto opened = Engine::open(packing(backup));
        QCOMPARE(opened.error().code, ErrorCode::InvalidArgument);
        QVERIFY(opened.error().message.find("is a backup") != std::string::npos);
        int calls = 0;
        StoreFolder stopped;
        QCOMPARE(
            engine->backup(stopped.path(), [&](auto, auto) { return ++calls < 2; }).error().code,
            ErrorCode::Closed);
        QVERIFY(!std::filesystem::exists(stopped.file("BACKUP")));
    }

    void anotherNumberOfShardsHoldsTheSame_data() {
        QTest::addColumn<int>("shards");
        for (const int shards : {1, 3, 5, 8}) QTest::addRow("%d", shards) << shards;
    }
    void anotherNumberOfShardsHoldsTheSame() {
        QFETCH(int, shards);
        StoreFolder folder, original;
        {
            auto engine = StoreFolder::open(packing(folder, 5));
            fill(*engine);
            QTRY_VERIFY(engine->statistics().buffered_rows == 0);
        }
        folder.copyTo(original);
        std::uint64_t rows = 0;
        SystemRandom random;
        KIMDB_OK(store::reshard(store::posixFiles(), random, folder.path(), shards,
                                [&](std::uint64_t done, auto) {
                                    rows = done;
                                    return true;
                                }));
        auto before = StoreFolder::open(packing(original, 5));
        auto after = StoreFolder::open(packing(folder, shards));
        verifySame(*before, *after);
        QVERIFY(after->epoch() != before->epoch());
        QCOMPARE(after->lastSeq(), before->lastSeq());
        std::uint64_t old_rows = 0, new_rows = 0;
        std::size_t in_feeds = 0;
        for (const auto& s : before->statistics().shards) old_rows += s.rows;
        for (const auto& s : after->statistics().shards) new_rows += s.rows;
        for (int i = 0; i < shards; ++i) in_feeds += after->feed(i, 0, 100)->size();
        QCOMPARE(new_rows, old_rows);
        QCOMPARE(in_feeds, std::size_t{12});
        QVERIFY(!std::filesystem::exists(folder.file("reshard")));
        QVERIFY(!std::filesystem::exists(folder.file("shard-" + std::to_string(shards) + ".db")));
        for (int d = 0; d < 12; ++d)
            KIMDB_OK(
                after->commit(appendOf(docOf(d), entryAt(*after->lastPosition(docOf(d)) + 1))));
        KIMDB_OK(after->flush());
    }

    void aReshardThatStopsAnywhereLeavesOneOfTheTwo() {
        StoreFolder original, done;
        {
            auto engine = StoreFolder::open(packing(original, 2));
            fill(*engine);
        }
        original.copyTo(done);
        SystemRandom random;
        KIMDB_OK(store::reshard(store::posixFiles(), random, done.path(), 3));
        auto expected = StoreFolder::open(packing(done, 3));
        KIMDB_OK(expected->flush());

        const auto fresh = [&](const StoreFolder& folder) {
            original.copyTo(folder);
            std::filesystem::create_directories(folder.file("reshard"));
            for (int i = 0; i < 3; ++i)
                std::filesystem::copy_file(
                    done.file("shard-" + std::to_string(i) + ".db"),
                    folder.file("reshard/shard-" + std::to_string(i) + ".db"));
        };
        // Before the new shards count: the old ones do.
        for (const bool complete : {false, true}) {
            StoreFolder folder;
            fresh(folder);
            if (complete)
                std::filesystem::copy_file(done.file("FORMAT"), folder.file("reshard/FORMAT"));
            verifySame(*StoreFolder::open(packing(folder, 2)), *expected);
            QVERIFY(!std::filesystem::exists(folder.file("reshard")));
        }
        // After it: with any number of them moved.
        for (int moved = 0; moved <= 3; ++moved) {
            StoreFolder folder;
            fresh(folder);
            for (const char* place : {"reshard/FORMAT", "FORMAT"})
                std::filesystem::copy_file(done.file("FORMAT"), folder.file(place),
                                           std::filesystem::copy_options::overwrite_existing);
            for (int i = 0; i < moved; ++i) {
                const std::string name = "shard-" + std::to_string(i) + ".db";
                std::filesystem::rename(folder.file("reshard/" + name), folder.file(name));
            }
            verifySame(*StoreFolder::open(packing(folder, 3)), *expected);
            QVERIFY(!std::filesystem::exists(folder.file("reshard")));
        }
    }

    void aStoreAsTextIsTheSameStore() {
        StoreFolder folder, other;
        auto engine = StoreFolder::open(packing(folder));
        fill(*engine);
        std::vector<Bytes> lines;
        KIMDB_OK(store::exportJsonLines(*engine, [&](ByteView line) {
            lines.emplace_back(line);
            return true;
        }));
        QVERIFY(std::find(lines.begin(), lines.end(), R"({"record":"c/r0","value":"text"})") !=
                lines.end());
        auto copy = StoreFolder::open(packing(other, 3));
        auto next = lines.begin();
        const auto source = [&]() -> std::optional<Bytes> {
            return next == lines.end() ? std::nullopt : std::optional(*next++);
        };
        std::uint64_t told = 0;
        KIMDB_OK(store::importJsonLines(*copy, source, [&](std::uint64_t done, auto) {
            told = done;
            return true;
        }));
        QCOMPARE(told, std::uint64_t{lines.size()});
        verifySame(*engine, *copy);
        next = lines.begin();
        QCOMPARE(store::importJsonLines(*copy, source).error().code, ErrorCode::InvalidArgument);
    }

    void aLineThatIsNotUnderstoodIsNamed_data() {
        QTest::addColumn<QString>("line");
        for (const char* line :
             {"{", "[]", "7", "{}", R"({"record":"c/k"})", R"({"record":"c/k","value":7})",
              R"({"record":"not a name","value":"v"})",
              R"({"record":"c/k","value":{"$bytes":"*"}})", R"({"entry":"d/x","position":2})",
              R"({"snapshot":"d/x","position":-1,"bytes":"x"})",
              R"({"record":"c/k","value":"v","expires_ms":"soon"})"})
            QTest::newRow(line) << line;
    }
    void aLineThatIsNotUnderstoodIsNamed() {
        QFETCH(QString, line);
        StoreFolder folder;
        auto store = Store::open(folder.path());
        KIMDB_OK(store);
        std::istringstream in(R"({"record":"c/good","value":"v"})"
                              "\n" +
                              line.toStdString());
        const auto refused = (*store)->importFrom(in);
        QCOMPARE(refused.error().code, ErrorCode::Malformed);
        QVERIFY2(refused.error().message.find("line 2") != std::string::npos,
                 refused.error().message.c_str());
        QVERIFY(!*(*store)->contains("c", "k"));
    }

    void thePublicFaceDoesItToo() {
        StoreFolder folder, backup, restored;
        {
            auto store = Store::open(folder.path());
            KIMDB_OK(store);
            KIMDB_OK((*store)->set("cities", "seoul", "9.4 M"));
            KIMDB_OK((*store)->backup(backup.path()));
            QVERIFY((*store)->verify()->empty());
            QCOMPARE((*store)->statistics().writes, std::uint64_t{1});
            QVERIFY((*store)->shardStats((*store)->shardOf("cities", "seoul")).rows == 1);
        }
        KIMDB_OK(Store::restore(backup.path(), restored.path()));
        KIMDB_OK(Store::reshard(restored.path(), 2));
        StoreOptions options;
        options.path = restored.path();
        options.shard_count = 2;
        auto store = Store::open(options);
        KIMDB_OK(store);
        std::ostringstream out;
        KIMDB_OK((*store)->exportTo(out));
        QCOMPARE(out.str(), std::string(R"({"record":"cities/seoul","value":"9.4 M"})"
                                        "\n"));
    }
};

QTEST_GUILESS_MAIN(TestStoreBackup)
#include "tst_store_backup.moc"
