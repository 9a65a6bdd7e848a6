// SPDX-License-Identifier: MIT
// What one replica or a few do, with exact results. More of them: tst_scenarios.
#include <QtTest>

#include <algorithm>
#include <set>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/three.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Cursor;
using crdt::Document;
using crdt::Received;

namespace {

Document rebuilt(const std::vector<Change>& changes, ReplicaId self = 0) {
    Document doc(self);
    for (const Change& change : changes)
        if (!doc.receive(change)) return Document();
    return doc;
}

}  // namespace

class TestDocument : public QObject {
    Q_OBJECT
 private slots:
    // ---- order ----
    void longBackwardRunsMergeInLinearTime() {
        Three t;
        for (int i = 0; i < 3000; ++i) t.a.inserts(0, u"a");
        for (int i = 0; i < 3000; ++i) t.b.inserts(0, u"b");
        t.show(std::string(3000, 'a') + std::string(3000, 'b'));
    }

    // ---- units ----
    void rangesBeyondTheEndAreCut() {
        Three t(u"abc");
        t.a.inserts(99, u"d");
        t.b.removes(1, 99);
        t.show("ad");
    }

    // ---- undo ----
    void mapUndoWritesThePreviousValueUnlessOverwritten() {
        Three t;
        t.a.creates("m", ContainerType::Map);
        t.meet();
        const auto k = [&] { return t.c.doc.value(kMap, "k"); };
        t.a.puts(kMap, "k", 1);
        t.a.puts(kMap, "k", 2);
        t.a.undoes();
        t.meet();
        QCOMPARE(k(), std::optional<Value>(1));
        t.a.redoes();
        t.b.puts(kMap, "k", 5);
        t.meet();
        QCOMPARE(k(), std::optional<Value>(5));
        t.a.undoes();
        t.meet();
        QCOMPARE(k(), std::optional<Value>(5));
        t.a.puts(kMap, "k", 6);
        for (int i = 0; i < 3; ++i) t.a.undoes();
        t.meet();
        QCOMPARE(k(), std::optional<Value>(5));
    }

    void quickTypingIsOneUndoStep() {
        Document doc(1);
        const auto type = [&](const char16_t* text, std::int64_t time_ms) {
            doc.begin();
            doc.insertText(kText, doc.textLength(kText), text);
            (void)doc.commit(time_ms);
        };
        type(u"a", 1000);
        type(u"b", 1400);
        type(u"c", 2000);
        doc.stopCapturing();
        type(u"d", 2001);
        (void)doc.undo(2002);
        QCOMPARE(doc.textUtf8(kText), std::string("abc"));
        (void)doc.undo(2002);
        QCOMPARE(doc.textUtf8(kText), std::string("ab"));
        (void)doc.undo(2002);
        QCOMPARE(doc.textUtf8(kText), std::string());
        for (int i = 0; i < 3; ++i) (void)doc.redo(2003);
        QCOMPARE(doc.textUtf8(kText), std::string("abcd"));
        doc.setUndoDepth(1);
        (void)doc.undo(2004);
        QVERIFY(!doc.canUndo());
    }

    void aGroupIsOneUndoStep() {
        Person a(1);
        a.inserts(0, u"x");
        a.doc.beginUndoGroup();
        a.inserts(1, u"y");
        a.inserts(2, u"z");
        a.doc.endUndoGroup();
        a.inserts(3, u"!");
        a.undoes();
        QCOMPARE(a.text(), std::string("xyz"));
        a.undoes();
        QCOMPARE(a.text(), std::string("x"));
        a.redoes();
        QCOMPARE(a.text(), std::string("xyz"));
    }

    void onlyWhatPassesTheFilterCanBeUndone() {
        Person a(1);
        a.doc.setUndoFilter([](std::string_view tag) { return tag != "import"; });
        a.inserts(0, u"mine");
        a.doc.begin("import");
        a.doc.insertText(kText, 4, u" imported");
        a.written.push_back(*a.doc.commit(1));
        a.undoes();
        QCOMPARE(a.text(), std::string(" imported"));
        QVERIFY(!a.doc.canUndo());
    }

    void theSelectionComesBackWithTheStep() {
        Person a(1);
        a.inserts(0, u"hello");
        const auto caret = [&](std::size_t at) {
            const Cursor cursor = a.doc.cursorAt(kText, at, Cursor::Side::After);
            return crdt::Selection{kText, cursor, cursor};
        };
        const crdt::Selection before = caret(2);
        a.doc.setSelection(before);
        a.removes(0, 5);
        const crdt::Selection after = caret(0);
        a.doc.setSelection(after);
        a.undoes();
        QCOMPARE(*a.doc.restoredSelection(), before);
        QCOMPARE(*a.doc.resolve(kText, a.doc.restoredSelection()->head), 2u);
        a.redoes();
        QCOMPARE(*a.doc.restoredSelection(), after);
    }

    void theOldestStepsAreForgotten() {
        Person a(1);
        a.doc.setUndoDepth(2);
        for (const char16_t c : {u'a', u'b', u'c'}) a.inserts(0, {c});
        a.undoes();
        a.undoes();
        a.undoes();
        QCOMPARE(a.text(), std::string("a"));
        QVERIFY(!a.doc.canUndo());
    }

    // More than a change may carry: it takes two undos, and all of the text comes along.
    void aHugeDeletionIsUndoneInParts() {
        Person a(1);
        const std::u16string part(300'000, u'\u20AC');  // three bytes each
        for (std::size_t i = 0; i < 2; ++i) a.inserts(i * part.size(), part);
        a.removes(0, 2 * part.size());
        QCOMPARE(a.text(), std::string());
        int undos = 0;
        for (; a.doc.textLength(kText) < 2 * part.size() && undos < 9; ++undos) a.undoes();
        QVERIFY(undos > 1);
        QCOMPARE(a.doc.text(kText), part + part);
        std::size_t carried = 0;
        for (const Change& change : a.written) {
            QVERIFY(encodeChange(change).size() <= limits::kChangeBytesMax);
            carried += change.content.size();
        }
        QVERIFY(carried > 2 * 2 * part.size() * 3);  // written once, carried once
        a.redoes();
        QVERIFY(a.doc.textLength(kText) < 2 * part.size());
    }

    void aNewReplicaIdStartsWithNothingToUndo() {
        Three t;
        t.a.inserts(0, u"x");
        t.a.doc.setReplica(77);
        QVERIFY(!t.a.doc.canUndo());
        t.a.inserts(1, u"y");
        t.show("xy");
    }

    // ---- containers ----
    void whatIsRemovedStartsEmptyButConcurrentTextStays() {
        Three t(u"old");
        t.a.drops("t");
        t.b.inserts(3, u"new");
        t.meet();
        QCOMPARE(t.c.doc.toValue(), Value(Value::Object{}));
        t.a.creates("t", ContainerType::Text);
        t.show("new");
        t.a.undoes();
        t.a.undoes();
        t.show("oldnew");
    }

    void counterWrapsAndClearsWhatWasSeen() {
        Three t;
        t.a.creates("c", ContainerType::Counter);
        const auto count = [&] {
            t.meet();
            return t.c.doc.counter(kCounter);
        };
        t.a.counts(5);
        t.b.counts(-7);
        QCOMPARE(count(), -2);
        t.a.drops("c");
        t.b.drops("c");
        t.c.counts(4);
        t.meet();
        t.a.creates("c", ContainerType::Counter);
        QCOMPARE(count(), 4);
        t.a.counts(INT64_MAX);
        t.b.counts(1);
        QCOMPARE(count(), INT64_MIN + 4);
        t.b.undoes();
        QCOMPARE(count(), INT64_MIN + 3);
    }

    void theOverwrittenConcurrentValueIsTold() {
        Three t;
        std::vector<crdt::MapUpdate> told;
        t.c.doc.onEvent([&](const std::vector<crdt::Event>& events) {
            for (const crdt::Event& e : events)
                told.insert(told.end(), e.updates.begin(), e.updates.end());
        });
        t.a.puts(kRoot, "k", "a");
        t.b.puts(kRoot, "k", "b");
        t.meet();
        QVERIFY(std::any_of(told.begin(), told.end(), [](const crdt::MapUpdate& u) {
            return u.after == Value("b") && u.overwritten == Value("a");
        }));
        told.clear();
        t.a.puts(kRoot, "k", "later");
        t.meet();
        QCOMPARE(told.size(), 1u);
        QVERIFY(!told[0].overwritten);  // its author had seen it
    }

    // ---- changes ----
    void missingChangesAreListedAndDuplicatesHarmless() {
        Person a(1), b(2);
        a.types(0, u"xy");
        QCOMPARE(*b.doc.receive(a.written[1]), Received::Waiting);
        QCOMPARE(*b.doc.receive(a.written[1]), Received::Duplicate);
        QCOMPARE(b.doc.missing(), (std::vector<OpId>{{1, 1}}));
        QCOMPARE(*b.doc.receive(a.written[0]), Received::Applied);
        QCOMPARE(*b.doc.receive(a.written[0]), Received::Duplicate);
        QCOMPARE(b.text(), std::string("xy"));
        QVERIFY(b.doc.missing().empty());
        QCOMPARE(b.doc.head(1), 2u);
        QCOMPARE(b.doc.heads(), (std::vector<OpId>{{1, 2}}));
    }

    void aRefusedChangeBecomesVoidWithItsDependants() {
        Three t(u"ab");
        t.a.inserts(1, u"bad");
        t.a.inserts(3, u"worse");
        t.a.inserts(0, u"good ");
        std::vector<Change> log = t.a.written;
        const Change& refused = log[1];
        QVERIFY(std::any_of(log.begin() + 2, log.end(), [&](const Change& later) {
            const auto needs = *crdt::references(later);
            return std::any_of(needs.begin(), needs.end(), [&](const crdt::IdRun& run) {
                return run.contains(refused.lastId());
            });
        }));
        log[1] = voidOf(log[1]);
        log[2] = voidOf(log[2]);
        const Document doc = rebuilt(log, 1);
        QCOMPARE(doc.textUtf8(kText), std::string("good ab"));
        QCOMPARE(doc.head(1), t.a.doc.head(1));
        QVERIFY(doc.reports().empty());
    }

    void aWriteBehindAVoidStillBeatsWhatItsAuthorHadSeen() {
        Person a(1), b(2);
        for (int n = 0; n < 9; ++n) b.puts(kRoot, "k", n);
        sync(a, b);
        a.puts(kRoot, "other", "refused");
        a.puts(kRoot, "k", "mine");
        std::vector<Change> log = b.written;
        log.push_back(voidOf(a.written[0]));
        log.push_back(a.written[1]);
        std::reverse(log.begin(), log.end());
        QCOMPARE(rebuilt(log).value(kRoot, "k"), std::optional<Value>("mine"));
    }

    void whatNeedsAVoidIsVoidItself() {
        Three t(u"ab");
        t.a.inserts(1, u"bad");
        t.a.inserts(3, u"worse");
        std::vector<Change> log = t.a.written;
        log[1] = voidOf(log[1]);
        const Document doc = rebuilt(log);
        QCOMPARE(doc.textUtf8(kText), std::string("ab"));
        QCOMPARE(doc.reports().size(), 1u);
        QCOMPARE(doc.head(1), t.a.doc.head(1));
    }

    void containerUseNamesWhatIsCreatedAndUsed() {
        Document doc(1);
        doc.begin();
        const ContainerId box = doc.createContainer(kRoot, "box", ContainerType::Map);
        doc.set(box, "k", 1);
        const Change change = *doc.commit(1);
        const auto use = *crdt::containerUse(change);
        QCOMPARE(use.created.size(), 1u);
        QVERIFY(use.created[0] == box);
        QCOMPARE(use.used.size(), 1u);
        QVERIFY(use.used[0] == box);
    }

    // ---- cursors ----
    void cursorsStayOnTheirSide() {
        Three t(u"abc");
        const Cursor l = t.c.doc.cursorAt(kText, 2, Cursor::Side::After);
        const Cursor r = t.c.doc.cursorAt(kText, 2, Cursor::Side::Before);
        const Cursor s = t.c.doc.cursorAt(kText, 0, Cursor::Side::After);
        const Cursor e = t.c.doc.cursorAt(kText, 3, Cursor::Side::Before);
        const auto where = [&] {
            t.meet();
            std::vector<std::size_t> at;
            for (const Cursor& cursor : {l, r, s, e})
                at.push_back(*t.c.doc.resolve(kText, *Cursor::decode(cursor.encode())));
            return at;
        };
        t.a.inserts(2, u"X");
        QCOMPARE(where(), (std::vector<std::size_t>{2, 3, 0, 4}));
        t.a.removes(1);
        QCOMPARE(where(), (std::vector<std::size_t>{1, 2, 0, 3}));
        t.a.undoes();
        QCOMPARE(where(), (std::vector<std::size_t>{2, 3, 0, 4}));
    }

    void aCursorOnWhatHasNotArrivedResolvesToNothing() {
        Three t(u"abc");
        t.a.inserts(3, u"d");
        const Cursor d = t.a.doc.cursorAt(kText, 4, Cursor::Side::After);
        QVERIFY(!t.b.doc.resolve(kText, d));
        t.meet();
        QCOMPARE(*t.b.doc.resolve(kText, d), 4u);
    }

    // ---- the same edit in another header ----
    // Operations name replicas by their place among the deps.
    void otherDepsLeaveTheEditAsItIs() {
        Three t(u"abc");
        t.b.inserts(0, u"B");
        t.c.inserts(0, u"C");
        t.meet();
        t.a.removes(0);
        const Change& both = t.a.written.back();
        QCOMPARE(both.deps.size(), std::size_t{2});
        const Result<Change> bare = crdt::withDeps(both, {});
        QVERIFY(bare.ok());
        QVERIFY(bare->structure != both.structure);
        QCOMPARE(crdt::references(*bare)->front(), crdt::references(both)->front());
        for (const OpId& dep : both.deps)
            QCOMPARE(crdt::withDeps(both, {dep})->deps, std::vector<OpId>{dep});
        QCOMPARE(*crdt::withDeps(*bare, both.deps), both);
    }

    // What a relay refused, done again by another stream behind what was done since.
    void refusedEditsCanBeDoneAgain() {
        Person a(1), b(2);
        a.creates("t", ContainerType::Text);
        a.types(0, u"ab");
        sync(b, a);
        const std::size_t accepted = a.written.size();
        a.types(2, u"cd");
        a.types(3, u"_");  // stands in the middle of the edit before
        a.removes(0);
        a.undoes();  // of its own removal: together they change nothing
        const std::vector<Change> refused(a.written.begin() + static_cast<long>(accepted),
                                          a.written.end());
        b.types(1, u"|");

        std::vector<crdt::IdMove> moves;
        std::uint64_t next = b.doc.head(2) + 1;
        for (const Change& change : refused) {
            moves.push_back({{1, change.first, change.count}, {2, next}});
            next += change.count;
            Result<Change> again = crdt::reissued(change, moves, {{1, refused.front().first - 1}});
            QVERIFY(again.ok());
            QVERIFY(b.doc.receive(*decodeChange(encodeChange(*again))).ok());
        }
        QVERIFY(b.doc.reports().empty());
        QCOMPARE(QString::fromStdString(b.doc.textUtf8(kText)), QString("a|bc_d"));
        QCOMPARE(b.doc.head(2), next - 1);
    }

    // Neighbours by arrival and in the text, but not by id: whoever deleted them at once kept them
    // in the order of the text, all others in that of ids, and an undo carried the text turned.
    void aDeletionIsTheSameForItsAuthorAndOthers() {
        Person ada(9), bob(3), carol(1), dave(2);
        ada.creates("t", ContainerType::Text);
        ada.inserts(0, u"a");
        sync(bob, ada);
        bob.inserts(1, u"b");
        for (Person* person : {&carol, &dave})
            for (const Change& change : {ada.written[0], ada.written[1], bob.written[0]})
                QVERIFY(person->doc.receive(change).ok());
        carol.removes(0, 2);
        QVERIFY(dave.doc.receive(carol.written[0]).ok());
        QCOMPARE(carol.doc.save(), dave.doc.save());
        dave.doc.trim();
        carol.undoes();
        QVERIFY(dave.doc.receive(carol.written[1]).ok());
        QCOMPARE(carol.text(), std::string("ab"));
        QCOMPARE(dave.text(), std::string("ab"));
    }

    // ---- renamed streams ----
    void aCopiedFolderRenamesTheSameWayTwice() {
        Person a(1);
        a.creates("t", ContainerType::Text);
        a.types(0, u"ab");
        Person copy(1);
        sync(copy, a);
        copy.written = a.written;
        copy.types(2, u"cd");  // continues what is not in the renamed stream
        copy.removes(0);
        copy.undoes();
        const std::uint64_t at = a.doc.head(1) + 1;
        std::vector<Change> log = a.written;
        for (const Change& change : copy.written)
            if (change.first >= at) {
                Result<Change> moved = crdt::renamed(change, 1, at, 99);
                QVERIFY(moved.ok());
                if (moved->first == 1) moved->salt_key = SaltKey{};
                log.push_back(*decodeChange(encodeChange(*moved)));
            }
        Document doc = rebuilt(log);
        QVERIFY(doc.reports().empty());
        QCOMPARE(doc.textUtf8(kText), std::string("abcd"));
        QCOMPARE(doc.head(99), 4u);
        a.types(2, u"!");  // the other copy went on under the old id
        QVERIFY(doc.receive(a.written.back()).ok());
        QCOMPARE(doc.textLength(kText), 5u);
    }
};

QTEST_GUILESS_MAIN(TestDocument)
#include "tst_document.moc"
