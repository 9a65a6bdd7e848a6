// SPDX-License-Identifier: MIT
#include <QTest>

#include "sync/offline_queue.h"

using namespace kimdb;
using namespace kimdb::sync;

namespace {

constexpr ReplicaId kMe = 7;
constexpr ReplicaId kMeBefore = 5;

Queued queued(ReplicaId replica, std::uint64_t first, std::uint64_t count = 1,
              store::SeqNo seq = 1) {
    Queued q;
    q.position = first;
    q.replica = replica;
    q.first = first;
    q.count = count;
    q.seq = seq;
    q.hash = sha256Truncated({std::to_string(replica), std::to_string(first)});
    return q;
}

// Takes everything the next PUSH would carry; the counters of its changes.
std::vector<std::uint64_t> push(OfflineQueue& queue, std::uint64_t number, store::SeqNo durable) {
    std::vector<std::uint64_t> counters;
    const auto next = queue.next(durable);
    if (!next) return counters;
    for (const Queued* q = next->change; q; q = queue.continuation(durable)) {
        counters.push_back(q->first);
        queue.take();
    }
    queue.pushed(number);
    return counters;
}

}  // namespace

class TestOfflineQueue : public QObject {
    Q_OBJECT
 private slots:
    void pushesOnlyWhatIsDurable() {
        OfflineQueue queue;
        queue.add(queued(kMe, 1, 1, 1));
        queue.add(queued(kMe, 2, 1, 2));
        QVERIFY(push(queue, 1, 0).empty());
        QCOMPARE(push(queue, 1, 1), (std::vector<std::uint64_t>{1}));
        QCOMPARE(push(queue, 2, 2), (std::vector<std::uint64_t>{2}));
    }

    void acknowledgedChangesLeaveInOrder() {
        OfflineQueue queue;
        for (std::uint64_t i = 1; i <= 5; ++i) queue.add(queued(kMe, i));
        std::vector<std::uint64_t> left;
        queue.acknowledge(kMe, 3, [&](const Queued& q) { left.push_back(q.first); });
        QCOMPARE(left, (std::vector<std::uint64_t>{1, 2, 3}));
        QCOMPARE(queue.size(), 2u);
        QCOMPARE(queue.front().first, 4u);
        queue.acknowledge(kMe, 3, [&](const Queued&) { QFAIL("acknowledged twice"); });
    }

    void anAckInsideAChangeLeavesItQueued() {
        OfflineQueue queue;
        queue.add(queued(kMe, 1, 4));
        queue.acknowledge(kMe, 3, [](const Queued&) { QFAIL("half a change left"); });
        QCOMPARE(queue.size(), 1u);
    }

    // SYNC rule 9: gap and deps answers for PUSHes before the last rewind speak of what was sent
    // again.
    void rewindsOncePerPushNumber() {
        OfflineQueue queue;
        for (std::uint64_t i = 1; i <= 3; ++i) queue.add(queued(kMe, i));
        QCOMPARE(push(queue, 10, 1).size(), 3u);
        queue.add(queued(kMe, 4));
        QCOMPARE(push(queue, 11, 1).size(), 1u);
        QVERIFY(queue.rewind(10));
        QVERIFY(!queue.rewind(11));
        QCOMPARE(queue.outstanding(), 0u);
        QCOMPARE(push(queue, 12, 1).size(), 4u);
        QVERIFY(queue.rewind(12));
    }

    void hashBeforeContinuesThePushedStream() {
        OfflineQueue queue;
        queue.setChain(kMe, {0, {}});
        queue.add(queued(kMe, 1));
        QVERIFY(queue.next(1)->hash_before.isZero());
        push(queue, 1, 1);
        queue.add(queued(kMe, 2));
        QCOMPARE(queue.next(1)->hash_before.bytes, rollingHash({}, queued(kMe, 1).hash).bytes);
    }

    void aRewindForgetsTheHashes() {
        OfflineQueue queue;
        queue.setChain(kMe, {0, {}});
        queue.add(queued(kMe, 1));
        push(queue, 1, 1);
        QVERIFY(queue.rewind(1));
        QVERIFY(!queue.knowsChain(kMe));
    }

    // The first change after an ACK that came behind a rewind starts from what the relay holds.
    void anAckBehindARewindForgetsTheHash() {
        OfflineQueue queue;
        queue.add(queued(kMe, 1));
        queue.add(queued(kMe, 2));
        push(queue, 1, 1);
        QVERIFY(queue.rewind(1));
        queue.setChain(kMe, {0, {}});
        queue.acknowledge(kMe, 1, [](const Queued&) {});
        QVERIFY(!queue.knowsChain(kMe));
        QCOMPARE(push(queue, 2, 1), (std::vector<std::uint64_t>{2}));
    }

    // SYNC rule 6: until the former id's changes are taken, a fork of them may be found, which
    // renames what refers to them.
    void anotherOwnIdWaitsForTheFormer() {
        OfflineQueue queue;
        queue.add(queued(kMeBefore, 1));
        queue.add(queued(kMe, 1));
        QCOMPARE(push(queue, 1, 1).size(), 1u);
        QVERIFY(!queue.next(1));
        queue.acknowledge(kMeBefore, 1, [](const Queued&) {});
        QCOMPARE(queue.next(1)->change->replica, kMe);
    }

    void othersChangesDoNotWaitForEachOther() {
        OfflineQueue queue;
        for (const ReplicaId other : {ReplicaId{1}, ReplicaId{2}}) {
            Queued q = queued(other, 1);
            q.own = false;
            queue.add(q);
        }
        QCOMPARE(push(queue, 1, 1).size(), 1u);
        QCOMPARE(queue.next(1)->change->replica, ReplicaId{2});
        QCOMPARE(queue.ownSize(), 0u);
        QCOMPARE(queue.size(), 2u);
    }

    // What lies acknowledged between two streams' changes is no link from the one to the other.
    void aPushEndsAtTheOtherStream() {
        OfflineQueue queue;
        for (const std::uint64_t i : {1, 2}) {
            Queued q = queued(kMe, i);
            q.own = false;
            queue.add(q);
            q = queued(kMeBefore, i);
            q.own = false;
            queue.add(q);
        }
        queue.acknowledge(kMeBefore, 1, [](const Queued&) {});
        QCOMPARE(push(queue, 1, 1), (std::vector<std::uint64_t>{1, 2}));
        QCOMPARE(queue.next(1)->change->replica, kMeBefore);
    }

    void findsByFirstCounter() {
        OfflineQueue queue;
        queue.add(queued(kMe, 1, 3));
        queue.add(queued(kMeBefore, 1));
        queue.add(queued(kMe, 4));
        QCOMPARE(queue.find(kMe, 4)->position, 4u);
        QVERIFY(!queue.find(kMe, 2));
        queue.acknowledge(kMe, 3, [](const Queued&) {});
        QVERIFY(!queue.find(kMe, 1));
        QVERIFY(queue.find(kMeBefore, 1));
    }

    // 50,000 offline edits of two ids: pushed, rewound and acknowledged one by one in linear time.
    // A quadratic queue would need minutes here.
    void aLongQueueStaysLinear() {
        OfflineQueue queue;
        constexpr std::uint64_t kEdits = 200'000;
        for (std::uint64_t i = 1; i <= kEdits; ++i) queue.add(queued(kMeBefore, i));
        for (std::uint64_t i = 1; i <= kEdits; ++i) queue.add(queued(kMe, i));
        QCOMPARE(push(queue, 1, 1).size(), kEdits);
        QVERIFY(queue.rewind(1));
        QCOMPARE(push(queue, 2, 1).size(), kEdits);
        for (std::uint64_t i = 1; i <= kEdits; ++i)
            queue.acknowledge(kMeBefore, i, [](const Queued&) {});
        QCOMPARE(push(queue, 3, 1).size(), kEdits);
        queue.acknowledge(kMe, kEdits, [](const Queued&) {});
        QVERIFY(queue.empty());
    }
};

QTEST_APPLESS_MAIN(TestOfflineQueue)
#include "tst_offline_queue.moc"
