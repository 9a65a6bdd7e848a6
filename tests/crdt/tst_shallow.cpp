// SPDX-License-Identifier: MIT
// What a shallow document has forgotten, and what it says to those who ask for it.
#include <QtTest>

#include <kimdb/crdt/document_file.h>
#include <kimdb/crdt/history.h>

#include "crdt/people.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Cursor;
using crdt::Detail;
using crdt::Document;
using crdt::DocumentFile;
using crdt::History;
using crdt::Received;

namespace {

Document shallowOf(const Document& doc, ReplicaId self = 9) {
    return *DocumentFile::open(doc.save({Detail::Shallow, true}))->document(self);
}

bool contains(const Bytes& bytes, const char* text) {
    return bytes.find(text) != Bytes::npos;
}

ErrorCode codeOf(const auto& result) {
    return result.ok() ? ErrorCode::None : result.error().code;
}

Document rebuilt(const std::vector<Change>& changes) {
    Document doc;
    for (const Change& change : changes)
        if (!doc.receive(change)) qFatal("a change was refused");
    return doc;
}

}  // namespace

class TestShallow : public QObject {
    Q_OBJECT
 private slots:
    void whatWasDeletedIsInNoByteOfAShallowFile() {
        Person a(1);
        a.inserts(0, u"public SECRET text");
        a.removes(7, 7);
        a.puts(kRoot, "HIDDEN", 1);
        a.drops("HIDDEN");
        a.creates("l", ContainerType::List);
        a.edits([](Document& d) {
            const ContainerId map = d.insertContainer(kList, 0, ContainerType::Map);
            d.set(map, "k", "INSIDE");
            d.insertItems(kList, 1, {"stays"});
        });
        a.edits([](Document& d) { d.removeItems(kList, 0, 1); });
        const Bytes bytes = a.doc.save({Detail::Shallow, false});
        for (const char* gone : {"SECRET", "HIDDEN", "INSIDE"}) QVERIFY(!contains(bytes, gone));
        QVERIFY(contains(bytes, "public text"));
        const Document shallow = shallowOf(a.doc);
        QCOMPARE(shallow.detail(), Detail::Shallow);
        QCOMPARE(shallow.root(), a.doc.clock());
        QVERIFY(shallow.toValue() == a.doc.toValue());
        QVERIFY(a.doc.root().isEmpty());
    }

    void aChangeThatDoesNotKnowTheRootIsTooOld() {
        Person a(1), b(2);
        a.inserts(0, u"ab");
        sync(a, b);
        b.inserts(1, u"X");  // does not know of what comes
        a.removes(0);
        Document shallow = shallowOf(a.doc);
        const auto refused = shallow.receive(b.written[0]);
        QCOMPARE(codeOf(refused), ErrorCode::TooOld);
        QVERIFY2(contains(refused.error().message, "operations 3 to 3 of replica 1"),
                 refused.error().message.c_str());
        QVERIFY(shallow.missing().empty());
        // What comes later knows it, but not without that.
        QVERIFY(b.doc.receive(a.written[1]).ok());
        b.inserts(1, u"Y");
        QCOMPARE(codeOf(shallow.receive(b.written[1])), ErrorCode::TooOld);
        QCOMPARE(shallow.textUtf8(kText), std::string("b"));
    }

    void whatWaitsForAChangeThatIsTooOldWaitsNoMore() {
        Person a(1), b(2), c(3);
        a.inserts(0, u"ab");
        sync(a, b);
        b.inserts(1, u"X");
        a.removes(0);
        Document shallow = shallowOf(a.doc);
        sync(a, b, c);
        c.inserts(0, u"C");
        b.inserts(0, u"B");
        QCOMPARE(*shallow.receive(c.written[0]), Received::Waiting);
        QCOMPARE(*shallow.receive(b.written[1]), Received::Waiting);
        QVERIFY(!shallow.missing().empty());
        QCOMPARE(codeOf(shallow.receive(b.written[0])), ErrorCode::TooOld);
        QVERIFY(shallow.missing().empty());
        QCOMPARE(shallow.reports().size(), 2u);
        QCOMPARE(codeOf(shallow.receive(c.written[0])), ErrorCode::TooOld);
    }

    // A change may come to be seen as too old only when what it waited for is there.
    void aChangeThatWaitedAndIsTooOldIsReported() {
        Person a(1), b(2);
        a.inserts(0, u"hello");
        a.removes(1, 3);
        Document shallow = shallowOf(a.doc);
        a.inserts(0, u"!");
        a.undoes();
        a.undoes();  // what was deleted before the root
        QCOMPARE(*shallow.receive(a.written[4]), Received::Waiting);
        QCOMPARE(*shallow.receive(a.written[3]), Received::Waiting);
        QCOMPARE(*shallow.receive(a.written[2]), Received::Applied);
        QCOMPARE(shallow.textUtf8(kText), std::string("ho"));
        QCOMPARE(shallow.reports().size(), 1u);
        QVERIFY(contains(shallow.reports()[0], "older than the root"));
    }

    void undoElsewhereOfAnOldDeletionIsTooOld() {
        Person a(1);
        a.inserts(0, u"hello");
        a.removes(0, 5);
        Document shallow = shallowOf(a.doc);
        a.undoes();
        QCOMPARE(codeOf(shallow.receive(a.written.back())), ErrorCode::TooOld);
        a.redoes();
        QCOMPARE(codeOf(shallow.receive(a.written.back())), ErrorCode::TooOld);
        QCOMPARE(shallow.textUtf8(kText), std::string());
    }

    void undoForgetsWhatTheRootForgot() {
        Person a(1), b(2);
        a.inserts(0, u"one ");
        a.inserts(4, u"two ");
        a.removes(0, 2);
        a.puts(kRoot, "k", 1);
        a.puts(kRoot, "k", 2);
        QVERIFY(a.doc.makeShallow().ok());
        a.undoes();  // the last write
        QCOMPARE(*a.doc.value(kRoot, "k"), Value(1));
        a.undoes();
        QVERIFY(!a.doc.value(kRoot, "k"));
        a.undoes();  // not the deletion but the insertion in front of it
        QCOMPARE(a.text(), std::string("e "));
        a.undoes();
        QCOMPARE(a.text(), std::string());
        a.redoes();
        sync(a, b);
        QCOMPARE(b.text(), a.text());
        QCOMPARE(a.text(), std::string("e "));
    }

    void typingGoesOnWhereTextWasDropped() {
        Person a(1), b(2);
        a.types(0, u"one two three");
        a.removes(3, 4);
        sync(a, b);
        Document shallow = shallowOf(a.doc);
        b.inserts(3, u"B");  // its right origin was deleted
        b.inserts(4, u"C");
        for (const Change& change : b.written)
            QCOMPARE(*shallow.receive(change), Received::Applied);
        QCOMPARE(shallow.textUtf8(kText), std::string("oneBC three"));
        shallow.begin();
        shallow.insertText(kText, 3, u"S");
        b.written.push_back(*shallow.commit(1));
        sync(a, b);
        QCOMPARE(a.text(), std::string("oneSBC three"));
        QCOMPARE(a.text(), shallow.textUtf8(kText));
    }

    void cursorsSayWhyTheyStandNowhere() {
        Person a(1);
        a.inserts(0, u"abcdef");
        const Cursor c = a.doc.cursorAt(kText, 3, Cursor::Side::After);
        const Cursor d = a.doc.cursorAt(kText, 4, Cursor::Side::After);
        const Cursor f = a.doc.cursorAt(kText, 6, Cursor::Side::After);
        a.removes(2, 2);  // c stays as a place, d is gone
        Document shallow = shallowOf(a.doc);
        a.inserts(4, u"!");
        const Cursor late = a.doc.cursorAt(kText, 5, Cursor::Side::After);
        QCOMPARE(*shallow.locate(kText, c), 2u);
        QCOMPARE(*shallow.locate(kText, f), 4u);
        QCOMPARE(codeOf(shallow.locate(kText, d)), ErrorCode::TooOld);
        QVERIFY(!shallow.resolve(kText, d));
        QCOMPARE(codeOf(shallow.locate(kText, late)), ErrorCode::MissingDependencies);
        QVERIFY(shallow.locate(kText, late).error().retryable);
        QVERIFY(shallow.receive(a.written.back()).ok());
        QCOMPARE(*shallow.locate(kText, late), 5u);
    }

    void aCounterIsOneNumber() {
        Person a(1), b(2);
        a.creates("c", ContainerType::Counter);
        for (int i = 0; i < 100; ++i) a.counts(i);
        sync(a, b);
        const std::size_t full = a.doc.save({Detail::Full, false}).size();
        Document shallow = shallowOf(a.doc);
        QVERIFY(shallow.save({Detail::Shallow, false}).size() < full / 4);
        QCOMPARE(shallow.counter(kCounter), 4950);
        b.counts(7);
        QVERIFY(shallow.receive(b.written.back()).ok());
        b.drops("c");  // clears all of it
        QVERIFY(shallow.receive(b.written.back()).ok());
        QCOMPARE(shallow.counter(kCounter), 0);
        b.undoes();
        QVERIFY(shallow.receive(b.written.back()).ok());
        QCOMPARE(shallow.counter(kCounter), 4957);
        a.undoes();  // an increment of then
        QCOMPARE(codeOf(shallow.receive(a.written.back())), ErrorCode::TooOld);
    }

    void whatADroppedElementShowedIsTooOld() {
        Person a(1), b(2);
        a.creates("l", ContainerType::List);
        ContainerId note;
        a.edits([&](Document& d) {
            note = d.insertContainer(kList, 0, ContainerType::Text);
            d.insertText(note, 0, u"note");
        });
        a.edits([](Document& d) { d.setItem(kList, 0, "plain"); });
        sync(a, b);
        Document shallow = shallowOf(a.doc);
        b.edits([&](Document& d) { d.insertText(note, 0, u"my "); });
        QCOMPARE(codeOf(shallow.receive(b.written.back())), ErrorCode::TooOld);
        a.undoes();  // shows the note again
        QCOMPARE(codeOf(shallow.receive(a.written.back())), ErrorCode::TooOld);
    }

    // The root may be older than the document: the log has what came after it.
    void aRootMayLieInThePast() {
        Person a(1);
        a.inserts(0, u"abcdef");
        a.removes(0, 2);
        History history;
        for (const Change& change : a.written) QVERIFY(history.add(change).ok());
        const auto root = history.version();
        a.removes(0, 2);
        QVERIFY(history.add(a.written.back()).ok());
        Document doc = *history.at(root, 7);
        QVERIFY(doc.makeShallow().ok());
        QVERIFY(doc.receiveAll(history.since(root)).ok());
        QCOMPARE(doc.textUtf8(kText), std::string("ef"));
        QCOMPARE(doc.root(), root);
        a.undoes();  // after the root: nothing of it is forgotten
        QVERIFY(doc.receive(a.written.back()).ok());
        QCOMPARE(doc.textUtf8(kText), std::string("cdef"));
    }

    void aHistoryBeginsWithAShallowFile() {
        Person a(1);
        a.inserts(0, u"abc");
        a.removes(0);
        const auto begin = a.doc.clock();
        History history = *History::from(a.doc.save({Detail::Shallow, true}));
        QCOMPARE(history.begin(), begin);
        a.inserts(0, u"X");
        for (const Change& change : a.written) QVERIFY(history.add(change).ok());
        QCOMPARE(history.size(), 1u);
        QCOMPARE(history.at(begin)->textUtf8(kText), std::string("bc"));
        QCOMPARE(history.at(a.doc.clock())->textUtf8(kText), std::string("Xbc"));
        QCOMPARE(codeOf(history.at({})), ErrorCode::TooOld);
        QCOMPARE(codeOf(history.changeOf({1, 1})), ErrorCode::TooOld);
        QCOMPARE(codeOf(history.changeOf({1, 99})), ErrorCode::NotFound);
        QVERIFY(history.changeOf(a.written.back().lastId()).ok());
        History whole;
        QCOMPARE(codeOf(whole.merge(history)), ErrorCode::TooOld);
        for (const Change& change : a.written) QVERIFY(whole.add(change).ok());
        QVERIFY(whole.merge(history).ok());
        QCOMPARE(codeOf(History::from("no file")), ErrorCode::Malformed);
    }

    // Undoing a move named a slot that was there only as a stub: found by random histories.
    void undoOfAMoveToADroppedPlaceIsForgotten() {
        Person a(1), b(2);
        a.creates("l", ContainerType::List);
        a.edits([](Document& d) { d.insertItems(kList, 0, {1, 2, 3}); });
        a.edits([](Document& d) { d.moveItem(kList, 0, 2); });
        a.edits([](Document& d) { d.moveItem(kList, 2, 1); });
        QVERIFY(a.doc.makeShallow().ok());
        while (a.doc.canUndo()) a.undoes();
        sync(a, b);
        QVERIFY(b.doc.toValue() == a.doc.toValue());
        QVERIFY(rebuilt(a.written).reports().empty());
    }
};

QTEST_APPLESS_MAIN(TestShallow)
#include "tst_shallow.moc"
