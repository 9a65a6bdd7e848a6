// SPDX-License-Identifier: MIT
#include <QTest>

#include "sync/scripted_relay.h"

using namespace kimdb;
using namespace kimdb::test;

// SYNC rule 11.
class TestRefusal : public QObject {
    Q_OBJECT

    // A document whose text exists at the relay; then what is typed on top of it can be refused
    // alone.
    static void makeText(ScriptedRelay& me) {
        const Change base = me.types(u"base");
        me.store.sync();
        me.connects();
        me.subscribes(me.subOk(wire::Plan::UpToDate));
        QCOMPARE(me.takePushed().size(), 1u);
        me.says(wire::Ack{me.alias, base.replica, base.last(), wire::kDurable});
        me.sendsOps(0, {wire::Mark{base.replica, base.first, base.count}});
        me.store.sync();
    }
    static Change sets(ScriptedRelay& me, const char* key) {
        ++me.clock.now;
        me.document->begin();
        me.document->set(crdt::ContainerId::root(), key, Value(std::int64_t{1}));
        const Change change = *me.document->commit(me.clock.wallTime());
        me.appended = me.engine->appendLocal(me.name, change);
        return change;
    }

 private slots:
    void aRefusedChangeBecomesVoidAndIsKept() {
        ScriptedRelay me;
        makeText(me);
        const Change wrong = me.types(u"!");
        me.store.sync();
        wire::Push push;
        QCOMPARE(me.takePushed(&push), (std::vector<Change>{wrong}));
        me.refuses(push, wrong, ErrorCode::NotAllowed, true);
        QCOMPARE(me.text(), std::string("base"));
        QCOMPARE(me.refused.size(), 1u);
        QCOMPARE(me.refused[0].change, wrong);
        QVERIFY(me.takePushed().empty());  // the VOID is not journalled yet
        me.store.sync();
        QCOMPARE(me.takePushed(), (std::vector<Change>{voidOf(wrong)}));
        QCOMPARE(me.engine->rejectedList()->size(), 1u);
    }

    void whatNeedsItFallsWithItAndTheRestGoesOn() {
        ScriptedRelay me;
        makeText(me);
        const Change wrong = me.types(u"x");
        const Change behind_it = me.types(u"y");  // stands behind the refused character
        const Change other = sets(me, "k");
        me.store.sync();
        wire::Push push;
        QCOMPARE(me.takePushed(&push).size(), 3u);
        me.refuses(push, wrong, ErrorCode::NotAllowed, true);
        me.store.sync();
        QCOMPARE(me.takePushed(), (std::vector<Change>{voidOf(wrong), voidOf(behind_it), other}));
        QCOMPARE(me.refused.size(), 2u);
        QCOMPARE(me.text(), std::string("base"));
        QVERIFY(me.document->value(crdt::ContainerId::root(), "k").has_value());
    }

    // spec/DECISIONS.md B3: the text was shown by the refused change and by nothing else.
    void editsInsideARefusedContainerFall() {
        ScriptedRelay me;
        me.document->begin();
        me.textContainer();
        const Change shows = *me.document->commit(me.clock.wallTime());
        QVERIFY(me.engine->appendLocal(me.name, shows).ok());
        const Change inside = me.types(u"abc");
        const Change other = sets(me, "k");
        me.store.sync();
        me.connects();
        me.subscribes(me.subOk(wire::Plan::UpToDate));
        wire::Push push;
        QCOMPARE(me.takePushed(&push).size(), 3u);
        me.refuses(push, shows, ErrorCode::TooOld, true);
        me.store.sync();
        QCOMPARE(me.takePushed(), (std::vector<Change>{voidOf(shows), voidOf(inside), other}));
    }

    // docs/decisions/0041-refusal-for-a-role.md
    void aLostRoleTakesTheWholeQueue() {
        ScriptedRelay me;
        makeText(me);
        const Change first = me.types(u"x");
        sets(me, "k");
        me.store.sync();
        wire::Push push;
        me.takePushed(&push);
        me.says(wire::Perm{me.alias, wire::kRead});
        me.refuses(push, first, ErrorCode::NotAllowed, true);
        QCOMPARE(me.refused.size(), 2u);
        QCOMPARE(me.rebuilds, 1);
    }

    void readDeniedRefusesWhatTheRelayDoesNotHave() {
        ScriptedRelay me;
        const Change first = me.types(u"a");
        const Change second = me.types(u"b");
        me.store.sync();
        me.connects();
        wire::SubOk ok = me.subOk(wire::Plan::Denied);
        ok.permissions = 0;
        SaltTree salts(*first.salt_key);
        ok.streams.push_back(
            {first.replica, first.last(), rollingHash({}, changeHash(first, salts)), 0});
        me.says(ok);
        QCOMPARE(me.refused.size(), 1u);
        QCOMPARE(me.refused[0].change, second);
        me.store.sync();
        QCOMPARE(me.takePushed(), (std::vector<Change>{voidOf(second)}));  // only ownership needed
    }

    void theListSurvivesARestartAndCanBeDiscarded() {
        ScriptedRelay me;
        makeText(me);
        const Change wrong = me.types(u"!");
        me.store.sync();
        wire::Push push;
        me.takePushed(&push);
        me.refuses(push, wrong, ErrorCode::NotAllowed, true);
        me.store.sync();
        ScriptedRelay again("here", me.store.durable());
        const auto list = again.engine->rejectedList();
        QCOMPARE(list->size(), 1u);
        QCOMPARE(list->front().change, wrong);
        QCOMPARE(again.engine->status(again.name).rejected, 1u);
        QVERIFY(again.engine->discardRejected(list->front().id).ok());
        QVERIFY(again.engine->rejectedList()->empty());
        QVERIFY(!again.engine->discardRejected(list->front().id).ok());
    }

    // A copy of the folder pushed it before the refusal; its body arrives: removed and reported as
    // accepted.
    void aRejectedChangeThatWasAcceptedComesBack() {
        ScriptedRelay me;
        makeText(me);
        const Change wrong = me.types(u"!");
        me.store.sync();
        wire::Push push;
        me.takePushed(&push);
        me.refuses(push, wrong, ErrorCode::NotAllowed, true);
        me.sendsOps(1, {wrong});
        me.store.sync();
        if (const auto sub =
                me.take<wire::Sub>()) {  // answers of the old alias may be on their way
            me.says(me.subOk(wire::Plan::Changes, 2));
            me.table = {};
            me.sendsChunk(sub->position, {wrong});
        }
        QCOMPARE(me.text(), std::string("base!"));
        QCOMPARE(me.taken_after_all.size(), 1u);
        QVERIFY(me.engine->rejectedList()->empty());
        QCOMPARE(me.engine->status(me.name).queued, 0u);
    }

    void refusedEditsAreDoneAgainWhenTheRightIsBack() {
        ScriptedRelay me;
        makeText(me);
        const Change first = me.types(u" one");
        me.types(u" two");  // stands behind the refused text
        me.store.sync();
        wire::Push push;
        me.takePushed(&push);
        me.says(wire::Perm{me.alias, wire::kRead});
        me.refuses(push, first, ErrorCode::NotAllowed, true);
        QCOMPARE(me.refused.size(), 2u);
        QCOMPARE(me.engine->retryRejected(me.name).error().code, ErrorCode::NotAllowed);
        me.store.sync();
        QCOMPARE(me.takePushed().size(), 2u);  // the VOIDs

        me.says(wire::Perm{me.alias, wire::kRead | wire::kWrite});
        QCOMPARE(*me.engine->retryRejected(me.name), std::size_t{2});
        QCOMPARE(me.text(), std::string("base one two"));
        QVERIFY(me.engine->rejectedList()->empty());
        QCOMPARE(*me.engine->retryRejected(me.name), std::size_t{0});
        me.store.sync();
        QCOMPARE(me.takePushed().size(), 2u);
        ScriptedRelay again("here", me.store.durable());
        QCOMPARE(again.text(), std::string("base one two"));
        QCOMPARE(again.engine->status(again.name).queued, 4u);
    }

    // The first edit is thrown away; what stands behind it has no place any more and stays listed.
    void anEditWithoutItsGroundStaysOnTheList() {
        ScriptedRelay me;
        makeText(me);
        const Change first = me.types(u" one");
        me.types(u" two");
        me.store.sync();
        wire::Push push;
        me.takePushed(&push);
        me.refuses(push, first, ErrorCode::TooLarge, true);
        QVERIFY(me.engine->discardRejected(me.refused[0].id).ok());
        QCOMPARE(*me.engine->retryRejected(me.name), std::size_t{0});
        QCOMPARE(me.engine->status(me.name).rejected, 1u);
        QCOMPARE(me.text(), std::string("base"));
    }

    // Refused here under two ids, the second edit on top of the first; a copy of the folder met a
    // fork of the first id, moved it and got both accepted. Both must be recognized.
    void aListedEditIsRecognizedWhenWhatItStandsOnMoved() {
        ScriptedRelay me;
        const Change lower = me.types(u"lower");
        SaltTree salts(*lower.salt_key);
        const ReplicaId derived = derivedReplica(lower.replica, 1, changeHash(lower, salts));
        me.store.sync();
        me.connects();
        me.subscribes(me.subOk(wire::Plan::UpToDate));
        // An id between the old and the new one: the renamed edit names them in another order.
        OtherReplica other(std::min(lower.replica, derived) + 1);
        const Change theirs = other.types(u"theirs");
        me.sendsOps(0, {theirs});
        me.start("another machine");
        const Change upper = me.clearsText();
        QVERIFY(upper.replica != lower.replica);
        me.store.sync();
        me.connects();
        wire::SubOk denied = me.subOk(wire::Plan::Denied);
        denied.permissions = 0;
        me.says(denied);
        QCOMPARE(me.refused.size(), 2u);
        me.engine->connectionClosed();

        Change moved = *crdt::renamed(lower, lower.replica, 1, derived);
        moved.salt_key = derivedSaltKey(*lower.salt_key, derived);
        const Change above = *crdt::renamed(upper, lower.replica, 1, derived);
        QVERIFY(above.structure != upper.structure);
        OtherReplica copy(lower.replica);
        me.connects();
        me.says(me.subOk(wire::Plan::Changes, 4));
        me.sendsChunk(1, {copy.types(u"fork"), moved, above});
        QVERIFY(me.engine->rejectedList()->empty());
        QCOMPARE(me.taken_after_all.size(), 2u);
        QCOMPARE(me.text(), std::string("fork"));
    }
};

QTEST_APPLESS_MAIN(TestRefusal)
#include "tst_refusal.moc"
