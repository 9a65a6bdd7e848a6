// SPDX-License-Identifier: MIT
// What Markdown can say comes back as it was. KIMDB_SEED=N replays one seed.
#include <QtTest>

#include <kimdb/crdt/markdown.h>

#include "crdt/markdown_source.h"
#include "crdt/people.h"
#include "support/seeds.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::Document;

namespace {

// The first operation that is another.
QString difference(const Value& wanted, const Value& got) {
    const Value::Array& a = *wanted.asArray();
    const Value::Array& b = *got.asArray();
    std::size_t i = 0;
    while (i < a.size() && i < b.size() && a[i] == b[i]) ++i;
    const auto at = [i](const Value::Array& ops) {
        return i < ops.size() ? QString::fromStdString(ops[i].toJson()) : QString("nothing");
    };
    return QString("operation %1\nwanted %2\ngot    %3").arg(i).arg(at(a), at(b));
}

}  // namespace

class PropertyMarkdown : public QObject {
    Q_OBJECT
    const Seeds m_seeds{3'000};

 private slots:
    void whatWasWrittenReadsAsItWas() {
        for (std::uint64_t seed = m_seeds.first; seed <= m_seeds.last; ++seed) {
            const Value delta = MarkdownSource(seed).document();
            Document doc(1);
            doc.begin();
            QVERIFY(crdt::setDelta(doc, kText, delta).ok());
            (void)doc.commit(1);
            const auto markdown = crdt::toMarkdown(doc, kText);
            QVERIFY(markdown.ok());
            doc.begin();
            QVERIFY(crdt::setMarkdown(doc, kText, *markdown).ok());
            (void)doc.commit(1);
            const Value again = crdt::toDelta(doc, kText);
            QVERIFY2(
                again == delta,
                qPrintable(QString("KIMDB_SEED=%1 %2").arg(seed).arg(difference(delta, again))));
        }
    }
};

QTEST_APPLESS_MAIN(PropertyMarkdown)
#include "property_markdown.moc"
