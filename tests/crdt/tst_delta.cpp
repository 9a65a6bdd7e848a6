// SPDX-License-Identifier: MIT
// Texts as Deltas: single facts, and what comes from outside.
#include <QtTest>

#include <kimdb/crdt/delta.h>

#include "core/limits.h"
#include "crdt/people.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::Document;

namespace {

// With ' for ", which moc takes for the end of a raw string.
Value json(std::string text) {
    std::replace(text.begin(), text.end(), '\'', '"');
    const auto value = Value::fromJson(text);
    if (!value) qFatal("%s", value.error().message.c_str());
    return *value;
}

Result<> applied(Document& doc, const char* delta) {
    doc.begin();
    auto ok = crdt::applyDelta(doc, kText, json(delta));
    (void)doc.commit(1);
    return ok;
}

Value shown(const Document& doc) {
    return crdt::toDelta(doc, kText);
}

Document documentOf(const char* delta, ReplicaId id = 1) {
    Document doc(id);
    doc.setCaptureInterval(0);
    doc.begin();
    if (!crdt::setDelta(doc, kText, json(delta))) qFatal("a Delta is refused");
    (void)doc.commit(1);
    return doc;
}

}  // namespace

class TestDelta : public QObject {
    Q_OBJECT
 private slots:
    void theEndOfTheTextIsTheLastNewline() {
        Document doc =
            documentOf("[{'insert':'Title'},{'insert':'\\n','attributes':{'header':1}}]");
        QCOMPARE(doc.textUtf8(kText), std::string("Title"));
        QCOMPARE(doc.attributes(kText, 5).at("header"), Value(1));
        // Enter at the end of the title, as Quill tells it.
        QVERIFY(applied(doc,
                        "[{'retain':5},{'insert':'\\n','attributes':{'header':1}},{'retain':1,'"
                        "attributes':{'header':null}}]"));
        QCOMPARE(doc.textUtf8(kText), std::string("Title\n"));
        QCOMPARE(shown(doc), json("[{'insert':'Title'},{'attributes':{'header':1},'insert':'\\n'},"
                                  "{'insert':'\\n'}]"));
    }

    void deletingTheLastNewlineMakesTheOneBeforeTheLast() {
        Document doc = documentOf("[{'insert':'old\\n'}]");
        // Quill's setContents.
        QVERIFY(applied(
            doc,
            "[{'insert':'new'},{'insert':'\\n','attributes':{'list':'bullet'}},{'delete':4}]"));
        QCOMPARE(doc.textUtf8(kText), std::string("new"));
        QCOMPARE(shown(doc),
                 json("[{'insert':'new'},{'attributes':{'list':'bullet'},'insert':'\\n'}]"));
        QVERIFY(applied(doc, "[{'delete':4}]"));
        QCOMPARE(shown(doc), json("[{'insert':'\\n'}]"));
    }

    void insertedTextHasItsAttributesAndNoOthers() {
        Document doc = documentOf("[{'insert':'ab','attributes':{'bold':true}},{'insert':'\\n'}]");
        QVERIFY(
            applied(doc, "[{'retain':1},{'insert':'x'},{'insert':'y','attributes':{'link':'u'}}]"));
        QCOMPARE(shown(doc), json("[{'attributes':{'bold':true},'insert':'a'},"
                                  "{'insert':'x'},"
                                  "{'attributes':{'link':'u'},'insert':'y'},"
                                  "{'attributes':{'bold':true},'insert':'b'},"
                                  "{'insert':'\\n'}]"));
        // What is typed without a Delta follows the rules of each attribute.
        doc.begin();
        doc.insertText(kText, 3, u"z");
        doc.insertText(kText, 5, u"w");
        (void)doc.commit(1);
        QVERIFY(doc.attributes(kText, 3).empty());
        QCOMPARE(doc.attributes(kText, 5), Value::Object({{"bold", true}}));
    }

    void commentsAreMadeAnewAndDoNotGrow() {
        Document a(1);
        a.begin();
        a.insertText(kText, 0, u"one two three");
        const std::string key = a.comment(kText, 4, 3, "why");
        (void)a.commit(1);
        const Value delta = crdt::toDelta(a, kText);
        Document b = documentOf(delta.toJson().c_str(), 2);
        const auto spans = b.spans(kText);
        QCOMPARE(spans.size(), std::size_t{3});
        QCOMPARE(spans[1].text, std::u16string(u"two"));
        QCOMPARE(spans[1].attributes.begin()->second, Value("why"));
        QVERIFY(spans[1].attributes.begin()->first != key);
        QCOMPARE(crdt::toDelta(a, kText, crdt::Comments::LeaveOut),
                 json("[{'insert':'one two three\\n'}]"));
        // An editor types at the comment's end and inside of it and says that it belongs to it.
        const std::string typed = "[{'retain':5},{'insert':'W','attributes':{'" + key +
                                  "':'why'}},{'retain':2},{'insert':'!','attributes':{'" + key +
                                  "':'why'}}]";
        QVERIFY(applied(a, typed.c_str()));
        QCOMPARE(a.spans(kText)[1].text, std::u16string(u"tWwo"));
        QCOMPARE(a.spans(kText).size(), std::size_t{3});
        const std::string gone = "[{'retain':6,'attributes':{'" + key + "':null}}]";
        QVERIFY(applied(a, gone.c_str()));
        QCOMPARE(a.spans(kText).size(), std::size_t{1});
    }

    void embedsAreOneUnit() {
        Document doc = documentOf(
            "[{'insert':'a'},{'insert':{'image':'u'},'attributes':{'alt':'x'}},{'insert':{'embed':'"
            "plain'}},{'insert':'\\n'}]");
        QCOMPARE(doc.textLength(kText), std::size_t{3});
        QCOMPARE(doc.attributes(kText, 1).at("embed"), json("{'image':'u'}"));
        QCOMPARE(doc.attributes(kText, 2).at("embed"), Value("plain"));
        QVERIFY(applied(doc, "[{'retain':2},{'delete':1}]"));
        QCOMPARE(doc.textLength(kText), std::size_t{2});
        doc.begin();
        doc.insertEmbed(kText, 1, Value(7));
        (void)doc.commit(1);
        QCOMPARE(shown(doc), json("[{'insert':'a'},{'insert':{'embed':7}},"
                                  "{'attributes':{'alt':'x'},'insert':{'image':'u'}},"
                                  "{'insert':'\\n'}]"));
    }

    void oneDeltaIsOneStepOfUndo() {
        Document doc = documentOf("[{'insert':'text\\n'}]");
        const Value before = shown(doc);
        QVERIFY(applied(doc,
                        "[{'retain':1,'attributes':{'bold':true}},{'insert':'new'},{'delete':2},{'"
                        "retain':2,'attributes':{'list':'bullet'}}]"));
        (void)doc.undo(1);
        QCOMPARE(shown(doc), before);
    }

    void anEventOfManySplicesIsAReplacement() {
        Document a(1), b(2);
        std::vector<Change> changes;
        for (int i = 0; i < 2'500; ++i) {
            a.begin();
            a.insertText(kText, a.textLength(kText) / 2, u"ab");
            a.mark(kText, a.textLength(kText) / 2, 1, "bold", true);
            changes.push_back(*a.commit(1));
        }
        Value delta;
        b.onEvent([&](const std::vector<crdt::Event>& events) {
            if (events[0].splices.size() > 2'000) delta = crdt::toDelta(b, events[0]);
        });
        QVERIFY(b.receiveAll(changes).ok());
        Document copy(3);
        copy.begin();
        QVERIFY(crdt::applyDelta(copy, kText, delta).ok());
        (void)copy.commit(1);
        QCOMPARE(crdt::toDelta(copy, kText), crdt::toDelta(a, kText));
    }

    void whatIsNoDeltaIsRefusedWhole_data() {
        QTest::addColumn<QString>("delta");
        QTest::addColumn<int>("code");
        const auto row = [](const char* delta, ErrorCode code) {
            QTest::newRow(delta) << QString(delta) << int(code);
        };
        // Each begins with something that would be visible.
        row("{'insert':'x'}", ErrorCode::Malformed);
        row("'text'", ErrorCode::Malformed);
        row("{'ops':[],'more':1}", ErrorCode::Malformed);
        row("[{'insert':'x'},'y']", ErrorCode::Malformed);
        row("[{'insert':'x'},{}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'attributes':{'bold':true}}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'insert':'y','retain':1}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'move':1}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'insert':''}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'insert':1}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'insert':{}}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'retain':0}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'retain':-1}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'delete':-9223372036854775808}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'retain':1.0}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'retain':'1'}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'retain':9223372036854775807}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'retain':1,'attributes':[]}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'delete':1,'attributes':{'bold':true}}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'retain':1,'attributes':{'':1}}]", ErrorCode::Malformed);
        row("[{'insert':'x','attributes':{'embed':{'image':'u'}}}]", ErrorCode::Malformed);
        row("[{'insert':'x'},{'retain':{'image':{}}}]", ErrorCode::Unsupported);
        row("[{'insert':'x'},{'retain':6}]", ErrorCode::InvalidArgument);
        row("[{'insert':'x'},{'retain':5},{'delete':1}]", ErrorCode::InvalidArgument);
        row("[{'insert':'x'},{'retain':9007199254740991},{'retain':9007199254740991}]",
            ErrorCode::InvalidArgument);
        row("[{'insert':'x'},{'retain':3},{'insert':'y'}]", ErrorCode::InvalidArgument);
        row("[{'insert':'x'},{'retain':2},{'delete':1}]", ErrorCode::InvalidArgument);
        row("[{'insert':'x'},{'retain':3,'attributes':{'bold':true}}]", ErrorCode::InvalidArgument);
    }

    void whatIsNoDeltaIsRefusedWhole() {
        QFETCH(QString, delta);
        QFETCH(int, code);
        Document doc = documentOf("[{'insert':'ab😀\\n'}]");  // five units
        const auto version = doc.version();
        const Value before = shown(doc);
        const auto ok = applied(doc, delta.toUtf8().constData());
        QVERIFY(!ok.ok());
        QCOMPARE(int(ok.error().code), code);
        QCOMPARE(shown(doc), before);
        QCOMPARE(doc.version(), version);
    }

    void whatDoesNotFitIsRefusedWhole() {
        Document doc =
            documentOf("[{'insert':'text','attributes':{'a':1,'b':2,'c':3}},{'insert':'\\n'}]");
        const auto refused = [&](const Value& delta) {
            doc.begin();
            const auto ok = crdt::applyDelta(doc, kText, delta);
            return !doc.commit(1) && !ok.ok() && ok.error().code == ErrorCode::TooLarge;
        };
        const std::string large(limits::kChangeBytesMax * 3 / 4, 'x');
        QVERIFY(refused(Value::Array{Value::Object{{"insert", large}}}));
        // Little text, but each piece has to lose the attributes of its neighbours.
        Value::Array pieces;
        for (int i = 0; i < 4'000; ++i)
            pieces.emplace_back(Value::Object{{"insert", i % 2 ? "x" : "y"}});
        pieces.insert(pieces.begin(), Value::Object{{"retain", 2}});
        QVERIFY(refused(pieces));
        Value deep = 1;
        for (int i = 0; i < 100; ++i) deep = Value::Array{deep};
        QVERIFY(refused(Value::Array{
            Value::Object{{"insert", "x"}, {"attributes", Value::Object{{"note", deep}}}}}));
        QVERIFY(refused(Value::Array{Value::Object{
            {"insert", "x"},
            {"attributes", Value::Object{{std::string(limits::kMapKeyBytesMax + 1, 'k'), 1}}}}}));
        // A long one that fits is sent as one change.
        doc.begin();
        const std::string fits(limits::kChangeBytesMax / 2 - 1000, 'x');
        QVERIFY(crdt::setDelta(doc, kText, Value::Array{Value::Object{{"insert", fits}}}).ok());
        const auto change = doc.commit(1);
        QVERIFY(decodeChange(encodeChange(*change)).ok());
        doc.begin();
        QCOMPARE(crdt::applyDelta(doc, kMap, Value::Array{}).error().code, ErrorCode::WrongType);
        QCOMPARE(crdt::setDelta(doc, kText, json("[{'retain':1}]")).error().code,
                 ErrorCode::InvalidArgument);
        QVERIFY(!doc.commit(1));
    }
};

QTEST_APPLESS_MAIN(TestDelta)
#include "tst_delta.moc"
