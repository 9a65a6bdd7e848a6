// SPDX-License-Identifier: MIT
// Texts as Markdown: how each attribute is written and read, and Markdown from outside.
#include <QtTest>

#include <QElapsedTimer>

#include <kimdb/crdt/markdown.h>

#include "core/limits.h"
#include "crdt/people.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::Document;

namespace {

// With ' for ".
Value json(QByteArray text) {
    text.replace('\'', '"');
    const auto value = Value::fromJson(std::string_view(text.constData(), text.size()));
    if (!value) qFatal("%s", value.error().message.c_str());
    return *value;
}

std::string repeated(const std::string& piece, std::size_t bytes) {
    std::string out;
    while (out.size() + piece.size() <= bytes) out += piece;
    return out;
}

void pairs() {
    QTest::addColumn<QByteArray>("markdown");
    QTest::addColumn<QByteArray>("delta");
}

}  // namespace

class TestMarkdown : public QObject {
    Q_OBJECT
 private slots:
    // Both ways.
    void everyAttributeHasItsForm_data() {
        pairs();
        const auto row = [](const char* name, const char* markdown, const char* delta) {
            QTest::newRow(name) << QByteArray(markdown) << QByteArray(delta);
        };
        row("nothing", "", "[{'insert':'\\n'}]");
        row("plain", "one\n\ntwo\n", "[{'insert':'one\\ntwo\\n'}]");
        row("empty paragraphs", "a\n\n<br>\n\n<br>\n\nb\n", "[{'insert':'a\\n\\n\\nb\\n'}]");
        row("bold", "a **b** c\n",
            "[{'insert':'a '},{'insert':'b','attributes':{'bold':true}},{'insert':' c\\n'}]");
        row("italic", "_a_\n", "[{'insert':'a','attributes':{'italic':true}},{'insert':'\\n'}]");
        row("strike", "~~a~~\n", "[{'insert':'a','attributes':{'strike':true}},{'insert':'\\n'}]");
        row("code", "`a*b`\n", "[{'insert':'a*b','attributes':{'code':true}},{'insert':'\\n'}]");
        row("code with backticks", "`` a` ``\n",
            "[{'insert':'a`','attributes':{'code':true}},{'insert':'\\n'}]");
        row("link", "[a](http://b.c/?d=e)\n",
            "[{'insert':'a','attributes':{'link':'http://b.c/?d=e'}},{'insert':'\\n'}]");
        row("link around bold", "[a **b**](<x y>)\n",
            "[{'insert':'a ','attributes':{'link':'x y'}},"
            "{'insert':'b','attributes':{'bold':true,'link':'x y'}},{'insert':'\\n'}]");
        row("all at once", "[**_~~`a`~~_**](u)\n",
            "[{'insert':'a','attributes':{'bold':true,'code':true,'italic':true,'link':'u',"
            "'strike':true}},{'insert':'\\n'}]");
        row("overlapping", "**a _b_** _c_\n",
            "[{'insert':'a ','attributes':{'bold':true}},"
            "{'insert':'b','attributes':{'bold':true,'italic':true}},{'insert':' '},"
            "{'insert':'c','attributes':{'italic':true}},{'insert':'\\n'}]");
        row("inside a word", "a**b**c&#100;_e_&#102;\n",
            "[{'insert':'a'},{'insert':'b','attributes':{'bold':true}},{'insert':'cd'},"
            "{'insert':'e','attributes':{'italic':true}},{'insert':'f\\n'}]");
        // md4c takes ** for a delimiter there too: the image would be bold and "**" behind it.
        row("delimiters in URLs", "**![](\\*\\*)** [a](b_c/\\_d)\n",
            "[{'insert':{'image':'**'},'attributes':{'bold':true}},{'insert':' '},"
            "{'insert':'a','attributes':{'link':'b_c/_d'}},{'insert':'\\n'}]");
        // The a became &#97; for ~~, and so was no letter any more for the ** in front of it.
        row("one reference makes another", "&#233;**&#97;~~.~~**\n",
            "[{'insert':'é'},{'insert':'a','attributes':{'bold':true}},"
            "{'insert':'.','attributes':{'bold':true,'strike':true}},{'insert':'\\n'}]");
        row("bold spaces", "&#97;**&#32;b&#32;**&#99;\n",
            "[{'insert':'a'},{'insert':' b ','attributes':{'bold':true}},{'insert':'c\\n'}]");
        row("headers", "# a\n\n###### b **c**\n\n##\n",
            "[{'insert':'a'},{'insert':'\\n','attributes':{'header':1}},{'insert':'b '},"
            "{'insert':'c','attributes':{'bold':true}},"
            "{'insert':'\\n','attributes':{'header':6}},"
            "{'insert':'\\n','attributes':{'header':2}}]");
        row("lists", "- a\n  1. b\n  2. c\n- d\n1. e\n",
            "[{'insert':'a'},{'insert':'\\n','attributes':{'list':'bullet'}},{'insert':'b'},"
            "{'insert':'\\n','attributes':{'indent':1,'list':'ordered'}},{'insert':'c'},"
            "{'insert':'\\n','attributes':{'indent':1,'list':'ordered'}},{'insert':'d'},"
            "{'insert':'\\n','attributes':{'list':'bullet'}},{'insert':'e'},"
            "{'insert':'\\n','attributes':{'list':'ordered'}}]");
        row("tasks", "- [x] a\n- [ ] b\n- \\[x\\] c\n",
            "[{'insert':'a'},{'insert':'\\n','attributes':{'list':'checked'}},{'insert':'b'},"
            "{'insert':'\\n','attributes':{'list':'unchecked'}},{'insert':'[x] c'},"
            "{'insert':'\\n','attributes':{'list':'bullet'}}]");
        row("deep item", "- - - a\n",
            "[{'insert':'a'},{'insert':'\\n','attributes':{'indent':2,'list':'bullet'}}]");
        row("quote", "> a\n>\n> <!-- -->\n>\n> b\n",
            "[{'insert':'a'},{'insert':'\\n\\n','attributes':{'blockquote':true}},{'insert':'b'},"
            "{'insert':'\\n','attributes':{'blockquote':true}}]");
        row("code block", "```c++\nint a;\n\n\treturn `x`;\n```\n",
            "[{'insert':'int a;'},{'insert':'\\n\\n','attributes':{'code-block':'c++'}},"
            "{'insert':'\\treturn `x`;'},{'insert':'\\n','attributes':{'code-block':'c++'}}]");
        row("fence in code", "````\n```\n````\n",
            "[{'insert':'```'},{'insert':'\\n','attributes':{'code-block':true}}]");
        row("image", "a ![an \\*alt\\*](<b c.png>)\n",
            "[{'insert':'a '},{'insert':{'image':'b c.png'},'attributes':{'alt':'an *alt*'}},"
            "{'insert':'\\n'}]");
        row("divider", "a\n\n---\n\nb\n",
            "[{'insert':'a\\n'},{'insert':{'divider':true}},{'insert':'\\nb\\n'}]");
        row("hard break", "> a\\\n> \\# b\n",
            "[{'insert':'a\u2028# b'},{'insert':'\\n','attributes':{'blockquote':true}}]");
        row("escapes",
            "\\# \\*a\\* \\_b\\_ \\`c\\` \\[d\\](e) \\<f\\> \\~g \\&amp; h & \\\\\n\n1\\. i\n",
            "[{'insert':'# *a* _b_ `c` [d](e) <f> ~g &amp; h & \\\\\\n1. i\\n'}]");
    }

    void everyAttributeHasItsForm() {
        QFETCH(QByteArray, markdown);
        QFETCH(QByteArray, delta);
        const auto written = crdt::markdownFromDelta(json(delta));
        QVERIFY(written.ok());
        QCOMPARE(QByteArray::fromStdString(*written), markdown);
        QCOMPARE(*crdt::deltaFromMarkdown(markdown.toStdString()), json(delta));
    }

    // One way: other forms that Markdown has for it.
    void otherFormsAreRead_data() {
        pairs();
        int count = 0;
        const auto row = [&count](const char* markdown, const char* delta) {
            QTest::addRow("form %d", ++count) << QByteArray(markdown) << QByteArray(delta);
        };
        row("a\nb", "[{'insert':'a b\\n'}]");
        row("a  \nb<br>c", "[{'insert':'a\u2028b\u2028c\\n'}]");
        row("a\n===\nb\n---\n",
            "[{'insert':'a'},{'insert':'\\n','attributes':{'header':1}},"
            "{'insert':'b'},{'insert':'\\n','attributes':{'header':2}}]");
        row("*a* __b__ ~c~",
            "[{'insert':'a','attributes':{'italic':true}},{'insert':' '},"
            "{'insert':'b','attributes':{'bold':true}},{'insert':' '},"
            "{'insert':'c','attributes':{'strike':true}},{'insert':'\\n'}]");
        row("&nbsp;&eacute;&amp;&bogus;&#x1F600;", "[{'insert':'\u00A0é&&bogus;😀\\n'}]");
        row("<http://a.b> [c][1]\n\n[1]: d 'e'",
            "[{'insert':'http://a.b','attributes':{'link':'http://a.b'}},{'insert':' '},"
            "{'insert':'c','attributes':{'link':'d'}},{'insert':'\\n'}]");
        row("* a\n\n  more\n\n  > quoted\n* b",
            "[{'insert':'a'},{'insert':'\\n','attributes':{'list':'bullet'}},"
            "{'insert':'more\\nquoted'},{'insert':'\\n','attributes':{'blockquote':true}},"
            "{'insert':'b'},{'insert':'\\n','attributes':{'list':'bullet'}}]");
        row("-\n- a",
            "[{'insert':'\\n','attributes':{'list':'bullet'}},{'insert':'a'},"
            "{'insert':'\\n','attributes':{'list':'bullet'}}]");
        row("    code\n", "[{'insert':'code'},{'insert':'\\n','attributes':{'code-block':true}}]");
        row("```\n```", "[{'insert':'\\n','attributes':{'code-block':true}}]");
        row("<div>\nx\n</div>", "[{'insert':'<div>\\nx\\n</div>\\n'}]");
        row("a <b>c</b>", "[{'insert':'a <b>c</b>\\n'}]");
        row("|a|\n|-|", "[{'insert':'|a| |-|\\n'}]");
    }

    void otherFormsAreRead() {
        QFETCH(QByteArray, markdown);
        QFETCH(QByteArray, delta);
        QCOMPARE(*crdt::deltaFromMarkdown(markdown.toStdString()), json(delta));
    }

    void whatMarkdownCannotSayIsLeftOut() {
        const auto written = crdt::markdownFromDelta(
            json("[{'insert':'a','attributes':{'color':'red','bold':false,'#1:2':'why'}},"
                 "{'insert':{'video':'v'}},{'insert':'b'},{'insert':'\\n','attributes':{"
                 "'align':'right','header':9007199254740991,'list':7,'indent':-1}}]"));
        QCOMPARE(*written, std::string("###### ab\n"));
        const auto deep = crdt::markdownFromDelta(
            json("[{'insert':'a\\n','attributes':{'list':'bullet','indent':1000000000}}]"));
        QVERIFY(deep->size() < 100);
        QCOMPARE(crdt::markdownFromDelta(json("[{'retain':1}]")).error().code,
                 ErrorCode::InvalidArgument);
        QCOMPARE(crdt::markdownFromDelta(json("[1]")).error().code, ErrorCode::Malformed);
    }

    void anyBytesAreMarkdown() {
        QVERIFY(crdt::deltaFromMarkdown(std::string("\xFF\xC3 \0 \xED\xA0\x80", 8)).ok());
        // md4c gives a zero in a comment twice, once as itself.
        QCOMPARE(*crdt::deltaFromMarkdown(std::string("<!--\0", 5)),
                 json("[{'insert':'<!--\uFFFD\\n'}]"));
        const std::string large(limits::kChangeBytesMax + 1, 'x');
        QCOMPARE(crdt::deltaFromMarkdown(large).error().code, ErrorCode::TooLarge);
        // A change has room for half of it.
        Document doc(1);
        doc.begin();
        QCOMPARE(crdt::setMarkdown(doc, kText, large.substr(1)).error().code, ErrorCode::TooLarge);
        QVERIFY(!doc.commit(1));
    }

    void hostileMarkdownTakesBoundedTime_data() {
        QTest::addColumn<QByteArray>("piece");
        for (const char* piece :
             {"[",  "*",    "_",    "~~",    "`",    ">",       "> ",   "- ",
              "![", "<",    "&#1;", "[a](",  "**a ", "*a **a ", "a**b", "_a __a ",
              "\\", "<!--", "](",   "[x](<", "*_~~", "- - a\n", "> a\n"})
            QTest::newRow(piece) << QByteArray(piece);
    }

    void hostileMarkdownTakesBoundedTime() {
        QFETCH(QByteArray, piece);
        const std::string input = repeated(
            piece.toStdString(), limits::kChangeBytesMax / (piece == "[" || piece == "*" ? 1 : 8));
        QElapsedTimer timer;
        timer.start();
        const auto delta = crdt::deltaFromMarkdown(input);
        QVERIFY(delta.ok());
        QVERIFY(crdt::markdownFromDelta(*delta).ok());
        QVERIFY2(timer.elapsed() < 20'000, qPrintable(QString::number(timer.elapsed())));
    }

    void nestedAndRepeatedThingsStaySmall() {
        std::string quotes;
        for (std::size_t depth = 1; quotes.size() < 200'000; ++depth)
            quotes += std::string(depth, '>') + "a\n";
        QVERIFY(crdt::deltaFromMarkdown(quotes).ok());
        std::string lists;
        for (std::size_t depth = 0; lists.size() < 200'000; ++depth)
            lists += std::string(2 * depth, ' ') + "- a\n";
        const auto delta = crdt::deltaFromMarkdown(lists);
        QVERIFY(delta.ok());
        QVERIFY(crdt::markdownFromDelta(*delta).ok());
        // A long URL is said once and referred to often: 4 GB from 256 KB.
        const std::string references =
            "[a]: /" + std::string(131'072, 'x') + "\n\n" + repeated("[a] ", 131'072);
        QCOMPARE(crdt::deltaFromMarkdown(references).error().code, ErrorCode::TooLarge);
    }
};

QTEST_APPLESS_MAIN(TestMarkdown)
#include "tst_markdown.moc"
