// SPDX-License-Identifier: MIT
// What members of a document hear of each other: changes, marks, presence (SYNC rules 14, 15, 17).
#include "relay/relay_world.h"

using namespace kimdb;
using namespace kimdb::test;
using namespace std::chrono_literals;

namespace {

constexpr ReplicaId kAlice = 0xA11CE;
constexpr ReplicaId kBob = 0xB0B;
constexpr ReplicaId kCarol = 0xCA201;

//! Alice and Bob in one document, all quiet.
struct Room {
    RelayWorld world;
    Client& alice = world.connects(kAlice);
    Client& bob = world.connects(kBob);
    wire::Alias a = alice.joins("notes/1");
    wire::Alias b = bob.joins("notes/1");
    Author author_a{kAlice, 'a'};
    Author author_b{kBob, 'b'};
};

wire::Presence presence(wire::Alias alias, std::uint64_t clock, const std::string& state) {
    return {alias, 4711, clock, 30'000, state};
}

}  // namespace

class TestRooms : public QObject {
    Q_OBJECT
 private slots:
    // ---- changes ----

    void othersGetAChangeOnlyWhenItIsDurable() {
        Room room;
        const Change change = room.alice.types(room.a, room.author_a, "hi");
        room.world.turn();
        QVERIFY(room.bob.hearsNothing());
        room.world.syncs();
        const auto ops = room.bob.gets<wire::Ops>();
        QCOMPARE(ops.prev, 0u);
        QCOMPARE(ops.last, 1u);
        const auto items = room.bob.items(room.b, ops.batch);
        QCOMPARE(items.size(), 1u);
        QVERIFY(std::get<Change>(items[0]) == change);
    }

    void onlyTheDurablePartOfWhatIsCommittedGoesOut() {
        Room room;
        room.alice.types(room.a, room.author_a, "one");
        room.alice.types(room.a, room.author_a, "two");
        room.world.store->syncSome(1);
        room.world.turn();
        QCOMPARE(room.bob.gets<wire::Ops>().last, 1u);
        QCOMPARE(room.alice.gets<wire::Ack>().counter, 1u);
        room.world.syncs();
        const auto rest = room.bob.gets<wire::Ops>();
        QCOMPARE(rest.prev, 1u);
        QCOMPARE(rest.last, 2u);
    }

    void aTurnIsOneMessage() {
        Room room;
        const auto before = room.alice.messages;
        room.alice.types(room.a, room.author_a, "one");
        room.bob.types(room.b, room.author_b, "two");
        room.world.syncs();
        QCOMPARE(room.alice.messages, before + 1);
        room.alice.gets<wire::Ack>();
        const auto items = room.alice.items(room.a, room.alice.gets<wire::Ops>().batch);
        QCOMPARE(items.size(), 2u);
        QVERIFY(std::holds_alternative<wire::Mark>(items[0]));
        QVERIFY(std::holds_alternative<Change>(items[1]));
    }

    void aContinuedRunTakesTenBytesPerKeystroke() {
        Room room;
        room.alice.types(room.a, room.author_a, "x");
        room.world.syncs();
        room.bob.forgets();
        room.alice.types(room.a, room.author_a, "y");
        room.world.syncs();
        const auto ops = room.bob.gets<wire::Ops>();
        QVERIFY2(ops.batch.size() <= 10, qPrintable(QString::number(ops.batch.size())));
    }

    void theSameUserElsewhereGetsTheWholeChange() {
        Room room;
        Client& copy = room.world.connects(kCarol);
        const auto c = copy.joins("notes/1");
        Author earlier(kAlice, 'a');
        copy.types(c, earlier, "pushed by the other session");
        room.world.syncs();
        const auto items = room.alice.items(room.a, room.alice.gets<wire::Ops>().batch);
        QVERIFY(std::holds_alternative<Change>(items.at(0)));
        QCOMPARE(copy.gets<wire::Ack>().replica, kAlice);
        const auto own = copy.items(c, copy.gets<wire::Ops>().batch);
        QVERIFY(std::holds_alternative<wire::Mark>(own.at(0)));
    }

    void aLateJoinerLearnsTheReplicasFromItsFirstBatch() {
        Room room;
        room.alice.types(room.a, room.author_a, "one");
        room.bob.types(room.b, room.author_b, "two");
        room.world.syncs();
        wire::Sub sub;
        sub.name = "notes/1";
        sub.epoch = room.world.core->epoch();
        sub.position = 2;
        sub.log_hash = room.world.store->readLog("notes/1", 1, 1)->front().log_hash;
        Client& carol = room.world.connects(kCarol);
        const auto c = carol.subscribesFrom(sub);
        room.world.syncs();
        QCOMPARE(carol.gets<wire::SubOk>().plan, wire::Plan::UpToDate);
        room.alice.types(room.a, room.author_a, "three");
        room.world.syncs();
        const auto items = carol.items(c, carol.gets<wire::Ops>().batch);
        QCOMPARE(std::get<Change>(items.at(0)).replica, kAlice);
    }

    void everyPieceCarriesACertificate() {
        Room room;
        room.alice.types(room.a, room.author_a, "one");
        room.world.syncs();
        const auto for_bob = room.bob.gets<wire::Ops>();
        QVERIFY(!for_bob.mac.isZero());
        Client& carol = room.world.connects(kCarol);
        carol.subscribes("notes/1");
        room.world.syncs();
        carol.gets<wire::SubOk>();
        QVERIFY(carol.gets<wire::Chunk>().mac == for_bob.mac);
        room.alice.types(room.a, room.author_a, "two");
        room.world.syncs();
        QVERIFY(room.bob.gets<wire::Ops>().mac != for_bob.mac);
    }

    void whoLeavesHearsNothingMore() {
        Room room;
        room.bob.says(wire::Unsub{room.b});
        room.alice.types(room.a, room.author_a, "one");
        room.world.syncs();
        QVERIFY(room.bob.hearsNothing());
    }

    void documentsDoNotMix() {
        Room room;
        room.bob.joins("notes/2");
        Client& carol = room.world.connects(kCarol);
        carol.joins("notes/2");
        room.alice.types(room.a, room.author_a, "one");
        room.world.syncs();
        QVERIFY(carol.hearsNothing());
        QCOMPARE(room.bob.gets<wire::Ops>().alias, room.b);
    }

    // ---- presence ----

    void presenceGoesToTheOthersUnderTheSendersSession() {
        Room room;
        room.alice.says(presence(room.a, 1, "here"));
        room.world.turn();
        const auto heard = room.bob.gets<wire::Presence>();
        QCOMPARE(heard.alias, room.b);
        QCOMPARE(heard.session, 1000 + room.alice.peer());
        QCOMPARE(heard.state, Bytes("here"));
        QVERIFY(room.alice.hearsNothing());
        QCOMPARE(room.world.store->pendingBatches(), 0u);
    }

    void presenceIsLimitedToTwentyPerSecondAndTheLastOneWins() {
        Room room;
        for (int i = 0; i < 100; ++i) {
            room.alice.says(presence(room.a, i + 1, std::to_string(i)));
            room.world.passes(10ms);
        }
        room.world.passes(50ms);
        int heard = 0;
        Bytes last;
        while (const auto next = room.bob.next<wire::Presence>()) {
            ++heard;
            last = next->state;
        }
        QVERIFY2(heard >= 18 && heard <= 22, qPrintable(QString::number(heard)));
        QCOMPARE(last, Bytes("99"));
    }

    void aClosedConnectionIsGoneForTheOthersAtOnce() {
        Room room;
        room.alice.says(presence(room.a, 1, "here"));
        room.world.turn();
        room.bob.forgets();
        room.world.hangsUp(room.alice);
        const auto gone = room.bob.gets<wire::Presence>();
        QCOMPARE(gone.session, 1000 + room.alice.peer());
        QVERIFY(gone.state.empty());
        QVERIFY(gone.clock > 1);
    }

    void aLateJoinerHearsWhoIsThere() {
        Room room;
        room.alice.says(presence(room.a, 1, "here"));
        room.world.turn();
        room.world.passes(10s);
        Client& carol = room.world.connects(kCarol);
        carol.joins("notes/1");
        const auto heard = carol.gets<wire::Presence>();
        QCOMPARE(heard.state, Bytes("here"));
        QCOMPARE(heard.ttl_ms, 20'000u);
    }

    void presenceThatRanOutIsNotToldToALateJoiner() {
        Room room;
        room.alice.says(presence(room.a, 1, "here"));
        room.world.turn();
        room.world.passes(30s);
        Client& carol = room.world.connects(kCarol);
        carol.joins("notes/1");
        QVERIFY(!carol.next<wire::Presence>().has_value());
    }

    void whoSaysGoodbyeIsGone() {
        Room room;
        room.alice.says(presence(room.a, 1, "here"));
        room.world.turn();
        room.world.passes(50ms);
        room.alice.says(presence(room.a, 2, ""));
        room.world.turn();
        room.bob.gets<wire::Presence>();
        QVERIFY(room.bob.gets<wire::Presence>().state.empty());
        Client& carol = room.world.connects(kCarol);
        carol.joins("notes/1");
        QVERIFY(!carol.next<wire::Presence>().has_value());
    }

    void slowMembersDoWithoutPresence() {
        Room room;
        room.world.core->setPeerBacklog(room.bob.peer(), limits::kPeerQueueBytesSlow + 1);
        room.alice.says(presence(room.a, 1, "here"));
        room.world.turn();
        QVERIFY(room.bob.hearsNothing());
    }
};

QTEST_APPLESS_MAIN(TestRooms)
#include "tst_rooms.moc"
