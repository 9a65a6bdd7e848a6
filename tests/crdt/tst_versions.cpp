// SPDX-License-Identifier: MIT
// Differences of versions, steps back to one and who wrote what: single facts.
#include <QtTest>

#include <kimdb/crdt/delta.h>
#include <kimdb/crdt/history.h>

#include "crdt/people.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Document;
using crdt::History;
using crdt::VectorClock;

namespace {

History historyOf(const std::vector<Change>& changes) {
    History history;
    for (const Change& change : changes)
        if (!history.add(change, 2 * change.time_ms)) qFatal("the history refuses a change");
    return history;
}

}  // namespace

class TestVersions : public QObject {
    Q_OBJECT
 private slots:
    void aDifferenceIsOfCharacters() {
        Person ada(1);
        ada.inserts(0, u"the cat sat");
        const VectorClock before = ada.doc.clock();
        ada.removes(4, 3);
        ada.inserts(4, u"cow");
        ada.edits([](Document& doc) { doc.mark(kText, 0, 3, "bold", true); });
        const History history = historyOf(ada.written);
        const auto events = *history.diff(before, history.version());
        QCOMPARE(events.size(), std::size_t{1});
        QCOMPARE(events[0].container, kText);
        QCOMPARE(events[0].splices, (std::vector<crdt::TextSplice>{{4, 3, u"cow"}}));
        QCOMPARE(events[0].formats, (std::vector<crdt::TextFormat>{{0, 3, "bold", true}}));
        const auto delta = Value::fromJson(
            "[{\"retain\":3,\"attributes\":{\"bold\":true}},{\"retain\":1},{\"insert\":\"cow\"},"
            "{\"delete\":3}]");
        QCOMPARE(crdt::toDelta(ada.doc, events[0]), *delta);
        const auto back = *history.diff(history.version(), before);
        QCOMPARE(back[0].splices, (std::vector<crdt::TextSplice>{{4, 3, u"cat"}}));
        QCOMPARE(back[0].formats, (std::vector<crdt::TextFormat>{{0, 3, "bold", {}}}));
    }

    void whatIsThereInBothIsKeptByAStepBack() {
        Person ada(1), bob(2);
        ada.creates("l", ContainerType::List);
        ada.edits([](Document& doc) {
            doc.insertItems(kList, 0, {"a", "b"});
            const ContainerId text = doc.insertContainer(kList, 2, ContainerType::Text);
            doc.insertText(text, 0, u"one two");
        });
        const VectorClock version = ada.doc.clock();
        ada.edits([](Document& doc) {
            doc.moveItem(kList, 2, 0);
            doc.removeText(*doc.item(kList, 0)->container, 3, 4);
            doc.removeItems(kList, 1, 1);
            doc.setItem(kList, 1, "B");
        });
        sync(bob, ada);
        const ContainerId text = *ada.doc.item(kList, 0)->container;
        const History history = historyOf(ada.written);
        const auto changes = history.revertTo(ada.doc, version, 5);
        QCOMPARE(changes->size(), std::size_t{1});
        ada.written.push_back(changes->front());
        QCOMPARE(*ada.doc.item(kList, 2)->container, text);  // moved back, not copied
        // Bob goes on in what Ada steps back from.
        bob.edits([&](Document& doc) { doc.insertText(text, 0, u"zero "); });
        sync(ada, bob);
        const auto shown = *Value::fromJson("{\"l\":[\"a\",\"b\",\"zero one two\"]}");
        QCOMPARE(ada.doc.toValue(), shown);
        QCOMPARE(bob.doc.toValue(), shown);
        ada.undoes();
        QCOMPARE(ada.doc.toValue(), *Value::fromJson("{\"l\":[\"zero one\",\"B\"]}"));
    }

    void aLargeStepBackIsSeveralChangesAndOneUndo() {
        Person ada(1);
        ada.creates("t", ContainerType::Text);
        const std::u16string large(200'000, u'x');
        for (int i = 0; i < 6; ++i) ada.inserts(0, large);
        const VectorClock version = ada.doc.clock();
        ada.edits(
            [](Document& doc) { doc.remove(kRoot, "none"), doc.removeText(kText, 0, 2'000'000); });
        ada.puts(kRoot, "k", 1);
        const History history = historyOf(ada.written);
        const auto changes = history.revertTo(ada.doc, version, 5);
        QVERIFY(changes->size() > 1);
        Document bob(2);
        for (const std::vector<Change>& all : {ada.written, *changes})
            for (const Change& change : all)
                QVERIFY(bob.receive(*decodeChange(encodeChange(change))).ok());
        QCOMPARE(bob.textLength(kText), 6 * large.size());
        ada.undoes();
        QCOMPARE(ada.doc.textLength(kText), std::size_t{0});
        QCOMPARE(ada.doc.value(kRoot, "k"), std::optional(Value(1)));
    }

    void whatWasExpungedStaysAway() {
        Person ada(1);
        ada.creates("t", ContainerType::Text);
        ada.inserts(0, u"name: secret");
        const VectorClock version = ada.doc.clock();
        ada.written.push_back(ada.doc.expunge(ada.doc.idsOf(kText, 6, 6), 1));
        ada.removes(0, 6);
        const History history = historyOf(ada.written);
        QVERIFY(history.revertTo(ada.doc, version, 1).ok());
        QCOMPARE(ada.text(), std::string("name: "));
    }

    void everythingComesFromAChange() {
        Person ada(1), bob(2);
        ada.inserts(0, u"ad😀");
        sync(bob, ada);
        bob.inserts(1, u"BOB");
        bob.edits([](Document& doc) {
            doc.createContainer(kRoot, "m", ContainerType::Map);
            doc.set(kMap, "x", 1);
            doc.insertItems(doc.createContainer(kRoot, "l", ContainerType::List), 0, {1, 2, 3});
            doc.addMember(doc.createContainer(kRoot, "s", ContainerType::Set), "m");
        });
        sync(ada, bob);
        ada.edits([](Document& doc) { doc.setItem(kList, 1, 7); });
        const History history =
            historyOf({ada.written[0], bob.written[0], bob.written[1], ada.written[1]});
        const OpId first{1, ada.written[0].first}, second{1, ada.written[1].first};
        const OpId insertion{2, bob.written[0].first}, rest{2, bob.written[1].first};
        const auto blame = [&](const ContainerId& container) {
            return *history.blame(history.version(), container);
        };
        QCOMPARE(blame(kText), (std::vector<crdt::Blame>{{0, 1, "", {}, first, 1, 2},
                                                         {1, 3, "", {}, insertion, 1, 2},
                                                         {4, 3, "", {}, first, 1, 2}}));
        QCOMPARE(blame(kList), (std::vector<crdt::Blame>{{0, 1, "", {}, rest, 1, 2},
                                                         {1, 1, "", {}, second, 1, 2},
                                                         {2, 1, "", {}, rest, 1, 2}}));
        QCOMPARE(blame(kMap), (std::vector<crdt::Blame>{{0, 0, "x", {}, rest, 1, 2}}));
        QCOMPARE(blame(kSet), (std::vector<crdt::Blame>{{0, 0, "", Value("m"), rest, 1, 2}}));
        QCOMPARE(history.blame(history.version(), kCounter).error().code, ErrorCode::WrongType);
        const ContainerId none = ContainerId::child(kRoot, "none", ContainerType::Text);
        QCOMPARE(history.blame(history.version(), none).error().code, ErrorCode::NotFound);
    }

    void whatAHistoryBeginsWithHasNoAuthor() {
        Person ada(1);
        ada.creates("t", ContainerType::Text);
        ada.inserts(0, u"old ");
        const VectorClock version = ada.doc.clock();
        QVERIFY(ada.doc.makeShallow().ok());
        History history = *History::from(ada.doc.save());
        ada.inserts(4, u"new");
        QVERIFY(history.add(ada.written[2], 3).ok());
        const OpId change{1, ada.written[2].first};
        QCOMPARE(
            *history.blame(history.version(), kText),
            (std::vector<crdt::Blame>{{0, 4, "", {}, OpId{}, 0, 0}, {4, 3, "", {}, change, 1, 3}}));
        QVERIFY(history.revertTo(ada.doc, version, 1).ok());
        QCOMPARE(ada.text(), std::string("old "));
        QVERIFY(ada.doc.makeShallow().ok());
        QCOMPARE(history.revertTo(ada.doc, version, 1).error().code, ErrorCode::TooOld);
    }

    void versionsThatAreNotKnownAreRefused() {
        Person ada(1);
        ada.inserts(0, u"abc");
        const History history = historyOf(ada.written);
        VectorClock cut;
        cut.include({1, 2});
        QCOMPARE(history.diff(cut, {}).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(history.diff({}, cut).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(history.revertTo(ada.doc, cut, 1).error().code, ErrorCode::InvalidArgument);
        Document behind(5);
        QCOMPARE(history.revertTo(behind, history.version(), 1).error().code,
                 ErrorCode::InvalidArgument);
        VectorClock more = history.version();
        more.tick(9);
        QCOMPARE(history.blame(more, kText).error().code, ErrorCode::NotFound);
    }
};

QTEST_APPLESS_MAIN(TestVersions)
#include "tst_versions.moc"
