// SPDX-License-Identifier: MIT
// kill -9 at random during writes. This program is its own victim: with --victim PATH it recovers,
// checks that it holds a prefix, and commits batch after batch, writing each durable number to
// stdout. What was acknowledged is thus known outside the victim. KIMDB_KILLS sets how many die
// (default 24).
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store_fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Engine;
using store::SeqNo;

namespace {

constexpr SeqNo kKeys = 50;
constexpr SeqNo kWindow = 20;  // so many batches at most share a group

store::EngineOptions options(const std::string& path) {
    // Small, so that segments turn, flushes run and files are used again while the victim dies.
    store::EngineOptions o;
    o.path = path;
    o.buffer_bytes = 64 << 10;
    o.flush_interval = 1ms;
    return o;
}

std::string valueOf(SeqNo n) {
    SeededRandom random(n);
    return std::to_string(n) + " " + random.bytes(random.below(40) ? n % 300 : 20'000);
}
std::string docOf(SeqNo n) {
    return "kill/" + std::to_string(n % 7);
}

// Batch n touches three places in different shards; each says n.
store::Batch batchOf(SeqNo n) {
    store::Batch batch;
    batch.append(docOf(n), entryAt((n + 6) / 7, n, valueOf(n)));
    batch.put("kill/head", "n", std::to_string(n));
    batch.putRecord("kill", "k" + std::to_string(n % kKeys), valueOf(n));
    return batch;
}

// Why the engine does not hold exactly the batches 1 to lastSeq(); empty when it does.
std::string differenceFromPrefix(const Engine& engine) {
    const SeqNo last = engine.lastSeq();
    const auto head = engine.get("kill/head", "n");
    if (!head) return head.error().message;
    if (head->value_or("0") != std::to_string(last)) return "the head is " + head->value_or("0");
    for (SeqNo n = 1; n <= std::min<SeqNo>(7, last); ++n) {
        auto log = engine.readLog(docOf(n), 0, SIZE_MAX);
        if (!log) return log.error().message;
        const SeqNo expected = (last - n) / 7 + 1;
        if (log->size() != expected) return docOf(n) + " has " + std::to_string(log->size());
        for (SeqNo i = 0; i < expected; ++i)
            if (!((*log)[i] == entryAt(i + 1, n + 7 * i, valueOf(n + 7 * i))))
                return docOf(n) + " differs at " + std::to_string(i + 1);
    }
    auto records = engine.scanRecords("kill", "", SIZE_MAX);
    if (!records) return records.error().message;
    if (records->size() != std::min(last, kKeys)) return "records are missing";
    for (SeqNo n = last; n > 0 && n + kKeys > last; --n)
        if (*engine.record("kill", "k" + std::to_string(n % kKeys)) != valueOf(n))
            return "record of " + std::to_string(n);
    return {};
}

int victim(const std::string& path) {
    auto engine = Engine::open(options(path));
    std::string wrong = engine ? differenceFromPrefix(**engine) : engine.error().message;
    if (!wrong.empty()) {
        std::fprintf(stderr, "victim: %s\n", wrong.c_str());
        return 1;
    }
    const auto tell = [](SeqNo durable) {
        if (::write(STDOUT_FILENO, &durable, sizeof durable) != sizeof durable) ::_exit(2);
    };
    tell((*engine)->durableSeq());
    (*engine)->onDurable(tell);
    for (SeqNo n = (*engine)->lastSeq() + 1;; ++n) {
        if (auto seq = (*engine)->commit(batchOf(n)); !seq || *seq != n) return 3;
        if (n > kWindow && !(*engine)->whenDurable(n - kWindow).get()) return 5;
    }
}

struct Death {
    SeqNo acknowledged = 0;
    int status = 0;
};

// Runs a victim and kills it after \a patience acknowledgements.
Death killOne(const std::string& path, std::uint64_t patience) {
    int ends[2];
    if (::pipe(ends) != 0) qFatal("no pipe");
    const std::string self = QCoreApplication::applicationFilePath().toStdString();
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDOUT_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
        ::execl(self.c_str(), self.c_str(), "--victim", path.c_str(), nullptr);
        ::_exit(4);
    }
    ::close(ends[1]);
    Death death;
    SeqNo durable = 0;
    // Between SIGKILL and the end of the pipe it may still have told us something: that counts.
    while (::read(ends[0], &durable, sizeof durable) == sizeof durable) {
        death.acknowledged = std::max(death.acknowledged, durable);
        if (patience-- == 0) ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    ::waitpid(child, &death.status, 0);
    return death;
}

}  // namespace

class KillStore : public QObject {
    Q_OBJECT
 private slots:
    void noAcknowledgedBatchIsLostAndWhatIsLeftIsAPrefix() {
        const int given = qEnvironmentVariableIntValue("KIMDB_SEED");
        const auto seed =
            given ? static_cast<std::uint64_t>(given) : SystemRandom().next() % 1'000'000;
        qInfo("KIMDB_SEED=%llu", static_cast<unsigned long long>(seed));
        SeededRandom random(seed);
        const int kills = std::max(qEnvironmentVariableIntValue("KIMDB_KILLS"), 24);
        StoreFolder folder = StoreFolder::onDisk();
        SeqNo acknowledged = 0;
        for (int i = 0; i < kills; ++i) {
            // Short lives as well: dying during the recovery, or with the first group in flight.
            const Death death = killOne(folder.path(), random.below(random.below(3) ? 80 : 4));
            QVERIFY2(WIFSIGNALED(death.status) && WTERMSIG(death.status) == SIGKILL,
                     ("the victim ended by itself: " + std::to_string(death.status)).c_str());
            QVERIFY(death.acknowledged >= acknowledged);
            acknowledged = death.acknowledged;
            if (random.below(2)) continue;  // the next victim recovers, and may die of that too
            auto engine = Engine::open(options(folder.path()));
            KIMDB_OK(engine);
            QVERIFY2((*engine)->lastSeq() >= acknowledged,
                     ("acknowledged " + std::to_string(acknowledged) + ", left " +
                      std::to_string((*engine)->lastSeq()))
                         .c_str());
            QCOMPARE(differenceFromPrefix(**engine), std::string());
            acknowledged = (*engine)->durableSeq();
        }
        qInfo("%d kills, %llu batches", kills, static_cast<unsigned long long>(acknowledged));
        QVERIFY(acknowledged > 0);
    }
};

int main(int argc, char** argv) {
    if (argc == 3 && std::string(argv[1]) == "--victim") return victim(argv[2]);
    QCoreApplication app(argc, argv);
    KillStore test;
    return QTest::qExec(&test, argc, argv);
}
#include "kill_store.moc"
