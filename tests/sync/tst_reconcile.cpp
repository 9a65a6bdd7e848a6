// SPDX-License-Identifier: MIT
#include <QTest>

#include "sync/scripted_relay.h"

using namespace kimdb;
using namespace kimdb::test;

// SYNC rules 4, 6, 9, 14, 19, 21: positions, forks and restored relays.
class TestReconcile : public QObject {
    Q_OBJECT

    static void goLive(ScriptedRelay& me) {
        me.connects();
        me.subscribes(me.subOk(wire::Plan::UpToDate));
    }

 private slots:
    void onlyJournalledChangesArePushed() {
        ScriptedRelay me;
        goLive(me);
        const Change change = me.types(u"a");
        QVERIFY(!me.take<wire::Push>());
        QVERIFY(!me.engine->status(me.name).saved);
        me.store.sync();
        // The binding to the incarnation is older, so it is durable too.
        QCOMPARE(me.takePushed(), (std::vector<Change>{change}));
        QVERIFY(me.engine->status(me.name).saved);
        QCOMPARE(me.engine->status(me.name).queued, 1u);
        me.says(wire::Ack{me.alias, change.replica, change.last(), wire::kDurable});
        QCOMPARE(me.engine->status(me.name).queued, 0u);
    }

    void anAckThatIsNotDurableLeavesTheQueue() {
        ScriptedRelay me;
        goLive(me);
        const Change change = me.types(u"a");
        me.store.sync();
        me.says(wire::Ack{me.alias, change.replica, change.last(), 0});
        QCOMPARE(me.engine->status(me.name).queued, 1u);
    }

    void aRelayThatTakesNextToNothingGetsOneChangeAtATime() {
        ScriptedRelay me;
        (void)me.types(u"a");
        (void)me.types(u"b");
        me.engine->connectionOpened();
        wire::Welcome welcome;
        welcome.epoch = {{1}};
        welcome.push_bytes_max = 1;
        me.says(welcome);
        me.take<wire::Sub>();
        me.subscribes(me.subOk(wire::Plan::UpToDate));
        QCOMPARE(me.takePushed().size(), std::size_t{1});
        QCOMPARE(me.takePushed().size(), std::size_t{1});
    }

    void aSealedChangeInTheLogStopsThatDocument() {
        ScriptedRelay me;
        goLive(me);
        wire::Sealed sealed;
        sealed.head.replica = 7;
        sealed.head.first = 2;
        sealed.head.count = 1;
        sealed.how = wire::Sealed::kSigned;
        me.sendsOps(0, {sealed});
        QCOMPARE(me.problems.back().code, ErrorCode::Unsupported);
        QVERIFY(!me.engine->status(me.name).live);
        QVERIFY(!me.closed);
    }

    // A relay ends the session for it, and the queue would come again just as large.
    void aPushIsNotLongerThanTheRelayTakesForAllTheIdsInIt() {
        constexpr std::size_t kPushBytesMax = 1000;
        ScriptedRelay me;
        me.engine->connectionOpened();
        wire::Welcome welcome;
        welcome.epoch = {{1}};
        welcome.push_bytes_max = kPushBytesMax;
        me.says(welcome);
        me.take<wire::Sub>();
        me.subscribes(me.subOk(wire::Plan::UpToDate));
        std::vector<wire::BatchItem> heads;
        for (ReplicaId id = 1; id <= 40; ++id) heads.emplace_back(OtherReplica(id).types(u"a"));
        me.sendsOps(0, heads);
        for (int i = 0; i < 60; ++i) (void)me.types(u"a sentence of more than eight letters");
        me.store.sync();
        const auto push = me.take<wire::Push>();
        QVERIFY(push.has_value());
        QVERIFY(push->batch.size() > kPushBytesMax / 2);
        QVERIFY(push->batch.size() <= kPushBytesMax);
    }

    void aDamagedLastChunkDoesNotEndCatchUp() {
        ScriptedRelay me;
        me.connects();
        me.subscribes(me.subOk(wire::Plan::Changes, 1));
        wire::Chunk chunk;
        chunk.alias = me.alias;
        chunk.final = true;
        chunk.last = 1;
        chunk.batch = "damaged";
        me.says(chunk);
        QVERIFY(me.closed != 0);
        QVERIFY(!me.engine->status(me.name).live);
    }

    // Shown at once, but the cursor and the CREDIT wait for the disk.
    void heldAndCreditFollowTheDisk() {
        ScriptedRelay me;
        OtherReplica other(5);
        const Change change = other.types(u"a");
        for (int visit = 0; visit < 2; ++visit) {
            QCOMPARE(me.connects().position, 0u);  // what is not on the disk is asked for again
            me.says(me.subOk(wire::Plan::Changes, 1));
            me.sendsChunk(0, {change});
            QCOMPARE(me.text(), std::string("a"));
            QVERIFY(!me.take<wire::Credit>());
            if (visit == 0) me.engine->connectionClosed();
        }
        me.store.sync();
        QCOMPARE(me.take<wire::Credit>()->chunks, 1u);
        me.engine->connectionClosed();
        QCOMPARE(me.connects().position, 1u);
    }

    void aHoleMakesANewSubscription() {
        ScriptedRelay me;
        OtherReplica other(5);
        goLive(me);
        const wire::Alias before = me.alias;
        const Change first = other.types(u"a");
        (void)first;
        me.sendsOps(1, {other.types(u"b")});
        QCOMPARE(me.shown, 0u);
        const auto sub = me.take<wire::Sub>();
        QVERIFY(sub);
        QVERIFY(sub->alias > before);
        QCOMPARE(sub->position, 0u);
    }

    void duplicatesAreShownOnce() {
        ScriptedRelay me;
        OtherReplica other(5);
        const Change change = other.types(u"a");
        goLive(me);
        me.sendsOps(0, {change});
        me.engine->connectionClosed();  // before the disk had it: it comes again
        me.connects();
        me.says(me.subOk(wire::Plan::Changes, 1));
        me.sendsChunk(0, {change});
        QCOMPARE(me.shown, 1u);
        QCOMPARE(me.text(), std::string("a"));
        me.store.sync();
        QCOMPARE(me.store.durable().documents.at(me.name.text()).log.size(), 1u);
    }

    // Another epoch: the relay lacks two changes, one of them another author's; both go back, in
    // order.
    void whatARestoredRelayLacksIsSuppliedByEveryHolder() {
        ScriptedRelay me;
        OtherReplica other(5);
        const Change theirs = other.types(u"a");
        goLive(me);
        me.sendsOps(0, {theirs});
        const Change mine = me.types(u"b");
        me.store.sync();
        me.takePushed();
        me.says(wire::Ack{me.alias, mine.replica, mine.last(), wire::kDurable});
        me.sendsOps(1, {wire::Mark{mine.replica, mine.first, mine.count}});
        me.store.sync();
        me.engine->connectionClosed();

        me.connects({{2}});
        me.says(me.subOk(wire::Plan::Reconcile, 0));
        QVERIFY(!me.engine->status(me.name).live);
        QCOMPARE(me.engine->status(me.name).queued, 1u);  // saved, no more synced
        me.sendsChunk(0, {});
        me.store.sync();
        QCOMPARE(me.takePushed(), (std::vector<Change>{theirs}));
        QCOMPARE(me.takePushed(), (std::vector<Change>{mine}));
        QCOMPARE(me.rebuilds, 0);
    }

    // The relay was restored while we might only read: others' changes wait for a writer. Our edit
    // on top of one must not wait for ever when we may write again, in a later session.
    void othersChangesAreSuppliedWhenWritingIsAllowedAgain() {
        ScriptedRelay me;
        OtherReplica other(5);
        const Change theirs = other.types(u"a");
        goLive(me);
        me.sendsOps(0, {theirs});
        me.store.sync();
        me.engine->connectionClosed();
        wire::SubOk reader = me.subOk(wire::Plan::Reconcile);
        me.connects({{2}});
        reader.alias = me.alias;
        reader.permissions = wire::kRead;
        me.says(reader);
        me.sendsChunk(0, {});
        me.store.sync();
        QVERIFY(me.takePushed().empty());
        me.engine->connectionClosed();

        me.connects({{2}});
        me.says(me.subOk(wire::Plan::UpToDate));
        QCOMPARE(me.takePushed(), (std::vector<Change>{theirs}));
    }

    // SYNC rule 6: both copies of a folder derive the same stream, so their common queue arrives
    // once.
    void equivocationMovesTheQueueToTheDerivedStream() {
        ScriptedRelay me;
        goLive(me);
        const Change mine = me.types(u"mine");
        const Change more = me.types(u" more");
        me.store.sync();
        wire::Push push;
        QCOMPARE(me.takePushed(&push).size(), 2u);
        me.refuses(push, mine, ErrorCode::Equivocation, true);
        QVERIFY(me.refused.empty());  // the relay's version tells what to do
        OtherReplica copy(mine.replica);
        const Change theirs = copy.types(u"theirs");
        me.sendsOps(0, {theirs});
        me.store.sync();
        QVERIFY(me.take<wire::Sub>());
        me.table = {};
        me.says(me.subOk(wire::Plan::Changes, 1));
        me.sendsChunk(0, {theirs});
        me.store.sync();

        SaltTree salts(*mine.salt_key);
        const ReplicaId derived = derivedReplica(mine.replica, 1, changeHash(mine, salts));
        const auto pushed = me.takePushed();
        QCOMPARE(pushed.size(), 2u);
        QCOMPARE(pushed[0].replica, derived);
        QCOMPARE(pushed[0].first, 1u);
        QCOMPARE(pushed[0].content, mine.content);
        QCOMPARE(pushed[1].first, mine.count + 1);
        QVERIFY(me.refused.empty());
        QVERIFY(me.engine->replica() != mine.replica);
        QVERIFY(me.text().find("mine more") != std::string::npos);
        QVERIFY(me.text().find("theirs") != std::string::npos);
        (void)more;
    }

    // A restored relay took a copy's change under a counter we had acknowledged: the relay's wins,
    // ours is kept.
    void aForkOfAcknowledgedChangesGoesToTheRejectedList() {
        ScriptedRelay me;
        goLive(me);
        const Change mine = me.types(u"mine");
        me.store.sync();
        me.takePushed();
        me.says(wire::Ack{me.alias, mine.replica, mine.last(), wire::kDurable});
        me.sendsOps(0, {wire::Mark{mine.replica, mine.first, mine.count}});
        me.store.sync();
        me.engine->connectionClosed();
        me.connects({{2}});
        me.says(me.subOk(wire::Plan::Reconcile, 1));
        OtherReplica copy(mine.replica);
        me.sendsChunk(0, {copy.types(u"theirs")});
        QCOMPARE(me.text(), std::string("theirs"));
        QCOMPARE(me.refused.size(), 1u);
        QCOMPARE(me.refused[0].change, mine);
        QCOMPARE(me.refused[0].code, ErrorCode::Equivocation);
        QCOMPARE(me.problems.back().code, ErrorCode::Equivocation);  // forkDetected
    }

    // Operations name replicas by their place among the deps: when one is cut, the others move up.
    void anEditKeepsItsMeaningWhenADepIsCut() {
        ScriptedRelay me;
        OtherReplica lost(5);
        OtherReplica kept(6);
        const Change lower = lost.types(u"x");
        const Change upper = kept.types(u"z");
        goLive(me);
        me.sendsOps(0, {lower, upper});
        const Change mine = me.removes(me.text().find('z'));
        QCOMPARE(mine.deps.size(), std::size_t{2});
        me.store.sync();
        me.takePushed();
        me.engine->connectionClosed();

        OtherReplica other(5);  // its folder was rolled back
        me.connects({{2}});
        me.says(me.subOk(wire::Plan::Reconcile, 2));
        me.sendsChunk(0, {other.types(u"w"), upper});
        me.store.sync();
        QCOMPARE(me.text(), std::string("w"));
        const auto pushed = me.takePushed();
        QCOMPARE(pushed.size(), std::size_t{1});
        QCOMPARE(pushed[0].deps, (std::vector<OpId>{upper.lastId()}));
        QCOMPARE(*crdt::references(pushed[0]), *crdt::references(mine));
    }

    // The relay took another copy's form of a VOID, with a dep cut through which alone our waiting
    // edit knew what it refers to: the relay took the edit too, and nobody could ever show it.
    void anEditKeepsADepThatItKnewThroughAnother() {
        ScriptedRelay me;
        OtherReplica writer(5);
        OtherReplica link(6);
        const Change needed = writer.types(u"x");
        QVERIFY(link.document.receive(needed).ok());
        const Change theirs = voidOf(link.types(u"y"));
        QCOMPARE(theirs.deps, (std::vector<OpId>{needed.lastId()}));
        goLive(me);
        me.sendsOps(0, {needed, theirs});
        const Change mine = me.removes(0);
        QCOMPARE(mine.deps, (std::vector<OpId>{theirs.lastId()}));
        me.store.sync();
        me.takePushed();
        me.engine->connectionClosed();

        me.connects({{2}});
        me.says(me.subOk(wire::Plan::Reconcile, 1));
        me.sendsChunk(0, {*crdt::withDeps(theirs, {})});
        me.store.sync();
        QCOMPARE(me.takePushed(), (std::vector<Change>{needed}));
        const auto again = me.takePushed();
        QCOMPARE(again.size(), std::size_t{1});
        QCOMPARE(again[0].deps, (std::vector<OpId>{needed.lastId(), theirs.lastId()}));
        QCOMPARE(*crdt::references(again[0]), *crdt::references(mine));
    }

    // A copy wrote more at our counter and was refused: the relay's VOID there is longer than our
    // edit. A restored relay then takes our edit from elsewhere: the stream must have no hole.
    void aVoidOfAnotherLengthYieldsToTheListedEdit() {
        ScriptedRelay me;
        goLive(me);
        const Change mine = me.types(u"mine");
        me.store.sync();
        me.takePushed();
        me.says(wire::Ack{me.alias, mine.replica, mine.last(), wire::kDurable});
        me.engine->connectionClosed();
        OtherReplica copy(mine.replica);
        me.connects({{2}});
        me.says(me.subOk(wire::Plan::Reconcile, 1));
        me.sendsChunk(0, {voidOf(copy.types(u"theirs, longer"))});
        QCOMPARE(me.refused.size(), 1u);
        me.engine->connectionClosed();

        Change next = voidOf(mine);
        next.first = mine.last() + 1;
        next.salt_key.reset();
        me.connects({{3}});
        me.says(me.subOk(wire::Plan::Reconcile, 2));
        me.sendsChunk(0, {mine, next});
        QCOMPARE(me.text(), std::string("mine"));
        QVERIFY(me.engine->rejectedList()->empty());
        QVERIFY(me.engine->status(me.name).live);
    }

    void aTemporaryRefusalRewindsOnce() {
        ScriptedRelay me;
        goLive(me);
        const Change first = me.types(u"a");
        me.store.sync();
        wire::Push push;
        me.takePushed(&push);
        const Change second = me.types(u"b");
        me.store.sync();
        wire::Push later;
        me.takePushed(&later);
        me.refuses(push, first, ErrorCode::StorageFull, false);
        me.refuses(later, second, ErrorCode::Gap, false);
        QVERIFY(!me.take<wire::Push>());  // back-off
        me.clock.now += std::chrono::seconds(10);
        me.engine->tick();
        QCOMPARE(me.takePushed(), (std::vector<Change>{first, second}));
        QVERIFY(!me.take<wire::Push>());
    }

    // SYNC rule 21: the relay must keep what an unacknowledged own change was made on.
    void seenStopsAtTheOldestOwnChange() {
        ScriptedRelay me;
        OtherReplica other(5);
        goLive(me);
        me.sendsOps(0, {other.types(u"a")});
        me.store.sync();
        const Change mine = me.types(u"b");
        me.store.sync();
        me.sendsOps(1, {other.types(u"c")});
        me.store.sync();
        me.engine->tick();
        QCOMPARE(me.take<wire::Seen>()->position, 1u);
        me.says(wire::Ack{me.alias, mine.replica, mine.last(), wire::kDurable});
        me.clock.now += std::chrono::seconds(11);
        me.engine->tick();
        QCOMPARE(me.take<wire::Seen>()->position, 2u);
    }

    // SYNC rule 22 and docs/decisions/0004-provisional-incarnation.md.
    void anotherIncarnationRewritesTheQueueBeforeTheFirstPush() {
        ScriptedRelay me;
        const Change change = me.types(u"a");
        me.store.sync();
        QCOMPARE(me.connects().incarnation, 0u);
        wire::SubOk ok = me.subOk(wire::Plan::UpToDate);
        ok.incarnation = 3;
        me.says(ok);
        QVERIFY(!me.take<wire::Push>());  // the binding is not journalled yet
        me.store.sync();
        const auto pushed = me.takePushed();
        QCOMPARE(pushed.size(), 1u);
        QCOMPARE(pushed[0].incarnation, 3u);
        QCOMPARE(pushed[0].content, change.content);
        me.engine->connectionClosed();
        QCOMPARE(me.connects().incarnation, 3u);
    }

    void aFullDiskPausesTheSessionAndShowsNothing() {
        ScriptedRelay me;
        OtherReplica other(5);
        goLive(me);
        me.store.setFull(true);
        me.sendsOps(0, {other.types(u"a")});
        QCOMPARE(me.shown, 0u);
        QVERIFY(me.closed != 0);
        QVERIFY(me.retries);
        QCOMPARE(me.problems.back().code, ErrorCode::StorageFull);
    }

    void silenceEndsTheSession() {
        ScriptedRelay me;
        goLive(me);
        me.clock.now += std::chrono::seconds(16);
        me.engine->tick();
        QVERIFY(me.take<wire::Ping>());
        me.clock.now += std::chrono::seconds(46);
        me.engine->tick();
        QVERIFY(me.closed != 0);
        QVERIFY(me.retries);
    }

    // 50,000 queued edits leave in linear time and few PUSHes.
    void aLongQueueIsPushedInFewRecords() {
        ScriptedRelay me;
        constexpr int kEdits = 5'000;
        for (int i = 0; i < kEdits; ++i) me.types(u"x");
        me.store.sync();
        goLive(me);
        std::size_t pushed = 0;
        for (auto changes = me.takePushed(); !changes.empty(); changes = me.takePushed()) {
            pushed += changes.size();
            me.says(
                wire::Ack{me.alias, changes.back().replica, changes.back().last(), wire::kDurable});
        }
        QCOMPARE(pushed, std::size_t{kEdits});
        QCOMPARE(me.engine->status(me.name).queued, 0u);
    }
};

QTEST_APPLESS_MAIN(TestReconcile)
#include "tst_reconcile.moc"
