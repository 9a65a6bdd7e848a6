// SPDX-License-Identifier: MIT
// The scenarios that the engine was asked for, with exactly the results it was asked for.
#include <QtTest>

#include <algorithm>
#include <map>

#include "core/utf8.h"
#include "crdt/marks.h"
#include "crdt/three.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Cursor;
using crdt::Document;
using crdt::Expand;
using crdt::Received;
using crdt::TextSpan;

namespace {

using Spans = std::vector<TextSpan>;
using Attributes = std::map<std::string, Value>;

const Attributes kPlain;
const Attributes kBold{{"bold", true}};

Document rebuilt(const std::vector<Change>& changes, ReplicaId self = 0) {
    Document doc(self);
    for (const Change& change : changes)
        if (!doc.receive(change)) return Document();
    return doc;
}

void compareSpans(const Document& doc, const Spans& want) {
    const Spans got = doc.spans(kText);
    QCOMPARE(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
        QCOMPARE(toUtf8(got[i].text), toUtf8(want[i].text));
        QCOMPARE(Value(got[i].attributes).toJson(), Value(want[i].attributes).toJson());
    }
}

void showSpans(Three& t, const Spans& want) {
    t.meet();
    for (const Person* p : {&t.a, &t.b, &t.c}) {
        compareSpans(p->doc, want);
        QVERIFY(!p->doc.checkInvariants());
    }
}

std::string listOf(const Document& doc) {
    const Value all = doc.toValue();
    return all.asObject()->at("l").toJson();
}

// No lone surrogate in what a document shows or tells.
bool isWellFormed(const std::u16string& text) {
    return toUtf16(toUtf8(text)) == text && text.find(u'\xD800') == std::u16string::npos;
}

}  // namespace

class TestScenarios : public QObject {
    Q_OBJECT
 private slots:
    // ---- order ----
    void concurrentWordsAtZeroNeverInterleave() {
        Three t;
        t.a.types(0, u"abc");
        t.b.types(0, u"xyz");
        t.show("abcxyz");
    }

    void runsTypedBackwardsStayWhole() {
        Three t;
        for (const char16_t ch : {u'c', u'b', u'a'}) t.a.inserts(0, {ch});
        for (const char16_t ch : {u'z', u'y', u'x'}) t.b.inserts(0, {ch});
        t.show("abcxyz");
    }

    void runsBetweenTheSameNeighboursStayContiguous() {
        Three t(u"ab");
        t.a.types(1, u"12");
        t.b.types(1, u"89");
        t.meet();
        t.a.types(3, u"34");
        t.b.types(5, u"67");
        t.show("a12348967b");
    }

    void insertionInsideAConcurrentlyDeletedWordSurvives() {
        Three t(u"a word here");
        t.a.removes(2, 5);
        t.b.inserts(4, u"X");
        t.show("a Xhere");
    }

    void bothDeleteTheSameCharacterAndItIsGoneOnce() {
        Three t(u"abc");
        t.a.removes(1);
        t.b.removes(1);
        t.show("ac");
    }

    void twoReplicasMoveTheSameElementAndItIsThereOnce() {
        Three t;
        t.a.creates("l", ContainerType::List);
        t.a.edits([](Document& d) { d.insertItems(kList, 0, {0, 1, 2, 3}); });
        t.meet();
        t.a.edits([](Document& d) { d.moveItem(kList, 0, 3); });
        t.b.edits([](Document& d) { d.moveItem(kList, 0, 1); });
        t.meet();
        for (const Person* p : {&t.a, &t.b, &t.c})
            QCOMPARE(listOf(p->doc), std::string("[1,0,2,3]"));
        t.a.edits([](Document& d) { d.moveItem(kList, 1, 0); });
        t.b.edits([](Document& d) { d.removeItems(kList, 1, 1); });
        t.meet();
        QCOMPARE(listOf(t.a.doc), std::string("[1,2,3]"));  // deletion beats move
        t.b.undoes();
        t.meet();
        for (const Person* p : {&t.a, &t.b, &t.c}) {
            QCOMPARE(listOf(p->doc), std::string("[0,1,2,3]"));  // back where it was moved to
            QVERIFY(!p->doc.checkInvariants());
        }
    }

    // ---- units ----
    void positionsInsideAPairRoundOutwardAndCaretsDown() {
        Three t(u"x😀y");
        t.a.inserts(2, u"-");
        t.show("x-😀y");
        t.b.removes(3, 1);
        t.show("x-y");
    }

    void loneSurrogatesBecomeReplacementCharacters() {
        Three t;
        t.a.inserts(0, std::u16string{0xD83D, u'x', 0xDE00});
        t.show("\uFFFDx\uFFFD");
    }

    void replacingAPairByDiffReplacesAllOfIt() {
        Three t(u"a😀b");
        std::vector<std::u16string> told;
        t.b.doc.onEvent([&](const std::vector<crdt::Event>& events) {
            for (const crdt::Event& event : events)
                for (const crdt::TextSplice& s : event.splices) told.push_back(s.inserted);
        });
        // An editor's diff of 😀 and 😁 says that the low surrogate is another.
        t.a.edits([](Document& d) {
            d.removeText(kText, 2, 1);
            d.insertText(kText, 1, u"😁");
        });
        t.show("a😁b");
        t.b.undoes();
        t.a.undoes();
        t.show("a😀b");
        QVERIFY(!told.empty());
        for (const std::u16string& inserted : told) QVERIFY(isWellFormed(inserted));
    }

    // ---- marks ----
    void overlappingBoldIsOneBold() {
        Three t(u"The fox jumped");
        t.a.edits([](Document& d) { d.mark(kText, 0, 7, "bold", true); });
        t.b.edits([](Document& d) { d.mark(kText, 4, 10, "bold", true); });
        showSpans(t, {{u"The fox jumped", kBold}});
    }

    void insertionInsideConcurrentBoldIsBold() {
        Three t(u"The fox jumped");
        t.a.edits([](Document& d) { d.mark(kText, 0, 14, "bold", true); });
        t.b.inserts(4, u"brown ");
        showSpans(t, {{u"The brown fox jumped", kBold}});
    }

    void boldAndItalicOverlapIsBoth() {
        Three t(u"The fox jumped");
        t.a.edits([](Document& d) { d.mark(kText, 0, 7, "bold", true); });
        t.b.edits([](Document& d) { d.mark(kText, 4, 10, "italic", true); });
        showSpans(t, {{u"The ", kBold},
                      {u"fox", {{"bold", true}, {"italic", true}}},
                      {u" jumped", {{"italic", true}}}});
    }

    void twoColoursOverlapAndOneWinsTheOverlap() {
        Three t(u"The fox jumped");
        t.a.edits([](Document& d) { d.mark(kText, 0, 7, "colour", "red"); });
        t.b.edits([](Document& d) { d.mark(kText, 4, 10, "colour", "blue"); });
        showSpans(t, {{u"The ", {{"colour", "red"}}}, {u"fox jumped", {{"colour", "blue"}}}});
    }

    void unboldAndBoldResolvePerCharacter() {
        Three t(u"The fox jumped");
        t.a.edits([](Document& d) { d.mark(kText, 0, 14, "bold", true); });
        t.meet();
        t.a.edits([](Document& d) { d.unmark(kText, 4, 3, "bold"); });
        t.b.edits([](Document& d) { d.mark(kText, 0, 14, "bold", true); });
        showSpans(t, {{u"The fox jumped", kBold}});  // same lamport, the greater replica
        t.b.edits([](Document& d) { d.unmark(kText, 4, 3, "bold"); });
        t.a.edits([](Document& d) { d.mark(kText, 0, 14, "bold", true); });
        showSpans(t, {{u"The ", kBold}, {u"fox", kPlain}, {u" jumped", kBold}});
    }

    void overlappingCommentsCoexist() {
        Three t(u"The fox jumped");
        std::string one, two;
        t.a.edits([&](Document& d) { one = d.comment(kText, 0, 7, "one"); });
        t.b.edits([&](Document& d) { two = d.comment(kText, 4, 10, "two"); });
        QCOMPARE(t.a.written.back().op_class, OpClass::Comment);
        showSpans(t, {{u"The ", {{one, "one"}}},
                      {u"fox", {{one, "one"}, {two, "two"}}},
                      {u" jumped", {{two, "two"}}}});
        t.c.edits([&](Document& d) { d.removeComment(kText, one); });
        QCOMPARE(t.c.written.back().op_class, OpClass::Content);  // it is not c's
        showSpans(t, {{u"The ", kPlain}, {u"fox jumped", {{two, "two"}}}});
    }

    void typingAtTheEndOfBoldIsBoldAndOfALinkIsNot() {
        Three t(u"ab cd");
        t.a.edits([](Document& d) { d.mark(kText, 0, 2, "bold", true); });
        t.a.edits([](Document& d) { d.mark(kText, 3, 2, "link", "url", Expand::None); });
        t.a.inserts(5, u"X");
        t.a.inserts(2, u"Y");
        t.a.inserts(0, u"Z");
        showSpans(t, {{u"Z", kPlain},
                      {u"abY", kBold},
                      {u" ", kPlain},
                      {u"cd", {{"link", "url"}}},
                      {u"X", kPlain}});
    }

    // The link ends behind a deleted character; typing goes behind that one.
    void typingBehindADeletedEndOfBoldAndOfALink() {
        Three t(u"abc def");
        t.a.edits([](Document& d) { d.mark(kText, 0, 3, "bold", true); });
        t.a.edits([](Document& d) { d.mark(kText, 4, 3, "link", "url", Expand::None); });
        t.a.removes(6);
        t.a.inserts(6, u"X");
        t.a.removes(2);
        t.a.inserts(2, u"Y");
        showSpans(t, {{u"abY", kBold}, {u" ", kPlain}, {u"de", {{"link", "url"}}}, {u"X", kPlain}});
    }

    void newTextWhereAllMarkedTextWasDeletedCarriesNoMark() {
        for (const Expand expand : {Expand::After, Expand::None})
            for (std::size_t begin = 0; begin < 3; ++begin)
                for (std::size_t end = 3; end < 5; ++end) {
                    Three t(u"abcd");
                    t.a.edits([&](Document& d) {
                        d.mark(kText, begin, end - begin, "bold", true, expand);
                    });
                    t.a.removes(begin, end - begin);
                    t.a.inserts(begin, u"X");
                    std::u16string left = u"abcd";
                    left.replace(begin, end - begin, u"X");
                    showSpans(t, {{left, kPlain}});
                }
    }

    // Checked on the structure itself: a document also counts the changes.
    void togglingAMarkTenThousandTimesLeavesBoundedState() {
        crdt::ReplicaTable replicas;
        replicas.intern(1);
        crdt::Rga text(replicas);
        text.insert(0, 0, 1, "hello world", 11);
        crdt::Marks marks(text);
        const crdt::MarkKey bold{"bold", {}};
        std::size_t most = 0;
        for (std::uint64_t i = 0; i < 10'000; ++i) {
            crdt::Marks::Mark mark;
            mark.lamport = 100 + i;
            mark.replica = 1;
            mark.from = {static_cast<crdt::Slot>(i % 3), false};
            mark.to = {static_cast<crdt::Slot>(5 + i % 2), false};
            if (i % 2) mark.value = Value(true);
            marks.add(bold, mark, [](crdt::Marks::Point, crdt::Marks::Point) {});
            most = std::max(most, marks.count(bold));
        }
        QVERIFY2(most <= 5, qPrintable(QString::number(most)));  // as many as places
        QVERIFY(!marks.checkInvariants());
    }

    void attributesOfAParagraphBelongToItsNewline() {
        Three t(u"one\ntwo");
        t.a.edits([](Document& d) { d.setBlock(kText, 1, "heading", Value(1)); });
        t.b.edits([](Document& d) { d.setBlock(kText, 5, "heading", Value(2)); });
        showSpans(t, {{u"one", kPlain},
                      {u"\n", {{"heading", 1}}},
                      {u"two", kPlain},
                      {u"", {{"heading", 2}}}});
        t.b.inserts(7, u"!");
        showSpans(t, {{u"one", kPlain},
                      {u"\n", {{"heading", 1}}},
                      {u"two!", kPlain},
                      {u"", {{"heading", 2}}}});
    }

    void anEmbedIsOneCharacterAndTypingBesideItIsNone() {
        Three t(u"ab");
        const Value image = Value::Object{{"image", "cat.png"}};
        t.a.edits([&](Document& d) { d.insertEmbed(kText, 1, image); });
        t.b.inserts(2, u"x");
        t.meet();
        t.a.inserts(2, u"y");
        t.meet();
        const Spans spans = t.c.doc.spans(kText);
        QCOMPARE(spans.size(), 3u);
        QCOMPARE(spans[1].text, std::u16string(1, crdt::kEmbedCharacter));
        QCOMPARE(spans[1].attributes.at(crdt::kEmbedKey), image);
        QCOMPARE(toUtf8(spans[2].text), std::string("ybx"));
    }

    // ---- undo ----
    void undoOfTextThatAnotherDeletedStaysDeleted() {
        Three t;
        t.a.inserts(0, u"x");
        t.meet();
        t.b.removes(0);
        t.meet();
        t.a.undoes();
        t.show("");
        t.a.redoes();
        t.show("");
    }

    void undoOfADeletionRevivesTheSameIds() {
        Three t(u"hello");
        const Cursor e = t.c.doc.cursorAt(kText, 2, Cursor::Side::After);
        t.a.removes(0, 5);
        t.b.inserts(2, u"X");
        t.show("X");
        QCOMPARE(*t.c.doc.resolve(kText, e), 0u);
        t.a.undoes();
        t.show("heXllo");
        QCOMPARE(*t.c.doc.resolve(kText, e), 2u);
    }

    void bothDeleteAndOneUndoLeavesItDeleted() {
        Three t(u"hello");
        t.a.removes(0, 5);
        t.b.removes(0, 5);
        t.meet();
        t.a.undoes();
        t.show("");
        t.b.undoes();
        t.show("hello");
    }

    void bothUndoTheirDeletionsAtOnceAndItIsBackOnce() {
        Three t(u"hello");
        t.a.removes(0, 5);
        t.b.removes(0, 5);
        t.meet();
        t.a.undoes();
        t.b.undoes();
        t.show("hello");
    }

    void anOfflineReplicaUndoesADeletionWhoseTextOthersHaveTrimmed() {
        Three t(u"hello world");
        t.a.removes(0, 6);  // and goes offline
        sync(t.a, t.b, t.c);
        for (Person* p : {&t.b, &t.c}) p->doc.trim();
        t.b.inserts(0, u"the ");
        t.a.undoes();
        QVERIFY(t.b.doc.save({crdt::Detail::Full, false}).find("hello") == Bytes::npos);
        t.show("the hello world");
    }

    void undoNeverTouchesWhatOthersWrote() {
        Three t(u"base");
        t.a.inserts(0, u"mine ");
        t.b.inserts(4, u" yours");
        t.meet();
        t.a.undoes();
        t.show("base yours");
        QVERIFY(!t.c.doc.canUndo());
    }

    void aRevivedCharacterHasItsCommentAgain() {
        Three t(u"hello");
        std::string note;
        t.b.edits([&](Document& d) { note = d.comment(kText, 1, 1, "note"); });
        t.meet();
        t.a.removes(0, 5);
        t.b.inserts(2, u"X");
        t.show("X");
        t.a.undoes();
        showSpans(t, {{u"h", kPlain}, {u"e", {{note, "note"}}}, {u"Xllo", kPlain}});
    }

    void pushDeleteUndoUndoIsEmpty() {
        Three t;
        t.a.creates("l", ContainerType::List);
        t.a.edits([](Document& d) { d.insertItems(kList, 0, {1}); });
        t.meet();
        t.b.edits([](Document& d) { d.removeItems(kList, 0, 1); });
        t.meet();
        t.a.undoes();
        t.meet();
        t.b.undoes();
        t.meet();
        for (const Person* p : {&t.a, &t.b, &t.c}) QCOMPARE(listOf(p->doc), std::string("[]"));
    }

    void undoOfAMarkRestoresWhatWasThereAndSparesOthers() {
        Three t(u"abcdef");
        t.b.edits([](Document& d) { d.mark(kText, 0, 3, "colour", "red"); });
        t.meet();
        t.a.edits([](Document& d) { d.mark(kText, 1, 5, "colour", "blue"); });
        t.meet();
        t.b.edits([](Document& d) { d.mark(kText, 4, 2, "colour", "green"); });
        t.meet();
        t.a.undoes();
        const Attributes red{{"colour", "red"}}, blue{{"colour", "blue"}};
        const Attributes green{{"colour", "green"}};
        showSpans(t, {{u"abc", red}, {u"d", kPlain}, {u"ef", green}});
        t.a.redoes();
        showSpans(t, {{u"a", red}, {u"bcd", blue}, {u"ef", green}});
    }

    void undoAndRedoOfEverythingIsTheIdentity() {
        Three t(u"text");
        t.a.creates("l", ContainerType::List);
        t.a.creates("s", ContainerType::Set);
        t.a.edits([](Document& d) {
            d.insertItems(kList, 0, {1, 2, 3});
            d.addMember(kSet, "a");
        });
        t.meet();
        const Value before = t.c.doc.toValue();
        const Spans spans_before = t.c.doc.spans(kText);
        t.a.edits([](Document& d) {
            d.moveItem(kList, 0, 2);
            d.setItem(kList, 0, "two");
            d.removeItems(kList, 1, 1);
            d.insertItems(kList, 0, {7, 8});
            d.addMember(kSet, "b");
            d.removeMember(kSet, "a");
            d.mark(kText, 1, 2, "bold", true);
            d.removeText(kText, 0, 2);
            d.insertText(kText, 1, u"new");
            d.set(kRoot, "k", 5);
        });
        t.meet();
        const Value after = t.c.doc.toValue();
        const Spans spans_after = t.c.doc.spans(kText);
        for (int i = 0; i < 3; ++i) {
            t.a.undoes();
            t.meet();
            QCOMPARE(t.c.doc.toValue(), before);
            QCOMPARE(t.c.doc.spans(kText), spans_before);
            t.a.redoes();
            t.meet();
            QCOMPARE(t.b.doc.toValue(), after);
            QCOMPARE(t.b.doc.spans(kText), spans_after);
        }
    }

    // ---- identity ----
    void sameReplicaIdTwiceIsDetected() {
        Person a(1), twin(1), b(2);
        a.inserts(0, u"x");
        twin.inserts(0, u"y");
        twin.inserts(1, u"y");
        QCOMPARE(*b.doc.receive(a.written[0]), Received::Applied);
        QCOMPARE(b.doc.receive(twin.written[0]).error().code, ErrorCode::Equivocation);
        QCOMPARE(b.text(), std::string("x"));
        Person late(3);
        a.inserts(1, u"x");
        QCOMPARE(*late.doc.receive(a.written[1]), Received::Waiting);
        QCOMPARE(late.doc.receive(twin.written[1]).error().code, ErrorCode::Equivocation);
    }

    void manyReplicasAtZeroStandByTheirIds() {
        std::vector<Change> changes;
        std::string want;
        for (ReplicaId id = 1; id <= 1540; ++id) {
            Person p(id);
            p.inserts(0, {static_cast<char16_t>(0x4E00 + id)});
            changes.push_back(p.written[0]);
            want += toUtf8(std::u16string{static_cast<char16_t>(0x4E00 + id)});
        }
        QCOMPARE(rebuilt(changes).textUtf8(kText), want);
        std::reverse(changes.begin(), changes.end());
        QCOMPARE(rebuilt(changes).textUtf8(kText), want);
    }

    void theSameContainerCreatedOfflineTwiceMerges() {
        Person a(1), b(2);
        for (Person* p : {&a, &b}) p->creates("t", ContainerType::Text);
        a.inserts(0, u"from a ");
        b.inserts(0, u"from b ");
        sync(a, b);
        QCOMPARE(a.text(), std::string("from a from b "));
        QCOMPARE(b.text(), a.text());
    }

    void expungedTextIsNowhereAndNoUndoBringsItBack() {
        Three t(u"keep ");
        t.a.inserts(5, u"SECRET");
        t.a.puts(kRoot, "k", "HIDDEN");
        const OpId hidden = t.a.written.back().lastId();
        t.a.puts(kRoot, "k", "x");
        t.meet();
        const std::vector<crdt::IdRun> secret = t.c.doc.idsOf(kText, 5, 6);
        t.b.removes(5, 6);
        t.meet();
        t.b.undoes();  // its toggle carries the text, concurrently with the expunge
        t.a.undoes();  // and this writes HIDDEN again under another id
        QCOMPARE(*t.a.doc.value(kRoot, "k"), Value("HIDDEN"));
        std::vector<crdt::IdRun> ids = secret;
        ids.push_back({hidden.replica, hidden.counter});
        t.c.written.push_back(t.c.doc.expunge(ids, 1));
        QCOMPARE(t.c.written.back().op_class, OpClass::Admin);
        t.meet();
        for (Person* p : {&t.a, &t.b, &t.c}) {
            while (p->doc.canUndo()) p->undoes();
            t.meet();
            while (p->doc.canRedo()) p->redoes();
            t.meet();
        }
        std::vector<Change> kept;
        for (const Person* p : {&t.a, &t.b, &t.c})
            for (const Change& change : p->written) {
                const Result<Change> rest = t.c.doc.withoutExpunged(change, Bytes(16, '\0'));
                QVERIFY(rest.ok());
                SaltTree salts, same_salts;
                QVERIFY(changeHash(change, salts) == changeHash(*rest, same_salts));
                for (const char* gone : {"SEC", "CRE", "ECR", "RET", "HIDDEN"})
                    QVERIFY(encodeChange(*rest).find(gone) == Bytes::npos);
                kept.push_back(*rest);
            }
        for (const Person* p : {&t.a, &t.b, &t.c}) {
            QVERIFY(p->doc.textUtf8(kText).find('S') == std::string::npos);
            QVERIFY(p->doc.value(kRoot, "k") != Value("HIDDEN"));
            QVERIFY(!p->doc.checkInvariants());
        }
        // Who gets only what is left, in any order, shows the same; so does who has it already.
        const Document late = rebuilt(kept);
        std::reverse(kept.begin(), kept.end());
        const Document later = rebuilt(kept);
        QCOMPARE(late.toValue(), t.c.doc.toValue());
        QCOMPARE(later.toValue(), t.c.doc.toValue());
        for (const Change& change : kept) QCOMPARE(*t.a.doc.receive(change), Received::Duplicate);
    }

    void expungingANameLeavesTheTextAround() {
        Three t;
        t.a.inserts(0, u"Dear Ada Lovelace, this is a paste of more than sixty-four characters.");
        t.meet();
        t.b.written.push_back(t.b.doc.expunge(t.b.doc.idsOf(kText, 5, 12), 1));
        t.show("Dear , this is a paste of more than sixty-four characters.");
        const Change rest = *t.b.doc.withoutExpunged(t.a.written[1], Bytes(16, '\0'));
        QVERIFY(rest.content.find("Lovelace") == Bytes::npos);
        QVERIFY(rest.content.find("this is a paste") != Bytes::npos);
        QCOMPARE(rebuilt({t.a.written[0], rest}).textUtf8(kText), t.a.text());
    }

    void expungedElementsMembersAndMarksAreGone() {
        Three t(u"text");
        t.a.creates("l", ContainerType::List);
        t.a.creates("s", ContainerType::Set);
        t.a.edits([](Document& d) {
            d.insertItems(kList, 0, {"one", "NAME", "three"});
            d.addMember(kSet, "NAME");
            d.mark(kText, 0, 2, "note", "NAME");
        });
        const Change& change = t.a.written.back();
        t.meet();
        t.c.written.push_back(
            t.c.doc.expunge({{1, change.first + 1, 1}, {1, change.first + 3, 2}}, 1));
        t.meet();
        for (const Person* p : {&t.a, &t.b, &t.c}) {
            QCOMPARE(listOf(p->doc), std::string("[\"one\",\"three\"]"));
            QVERIFY(p->doc.members(kSet).empty());
            compareSpans(p->doc, {{u"text", kPlain}});
            QVERIFY(!p->doc.checkInvariants());
        }
        const Change rest = *t.c.doc.withoutExpunged(change, Bytes(16, '\0'));
        QVERIFY(rest.content.find("NAME") == Bytes::npos);
    }
};

QTEST_GUILESS_MAIN(TestScenarios)
#include "tst_scenarios.moc"
