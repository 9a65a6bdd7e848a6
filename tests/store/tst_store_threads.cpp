// SPDX-License-Identifier: MIT
// Readers and writers from several threads, while memtables are flushed under them. Run under
// ThreadSanitizer by `./dev sanitize`.
#include <atomic>
#include <thread>

#include "store/store_fixture.h"

#if defined(__SANITIZE_THREAD__)
// Qt is not built for the sanitizer: its watchdog thread's locking is taken for races.
extern "C" const char* __tsan_default_suppressions() {
    return "called_from_lib:libQt6Core.so.6\ncalled_from_lib:libQt6Test.so.6\n";
}
#endif

using namespace kimdb;
using namespace kimdb::test;
using store::Engine;

namespace {

constexpr std::uint64_t kBatches = 400;
constexpr int kWriters = 3;

store::EngineOptions busyOptions(const StoreFolder& folder) {
    auto options = folder.options();
    options.buffer_bytes = 64 << 10;
    options.flush_interval = 1ms;
    return options;
}

std::string docOf(int writer) {
    return "w/" + std::to_string(writer);
}

// Counts what a thread found wrong: QtTest's macros are for the main thread.
class Findings {
 public:
    void check(bool ok) {
        if (!ok) ++m_wrong;
    }
    int wrong() const { return m_wrong; }

 private:
    std::atomic<int> m_wrong = 0;
};

void writeAll(Engine& engine, int writer, Findings& findings) {
    for (std::uint64_t n = 1; n <= kBatches; ++n) {
        store::Batch batch;
        batch.append(docOf(writer), entryAt(n, 7, std::string(n % 400, 'x')));
        batch.put(docOf(writer), "last", std::to_string(n));
        batch.putRecord("r", std::to_string(writer), std::to_string(n));
        findings.check(engine.commit(std::move(batch)).ok());
        const auto mine = engine.get(docOf(writer), "last");  // read-your-writes
        findings.check(mine.ok() && *mine == std::to_string(n));
    }
}

// What a reader sees of each writer only grows and is never torn.
void readAll(const Engine& engine, const std::atomic<bool>& done, Findings& findings) {
    std::uint64_t seen[kWriters] = {};
    do {
        for (int w = 0; w < kWriters; ++w) {
            const auto position = engine.lastPosition(docOf(w));
            findings.check(position.ok() && *position >= seen[w]);
            const std::uint64_t after = *position > 20 ? *position - 20 : 0;
            const auto log = engine.readLog(docOf(w), after, 1 << 20);
            findings.check(log.ok() && (*position == 0 || log->size() >= *position - after));
            for (std::size_t i = 0; log.ok() && i < log->size(); ++i)
                findings.check((*log)[i].position == after + i + 1);
            const auto found = engine.findEntry(docOf(w), 7, *position);
            findings.check(found.ok() && found->has_value() == (*position > 0));
            const auto records = engine.scanRecords("r", "", 10);
            findings.check(records.ok());
            findings.check(engine.documents().ok() && engine.scan(docOf(w), "").ok());
            seen[w] = *position;
        }
    } while (!done);
}

}  // namespace

class TestStoreThreads : public QObject {
    Q_OBJECT
 private slots:
    void readersSeeEveryWritersProgressInOrder() {
        StoreFolder folder;
        auto engine = StoreFolder::open(busyOptions(folder));
        std::atomic<store::SeqNo> durable = 0;
        engine->onDurable([&](store::SeqNo seq) { durable = seq; });
        Findings findings;
        std::atomic<bool> done = false;
        std::vector<std::thread> writers, readers;
        for (int w = 0; w < kWriters; ++w)
            writers.emplace_back([&, w] { writeAll(*engine, w, findings); });
        for (int r = 0; r < 2; ++r) readers.emplace_back([&] { readAll(*engine, done, findings); });
        for (auto& thread : writers) thread.join();
        done = true;
        for (auto& thread : readers) thread.join();
        QCOMPARE(findings.wrong(), 0);
        KIMDB_OK(engine->flush());
        KIMDB_OK(engine->close());
        QCOMPARE(durable.load(), kBatches * kWriters);
        engine = StoreFolder::open(busyOptions(folder));
        for (int w = 0; w < kWriters; ++w) QCOMPARE(*engine->lastPosition(docOf(w)), kBatches);
    }

    void closingUnderUseEndsEveryCallWithClosed() {
        StoreFolder folder;
        auto engine = StoreFolder::open(busyOptions(folder));
        Findings findings;
        std::atomic<int> started = 0;
        const auto untilClosed = [&](auto call) {
            ++started;
            for (;;) {
                const auto result = call();
                if (result.ok()) continue;
                findings.check(result.error().code == ErrorCode::Closed);
                return;
            }
        };
        std::thread writer([&] {
            untilClosed([&] { return engine->commit(putOf("c/d", "k", std::string(100, 'x'))); });
        });
        std::thread reader([&] { untilClosed([&] { return engine->scan("c/d", ""); }); });
        std::thread flusher([&] { untilClosed([&] { return engine->flush(); }); });
        while (started < 3) std::this_thread::yield();
        KIMDB_OK(engine->close());
        writer.join();
        reader.join();
        flusher.join();
        QCOMPARE(findings.wrong(), 0);
    }
};

QTEST_GUILESS_MAIN(TestStoreThreads)
#include "tst_store_threads.moc"
