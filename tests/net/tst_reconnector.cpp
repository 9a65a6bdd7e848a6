// SPDX-License-Identifier: MIT
#include <QSignalSpy>
#include <QtTest>

#include <algorithm>

#include "core/limits.h"
#include "net/reconnector.h"
#include "support/patience.h"

using namespace kimdb;
using namespace kimdb::net;
using namespace std::chrono_literals;

namespace {

// Gives the same number always and counts how often it was asked.
class ConstantRandom final : public Random {
 public:
    explicit ConstantRandom(std::uint64_t value) : m_value(value) {}
    std::uint64_t next() override { return ++m_drawn, m_value; }
    int drawn() const { return m_drawn; }

 private:
    std::uint64_t m_value;
    int m_drawn = 0;
};

class StoppedClock final : public Clock {
 public:
    std::int64_t wallTime() const override { return now.count(); }
    std::chrono::milliseconds steadyTime() const override { return now; }
    std::chrono::milliseconds now{1000};
};

constexpr std::uint64_t kLong = 200;  // ms, below the first bound: a wait that tests look at

}  // namespace

class TestReconnector : public QObject {
    Q_OBJECT
 private slots:
    void waitsFillTheRangeUpToADoublingBound() {
        const std::chrono::milliseconds bounds[] = {250ms,  500ms,   1000ms,  2000ms, 4000ms,
                                                    8000ms, 16000ms, 30000ms, 30000ms};
        SeededRandom random(7);
        std::vector<std::chrono::milliseconds> least(std::size(bounds), 1h);
        std::vector<std::chrono::milliseconds> most(std::size(bounds), 0ms);
        for (int crowd = 0; crowd < 1000; ++crowd) {
            Backoff backoff(random);
            for (std::size_t i = 0; i < std::size(bounds); ++i) {
                const auto wait = backoff.next();
                QVERIFY(wait >= 0ms && wait <= bounds[i]);
                least[i] = std::min(least[i], wait);
                most[i] = std::max(most[i], wait);
            }
        }
        for (std::size_t i = 0; i < std::size(bounds); ++i) {
            QVERIFY(least[i] < bounds[i] / 20);
            QVERIFY(most[i] > bounds[i] * 19 / 20);
        }
    }

    void aSeedReplaysItsWaits() {
        SeededRandom one(1);
        SeededRandom same(1);
        Backoff a(one);
        Backoff b(same);
        for (int i = 0; i < 20; ++i) QVERIFY(a.next() == b.next());
    }

    void manySymptomsOfOneFailureAreOneWait() {
        ConstantRandom random(3);
        Reconnector reconnector(random, clock);
        QSignalSpy due(&reconnector, &Reconnector::due);
        for (int symptom = 0; symptom < 5; ++symptom) reconnector.schedule();
        QCOMPARE(random.drawn(), 1);
        QTRY_COMPARE(due.count(), 1);
        QVERIFY(!reconnector.isWaiting());
        reconnector.schedule();
        QCOMPARE(random.drawn(), 2);
        QTRY_COMPARE(due.count(), 2);
    }

    void aSessionThatLivedBeginsSmallAgain() {
        ConstantRandom random(29'999);
        Reconnector reconnector(random, clock);
        for (int i = 0; i < 7; ++i) waitOf(reconnector);
        QVERIFY(waitOf(reconnector) > 29s);
        QVERIFY(waitOf(reconnector) > 29s);  // stop() is no success
        reconnector.established();
        clock.now += limits::kSessionProvenAfter;
        QVERIFY(waitOf(reconnector) <= limits::kReconnectDelayMin);
        QVERIFY(waitOf(reconnector) > limits::kReconnectDelayMin);  // it counts once
    }

    // Else whoever is welcomed and thrown out, each time, hammers the relay for ever.
    void aSessionThatEndsAtOnceIsAFailureToo() {
        ConstantRandom random(29'999);
        Reconnector reconnector(random, clock);
        for (int i = 0; i < 8; ++i) {
            reconnector.established();
            clock.now += limits::kSessionProvenAfter - 1ms;
            waitOf(reconnector);
        }
        QVERIFY(waitOf(reconnector) > 29s);
        reconnector.reset();
        QVERIFY(waitOf(reconnector) <= limits::kReconnectDelayMin);
    }

    void theRelayMayAskForMore() {
        ConstantRandom random(0);
        Reconnector reconnector(random, clock);
        reconnector.schedule(20s);
        QVERIFY(reconnector.remaining() > 19s);
        reconnector.stop();
        ConstantRandom longer(kLong);
        Reconnector patient(longer, clock);
        patient.schedule(1ms);
        QVERIFY(patient.remaining() > 100ms);
    }

    void hurryEndsAWaitAndBeginsNone() {
        ConstantRandom random(0);
        Reconnector reconnector(random, clock);
        QSignalSpy due(&reconnector, &Reconnector::due);
        reconnector.hurry();
        QVERIFY(!reconnector.isWaiting());
        reconnector.schedule(1h);
        reconnector.hurry();
        QTRY_COMPARE(due.count(), 1);
    }

    void stopEndsAWait() {
        ConstantRandom random(0);
        Reconnector reconnector(random, clock);
        QSignalSpy due(&reconnector, &Reconnector::due);
        reconnector.schedule();
        reconnector.stop();
        ConstantRandom later(1);
        Reconnector other(later, clock);
        QSignalSpy otherDue(&other, &Reconnector::due);
        other.schedule();  // is due after the stopped one would have been
        QTRY_COMPARE(otherDue.count(), 1);
        QCOMPARE(due.count(), 0);
    }

 private:
    static std::chrono::milliseconds waitOf(Reconnector& reconnector) {
        reconnector.schedule();
        const auto left = reconnector.remaining();
        reconnector.stop();
        return left;
    }
    StoppedClock clock;
};

QTEST_GUILESS_MAIN(TestReconnector)
#include "tst_reconnector.moc"
