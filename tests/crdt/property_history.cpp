// SPDX-License-Identifier: MIT
// Differences of versions, steps back to a version and who wrote what, in random histories with
// everything in them. KIMDB_SEED=N repeats one.
#include <QtTest>

#include <set>

#include <kimdb/crdt/delta.h>
#include <kimdb/crdt/history.h>

#include "crdt/crowd.h"
#include "crdt/event_copy.h"
#include "crdt/people.h"
#include "support/scale.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Document;
using crdt::VectorClock;

namespace {

crdt::History historyOf(const std::vector<Change>& changes) {
    crdt::History history;
    for (const Change& change : changes)
        if (!history.add(change, change.time_ms)) qFatal("the history refuses a change");
    return history;
}

// Some of the changes with all that they depend on: a version somebody could have had.
std::vector<Change> someOf(Crowd& crowd, std::size_t odds) {
    VectorClock had;
    std::vector<Change> some;
    for (const Change& change : crowd.changes) {
        bool fits = change.first == had.at(change.replica) + 1;
        for (const OpId dep : change.deps) fits &= had.contains(dep);
        if (!fits || crowd.below(100) >= odds) continue;
        had.include(change.lastId());
        some.push_back(change);
    }
    return some;
}

bool expungesNothing(const std::vector<Change>& changes) {
    return std::none_of(changes.begin(), changes.end(),
                        [](const Change& c) { return c.op_class == OpClass::Admin; });
}

// All that can be seen of it.
std::string shown(const Document& doc) {
    std::string out = doc.toValue().toJson();
    if (doc.container(kRoot, "t") == kText) out += crdt::toDelta(doc, kText).toJson();
    return out;
}

}  // namespace

class PropertyHistory : public QObject {
    Q_OBJECT
    std::uint64_t m_first = 1, m_last = scaled(200);

    template <class F>
    void forEachCrowd(F&& f) {
        for (std::uint64_t seed = m_first; seed <= m_last && !QTest::currentTestFailed(); ++seed) {
            Crowd crowd(seed, 1 + seed % 4);
            crowd.run(20 + seed % 100);
            f(crowd);
            if (QTest::currentTestFailed()) qWarning("KIMDB_SEED=%llu", qulonglong(seed));
        }
    }

 private slots:
    void initTestCase() {
        if (qEnvironmentVariableIsSet("KIMDB_SEED"))
            m_first = m_last = qEnvironmentVariable("KIMDB_SEED").toULongLong();
        qInfo("seeds %llu to %llu", qulonglong(m_first), qulonglong(m_last));
    }

    // Forward, back and aside.
    void aDifferenceMakesTheOtherVersion() {
        forEachCrowd([](Crowd& crowd) {
            const crdt::History history = historyOf(crowd.changes);
            for (int pair = 0; pair < 3; ++pair) {
                EventCopy copy;
                Document from;
                from.onEvent([&](const std::vector<crdt::Event>& events) { copy.apply(events); });
                QVERIFY(from.receiveAll(someOf(crowd, 90 + crowd.below(11))).ok());
                Document to;
                QVERIFY(to.receiveAll(someOf(crowd, 70 + crowd.below(31))).ok());
                const auto difference = history.diff(from.clock(), to.clock());
                QVERIFY(difference.ok());
                copy.apply(*difference);
                const auto bad = copy.difference(to);
                QVERIFY2(!bad, bad.value_or("").c_str());
                QVERIFY(history.diff(to.clock(), to.clock())->empty());
            }
        });
    }

    void aStepBackShowsTheVersion() {
        std::size_t compared = 0, all = 0;
        forEachCrowd([&](Crowd& crowd) {
            const crdt::History history = historyOf(crowd.changes);
            const std::vector<Change> some = someOf(crowd, 97);
            Document then;
            QVERIFY(then.receiveAll(some).ok());
            Document now = *history.at(history.version(), 77);
            const std::string before = shown(now);
            EventCopy copy;
            now.onEvent([&](const std::vector<crdt::Event>& events) { copy.apply(events); });
            copy.apply(*history.diff({}, history.version()));
            now.begin();  // not one step with it
            now.set(kRoot, "mine", 1);
            const auto mine = now.commit(1'000);
            const auto changes = history.revertTo(now, then.clock(), 1'001);
            QVERIFY(changes.ok());
            QVERIFY(!changes->empty());
            QVERIFY(!now.checkInvariants());
            const auto bad = copy.difference(now);
            QVERIFY2(!bad, bad.value_or("").c_str());
            ++all;
            if (expungesNothing(crowd.changes)) {
                ++compared;
                QCOMPARE(shown(now), shown(then));
            }
            QVERIFY(history.revertTo(now, then.clock(), 1'002)->empty());
            // Others get it as any other change.
            Document other = *history.at(history.version());
            QVERIFY(other.receive(*mine).ok());
            QVERIFY(other.receiveAll(*changes).ok());
            QVERIFY(other.reports().empty());
            QCOMPARE(other.save(), now.save());
            // And it is one step of undo.
            (void)now.undo(1'003);
            QCOMPARE(now.value(kRoot, "mine"), std::optional(Value(1)));
            (void)now.undo(1'004);
            QCOMPARE(shown(now), before);
        });
        if (m_first != m_last) QVERIFY(2 * compared > all);
    }

    void stepsBackAndEditsMeanwhileConverge() {
        forEachCrowd([](Crowd& crowd) {
            crdt::History history = historyOf(crowd.changes);
            Document a = *history.at(history.version(), 501);
            Document b = *history.at(history.version(), 502);
            const auto version = [&] {
                Document some;
                if (!some.receiveAll(someOf(crowd, 95))) qFatal("a version is refused");
                return some.clock();
            };
            std::vector<Change> changes = crowd.writes(b, 5);
            for (Document* doc : {&a, &b}) {
                const auto back = history.revertTo(*doc, version(), 1);
                QVERIFY(back.ok());
                changes.insert(changes.end(), back->begin(), back->end());
            }
            for (const Change& change : crowd.writes(a, 5)) changes.push_back(change);
            // In another order everywhere.
            QVERIFY(a.receiveAll(changes).ok());
            QVERIFY(b.receiveAll({changes.rbegin(), changes.rend()}).ok());
            QCOMPARE(shown(a), shown(b));
            QCOMPARE(a.save(), b.save());
            QVERIFY(a.reports().empty() && a.missing().empty());
            for (const Change& change : changes)
                if (change.replica == 501) QVERIFY(history.add(change).ok());
        });
    }

    void everyRunIsOfItsChange() {
        forEachCrowd([](Crowd& crowd) {
            const crdt::History history = historyOf(crowd.changes);
            const Document doc = *history.at(history.version());
            const auto blame = history.blame(history.version(), kText);
            if (!blame) {
                QCOMPARE(blame.error().code, ErrorCode::NotFound);
                return;
            }
            std::size_t position = 0;
            for (const crdt::Blame& run : *blame) {
                QCOMPARE(run.position, position);
                for (std::size_t i = 0; i < run.length; ++i) {
                    const auto ids = doc.idsOf(kText, position + i, 1);
                    const Change change = *history.changeOf({ids[0].replica, ids[0].first});
                    QCOMPARE(run.change, (OpId{change.replica, change.first}));
                    QCOMPARE(run.time_ms, change.time_ms);
                    QCOMPARE(run.received_ms, change.time_ms);
                }
                position += run.length;
            }
            QCOMPARE(position, doc.textLength(kText));
        });
    }
};

QTEST_APPLESS_MAIN(PropertyHistory)
#include "property_history.moc"
