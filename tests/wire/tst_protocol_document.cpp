// SPDX-License-Identifier: MIT
// docs/PROTOCOL.md and the golden vectors say the same. A block of the document
//     ```vector NAME
//     hex, white space ignored
//     ```
// is the vector NAME, and every vector is in the document.
#include <QtTest>

#include "wire/codec.h"
#include "wire/vectors.h"

using namespace kimdb;
using namespace kimdb::wire;

namespace {

using Vectors = QMap<QString, QString>;

Vectors vectorsOfTests() {
    Vectors all;
    for (const RecordVector& v : recordVectors()) all[v.name] = v.hex;
    for (const BatchVector& v : batchVectors()) all[v.name] = v.hex;
    for (const BytesVector& v : changeVectors()) all[v.name] = v.hex;
    return all;
}

Vectors vectorsOfDocument(const QString& text) {
    static const QRegularExpression block("```vector ([a-z-]+)\n([^`]*)```");
    static const QRegularExpression space("\\s");
    Vectors all;
    for (auto blocks = block.globalMatch(text); blocks.hasNext();) {
        const auto match = blocks.next();
        all.insert(match.captured(1), match.captured(2).remove(space));
    }
    return all;
}

}  // namespace

class TestProtocolDocument : public QObject {
    Q_OBJECT
 private slots:
    void changeVectorsAreExact() {
        for (const BytesVector& v : changeVectors())
            QCOMPARE(QString::fromStdString(toHex(v.bytes)), QString(v.hex));
    }

    void itsExamplesAreTheGoldenVectors() {
        const Vectors expected = vectorsOfTests();
        const Vectors found = vectorsOfDocument(text());
        QCOMPARE(found.keys(), expected.keys());
        for (const QString& name : expected.keys())
            QVERIFY2(found[name] == expected[name],
                     qPrintable(name + ":\n" + found[name] + "\n" + expected[name]));
    }

    void itNamesEveryRecordWithItsType() {
        const QString document = text();
        for (const RecordVector& v : recordVectors()) {
            const auto type = static_cast<int>(typeOf(v.record));
            const QString head = QString("`0x%1`").arg(type, 2, 16, QChar('0'));
            QVERIFY2(document.contains(head), qPrintable(head));
        }
    }

 private:
    static QString text() {
        QFile file(KIMDB_PROTOCOL_DOCUMENT);
        if (!file.open(QIODevice::ReadOnly)) qFatal("docs/PROTOCOL.md cannot be read");
        return QString::fromUtf8(file.readAll());
    }
};

QTEST_GUILESS_MAIN(TestProtocolDocument)
#include "tst_protocol_document.moc"
