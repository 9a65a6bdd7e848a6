// SPDX-License-Identifier: MIT
// Deltas in and out against a naive text of cells. KIMDB_SEED=N replays one seed.
#include <QtTest>

#include <kimdb/crdt/delta.h>

#include "crdt/people.h"
#include "crdt/plain_delta.h"
#include "support/seeds.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::Document;

namespace {

#define SAME(seed, actual, wanted)                                          \
    QVERIFY2((actual) == (wanted),                                          \
             qPrintable(QString("KIMDB_SEED=%1\n%2\n%3")                    \
                            .arg(seed)                                      \
                            .arg(QString::fromStdString((actual).toJson())) \
                            .arg(QString::fromStdString((wanted).toJson()))))

// Two who edit one text with Deltas; each has an editor that only hears of events.
struct Writer {
    explicit Writer(ReplicaId id) : doc(id) {
        doc.setCaptureInterval(0);
        doc.onEvent([this](const std::vector<crdt::Event>& events) {
            for (const crdt::Event& event : events)
                if (event.container == kText) editor.apply(crdt::toDelta(doc, event));
        });
    }
    void keep(const std::optional<Change>& change) {
        if (change) written.push_back(*change);
    }
    Document doc;
    PlainDelta editor;
    std::vector<Change> written;
};

}  // namespace

class PropertyDelta : public QObject {
    Q_OBJECT
    const Seeds m_seeds{400};

 private slots:
    void aWholeTextComesOutAsItWentIn() {
        for (std::uint64_t seed = m_seeds.first; seed <= m_seeds.last; ++seed) {
            DeltaSource source(seed);
            Document doc(1);
            for (int again = 0; again < 3; ++again) {
                const Value delta = source.document();
                doc.begin();
                QVERIFY(crdt::setDelta(doc, kText, delta).ok());
                (void)doc.commit(1);
                SAME(seed, crdt::toDelta(doc, kText), delta);
                QVERIFY(!doc.checkInvariants());
                // Through JSON, as it comes from an editor.
                SAME(seed, *Value::fromJson(delta.toJson()), delta);
            }
        }
    }

    void aChangeDoesWhatItDoesToAPlainText() {
        for (std::uint64_t seed = m_seeds.first; seed <= m_seeds.last; ++seed) {
            DeltaSource source(seed);
            Document doc(1);
            PlainDelta plain;
            for (int step = 0; step < 20; ++step) {
                const Value change = source.change(plain);
                plain.apply(change);
                doc.begin();
                QVERIFY2(crdt::applyDelta(doc, kText, change).ok(),
                         qPrintable(QString::number(seed)));
                (void)doc.commit(1);
                SAME(seed, crdt::toDelta(doc, kText), plain.delta());
            }
            while (doc.canUndo()) (void)doc.undo(1);
            SAME(seed, crdt::toDelta(doc, kText), PlainDelta().delta());
        }
    }

    void anEditorThatHearsOfEventsShowsTheText() {
        for (std::uint64_t seed = m_seeds.first; seed <= m_seeds.last; ++seed) {
            DeltaSource source(seed);
            Writer a(1), b(2);
            for (int step = 0; step < 30; ++step) {
                Writer& writer = source.below(2) ? a : b;
                Writer& other = &writer == &a ? b : a;
                switch (source.below(7)) {
                    case 0:
                        writer.keep(writer.doc.undo(1));
                        break;
                    case 1:
                        writer.keep(writer.doc.redo(1));
                        break;
                    case 2:
                        QVERIFY(writer.doc.receiveAll(other.written).ok());
                        break;
                    case 3: {
                        writer.doc.begin();
                        const std::size_t length = writer.doc.textLength(kText);
                        writer.doc.comment(kText, source.below(length + 1), 3, "why");
                        writer.keep(writer.doc.commit(1));
                        break;
                    }
                    default: {
                        writer.doc.begin();
                        QVERIFY(
                            crdt::applyDelta(writer.doc, kText, source.change(writer.editor)).ok());
                        writer.keep(writer.doc.commit(1));
                    }
                }
                SAME(seed, writer.editor.delta(), crdt::toDelta(writer.doc, kText));
            }
            QVERIFY(a.doc.receiveAll(b.written).ok());
            QVERIFY(b.doc.receiveAll(a.written).ok());
            SAME(seed, a.editor.delta(), crdt::toDelta(a.doc, kText));
            SAME(seed, b.editor.delta(), a.editor.delta());
        }
    }
};

QTEST_APPLESS_MAIN(PropertyDelta)
#include "property_delta.moc"
