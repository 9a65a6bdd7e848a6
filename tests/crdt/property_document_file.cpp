// SPDX-License-Identifier: MIT
// A file is the state: whoever has it goes on like whoever has the changes. KIMDB_SEED=N repeats
// one history.
#include <QtTest>

#include <kimdb/crdt/document_file.h>

#include "crdt/crowd.h"
#include "crdt/people.h"
#include "support/scale.h"

using namespace kimdb;
using crdt::Detail;
using crdt::Document;
using crdt::DocumentFile;
using test::Crowd;

namespace {

Document documentOf(const std::vector<Change>& changes, std::size_t begin = 0,
                    std::size_t end = SIZE_MAX) {
    Document doc;
    for (std::size_t i = begin; i < std::min(end, changes.size()); ++i)
        if (!doc.receive(changes[i])) qFatal("a change of the crowd was refused");
    return doc;
}

Document reopened(const Document& doc, Detail detail, ReplicaId self = 0) {
    auto file = DocumentFile::open(doc.save({detail, true}));
    if (!file) qFatal("%s", file.error().message.c_str());
    auto again = file->document(self);
    if (!again) qFatal("%s", again.error().message.c_str());
    return std::move(*again);
}

}  // namespace

class PropertyDocumentFile : public QObject {
    Q_OBJECT

    template <class F>
    void forEachCrowd(F&& f) {
        std::uint64_t first = 1;
        std::uint64_t count = kimdb::test::scaled(150);
        if (qEnvironmentVariableIsSet("KIMDB_SEED")) {
            first = qEnvironmentVariable("KIMDB_SEED").toULongLong();
            count = 1;
        }
        for (std::uint64_t seed = first; seed < first + count; ++seed) {
            Crowd crowd(seed, 1 + seed % 5);
            crowd.run(30 + seed % 90);
            f(crowd);
            if (!QTest::currentTestFailed()) continue;
            qWarning("KIMDB_SEED=%llu", static_cast<unsigned long long>(seed));
            return;
        }
    }

 private slots:
    void equalVersionsAreEqualBytes() {
        forEachCrowd([](Crowd& crowd) {
            const Document doc = documentOf(crowd.changes);
            std::vector<Change> shuffled = crowd.changes;
            std::shuffle(shuffled.begin(), shuffled.end(), crowd.random);
            const Document other = documentOf(shuffled);
            QCOMPARE(other.save({Detail::Full, false}), doc.save({Detail::Full, false}));
            QCOMPARE(other.save({Detail::Trimmed, true}), doc.save({Detail::Trimmed, true}));
        });
    }

    void aFileIsTheDocument() {
        forEachCrowd([](Crowd& crowd) {
            const Document doc = documentOf(crowd.changes);
            const Bytes bytes = doc.save();
            const auto file = DocumentFile::open(bytes);
            QVERIFY(file.ok());
            QCOMPARE(*file->version(), doc.clock());
            for (const char* key : {"t", "n", "none"}) {
                const auto text = crdt::ContainerId::child(crdt::ContainerId::root(), key,
                                                           crdt::ContainerType::Text);
                QCOMPARE(*file->textUtf8(text), doc.textUtf8(text));
            }
            const auto again = file->document();
            QVERIFY2(again.ok(), again.ok() ? "" : again.error().message.c_str());
            QVERIFY(again->toValue() == doc.toValue());
            QVERIFY(again->spans(test::kText) == doc.spans(test::kText));
            QCOMPARE(again->heads(), doc.heads());
            QCOMPARE(again->save(), bytes);
            const auto bad = again->checkInvariants();
            QVERIFY2(!bad, bad ? bad->c_str() : "");
        });
    }

    // The rest of the history arrives after the file was opened.
    void aFileGoesOnLikeTheDocument() {
        forEachCrowd([](Crowd& crowd) {
            const std::size_t middle = crowd.below(crowd.changes.size() + 1);
            const Document all = documentOf(crowd.changes);
            for (const Detail detail : {Detail::Full, Detail::Trimmed}) {
                Document later = reopened(documentOf(crowd.changes, 0, middle), detail);
                QCOMPARE(later.detail(), detail);
                for (std::size_t i = middle; i < crowd.changes.size(); ++i)
                    QVERIFY(later.receive(crowd.changes[i]).ok());
                QVERIFY(later.toValue() == all.toValue());
                QVERIFY(later.spans(test::kText) == all.spans(test::kText));
                QVERIFY(later.reports() == all.reports());
                QCOMPARE(later.save({detail, true}), all.save({detail, true}));
                const auto bad = later.checkInvariants();
                QVERIFY2(!bad, bad ? bad->c_str() : "");
            }
        });
    }

    // Who writes into an opened file, undoes and redoes there, is understood by all others.
    void editsOfAFileReachTheOthers() {
        forEachCrowd([](Crowd& crowd) {
            Document original = documentOf(crowd.changes);
            for (const Detail detail : {Detail::Full, Detail::Trimmed}) {
                Document opened = reopened(original, detail, detail == Detail::Full ? 901 : 902);
                for (const Change& change : crowd.writes(opened, 12))
                    QVERIFY(original.receive(change).ok());
                QVERIFY(original.toValue() == opened.toValue());
                QVERIFY(original.reports().empty());
            }
        });
    }

    // Trimming in the middle of a session: undo brings text back, here and elsewhere.
    void trimmingLosesNothingThatUndoCanShow() {
        forEachCrowd([](Crowd& crowd) {
            Document writer(903);
            Document reader;
            std::vector<Change> written;
            for (int i = 0; i < 6; ++i) {
                for (const Change& change : crowd.writes(writer, 6)) {
                    QVERIFY(reader.receive(change).ok());
                    written.push_back(change);
                }
                QVERIFY(reader.toValue() == writer.toValue());
                crowd.below(2) ? writer.trim() : reader.trim();
                QVERIFY(reader.toValue() == writer.toValue());
                const auto bad =
                    crowd.below(2) ? writer.checkInvariants() : reader.checkInvariants();
                QVERIFY2(!bad, bad ? bad->c_str() : "");
            }
            QVERIFY(documentOf(written).toValue() == writer.toValue());
            QCOMPARE(reader.save({Detail::Trimmed, true}), writer.save({Detail::Trimmed, true}));
        });
    }
};

QTEST_APPLESS_MAIN(PropertyDocumentFile)
#include "property_document_file.moc"
