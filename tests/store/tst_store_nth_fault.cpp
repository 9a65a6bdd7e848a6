// SPDX-License-Identifier: MIT
// Anomalies, as SQLite tests them: a short life of a store in which the n-th call of a kind fails,
// once or from then on for ever; then the next n, until a whole life passes without the fault.
// Whatever fails: no crash, no wrong answer, and what was acknowledged is there after a restart and
// after a power loss. Long loops take some n only.
#include <sqlite3.h>

#include <atomic>

#include "store/lossy_disk.h"
#include "store/numbered_batches.h"
#include "support/scale.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Engine;
using store::SeqNo;
using Op = LossyDisk::Op;
using Verdict = LossyDisk::Verdict;

namespace {

constexpr SeqNo kBatchesPerLife = 36;  // a few segments
constexpr int kShards = 2;

enum class Lasting { Once, ForEver };

// Decides which call fails. Thread: any.
class Fault {
 public:
    void arm(std::uint64_t n, Lasting lasting) {
        m_lasting = lasting;
        m_calls = 0;
        m_fired = false;
        m_at = n;
    }
    void disarm() { m_at = 0; }
    bool now() {
        const std::uint64_t at = m_at;
        if (at == 0) return false;
        const std::uint64_t call = ++m_calls;
        const bool fails = m_lasting == Lasting::Once ? call == at : call >= at;
        if (fails) m_fired = true;
        return fails;
    }
    bool fired() const { return m_fired; }

 private:
    std::atomic<std::uint64_t> m_at = 0;
    std::atomic<std::uint64_t> m_calls = 0;
    std::atomic<bool> m_fired = false;
    Lasting m_lasting = Lasting::Once;
};

Fault allocation_fault;
sqlite3_mem_methods system_memory;

// SQLite's allocations, through the fault.
void interposeMemory() {
    sqlite3_shutdown();
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &system_memory);
    sqlite3_mem_methods failing = system_memory;
    failing.xMalloc = [](int bytes) -> void* {
        return allocation_fault.now() ? nullptr : system_memory.xMalloc(bytes);
    };
    failing.xRealloc = [](void* old, int bytes) -> void* {
        return allocation_fault.now() ? nullptr : system_memory.xRealloc(old, bytes);
    };
    sqlite3_config(SQLITE_CONFIG_MALLOC, &failing);
    sqlite3_initialize();
}

store::EngineOptions optionsOn(LossyDisk& disk) {
    store::EngineOptions o;
    o.path = "/data/db";
    o.shard_count = kShards;
    o.buffer_bytes = 64 << 10;
    o.flush_interval = 1h;
    o.files = &disk;
    return o;
}

// What a store was asked and answered until something failed.
struct Life {
    SeqNo acknowledged = 0;
    std::string wrong;

    void live(LossyDisk& disk) {
        auto engine = Engine::open(optionsOn(disk));
        if (!engine) return;
        if ((*engine)->lastSeq() < acknowledged) wrong = "acknowledged batches are gone";
        acknowledged = (*engine)->durableSeq();
        const SeqNo end = acknowledged + kBatchesPerLife;
        for (SeqNo n = acknowledged + 1; n <= end; ++n)
            if (!step(**engine, n)) return readOn(**engine);
        readOn(**engine);
        (void)(*engine)->close();
    }

 private:
    bool step(Engine& engine, SeqNo n) {
        if (!engine.commit(NumberedBatches::batch(n))) return false;
        if (!engine.whenDurable(n).get()) {
            // Nothing later may be acknowledged either.
            if (engine.commit(NumberedBatches::batch(n + 1)) && engine.whenDurable(n + 1).get())
                wrong = "an acknowledgement after a failure";
            return false;
        }
        acknowledged = n;
        return n % 12 != 0 || engine.flush();
    }
    // Reads answer rightly or with an error.
    void readOn(Engine& engine) {
        for (SeqNo n = 1; n <= acknowledged; ++n) {
            if (n + NumberedBatches::kKeys <= engine.lastSeq()) continue;
            const auto found = engine.record("kill", NumberedBatches::keyOf(n));
            if (!found) continue;
            const auto expected = NumberedBatches::removes(n)
                                      ? std::nullopt
                                      : std::optional(NumberedBatches::valueOf(n));
            const auto value = *found ? std::optional((*found)->value) : std::nullopt;
            if (value != expected) wrong = "record " + std::to_string(n) + " is wrong";
        }
    }
};

std::string verify(std::unique_ptr<LossyDisk> disk, SeqNo acknowledged) {
    auto engine = Engine::open(optionsOn(*disk));
    if (!engine) return engine.error().message;
    if ((*engine)->lastSeq() < acknowledged)
        return "acknowledged " + std::to_string(acknowledged) + ", left " +
               std::to_string((*engine)->lastSeq());
    return NumberedBatches::difference(**engine);
}

// Two lives with the fault in it, then without it. Returns what was wrong.
std::string liveWith(Fault& fault, LossyDisk::Hook hook, std::uint64_t seed) {
    LossyDisk disk;
    disk.setHook(std::move(hook));
    Life life;
    for (int i = 0; i < 2 && life.wrong.empty(); ++i) life.live(disk);
    fault.disarm();
    disk.setHook({});
    if (!life.wrong.empty()) return life.wrong;
    std::string wrong = verify(disk.afterKill(), life.acknowledged);
    if (!wrong.empty()) return "after a restart: " + wrong;
    SeededRandom random(seed);
    wrong = verify(disk.afterPowerLoss(random), life.acknowledged);
    return wrong.empty() ? wrong : "after a power loss: " + wrong;
}

}  // namespace

Q_DECLARE_METATYPE(std::vector<Op>)
Q_DECLARE_METATYPE(Lasting)

class TestStoreNthFault : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase() { interposeMemory(); }

    void everyDiskCallMayFail_data() {
        QTest::addColumn<std::vector<Op>>("ops");
        QTest::addColumn<Lasting>("lasting");
        QTest::addColumn<int>("stride");
        const struct {
            const char* name;
            std::vector<Op> ops;
            int stride;
        } kinds[] = {{"write", {Op::Write}, 5},
                     {"sync", {Op::Sync, Op::SyncFolder}, 1},
                     {"open", {Op::Open, Op::Create}, 1},
                     {"name", {Op::Rename, Op::Remove, Op::Truncate}, 1},
                     {"read", {Op::Read}, 23}};
        for (const auto& kind : kinds) {
            QTest::addRow("%s once", kind.name) << kind.ops << Lasting::Once << kind.stride;
            QTest::addRow("%s for ever", kind.name) << kind.ops << Lasting::ForEver << kind.stride;
        }
    }
    void everyDiskCallMayFail() {
        QFETCH(std::vector<Op>, ops);
        QFETCH(Lasting, lasting);
        QFETCH(int, stride);
        Fault fault;
        loop(fault, lasting, stride, [&](const LossyDisk::Call& call) {
            const bool asked = std::find(ops.begin(), ops.end(), call.op) != ops.end();
            return asked && fault.now() ? Verdict::Fail : Verdict::Go;
        });
    }

    void everyAllocationOfSqliteMayFail_data() {
        QTest::addColumn<Lasting>("lasting");
        QTest::newRow("once") << Lasting::Once;
        QTest::newRow("for ever") << Lasting::ForEver;
    }
    void everyAllocationOfSqliteMayFail() {
        QFETCH(Lasting, lasting);
        loop(allocation_fault, lasting, 151, {});
    }

 private:
    static void loop(Fault& fault, Lasting lasting, int stride, const LossyDisk::Hook& hook) {
        const auto usual = static_cast<std::uint64_t>(stride);
        const std::uint64_t step = scaledStride(usual);
        // A long stride, as under sanitizers, may step over most calls, but not over all.
        const std::uint64_t first = 1 + SystemRandom().next() % std::min(usual, step);
        std::uint64_t n = first;
        for (;; n += step) {
            fault.arm(n, lasting);
            const std::string wrong = liveWith(fault, hook, n);
            QVERIFY2(wrong.empty(), ("call " + std::to_string(n) + ": " + wrong).c_str());
            if (!fault.fired()) break;
        }
        qInfo("%llu calls", static_cast<unsigned long long>(n - 1));
        QVERIFY(n > first);  // it did fire
    }
};

QTEST_GUILESS_MAIN(TestStoreNthFault)
#include "tst_store_nth_fault.moc"
