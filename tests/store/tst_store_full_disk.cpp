// SPDX-License-Identifier: MIT
// A file system that has no more room: the store says so, reads go on, and it resumes by itself
// when there is room again. On a small tmpfs where this process may mount one, and on a disk in
// memory.
#include <sys/mount.h>
#include <unistd.h>

#include "store/lossy_disk.h"
#include "store/store_fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Engine;

namespace {

constexpr std::size_t kRoomBytes = 8 << 20;

//! A place of kRoomBytes, at first.
class SmallPlace {
 public:
    virtual ~SmallPlace() = default;
    virtual std::string path() const = 0;
    virtual store::FileLayer* files() = 0;
    virtual void resize(std::size_t bytes) = 0;
};

class SmallDisk final : public SmallPlace {
 public:
    SmallDisk() { m_disk.setCapacity(kRoomBytes); }
    std::string path() const override { return "/data/db"; }
    store::FileLayer* files() override { return &m_disk; }
    void resize(std::size_t bytes) override { m_disk.setCapacity(bytes); }

 private:
    LossyDisk m_disk;
};

class SmallFileSystem final : public SmallPlace {
 public:
    static std::unique_ptr<SmallPlace> mount() {
        std::unique_ptr<SmallFileSystem> place(new SmallFileSystem);
        place->m_mounted = ::mount("tmpfs", place->m_point.c_str(), "tmpfs", 0,
                                   sizeOption(kRoomBytes).c_str()) == 0;
        return place->m_mounted ? std::move(place) : nullptr;
    }
    ~SmallFileSystem() override {
        if (m_mounted) ::umount2(m_point.c_str(), MNT_DETACH);
    }
    SmallFileSystem(const SmallFileSystem&) = delete;
    SmallFileSystem& operator=(const SmallFileSystem&) = delete;

    std::string path() const override { return m_point + "/db"; }
    store::FileLayer* files() override { return nullptr; }
    void resize(std::size_t bytes) override {
        if (::mount("tmpfs", m_point.c_str(), "tmpfs", MS_REMOUNT, sizeOption(bytes).c_str()) != 0)
            qFatal("cannot remount");
    }

 private:
    SmallFileSystem() : m_point(m_dir.path().toStdString()) {}
    static std::string sizeOption(std::size_t bytes) { return "size=" + std::to_string(bytes); }

    QTemporaryDir m_dir;
    const std::string m_point;
    bool m_mounted = false;
};

std::unique_ptr<SmallPlace> placeNamed(const QString& name) {
    if (name == "tmpfs")
        if (auto place = SmallFileSystem::mount()) return place;
    return std::make_unique<SmallDisk>();  // as well where nothing may be mounted
}

std::string keyOf(int n) {
    return "k" + std::to_string(n);
}
std::string valueOf(int n) {
    return std::to_string(n) + std::string(16'000, 'v');
}
store::Batch recordOf(int n) {
    store::Batch batch;
    batch.putRecord("full", keyOf(n), valueOf(n));
    return batch;
}

void verifyRecords(Engine& engine, int last) {
    for (int n = 1; n <= last; ++n) {
        const auto found = engine.record("full", keyOf(n));
        KIMDB_OK(found);
        QVERIFY(*found && (*found)->value == valueOf(n));
    }
}

}  // namespace

class TestStoreFullDisk : public QObject {
    Q_OBJECT
 private slots:
    void aFullDiskIsToldOutlivedAndLeft_data() {
        QTest::addColumn<std::size_t>("buffer_bytes");
        // With a small buffer the shards meet the end of the room, with a large one the journal.
        for (const char* place : {"tmpfs", "disk in memory"})
            for (const std::size_t buffer : {std::size_t{128} << 10, std::size_t{8} << 20})
                QTest::addRow("%s, %zu KiB", place, buffer >> 10) << buffer;
    }
    void aFullDiskIsToldOutlivedAndLeft() {
        QFETCH(std::size_t, buffer_bytes);
        const auto place = placeNamed(QString(QTest::currentDataTag()).section(',', 0, 0));
        store::EngineOptions options;
        options.path = place->path();
        options.shard_count = 2;
        options.buffer_bytes = buffer_bytes;
        options.files = place->files();
        auto engine = StoreFolder::open(options);

        int last = 0;
        std::optional<Error> refusal;
        while (!refusal && last < 5'000) {
            const auto seq = engine->commit(recordOf(last + 1));
            if (seq)
                ++last;
            else
                refusal = seq.error();
        }
        QVERIFY(refusal);
        QCOMPARE(refusal->code, ErrorCode::StorageFull);
        QVERIFY(refusal->retryable);
        QCOMPARE(engine->flush().error().code, ErrorCode::StorageFull);
        verifyRecords(*engine, last);
        auto durable = engine->whenDurable(static_cast<store::SeqNo>(last));

        place->resize(kRoomBytes * 16);
        QCOMPARE(durable.wait_for(60s), std::future_status::ready);
        KIMDB_OK(durable.get());
        QTRY_VERIFY_WITH_TIMEOUT(engine->health().ok(), 30'000);
        QTRY_VERIFY_WITH_TIMEOUT(engine->commit(recordOf(last + 1)).ok(), 30'000);
        KIMDB_OK(engine->whenDurable(engine->lastSeq()).get());
        verifyRecords(*engine, last + 1);
        (void)engine->close();
        place->resize(kRoomBytes * 32);
        verifyRecords(*StoreFolder::open(options), last + 1);
    }
};

QTEST_GUILESS_MAIN(TestStoreFullDisk)
#include "tst_store_full_disk.moc"
