// SPDX-License-Identifier: MIT
#include <QtTest>

#include <random>
#include <set>

#include <kimdb/crdt/vector_clock.h>

using kimdb::OpId;
using kimdb::crdt::IdRun;
using kimdb::crdt::VectorClock;
using Order = kimdb::crdt::VectorClock::Order;

namespace {

VectorClock clockOf(std::initializer_list<OpId> ids) {
    VectorClock clock;
    for (const OpId id : ids) clock.include(id);
    return clock;
}

// Every operation of it, one by one.
std::set<OpId> operationsOf(const VectorClock& clock) {
    std::set<OpId> out;
    for (const auto& [replica, counter] : clock.entries())
        for (std::uint64_t c = 1; c <= counter; ++c) out.insert({replica, c});
    return out;
}

}  // namespace

class TestVectorClock : public QObject {
    Q_OBJECT
 private slots:
    void tickNamesTheNextOperation() {
        VectorClock clock;
        QCOMPARE(clock.tick(7), (OpId{7, 1}));
        QCOMPARE(clock.tick(7), (OpId{7, 2}));
        QCOMPARE(clock.tick(3), (OpId{3, 1}));
        QCOMPARE(clock.entries(),
                 (std::vector<std::pair<kimdb::ReplicaId, std::uint64_t>>{{3, 1}, {7, 2}}));
        QVERIFY(clock.contains({7, 2}));
        QVERIFY(!clock.contains({7, 3}));
        QVERIFY(!clock.contains({9, 1}));
    }

    void fourOrders() {
        const VectorClock a = clockOf({{1, 2}, {2, 1}});
        QVERIFY(VectorClock().compare(a) == Order::Before);
        QVERIFY(a.compare(a) == Order::Equal);
        QVERIFY(a.compare(clockOf({{1, 2}})) == Order::After);
        QVERIFY(a.compare(clockOf({{1, 3}})) == Order::Concurrent);
    }

    void includingNothingOrLessChangesNothing() {
        VectorClock a = clockOf({{1, 5}});
        a.include({1, 3});
        a.include({2, 0});
        QCOMPARE(a, clockOf({{1, 5}}));
    }

    void differenceIsWhatTheOtherHasNot() {
        const VectorClock a = clockOf({{1, 5}, {2, 2}, {4, 1}});
        const VectorClock b = clockOf({{1, 3}, {2, 9}});
        QCOMPARE(a.difference(b), (std::vector<IdRun>{{1, 4, 2}, {4, 1, 1}}));
        QVERIFY(VectorClock().difference(a).empty());
    }

    // A clock is the set of its operations: merge is union, difference difference, order inclusion.
    void clocksAreSets() {
        std::mt19937_64 random(11);
        const auto any = [&] {
            VectorClock clock;
            for (kimdb::ReplicaId r = 1; r <= 3; ++r) clock.include({r, random() % 4});
            return clock;
        };
        for (int i = 0; i < 2000; ++i) {
            const VectorClock a = any();
            const VectorClock b = any();
            const std::set<OpId> x = operationsOf(a);
            const std::set<OpId> y = operationsOf(b);
            std::set<OpId> both = x;
            both.insert(y.begin(), y.end());
            VectorClock merged = a;
            merged.merge(b);
            QCOMPARE(operationsOf(merged), both);
            std::set<OpId> only;
            for (const IdRun& run : a.difference(b))
                for (std::uint64_t c = run.first; c < run.end(); ++c) only.insert({run.replica, c});
            for (const OpId id : y) both.erase(id);
            QCOMPARE(only, both);
            const bool in = std::includes(y.begin(), y.end(), x.begin(), x.end());
            const bool out = std::includes(x.begin(), x.end(), y.begin(), y.end());
            const Order order = in && out ? Order::Equal
                                : in      ? Order::Before
                                : out     ? Order::After
                                          : Order::Concurrent;
            QVERIFY(a.compare(b) == order);
        }
    }
};

QTEST_APPLESS_MAIN(TestVectorClock)
#include "tst_vector_clock.moc"
