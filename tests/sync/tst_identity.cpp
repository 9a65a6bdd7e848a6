// SPDX-License-Identifier: MIT
#include <QTest>

#include "support/memory_log_store.h"
#include "sync/scripted_relay.h"

using namespace kimdb;
using namespace kimdb::test;

class TestIdentity : public QObject {
    Q_OBJECT
 private slots:
    void theSameFolderKeepsItsId() {
        ScriptedRelay first;
        first.types(u"a");
        first.store.sync();
        ScriptedRelay again("here", first.store.durable());
        QCOMPARE(again.engine->replica(), first.engine->replica());
        QCOMPARE(again.text(), std::string("a"));
    }

    // SYNC rule 5: new edits get a new id, what is queued is pushed under the old one.
    void aCopiedFolderWritesUnderANewId() {
        ScriptedRelay original;
        const Change queued = original.types(u"a");
        original.store.sync();
        ScriptedRelay copy("there", original.store.durable());
        QVERIFY(copy.engine->replica() != original.engine->replica());
        const Change fresh = copy.types(u"b");
        QVERIFY(copy.appended.ok());
        QCOMPARE(fresh.first, 1u);
        copy.store.sync();
        const wire::Sub sub = copy.connects();
        QVERIFY(std::ranges::find(sub.own, queued.replica) != sub.own.end());
        copy.subscribes(copy.subOk(wire::Plan::UpToDate));
        QCOMPARE(copy.takePushed(), (std::vector<Change>{queued}));
        QVERIFY(copy.takePushed().empty());  // not before the former id's are taken
        copy.says(wire::Ack{copy.alias, queued.replica, queued.last(), wire::kDurable});
        QCOMPARE(copy.takePushed(), (std::vector<Change>{fresh}));
    }

    void aCopyThatNeverWritesLeavesNoTrace() {
        ScriptedRelay original;
        original.types(u"a");
        original.store.sync();
        ScriptedRelay copy("there", original.store.durable());
        copy.store.sync();
        ScriptedRelay moved_back("here", copy.store.durable());
        QCOMPARE(moved_back.engine->replica(), original.engine->replica());
    }

    // The relay knows a counter of ours that we do not: rolled back, or a copy was faster.
    void anUnknownOwnHeadMakesANewId() {
        ScriptedRelay me;
        const ReplicaId before = me.engine->replica();
        me.connects();
        wire::SubOk ok = me.subOk(wire::Plan::Changes, 3);
        ok.streams.push_back({before, 3, {{9}}, 0});
        me.says(ok);
        QVERIFY(me.engine->replica() != before);
        QCOMPARE(me.rebuilds, 1);
        me.types(u"x");
        QVERIFY(me.appended.ok());
    }

    void replacedByACopyMakesANewIdAndReconnects() {
        ScriptedRelay me;
        const ReplicaId before = me.engine->replica();
        me.connects();
        wire::ErrorRecord error;
        error.code = static_cast<std::uint16_t>(wire::CloseCode::Replaced);
        me.says(error);
        QVERIFY(me.engine->replica() != before);
        QCOMPARE(me.closed, std::uint16_t{4102});
        QVERIFY(me.retries);
    }

    void editsUnderAFormerIdAreRefused() {
        ScriptedRelay original;
        const ReplicaId former = original.engine->replica();
        const Change change = original.types(u"a");
        original.store.sync();
        ScriptedRelay copy("there", original.store.durable());
        Change late = change;
        late.replica = former;
        late.first = change.last() + 1;
        late.salt_key.reset();
        const auto appended = copy.engine->appendLocal(copy.name, late);
        QVERIFY(!appended.ok());
        QCOMPARE(appended.error().code, ErrorCode::Equivocation);
    }
};

QTEST_APPLESS_MAIN(TestIdentity)
#include "tst_identity.moc"
