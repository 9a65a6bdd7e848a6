// SPDX-License-Identifier: MIT
// Versions of a document against replaying exactly their changes.
#include <QtTest>

#include <kimdb/crdt/history.h>

#include "crdt/crowd.h"
#include "crdt/people.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::Document;
using crdt::History;
using crdt::VectorClock;

namespace {

History historyOf(const std::vector<Change>& changes) {
    History history;
    for (const Change& change : changes)
        if (!history.add(change, change.time_ms)) qFatal("the history refuses a change");
    return history;
}

}  // namespace

class TestHistory : public QObject {
    Q_OBJECT
 private slots:
    void aVersionIsExactlyItsChanges() {
        for (std::uint64_t seed = 1; seed <= 40; ++seed) {
            Crowd crowd(seed, 1 + seed % 4);
            crowd.run(60);
            const History history = historyOf(crowd.changes);
            QCOMPARE(history.size(), crowd.changes.size());
            // Any prefix of a causal order is a version somebody could have had.
            const std::size_t n = crowd.below(crowd.changes.size() + 1);
            Document replayed;
            for (std::size_t i = 0; i < n; ++i) QVERIFY(replayed.receive(crowd.changes[i]).ok());
            const auto document = history.at(replayed.clock(), 77);
            QVERIFY2(document.ok(), document.ok() ? "" : document.error().message.c_str());
            QCOMPARE(document->replica(), ReplicaId{77});
            QCOMPARE(document->save(), replayed.save());
            for (const Change& change : history.since(replayed.clock()))
                QVERIFY(replayed.receive(change).ok());
            QCOMPARE(replayed.save(), history.at(history.version())->save());
        }
    }

    void versionsNobodyHadAreRefused() {
        Person ada(1), bob(2);
        ada.inserts(0, u"abc");
        sync(ada, bob);
        bob.inserts(3, u"d");
        History history = historyOf({ada.written[0], bob.written[0]});
        VectorClock cut;
        cut.include({1, 2});  // half of "abc"
        QCOMPARE(history.at(cut).error().code, ErrorCode::InvalidArgument);
        VectorClock alone;
        alone.include({2, 1});  // without what it depends on
        QCOMPARE(history.at(alone).error().code, ErrorCode::InvalidArgument);
        VectorClock more = history.version();
        more.tick(9);
        QCOMPARE(history.at(more).error().code, ErrorCode::NotFound);
        QCOMPARE(History().add(bob.written[0]).error().code, ErrorCode::MissingDependencies);
    }

    void forksMergeIntoTheSameDocument() {
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
            Crowd crowd(seed, 3);
            crowd.run(40);
            History here = historyOf(crowd.changes);
            History there = here.fork();
            Document a = *here.at(here.version(), 501);
            Document b = *there.at(there.version(), 502);
            for (const Change& change : crowd.writes(a, 10)) QVERIFY(here.add(change).ok());
            for (const Change& change : crowd.writes(b, 10)) QVERIFY(there.add(change).ok());
            History merged = here.fork();
            QVERIFY(merged.merge(there).ok());
            QVERIFY(there.merge(here).ok());
            QCOMPARE(merged.version(), there.version());
            QCOMPARE(merged.at(merged.version())->save(), there.at(there.version())->save());
        }
    }

    void namesAndTimesAreVersions() {
        Person ada(1);
        ada.inserts(0, u"a");
        ada.inserts(1, u"b");
        ada.inserts(2, u"c");
        History history;
        for (std::size_t i = 0; i < 3; ++i)
            QVERIFY(history.add(ada.written[i], static_cast<std::int64_t>(100 * i)).ok());
        QCOMPARE(history.at(history.versionAt(150))->textUtf8(kText), std::string("ab"));
        QVERIFY(history.versionAt(-1).isEmpty());
        QVERIFY(history.setName("first", history.versionAt(0)).ok());
        QCOMPARE(history.at(history.names().at("first"))->textUtf8(kText), std::string("a"));
        VectorClock unknown;
        unknown.include({5, 5});
        QCOMPARE(history.setName("x", unknown).error().code, ErrorCode::NotFound);
        history.removeName("first");
        QVERIFY(history.names().empty());
    }

    void anOperationLeadsToItsChange() {
        Person ada(1);
        ada.inserts(0, u"long");
        ada.inserts(4, u"er");
        const History history = historyOf(ada.written);
        const auto ids = ada.doc.idsOf(kText, 5, 1);
        QCOMPARE(*history.changeOf({ids[0].replica, ids[0].first}), ada.written[1]);
        QCOMPARE(*history.changeOf({1, 1}), ada.written[0]);
        QCOMPARE(history.changeOf({1, 99}).error().code, ErrorCode::NotFound);
        QCOMPARE(history.changeOf({7, 1}).error().code, ErrorCode::NotFound);
    }
};

QTEST_APPLESS_MAIN(TestHistory)
#include "tst_history.moc"
