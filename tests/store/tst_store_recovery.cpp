// SPDX-License-Identifier: MIT
// Damage and interruption: what a start makes of what it finds.
#include <sqlite3.h>

#include "store/batch_codec.h"
#include "store/journal_format.h"
#include "store/store_fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Engine;

namespace {

// Sizes and offsets of the one segment that a fixture's journal consists of.
struct JournalFile {
    std::string path;
    std::vector<std::pair<std::size_t, store::GroupHeader>> groups;  // by offset
};

std::uint64_t storeIdOf(const StoreFolder& folder) {
    const std::string text = StoreFolder::read(folder.file("FORMAT"));
    return std::stoull(text.substr(text.find("id ") + 3, 16), nullptr, 16);
}

// The segment with the largest id and its groups.
JournalFile newestSegment(const StoreFolder& folder) {
    JournalFile out;
    std::uint64_t newest = 0;
    for (const auto& e : std::filesystem::directory_iterator(folder.file("journal"))) {
        JournalFile file{e.path().string(), {}};
        const std::string bytes = StoreFolder::read(file.path);
        for (std::size_t at = store::kBlockBytes; at < bytes.size();) {
            const auto header =
                store::decodeGroupHeader(storeIdOf(folder), ByteView(bytes).substr(at));
            if (!header) break;
            file.groups.emplace_back(at, *header);
            at += header->spanBytes();
        }
        if (file.groups.empty() || file.groups.back().second.segment < newest) continue;
        newest = file.groups.back().second.segment;
        out = file;
    }
    return out;
}

std::string valueOf(std::uint64_t n) {
    return "value " + std::to_string(n);
}

// Batch n puts n under its own key and under "last", each durable before the next begins.
void commitOneByOne(Engine& engine, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t n = from; n <= to; ++n) {
        store::Batch batch;
        batch.put("c/d", "n" + std::to_string(n), valueOf(n));
        batch.put("c/other", "last", valueOf(n));
        auto seq = engine.commit(std::move(batch));
        KIMDB_OK(seq);
        QCOMPARE(*seq, n);
        KIMDB_OK(engine.whenDurable(n).get());
    }
}

// The engine holds batches 1 to \a last and nothing else, in whatever shard.
void verifyPrefix(Engine& engine, std::uint64_t last) {
    QCOMPARE(engine.lastSeq(), last);
    QCOMPARE(engine.durableSeq(), last);
    QCOMPARE(engine.scan("c/d", "n")->size(), last);
    for (std::uint64_t n = 1; n <= last; ++n)
        QVERIFY(*engine.get("c/d", "n" + std::to_string(n)) == valueOf(n));
    QVERIFY(*engine.get("c/other", "last") ==
            (last ? std::optional<Bytes>(valueOf(last)) : std::nullopt));
}

// A folder as a process leaves it that dies with \a batches in the journal and none in the shards.
void leaveKilled(const StoreFolder& folder, std::uint64_t batches) {
    const StoreFolder living;
    auto engine = living.open();
    commitOneByOne(*engine, 1, batches);
    living.copyTo(folder);
}

ErrorCode openingFailsWith(const StoreFolder& folder, std::string* message = nullptr) {
    auto engine = Engine::open(folder.options());
    if (engine) return ErrorCode::None;
    if (message) *message = engine.error().message;
    return engine.error().code;
}

}  // namespace

class TestStoreRecovery : public QObject {
    Q_OBJECT
 private slots:
    void aKilledProcessLosesNothingDurable() {
        StoreFolder folder;
        leaveKilled(folder, 20);
        auto engine = folder.open();
        QCOMPARE(engine->recovery().replayed, store::SeqNo{20});
        QVERIFY(!engine->recovery().tail_cut);
        verifyPrefix(*engine, 20);
    }

    void recoveringTwiceGivesTheSameState() {
        StoreFolder folder;
        leaveKilled(folder, 20);
        for (int round = 0; round < 4; ++round) {
            StoreFolder before;
            folder.copyTo(before);  // of what the previous recovery left, killed right after it
            auto engine = folder.open();
            verifyPrefix(*engine, 20);
            StoreFolder killed;
            folder.copyTo(killed);
            auto again = killed.open();
            verifyPrefix(*again, 20);
            commitOneByOne(*again, 21, 25);
            verifyPrefix(*again, 25);
        }
    }

    void everyTornTailOfTheLastGroupIsCut() {
        StoreFolder original;
        leaveKilled(original, 6);
        const JournalFile journal = newestSegment(original);
        QCOMPARE(journal.groups.size(), std::size_t{6});
        const auto [offset, header] = journal.groups.back();
        const std::string name = std::filesystem::path(journal.path).filename().string();
        const std::size_t used = store::kGroupHeaderBytes + header.body_bytes;
        for (std::size_t kept = 0; kept <= used; ++kept) {
            StoreFolder folder;
            original.copyTo(folder);
            std::string bytes = StoreFolder::read(folder.file("journal/" + name));
            std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(offset + kept), bytes.end(),
                      '\0');
            StoreFolder::write(folder.file("journal/" + name), bytes);
            const std::uint64_t expected = kept == used ? 6 : 5;
            {
                auto engine = folder.open();
                verifyPrefix(*engine, expected);
                commitOneByOne(*engine, expected + 1, 8);
            }
            verifyPrefix(*folder.open(), 8);
            if (QTest::currentTestFailed()) QFAIL(("kept " + std::to_string(kept)).c_str());
        }
    }

    void whatWasCutStaysCut() {
        // Batch 6 is torn, batch 7 behind it is whole: a power loss may leave that when neither
        // was flushed.
        StoreFolder folder;
        leaveKilled(folder, 7);
        const JournalFile journal = newestSegment(folder);
        QCOMPARE(journal.groups.size(), std::size_t{7});
        const auto [offset6, header6] = journal.groups[5];
        const auto [offset7, header7] = journal.groups[6];
        std::string bytes = StoreFolder::read(journal.path);
        bytes[offset6 + 60] ^= 1;
        const store::GroupHeader unsynced{
            .segment = header7.segment, .first = 7, .durable = 5, .cut = header7.cut};
        const Bytes group = store::encodeGroup(storeIdOf(folder), unsynced,
                                               {store::encodeBatch(putOf("c/d", "n7", "ghost"))});
        bytes.replace(offset7, group.size(), group);
        StoreFolder::write(journal.path, bytes);
        {
            auto engine = folder.open();
            QVERIFY(engine->recovery().tail_cut);
            verifyPrefix(*engine, 5);
            commitOneByOne(*engine, 6, 6);
            StoreFolder killed;
            folder.copyTo(killed);
            verifyPrefix(*killed.open(), 6);  // and not the old batch 7
        }
        verifyPrefix(*folder.open(), 6);
    }

    void damageInTheMiddleIsReportedWithItsRange() {
        StoreFolder original;
        leaveKilled(original, 10);
        const JournalFile journal = newestSegment(original);
        QCOMPARE(journal.groups.size(), std::size_t{10});
        const std::string name = std::filesystem::path(journal.path).filename().string();
        const auto [offset, header] = journal.groups[3];
        for (std::size_t i = 0; i < store::kGroupHeaderBytes + header.body_bytes; ++i) {
            StoreFolder folder;
            original.copyTo(folder);
            StoreFolder::damage(folder.file("journal/" + name), offset + i);
            std::string message;
            const ErrorCode code = openingFailsWith(folder, &message);
            QCOMPARE(code, ErrorCode::StorageCorrupt);
            const std::size_t from = i < store::kGroupHeaderBytes ? offset : offset + 52;
            QVERIFY2(message.find("journal/" + name + " bytes " + std::to_string(from) + "-") !=
                             std::string::npos &&
                         message.find("batches 4 to 4") != std::string::npos,
                     message.c_str());
        }
    }

    void damageThatEveryShardAlreadyHoldsIsHarmless() {
        StoreFolder folder;
        {
            auto engine = folder.open();
            commitOneByOne(*engine, 1, 5);
            KIMDB_OK(engine->flush());
            // Every shard says that it holds all: only then nothing of the journal is needed. One
            // batch, because of many each may become a group of its own and fill the segment.
            store::Batch batch;
            for (int i = 0; i < 40; ++i) batch.put("x/" + std::to_string(i), "k", "v");
            KIMDB_OK(engine->commit(std::move(batch)));
            KIMDB_OK(engine->flush());
        }
        const JournalFile journal = newestSegment(folder);
        QCOMPARE(journal.groups.size(), std::size_t{6});
        StoreFolder::damage(journal.path, journal.groups[2].first + 60);
        auto engine = folder.open();
        QCOMPARE(engine->lastSeq(), store::SeqNo{6});
        QVERIFY(*engine->get("c/d", "n3") == valueOf(3));
    }

    void aMissingSegmentIsReported() {
        StoreFolder folder;
        leaveKilled(folder, 5);
        {
            auto engine = folder.open();
            commitOneByOne(*engine, 6, 10);
            KIMDB_OK(engine->flush());
            commitOneByOne(*engine, 11, 12);
        }
        for (const auto& e : std::filesystem::directory_iterator(folder.file("journal")))
            std::filesystem::remove(e.path());
        std::string message;
        QCOMPARE(openingFailsWith(folder, &message), ErrorCode::StorageCorrupt);
        QVERIFY2(message.find("journal") != std::string::npos, message.c_str());
    }

    void aDamagedSegmentHeaderIsReported() {
        StoreFolder folder;
        leaveKilled(folder, 5);
        StoreFolder::damage(newestSegment(folder).path, 12);
        std::string message;
        QCOMPARE(openingFailsWith(folder, &message), ErrorCode::StorageCorrupt);
        QVERIFY2(message.find("bytes 0-4095") != std::string::npos, message.c_str());
    }

    void aFlippedBitInAShardIsAnErrorNeverWrongData() {
        StoreFolder original;
        {
            auto engine = original.open();
            for (std::uint64_t i = 1; i <= 3; ++i)
                KIMDB_OK(engine->commit(appendOf("c/d", entryAt(i, 7, "change of marker"))));
            KIMDB_OK(engine->commit(putOf("c/d", "key", "value of marker")));
            store::Batch batch;
            batch.putRecord("r", "key", "record of marker");
            KIMDB_OK(engine->commit(std::move(batch)));
        }
        int damaged = 0;
        for (int shard = 0; shard < 8; ++shard) {
            const std::string name = "shard-" + std::to_string(shard) + ".db";
            const std::string bytes = StoreFolder::read(original.file(name));
            for (std::size_t at = bytes.find(" of marker"); at != std::string::npos;
                 at = bytes.find(" of marker", at + 1)) {
                StoreFolder folder;
                original.copyTo(folder);
                StoreFolder::damage(folder.file(name), at + 4);
                auto engine = folder.open();
                const auto log = engine->readLog("c/d", 0, 1 << 20);
                const auto key = engine->get("c/d", "key");
                const auto scan = engine->scan("c/d", "");
                const auto record = engine->record("r", "key");
                const auto records = engine->scanRecords("r", "", 10);
                const int failed = !log.ok() + !key.ok() + !record.ok();
                QCOMPARE(failed, 1);
                QCOMPARE(key.ok(), scan.ok());
                QCOMPARE(record.ok(), records.ok());
                const Error& error = !log ? log.error() : !key ? key.error() : record.error();
                QCOMPARE(error.code, ErrorCode::StorageCorrupt);
                QVERIFY2(error.message.find(name) != std::string::npos, error.message.c_str());
                ++damaged;
            }
        }
        QCOMPARE(damaged, 5);
    }

    void aRowLostFromALogIsNoticed() {
        StoreFolder folder;
        {
            auto engine = folder.open();
            for (std::uint64_t i = 1; i <= 5; ++i)
                KIMDB_OK(engine->commit(appendOf("default/hello", entryAt(i))));
        }
        sqlite3* db = nullptr;
        QCOMPARE(sqlite3_open(folder.file("shard-2.db").c_str(), &db), SQLITE_OK);
        QCOMPARE(sqlite3_exec(db, "DELETE FROM log WHERE position = 3", nullptr, nullptr, nullptr),
                 SQLITE_OK);
        sqlite3_close(db);
        auto engine = folder.open();
        QCOMPARE(engine->readLog("default/hello", 0, 1 << 20).error().code,
                 ErrorCode::StorageCorrupt);
        QCOMPARE(engine->readLog("default/hello", 2, 1 << 20).error().code,
                 ErrorCode::StorageCorrupt);
        KIMDB_OK(engine->readLog("default/hello", 3, 1 << 20));
    }

    void aNewerVersionIsRefusedWithEveryByteAsItWas() {
        StoreFolder original;
        leaveKilled(original, 5);
        const auto refuses = [](const StoreFolder& folder) {
            const auto before = folder.bytes();
            QCOMPARE(openingFailsWith(folder), ErrorCode::VersionTooNew);
            QVERIFY(folder.bytes() == before);
        };
        StoreFolder format, shard, segment;
        original.copyTo(format);
        StoreFolder::write(format.file("FORMAT"), "KimDB store\nversion 3\nunheard of\n");
        refuses(format);
        original.copyTo(shard);
        std::string bytes = StoreFolder::read(shard.file("shard-5.db"));
        bytes[63] = 3;  // user_version
        StoreFolder::write(shard.file("shard-5.db"), bytes);
        refuses(shard);
        original.copyTo(segment);
        const std::string path = newestSegment(segment).path;
        bytes = StoreFolder::read(path);
        bytes[8] = 2;
        StoreFolder::write(path, bytes);
        refuses(segment);
    }

    void anotherShardCountIsRefused() {
        StoreFolder folder;
        (void)folder.open();
        const auto before = folder.bytes();
        auto options = folder.options();
        options.shard_count = 4;
        QCOMPARE(Engine::open(options).error().code, ErrorCode::ShardCountMismatch);
        QVERIFY(folder.bytes() == before);
        for (const int count : {0, 9, -1}) {
            options.shard_count = count;
            QCOMPARE(Engine::open(options).error().code, ErrorCode::InvalidArgument);
        }
    }

    void aForeignFolderIsLeftAlone() {
        StoreFolder folder;
        std::filesystem::create_directories(folder.path());
        StoreFolder::write(folder.file("letter.txt"), "dear");
        QCOMPARE(openingFailsWith(folder), ErrorCode::InvalidArgument);
        QCOMPARE(folder.bytes().size(), std::size_t{1});
        auto options = folder.options();
        options.path = folder.file("letter.txt");
        QCOMPARE(Engine::open(options).error().code, ErrorCode::InvalidArgument);
        options.path = folder.file("letter.txt/below");
        QCOMPARE(Engine::open(options).error().code, ErrorCode::InvalidArgument);
        options.path = "/proc/kimdb";
        const ErrorCode code = Engine::open(options).error().code;
        QVERIFY(code == ErrorCode::NotFound || code == ErrorCode::PermissionDenied);
    }

    void anInterruptedMakingIsFinished() {
        StoreFolder folder;
        std::filesystem::create_directories(folder.file("journal"));
        StoreFolder::write(folder.file("LOCK"), "process 1 (gone)\n");
        StoreFolder::write(folder.file("shard-0.db"), "half a page");
        StoreFolder::write(folder.file("FORMAT.new"), "KimDB st");
        auto engine = folder.open();
        commitOneByOne(*engine, 1, 3);
        verifyPrefix(*engine, 3);
    }

    void aLostFormatFileDoesNotCostTheData() {
        StoreFolder folder;
        leaveKilled(folder, 5);
        const std::string format = StoreFolder::read(folder.file("FORMAT"));
        std::filesystem::remove(folder.file("FORMAT"));
        QCOMPARE(openingFailsWith(folder), ErrorCode::StorageCorrupt);
        StoreFolder::write(folder.file("FORMAT"), format.substr(0, 20));
        QCOMPARE(openingFailsWith(folder), ErrorCode::StorageCorrupt);
        StoreFolder::write(folder.file("FORMAT"), format);
        verifyPrefix(*folder.open(), 5);
    }
};

QTEST_GUILESS_MAIN(TestStoreRecovery)
#include "tst_store_recovery.moc"
