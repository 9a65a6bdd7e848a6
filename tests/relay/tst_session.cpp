// SPDX-License-Identifier: MIT
// One connection's protocol: opening, fencing, aliases, limits, heartbeat (SYNC rules 8, 13, 15;
// PROTOCOL 7).
#include "relay/core/room.h"
#include "relay/core/session.h"
#include "relay/relay_world.h"

using namespace kimdb;
using namespace kimdb::test;
using namespace std::chrono_literals;

namespace {

constexpr ReplicaId kAlice = 0xA11CE;
constexpr ReplicaId kBob = 0xB0B;

//! A relay where the token "alice" is Alice's, and so on; "bad…" is nobody's, "alice 10 s" hers for
//! ten seconds of the world's time.
relay::RelayCore::Options withTokens() {
    relay::RelayCore::Options options;
    options.authenticate = [](ByteView token) -> Result<relay::Identity> {
        if (token.starts_with("bad")) return Error{ErrorCode::AuthFailed, "bad token"};
        relay::Identity who = userNamed(token.substr(0, token.find(' ')));
        if (token.ends_with(" 10 s")) who.expires_ms = ManualClock().wallTime() + 10'000;
        return who;
    };
    return options;
}

}  // namespace

class TestSession : public QObject {
    Q_OBJECT

    static void endedWith(Client& client, int code) {
        const auto error = client.next<wire::ErrorRecord>();
        QVERIFY(error.has_value());
        QCOMPARE(int(error->code), code);
        QVERIFY(!error->has_alias);
        QVERIFY(client.closed.has_value());
        QCOMPARE(int(*client.closed), code);
    }

    static void toldAbout(Client& client, wire::Alias alias, int code) {
        const auto error = client.next<wire::ErrorRecord>();
        QVERIFY(error.has_value());
        QCOMPARE(int(error->code), code);
        QVERIFY(error->has_alias);
        QCOMPARE(error->alias, alias);
        QVERIFY(!client.closed.has_value());
    }

 private slots:
    // ---- opening ----

    void helloIsAnsweredWhenTheBindingIsDurable() {
        RelayWorld world;
        Client& alice = world.opens();
        alice.hello(kAlice);
        world.turn();
        QVERIFY(alice.hearsNothing());
        world.syncs();
        const auto welcome = alice.gets<wire::Welcome>();
        QCOMPARE(welcome.user, std::string("anonymous"));
        QCOMPARE(welcome.version, 1u);
        QVERIFY(welcome.epoch == world.core->epoch());
        QVERIFY(!welcome.epoch.isZero() && !welcome.store_id.isZero());
    }

    void whatTheStoreSaysIsNotForPeers() {
        RelayWorld world;
        world.store->setFull(true);
        Client& alice = world.opens();
        alice.hello(kAlice);
        world.turn();
        const auto error = alice.next<wire::ErrorRecord>();
        QVERIFY(error.has_value());
        QCOMPARE(int(error->code), int(wire::CloseCode::GoingAway));
        QVERIFY(error->text.starts_with("the relay cannot use its store"));
        QVERIFY(alice.closed.has_value());
    }

    void storeIdAndEpochSurviveARestart() {
        RelayWorld world;
        Client& before = world.opens();
        before.hello(kAlice);
        world.syncs();
        const auto first = before.gets<wire::Welcome>();
        world.crashes();
        Client& after = world.opens();
        after.hello(kAlice);
        world.syncs();
        const auto second = after.gets<wire::Welcome>();
        QVERIFY(first.store_id == second.store_id);
        QVERIFY(first.epoch == second.epoch);
    }

    void anotherFirstRecordEndsTheSession() {
        RelayWorld world;
        Client& alice = world.opens();
        alice.says(wire::Ping{1});
        endedWith(alice, 4001);
    }

    void helloComesOnce() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        alice.hello(kAlice);
        endedWith(alice, 4001);
    }

    void anotherVersionIsRefused() {
        RelayWorld world;
        Client& alice = world.opens();
        wire::Hello hello;
        hello.replica = kAlice;
        hello.version_min = hello.version_max = 2;
        alice.says(hello);
        endedWith(alice, 4001);
    }

    void aLongFirstMessageIsTooBig() {
        RelayWorld world;
        Client& alice = world.opens();
        alice.saysBytes(Bytes(limits::kFirstMessageBytesMax + 1, '\x01'));
        endedWith(alice, 4009);
    }

    void whoSaysNothingIsClosedAfterFiveSeconds() {
        RelayWorld world;
        Client& alice = world.opens();
        world.passes(5s);
        QVERIFY(!alice.closed);
        world.passes(1ms);
        endedWith(alice, 4001);
    }

    void aNewerSessionOfTheReplicaReplacesTheOlder() {
        RelayWorld world;
        Client& old = world.connects(kAlice);
        const auto notes = old.joins("notes/1");
        Client& current = world.connects(kAlice);
        endedWith(old, 4102);
        QVERIFY(!current.closed);
        Author author(kAlice);
        old.types(notes, author, "late");
        world.syncs();
        QCOMPARE(*world.store->lastPosition("notes/1"), 0u);
    }

    void theOldConnectionsEndDoesNotHurtTheNewOne() {
        RelayWorld world;
        Client& old = world.connects(kAlice);
        Client& current = world.connects(kAlice);
        world.hangsUp(old);
        Client& third = world.connects(kAlice);
        endedWith(current, 4102);
        QVERIFY(!third.closed);
    }

    // ---- who ----

    void aTokenWithoutAKeySetIsRefused() {
        RelayWorld world;
        Client& alice = world.opens();
        alice.hello(kAlice, "some.token.here");
        endedWith(alice, 4401);
    }

    void strangersFromOtherMachinesNeedAToken() {
        RelayWorld world;
        Client& alice = world.opens(false);
        alice.hello(kAlice);
        endedWith(alice, 4401);
    }

    void theOperatorCanLetThemIn() {
        RelayWorld world([] {
            relay::RelayCore::Options options;
            options.anonymous_from_loopback_only = false;
            return options;
        }());
        Client& alice = world.opens(false);
        alice.hello(kAlice);
        world.syncs();
        QCOMPARE(alice.gets<wire::Welcome>().user, std::string("anonymous"));
    }

    void aReplicaIdBelongsToItsFirstUserForEver() {
        RelayWorld world(withTokens());
        world.connects(kAlice, "alice");
        world.crashes();
        Client& bob = world.opens();
        bob.hello(kAlice, "bob");
        endedWith(bob, 4003);
        Client& alice = world.connects(kAlice, "alice");
        QVERIFY(!alice.closed);
    }

    void nobodyPushesUnderTheIdOfAnotherUser() {
        RelayWorld world(withTokens());
        world.connects(kAlice, "alice");
        Client& bob = world.connects(kBob, "bob");
        const auto notes = bob.joins("notes/1");
        Author stolen(kAlice);
        bob.types(notes, stolen, "not me");
        endedWith(bob, 4003);
        QCOMPARE(*world.store->lastPosition("notes/1"), 0u);
    }

    void earlierIdsOfTheSameUserArePushedTooAndBound() {
        RelayWorld world(withTokens());
        Client& alice = world.connects(kAlice, "alice");
        const auto notes = alice.joins("notes/1");
        constexpr ReplicaId kEarlier = 0xEA1;
        Author earlier(kEarlier);
        alice.types(notes, earlier, "from the old folder");
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().replica, kEarlier);
        Client& bob = world.opens();
        bob.hello(kEarlier, "bob");
        endedWith(bob, 4003);
    }

    void aNewTokenInPlaceMustBeTheSameUsers() {
        RelayWorld world(withTokens());
        Client& alice = world.connects(kAlice, "alice");
        alice.says(wire::Auth{"alice"});
        world.syncs();
        alice.gets<wire::AuthOk>();
        alice.says(wire::Auth{"bob"});
        endedWith(alice, 4401);
    }

    void aTokenThatRanOutEndsTheSession() {
        RelayWorld world(withTokens());
        Client& alice = world.connects(kAlice, "alice 10 s");
        world.passes(9s);
        QVERIFY(!alice.closed);
        world.passes(1s);
        endedWith(alice, 4401);
    }

    void aNewTokenInPlaceKeepsTheSession() {
        RelayWorld world(withTokens());
        Client& alice = world.connects(kAlice, "alice 10 s");
        world.passes(9s);
        alice.says(wire::Auth{"alice 10 s"});  // the same again: its end is told
        world.syncs();
        QCOMPARE(alice.gets<wire::AuthOk>().expires_ms, ManualClock().wallTime() + 10'000);
        alice.says(wire::Auth{"alice"});
        world.syncs();
        QCOMPARE(alice.gets<wire::AuthOk>().expires_ms, 0);
        world.passes(20s);
        QVERIFY(!alice.closed);
    }

    void sessionsOfTheUnwantedEnd() {
        RelayWorld world(withTokens());
        Client& alice = world.connects(kAlice, "alice");
        Client& bob = world.connects(kBob, "bob");
        Client& silent = world.opens();
        world.core->endSessionsOf([](const relay::Identity& who) { return who.user == "alice"; });
        endedWith(alice, 4401);
        QVERIFY(!bob.closed && !silent.closed);
    }

    // ---- documents ----

    void aliasesAreEvenAndGrow_data() {
        QTest::addColumn<std::uint32_t>("alias");
        QTest::newRow("odd") << 5u;
        QTest::newRow("again") << 4u;
        QTest::newRow("smaller") << 2u;
    }

    void aliasesAreEvenAndGrow() {
        QFETCH(std::uint32_t, alias);
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        wire::Sub sub;
        sub.alias = 4;
        sub.name = "notes/1";
        alice.says(sub);
        alice.says(wire::Unsub{4});
        sub.alias = alias;
        alice.says(sub);
        endedWith(alice, 4001);
    }

    void aBadDocumentNameIsToldAndTheSessionGoesOn_data() {
        QTest::addColumn<QByteArray>("name");
        QTest::newRow("empty") << QByteArray("");
        QTest::newRow("dots") << QByteArray("notes/..");
        QTest::newRow("reserved") << QByteArray("notes/~meta");
        QTest::newRow("slashes") << QByteArray("a/b/c");
        QTest::newRow("letters") << QByteArray("notes/\xc3\xa9");
        QTest::newRow("long") << "notes/" + QByteArray(129, 'x');
    }

    void aBadDocumentNameIsToldAndTheSessionGoesOn() {
        QFETCH(QByteArray, name);
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto alias = alice.subscribes(name.toStdString());
        world.turn();
        toldAbout(alice, alias, 4011);
        alice.joins("notes/1");
    }

    void whatIsNotInThisVersionIsToldAndTheSessionGoesOn() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        wire::Sub feed;
        feed.kind = wire::SubKind::Feed;
        feed.name = "notes";
        const auto alias = alice.subscribesFrom(feed);
        world.turn();
        toldAbout(alice, alias, 4010);
        alice.says(wire::Labels{alias, {{"state", "open"}}});
        world.turn();
        toldAbout(alice, alias, 4010);
        alice.says(wire::Compact{alias, 3});
        world.turn();
        toldAbout(alice, alias, 4010);
        alice.says(wire::Doc{alias, alias + 1, wire::DocEvent::Leave, "notes/1", 0});
        world.turn();
        toldAbout(alice, alias + 1, 4010);
        alice.joins("notes/1");
    }

    void anUnknownAliasIsTold() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        alice.says(wire::Credit{8, 1});
        world.turn();
        toldAbout(alice, 8, 4012);
    }

    void whatIsStillOnItsWayUnderAnOldAliasIsIgnored() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto old = alice.joins("notes/1");
        alice.joins("notes/1");
        Author author(kAlice);
        alice.types(old, author, "late");
        alice.says(wire::Seen{old, 0, 0});
        alice.says(wire::Unsub{old});
        world.syncs();
        QVERIFY(alice.hearsNothing());
        QVERIFY(!alice.closed);
        QCOMPARE(*world.store->lastPosition("notes/1"), 0u);
    }

    void recordsOfTheRelayAreNotForClientsToSend() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        alice.says(wire::Perm{2, 15});
        endedWith(alice, 4001);
    }

    void aDocumentGoesWithItsLastMemberAndComesBack() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        alice.types(notes, author, "a");
        world.syncs();
        QCOMPARE(world.core->stats().rooms, 1u);
        alice.says(wire::Unsub{notes});
        world.turn();
        QCOMPARE(world.core->stats().rooms, 0u);
        alice.forgets();
        const auto again = alice.joins("notes/1");
        alice.types(again, author, "b");
        world.syncs();
        QCOMPARE(alice.next<wire::Ack>()->counter, 2u);
    }

    void aMemberThatLeavesBeforeTheDiskHasItsChangeLosesNothing() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        alice.types(notes, author, "a");
        world.hangsUp(alice);
        world.syncs();
        QCOMPARE(world.core->stats().rooms, 0u);
        QCOMPARE(*world.store->lastPosition("notes/1"), 1u);
    }

    // ---- limits and heartbeat ----

    void pingIsAnsweredAtOnce() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        alice.says(wire::Ping{42});
        world.turn();
        QCOMPARE(alice.gets<wire::Pong>().nonce, 42u);
    }

    void silenceIsAskedAboutAndThenEnds() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        world.passes(15s);
        alice.gets<wire::Ping>();
        world.passes(15s);
        QVERIFY(alice.hearsNothing());
        alice.says(wire::Pong{1});
        world.passes(45s);
        QVERIFY(!alice.closed);
        world.passes(1ms);
        endedWith(alice, 4008);
    }

    void aPushOfSeveralChangesIsBounded() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        const Change big = author.writes(std::string(limits::kPushBytesMax, 'x'));
        alice.pushes(notes, Hash16{}, {big});
        world.syncs();
        QCOMPARE(alice.next<wire::Ack>()->counter, 1u);
        const Change bigger = author.writes(std::string(limits::kPushBytesMax, 'x'));
        alice.pushes(notes, author.hash_before, {bigger, author.writes("y")});
        endedWith(alice, 4009);
    }

    void aPushCarriesOneStreamWithoutHoles_data() {
        QTest::addColumn<int>("kind");
        QTest::newRow("nothing") << 0;
        QTest::newRow("two streams") << 1;
        QTest::newRow("a hole") << 2;
    }

    void aPushCarriesOneStreamWithoutHoles() {
        QFETCH(int, kind);
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        const Author author(kAlice), other(kBob);
        std::vector<Change> changes;
        if (kind == 1) changes = {author.writesAt(1, "a"), other.writesAt(1, "b")};
        if (kind == 2) changes = {author.writesAt(1, "a"), author.writesAt(3, "c")};
        alice.pushes(notes, Hash16{}, changes);
        endedWith(alice, 4001);
        world.syncs();
        QCOMPARE(*world.store->lastPosition("notes/1"), 0u);
    }

    void marksAreNotPushed() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        wire::ReplicaTable table;
        wire::BatchEncoder batch(table, 0, alice.time_base_ms);
        batch.addMark({kAlice, 1, 1});
        alice.says(wire::Push{notes, 1, {}, batch.finish()});
        endedWith(alice, 4001);
    }

    void goingAwayIsToldToEverybody() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        Client& stranger = world.opens();
        world.core->closeAll();
        endedWith(alice, 4100);
        endedWith(stranger, 4100);
        QCOMPARE(world.core->stats().peers, 0u);
    }

    void answersDoNotPileUpWhileTheDiskStands() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        alice.types(notes, author, "not durable yet");
        for (std::size_t i = 0; i < limits::kMessageRecordsMax; ++i) alice.says(wire::Auth{});
        world.core->tick();
        endedWith(alice, 4008);
    }

    void theAnswerToASubscriptionGoesWithIt() {
        RelayWorld world;
        relay::CommitOrder commits(*world.store);
        auto log = relay::DocumentLog::load(commits, "notes/1");
        QVERIFY(log.ok());
        const relay::Certificates certificates(Bytes(32, 'k'));
        relay::Room room(std::move(*log), certificates, world.clock, 0);
        std::vector<relay::PeerId> wrote;
        relay::Session session(1, true, world.clock.steadyTime(), world, wrote);
        session.open(2, room);
        session.answer({1, wire::SubOk{2}});
        session.open(4, room);
        session.answer({1, wire::SubOk{4}});
        session.drop(2);
        relay::Answer answer;
        QVERIFY(session.takeAnswer(1, answer));
        QCOMPARE(std::get<wire::SubOk>(answer.record).alias, wire::Alias{4});
        QVERIFY(!session.hasAnswers());
    }
};

QTEST_APPLESS_MAIN(TestSession)
#include "tst_session.moc"
