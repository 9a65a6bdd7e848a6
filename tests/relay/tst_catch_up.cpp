// SPDX-License-Identifier: MIT
// How a subscriber gets what it lacks: plans, CHUNKs, slow connections, restored relays (SYNC rules
// 7, 14, 15, 19, 21).
#include "relay/relay_world.h"

using namespace kimdb;
using namespace kimdb::test;
using namespace std::chrono_literals;

namespace {

constexpr ReplicaId kAlice = 0xA11CE;
constexpr ReplicaId kBob = 0xB0B;
constexpr std::size_t kSlow = limits::kPeerQueueBytesSlow;

//! Alice has written into a document that Bob does not have yet.
struct Library {
    RelayWorld world;
    Client& alice = world.connects(kAlice);
    wire::Alias a = alice.joins("notes/1");
    Author author{kAlice};

    void writes(int changes, std::size_t bytes = 1) {
        for (int i = 0; i < changes; ++i) {
            alice.types(a, author, std::string(bytes, 'x'));
            if (i % limits::kPushesOutstandingMax == 7) world.syncs();
        }
        world.syncs();
        alice.forgets();
    }
    wire::Sub held(std::uint64_t position) {
        wire::Sub sub;
        sub.name = "notes/1";
        sub.epoch = world.core->epoch();
        sub.position = position;
        if (position > 0)
            sub.log_hash = world.store->readLog("notes/1", position - 1, 1)->front().log_hash;
        return sub;
    }
};

}  // namespace

class TestCatchUp : public QObject {
    Q_OBJECT
 private slots:
    // ---- plans ----

    void anEmptyDocumentIsUpToDate() {
        RelayWorld world;
        Client& bob = world.connects(kBob);
        bob.subscribes("notes/1", {kBob});
        world.syncs();
        const auto answer = bob.gets<wire::SubOk>();
        QCOMPARE(answer.plan, wire::Plan::UpToDate);
        QCOMPARE(answer.head, 0u);
        QCOMPARE(answer.incarnation, 1u);
        QCOMPARE(answer.permissions, kAllRights);
        QCOMPARE(answer.streams.size(), 1u);
        QVERIFY(answer.streams[0] == (wire::StreamState{kBob, 0, {}, 0}));
        QVERIFY(bob.hearsNothing());
    }

    void whoHoldsNothingGetsEverything() {
        Library library;
        library.writes(3);
        Client& bob = library.world.connects(kBob);
        const auto b = bob.subscribes("notes/1");
        library.world.syncs();
        QCOMPARE(bob.gets<wire::SubOk>().plan, wire::Plan::Changes);
        const auto chunk = bob.gets<wire::Chunk>();
        QCOMPARE(chunk.prev, 0u);
        QCOMPARE(chunk.last, 3u);
        QVERIFY(chunk.final);
        QCOMPARE(bob.items(b, chunk.batch).size(), 3u);
    }

    void whoHoldsAPartGetsTheRest() {
        Library library;
        library.writes(3);
        Client& bob = library.world.connects(kBob);
        const auto b = bob.subscribesFrom(library.held(2));
        library.world.syncs();
        QCOMPARE(bob.gets<wire::SubOk>().plan, wire::Plan::Changes);
        const auto chunk = bob.gets<wire::Chunk>();
        QCOMPARE(chunk.prev, 2u);
        QCOMPARE(chunk.last, 3u);
        QCOMPARE(std::get<Change>(bob.items(b, chunk.batch).at(0)).first, 3u);
    }

    void whoHoldsAllIsUpToDate() {
        Library library;
        library.writes(3);
        Client& bob = library.world.connects(kBob);
        bob.subscribesFrom(library.held(3));
        library.world.syncs();
        QCOMPARE(bob.gets<wire::SubOk>().plan, wire::Plan::UpToDate);
        QVERIFY(bob.hearsNothing());
    }

    void ownHeadsAndHashesAreTold() {
        Library library;
        library.writes(3);
        library.alice.subscribes("notes/1", {kAlice, 0x999});
        library.world.syncs();
        const auto answer = library.alice.gets<wire::SubOk>();
        QCOMPARE(answer.streams.size(), 2u);
        QVERIFY(answer.streams[0] == (wire::StreamState{kAlice, 3, library.author.hash, 0}));
        QCOMPARE(answer.streams[1].head, 0u);
    }

    void subOkWaitsForTheStateItTells() {
        Library library;
        library.alice.types(library.a, library.author, "not durable yet");
        Client& bob = library.world.connects(kBob);
        library.alice.forgets();
        library.alice.types(library.a, library.author, "nor this");
        bob.subscribes("notes/1");
        library.world.turn();
        QVERIFY(bob.hearsNothing());
        library.world.syncs();
        QCOMPARE(bob.gets<wire::SubOk>().head, 2u);
        QCOMPARE(bob.gets<wire::Chunk>().last, 2u);
    }

    void anotherLogIsReconciled_data() {
        QTest::addColumn<int>("what");
        QTest::newRow("other epoch") << 0;
        QTest::newRow("other hash") << 1;
        QTest::newRow("behind the end") << 2;
        QTest::newRow("other epoch, nothing held") << 3;
    }

    void anotherLogIsReconciled() {
        QFETCH(int, what);
        Library library;
        library.writes(3);
        wire::Sub sub = library.held(2);
        if (what == 0 || what == 3) sub.epoch.bytes[0] ^= 1;
        if (what == 1) sub.log_hash.bytes[0] ^= 1;
        if (what == 2) sub.position = 4;
        if (what == 3) sub.position = 0;
        Client& bob = library.world.connects(kBob);
        const auto b = bob.subscribesFrom(sub);
        library.world.syncs();
        const auto answer = bob.gets<wire::SubOk>();
        QCOMPARE(answer.plan, wire::Plan::Reconcile);
        QCOMPARE(answer.streams.size(), 1u);
        QVERIFY(answer.streams[0] == (wire::StreamState{kAlice, 3, library.author.hash, 0}));
        const auto chunk = bob.gets<wire::Chunk>();
        QCOMPARE(chunk.prev, 0u);
        QCOMPARE(chunk.last, 3u);
        QVERIFY(chunk.final);
        QCOMPARE(bob.items(b, chunk.batch).size(), 3u);
    }

    void reconcilingWithAnEmptyRelayEndsWithAFinalChunk() {
        RelayWorld world;
        Client& bob = world.connects(kBob);
        wire::Sub sub;
        sub.name = "notes/1";
        sub.epoch = world.core->epoch();
        sub.position = 7;
        const auto b = bob.subscribesFrom(sub);
        world.syncs();
        QCOMPARE(bob.gets<wire::SubOk>().plan, wire::Plan::Reconcile);
        const auto chunk = bob.gets<wire::Chunk>();
        QVERIFY(chunk.final);
        QCOMPARE(chunk.last, 0u);
        QVERIFY(bob.items(b, chunk.batch).empty());
    }

    void aRestoredRelayBeginsANewEpochAndReconciles() {
        Library library;
        library.writes(2);
        const MemoryLogStore::State backup = library.world.store->durable();
        library.writes(2);
        const wire::Sub sub = library.held(4);
        library.world.restartsFrom(backup, true);
        QVERIFY(library.world.core->epoch() != sub.epoch);
        Client& bob = library.world.connects(kBob);
        bob.subscribesFrom(sub);
        library.world.syncs();
        QCOMPARE(bob.gets<wire::SubOk>().plan, wire::Plan::Reconcile);
    }

    void aSnapshotOfTheMachineKeepsTheEpochAndIsNoticedAllTheSame() {
        Library library;
        library.writes(2);
        const MemoryLogStore::State snapshot = library.world.store->durable();
        library.writes(2);
        const wire::Sub sub = library.held(4);
        library.world.restartsFrom(snapshot, false);
        QVERIFY(library.world.core->epoch() == sub.epoch);
        Client& bob = library.world.connects(kBob);
        bob.subscribesFrom(sub);
        library.world.syncs();
        QCOMPARE(bob.gets<wire::SubOk>().plan, wire::Plan::Reconcile);
    }

    // ---- chunks ----

    void chunksAreSmallAndFourAreOutstanding() {
        Library library;
        library.writes(40, 60'000);
        Client& bob = library.world.connects(kBob);
        const auto b = bob.subscribes("notes/1");
        for (int i = 0; i < 8; ++i) library.world.syncs();
        bob.gets<wire::SubOk>();
        std::uint64_t held = 0;
        for (int i = 0; i < limits::kChunksOutstandingMax; ++i) {
            const auto chunk = bob.gets<wire::Chunk>();
            QCOMPARE(chunk.prev, held);
            QVERIFY(chunk.batch.size() <= limits::kChunkBytesMax);
            QVERIFY(!chunk.final);
            held = chunk.last;
        }
        QVERIFY(bob.hearsNothing());
        bob.says(wire::Credit{b, 1});
        library.world.turn();
        QCOMPARE(bob.gets<wire::Chunk>().prev, held);
        QVERIFY(bob.hearsNothing());
    }

    void catchingUpEndsLiveWithoutAHole() {
        Library library;
        library.writes(40, 60'000);
        Client& bob = library.world.connects(kBob);
        const auto b = bob.subscribes("notes/1");
        library.world.syncs();
        bob.gets<wire::SubOk>();
        std::uint64_t held = 0;
        int late = 0;
        bool final = false;
        while (!final) {
            const auto chunk = bob.next<wire::Chunk>();
            QVERIFY(chunk.has_value());
            QCOMPARE(chunk->prev, held);
            held = chunk->last;
            final = chunk->final;
            if (++late <= 3) library.alice.types(library.a, library.author, "meanwhile");
            bob.says(wire::Credit{b, 1});
            library.world.syncs();
        }
        QCOMPARE(held, 43u);
        library.alice.types(library.a, library.author, "live");
        library.world.syncs();
        const auto ops = bob.gets<wire::Ops>();
        QCOMPARE(ops.prev, held);
        QCOMPARE(ops.last, 44u);
    }

    void nothingAboveTheDurableHeadIsRead() {
        Library library;
        library.writes(2);
        Client& bob = library.world.connects(kBob);
        bob.subscribes("notes/1");
        library.world.turn();
        bob.gets<wire::SubOk>();
        QCOMPARE(bob.gets<wire::Chunk>().last, 2u);
        Client& carol = library.world.connects(0xCA201);
        carol.subscribes("notes/1");
        library.alice.types(library.a, library.author, "later");
        library.world.turn();
        carol.gets<wire::SubOk>();
        const auto chunk = carol.gets<wire::Chunk>();
        QCOMPARE(chunk.last, 2u);
        QVERIFY(chunk.final);
    }

    void aLargeChangeTravelsWhole() {
        Library library;
        library.writes(1, limits::kChangeBytesMax - 200);
        Client& bob = library.world.connects(kBob);
        const auto b = bob.joins("notes/1");
        QVERIFY(!bob.closed);
        library.alice.types(library.a, library.author, std::string(900'000, 'y'));
        library.world.syncs();
        const auto items = bob.items(b, bob.gets<wire::Ops>().batch);
        QCOMPARE(textOf(std::get<Change>(items.at(0))).size(), 900'000u);
    }

    // ---- slow connections ----

    void aSlowPeerIsContinuedFromTheLog() {
        Library library;
        Client& bob = library.world.connects(kBob);
        bob.joins("notes/1");
        library.world.core->setPeerBacklog(bob.peer(), kSlow + 1);
        library.writes(20, 100'000);
        QVERIFY(bob.hearsNothing());
        std::uint64_t held = 0;
        for (int turns = 0; turns < 30 && held < 20; ++turns) {
            library.world.core->setPeerBacklog(bob.peer(), 0);
            const std::size_t before = bob.bytes;
            library.world.turn();
            QVERIFY(bob.bytes - before <= 2 * kSlow + 1000);
            while (const auto ops = bob.next<wire::Ops>()) {
                QCOMPARE(ops->prev, held);
                held = ops->last;
            }
        }
        QCOMPARE(held, 20u);
        library.writes(1);
        QCOMPARE(bob.gets<wire::Ops>().prev, 20u);
    }

    void aMegabyteOfBacklogEndsTheSession() {
        Library library;
        Client& bob = library.world.connects(kBob);
        bob.joins("notes/1");
        library.world.core->setPeerBacklog(bob.peer(), limits::kPeerQueueBytesMax);
        library.world.passes(1ms);
        QVERIFY(!bob.closed);
        library.world.core->setPeerBacklog(bob.peer(), limits::kPeerQueueBytesMax + 1);
        library.world.passes(1ms);
        QCOMPARE(bob.closed.value_or(0), 4008);
        QVERIFY(!library.alice.closed);
    }

    void tenSecondsWithoutProgressEndTheSession() {
        Library library;
        Client& bob = library.world.connects(kBob);
        bob.joins("notes/1");
        library.world.core->setPeerBacklog(bob.peer(), 1000);
        for (int i = 0; i < 10; ++i) {
            library.world.passes(1s);
            library.world.core->setPeerBacklog(bob.peer(), 1000);
        }
        QVERIFY(!bob.closed);
        library.world.passes(1s);
        QCOMPARE(bob.closed.value_or(0), 4008);
    }

    void aPeerThatTakesALittleAtATimeStays() {
        Library library;
        Client& bob = library.world.connects(kBob);
        bob.joins("notes/1");
        library.writes(30, 10'000);
        for (std::size_t backlog = 200'000; backlog > 0; backlog -= 10'000) {
            library.world.core->setPeerBacklog(bob.peer(), backlog);
            library.world.passes(1s);
        }
        QVERIFY(!bob.closed);
    }

    // ---- SEEN ----

    void seenIsStoredAndRateLimited() {
        Library library;
        library.writes(3);
        Client& bob = library.world.connects(kBob);
        const auto b = bob.joins("notes/1");
        const auto seen = [&] { return library.world.store->scan("notes/1", "seen/")->size(); };
        bob.says(wire::Seen{b, 9, 0});
        library.world.syncs();
        QCOMPARE(seen(), 0u);
        bob.says(wire::Seen{b, 3, 0});
        library.world.syncs();
        QCOMPARE(seen(), 1u);
        const auto stored = library.world.store->scan("notes/1", "seen/");
        QCOMPARE(int(stored->front().second[0]), 3);
        bob.says(wire::Seen{b, 3, 0});
        QCOMPARE(library.world.store->pendingBatches(), 0u);
    }
};

QTEST_APPLESS_MAIN(TestCatchUp)
#include "tst_catch_up.moc"
