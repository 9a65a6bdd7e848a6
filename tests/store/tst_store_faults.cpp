// SPDX-License-Identifier: MIT
// Disks that fail, fill up and lose power, through the injected file layer.
#include <sqlite3.h>

#include <atomic>
#include <thread>

#include "store/lossy_disk.h"
#include "store/store_fixture.h"
#include "support/patience.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Engine;
using Op = LossyDisk::Op;
using Verdict = LossyDisk::Verdict;

namespace {

bool isSegment(const std::string& path) {
    return path.find("/journal/") != std::string::npos;
}

constexpr const char* kFolder = "/data/db";

//! \brief A store on a disk that can fail, and verbs on it.
class Disk {
 public:
    Disk() : Disk(std::make_unique<LossyDisk>()) {}
    explicit Disk(std::unique_ptr<LossyDisk> disk) : files(std::move(disk)) {}

    store::EngineOptions options() const {
        store::EngineOptions o;
        o.path = kFolder;
        o.buffer_bytes = 256 << 10;
        o.flush_interval = 1h;
        o.files = files.get();
        return o;
    }
    std::unique_ptr<Engine> open() const { return StoreFolder::open(options()); }
    void failAll(Op op, Verdict verdict) {
        files->setHook([=](const LossyDisk::Call& call) {
            return call.op == op && isSegment(call.path) ? verdict : Verdict::Go;
        });
    }
    void failOnce(Op op, Verdict verdict) {
        files->setHook([=, left = 1](const LossyDisk::Call& call) mutable {
            return call.op == op && isSegment(call.path) && left-- > 0 ? verdict : Verdict::Go;
        });
    }

    std::unique_ptr<LossyDisk> files;
};

void commitNumbers(Engine& engine, int from, int to) {
    for (int n = from; n <= to; ++n)
        KIMDB_OK(engine.commit(putOf("c/d", "n" + std::to_string(n), std::to_string(n))));
}

void verifyNumbers(Engine& engine, int to) {
    for (int n = 1; n <= to; ++n)
        QVERIFY(*engine.get("c/d", "n" + std::to_string(n)) == std::to_string(n));
}

}  // namespace

class TestStoreFaults : public QObject {
    Q_OBJECT
 private slots:
    void aFailedFlushIsMadeGoodInAnotherSegment() {
        for (const Op op : {Op::Sync, Op::Write}) {
            Disk disk;
            auto engine = disk.open();
            commitNumbers(*engine, 1, 3);
            KIMDB_OK(engine->whenDurable(3).get());
            disk.failOnce(op, Verdict::Fail);
            commitNumbers(*engine, 4, 6);
            KIMDB_OK(engine->whenDurable(6).get());
            KIMDB_OK(engine->health());
            commitNumbers(*engine, 7, 9);
            KIMDB_OK(engine->whenDurable(9).get());
            // Whatever the disk made of what was not flushed, all nine were told to be durable.
            SeededRandom random(1);
            verifyNumbers(*Disk(disk.files->afterPowerLoss(random)).open(), 9);
        }
    }

    void aJournalThatKeepsFailingStopsAcknowledging() {
        Disk disk;
        auto engine = disk.open();
        commitNumbers(*engine, 1, 3);
        KIMDB_OK(engine->whenDurable(3).get());
        std::atomic<store::SeqNo> heard = 0;
        engine->onDurable([&](store::SeqNo durable) { heard = durable; });
        disk.failAll(Op::Sync, Verdict::Fail);
        commitNumbers(*engine, 4, 4);
        const auto outcome = engine->whenDurable(4).get();
        QCOMPARE(outcome.error().code, ErrorCode::StorageFailed);
        QCOMPARE(engine->durableSeq(), store::SeqNo{3});
        QCOMPARE(engine->health().error().code, ErrorCode::StorageFailed);
        const auto refused = engine->commit(putOf("c/d", "n5", "5"));
        QCOMPARE(refused.error().code, ErrorCode::StorageFailed);
        QVERIFY(!refused.error().retryable);
        QVERIFY(!engine->get("c/d", "n5")->has_value());
        QTRY_COMPARE(heard.load(), store::SeqNo{3});  // told that something is wrong
        verifyNumbers(*engine, 4);                    // reads go on
        disk.files->setHook({});
        QCOMPARE(engine->commit(putOf("c/d", "n5", "5")).error().code, ErrorCode::StorageFailed);
        QVERIFY(!engine->close().ok());
    }

    void afterARestartAForgottenFlushIsNotTrusted() {
        // The flush of batch 4 failed and the process ended. The page cache still shows the batch,
        // and a second flush succeeds without writing anything. What the next process acknowledges
        // must stay.
        for (std::uint64_t seed = 1; seed <= 30; ++seed) {
            Disk disk;
            {
                auto engine = disk.open();
                commitNumbers(*engine, 1, 3);
                KIMDB_OK(engine->whenDurable(3).get());
                disk.failAll(Op::Sync, Verdict::Fail);
                commitNumbers(*engine, 4, 4);
                QVERIFY(!engine->whenDurable(4).get().ok());
            }
            disk.files->setHook({});
            auto engine = disk.open();
            QCOMPARE(engine->durableSeq(), store::SeqNo{4});
            SeededRandom random(seed);
            const Disk image(disk.files->afterPowerLoss(random));
            auto after = image.open();
            QVERIFY(after->durableSeq() >= engine->durableSeq());
            verifyNumbers(*after, 4);
        }
    }

    void recoveryFlushesWhatItReadBeforeItServes() {
        const Disk killed = killedAfterThree();
        std::vector<std::string> calls;
        killed.files->setHook([&](const LossyDisk::Call& call) {
            if (isSegment(call.path) && call.op != Op::Open && call.op != Op::Read)
                calls.push_back((call.op == Op::Sync ? "sync " : "") + call.path);
            return Verdict::Go;
        });
        const auto engine = killed.open();
        QVERIFY(!calls.empty());
        QCOMPARE(calls.front(), std::string("sync /data/db/journal/0000000001.seg"));
        QCOMPARE(engine->durableSeq(), store::SeqNo{3});
    }

    void anUnflushableJournalIsNotServed() {
        Disk killed = killedAfterThree();
        killed.failAll(Op::Sync, Verdict::Fail);
        QCOMPARE(Engine::open(killed.options()).error().code, ErrorCode::StorageFailed);
    }

    void aFullDiskIsWaitedForAndWritingResumes() {
        Disk disk;
        auto engine = disk.open();
        std::atomic<int> calls = 0;
        engine->onDurable([&](store::SeqNo) { ++calls; });
        disk.failAll(Op::Create, Verdict::Full);
        commitNumbers(*engine, 1, 1);
        auto durable = engine->whenDurable(1);
        QTRY_COMPARE_WITH_TIMEOUT(engine->health().ok(), false, 30'000);
        QCOMPARE(engine->health().error().code, ErrorCode::StorageFull);
        QVERIFY(calls > 0);
        const auto refused = engine->commit(putOf("c/d", "n2", "2"));
        QCOMPARE(refused.error().code, ErrorCode::StorageFull);
        QVERIFY(refused.error().retryable);
        QCOMPARE(engine->flush().error().code, ErrorCode::StorageFull);
        verifyNumbers(*engine, 1);  // reads go on
        QCOMPARE(engine->durableSeq(), store::SeqNo{0});
        disk.files->setHook({});
        KIMDB_OK(durable.get());
        KIMDB_OK(engine->health());
        commitNumbers(*engine, 2, 3);
        KIMDB_OK(engine->flush());
        verifyNumbers(*engine, 3);
    }

    void aShardThatFailsIsToldToTheHandler() {
        StoreFolder folder;
        auto engine = folder.open();
        std::atomic<bool> heard = false;
        engine->onDurable([&](store::SeqNo) { heard = heard || !engine->health(); });
        KIMDB_OK(engine->commit(putOf("", "k", "v")));
        KIMDB_OK(engine->whenDurable(1).get());
        sqlite3* db = nullptr;
        QCOMPARE(sqlite3_open(folder.file("shard-0.db").c_str(), &db), SQLITE_OK);
        QCOMPARE(sqlite3_exec(db, "DROP TABLE meta", nullptr, nullptr, nullptr), SQLITE_OK);
        sqlite3_close(db);
        QCOMPARE(engine->flush().error().code, ErrorCode::StorageFailed);
        QTRY_VERIFY(heard);
        QCOMPARE(engine->commit(putOf("", "k", "w")).error().code, ErrorCode::StorageFailed);
    }

    void closingOnAFullDiskEndsAndSaysSo() {
        Disk disk;
        auto engine = disk.open();
        disk.failAll(Op::Create, Verdict::Full);
        commitNumbers(*engine, 1, 1);
        auto durable = engine->whenDurable(1);
        QTRY_COMPARE_WITH_TIMEOUT(engine->health().ok(), false, 30'000);
        QCOMPARE(engine->close().error().code, ErrorCode::StorageFull);
        QVERIFY(!durable.get().ok());
    }

 private:
    static Disk killedAfterThree() {
        Disk disk;
        auto engine = disk.open();
        commitNumbers(*engine, 1, 3);
        (void)engine->whenDurable(3).get();
        return Disk(disk.files->afterKill());
    }
};

QTEST_GUILESS_MAIN(TestStoreFaults)
#include "tst_store_faults.moc"
