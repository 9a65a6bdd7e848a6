// SPDX-License-Identifier: MIT
// kill -9 at random during writes. This program is its own victim: with --victim PATH it recovers,
// checks that it holds a prefix, and commits batch after batch, writing each durable number to
// stdout. What was acknowledged is thus known outside the victim.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/numbered_batches.h"
#include "support/scale.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Engine;
using store::SeqNo;

namespace {

constexpr SeqNo kWindow = 20;  // so many batches at most share a group

store::EngineOptions options(const std::string& path) {
    // Small, so that segments turn, flushes run and files are used again while the victim dies.
    store::EngineOptions o;
    o.path = path;
    o.buffer_bytes = 64 << 10;
    o.flush_interval = 1ms;
    return o;
}

int victim(const std::string& path) {
    auto engine = Engine::open(options(path));
    std::string wrong = engine ? NumberedBatches::difference(**engine) : engine.error().message;
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
        if (auto seq = (*engine)->commit(NumberedBatches::batch(n)); !seq || *seq != n) return 3;
        if (n > kWindow && !(*engine)->whenDurable(n - kWindow).get()) return 5;
    }
}

struct Death {
    SeqNo acknowledged = 0;
    int status = 0;
};

//! When a victim dies: after so many acknowledgements or, sooner, after so long, which may be in
//! the middle of its recovery.
struct Patience {
    std::uint64_t acknowledgements = 0;
    std::chrono::milliseconds time{};
};

Death killOne(const std::string& path, Patience patience) {
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
    pollfd told{ends[0], POLLIN, 0};
    if (::poll(&told, 1, static_cast<int>(patience.time.count())) == 0) ::kill(child, SIGKILL);
    // Between SIGKILL and the end of the pipe it may still have told us something: that counts.
    while (::read(ends[0], &durable, sizeof durable) == sizeof durable) {
        death.acknowledged = std::max(death.acknowledged, durable);
        if (patience.acknowledgements-- == 0) ::kill(child, SIGKILL);
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
        const int kills = static_cast<int>(scaled(24));
        StoreFolder folder = StoreFolder::onDisk();
        SeqNo acknowledged = 0;
        int before_a_word = 0;
        for (int i = 0; i < kills; ++i) {
            // Short lives as well: dying during the recovery, or with the first group in flight.
            const Patience patience{
                random.below(random.below(3) ? 80 : 4),
                std::chrono::milliseconds(random.below(3) ? 60'000 : random.below(40))};
            const Death death = killOne(folder.path(), patience);
            QVERIFY2(WIFSIGNALED(death.status) && WTERMSIG(death.status) == SIGKILL,
                     ("the victim ended by itself: " + std::to_string(death.status)).c_str());
            before_a_word += death.acknowledged == 0;
            QVERIFY(death.acknowledged == 0 || death.acknowledged >= acknowledged);
            acknowledged = std::max(acknowledged, death.acknowledged);
            if (random.below(2)) continue;  // the next victim recovers, and may die of that too
            const SeqNo left = verifyTwice(folder, acknowledged);
            if (QTest::currentTestFailed()) return;
            acknowledged = left;
        }
        qInfo("%d of them before the victim had recovered", before_a_word);
        qInfo("%d kills, %llu batches", kills, static_cast<unsigned long long>(acknowledged));
        QVERIFY(acknowledged > 0);
    }

 private:
    // Recovers the folder, and a copy of it: the same state both times. Returns its last batch.
    static SeqNo verifyTwice(const StoreFolder& folder, SeqNo acknowledged) {
        StoreFolder copy = StoreFolder::onDisk();
        folder.copyTo(copy);
        SeqNo last[2] = {};
        for (const bool original : {false, true}) {
            auto engine = Engine::open(options(original ? folder.path() : copy.path()));
            if (!engine) QTest::qFail(engine.error().message.c_str(), __FILE__, __LINE__);
            if (!engine) return 0;
            const std::string wrong = NumberedBatches::difference(**engine);
            if (!wrong.empty()) QTest::qFail(wrong.c_str(), __FILE__, __LINE__);
            last[original] = (*engine)->lastSeq();
        }
        const std::string left = "acknowledged " + std::to_string(acknowledged) + ", left " +
                                 std::to_string(last[0]) + " and " + std::to_string(last[1]);
        if (last[0] != last[1] || last[0] < acknowledged)
            QTest::qFail(left.c_str(), __FILE__, __LINE__);
        return last[0];
    }
};

int main(int argc, char** argv) {
    if (argc == 3 && std::string(argv[1]) == "--victim") return victim(argv[2]);
    QCoreApplication app(argc, argv);
    KillStore test;
    return QTest::qExec(&test, argc, argv);
}
#include "kill_store.moc"
