// SPDX-License-Identifier: MIT
// Undo stacks in document files: what could be undone before can be undone after, by its author,
// and whatever such a file holds, an undo writes what others understand.
#include <QtTest>

#include <kimdb/crdt/document_file.h>

#include "crdt/crowd.h"
#include "crdt/file_chunks.h"
#include "crdt/people.h"
#include "crdt/three.h"
#include "support/scale.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::ChunkReader;
using crdt::ChunkType;
using crdt::ChunkWriter;
using crdt::Compression;
using crdt::ContainerType;
using crdt::Cursor;
using crdt::Detail;
using crdt::Document;
using crdt::DocumentFile;

namespace {

constexpr ReplicaId kWriter = 903;

Document reopened(const Document& doc, Detail detail, ReplicaId self) {
    const auto file = DocumentFile::open(doc.save({detail, false, true}));
    if (!file) qFatal("%s", file.error().message.c_str());
    auto again = file->document(self);
    if (!again) qFatal("%s", again.error().message.c_str());
    return std::move(*again);
}

QByteArray hex(ByteView bytes) {
    return QByteArray(bytes.data(), static_cast<int>(bytes.size())).toHex();
}

// One step of every kind.
Document written() {
    Document doc(kWriter);
    doc.setCaptureInterval(0);
    const auto does = [&](auto&& what) {
        doc.begin();
        what();
        (void)doc.commit(1);
    };
    does([&] {
        doc.insertText(doc.createContainer(kRoot, "t", ContainerType::Text), 0, u"one two");
        doc.setSelection(crdt::Selection{kText, doc.cursorAt(kText, 3, Cursor::Side::After),
                                         doc.cursorAt(kText, 7, Cursor::Side::After)});
    });
    does([&] { doc.removeText(kText, 0, 4); });
    does([&] { doc.mark(kText, 0, 2, "bold", true); });
    does([&] {
        doc.insertItems(doc.createContainer(kRoot, "l", ContainerType::List), 0, {1, "two", 3});
    });
    does([&] { doc.moveItem(kList, 0, 2); });
    does([&] { doc.setItem(kList, 0, 2.5); });
    does([&] { doc.addMember(doc.createContainer(kRoot, "s", ContainerType::Set), "member"); });
    does([&] { doc.increment(doc.createContainer(kRoot, "c", ContainerType::Counter), 5); });
    does([&] { doc.remove(kRoot, "s"); });
    (void)doc.undo(1);
    return doc;
}

ByteView undoOf(const ChunkReader& chunks, Bytes& kept) {
    kept = *chunks.read(ChunkType::Undo);
    return kept;
}

// The file with other undo stacks, behind right checksums.
Bytes withUndo(const Bytes& file, ByteView undo) {
    const auto chunks = ChunkReader::open(file);
    ChunkWriter out(Compression::None);
    for (const ChunkType type : {ChunkType::Clock, ChunkType::Tree, ChunkType::Text,
                                 ChunkType::Sequences, ChunkType::DeadText, ChunkType::Deps})
        out.add(type, *chunks->read(type));
    out.add(ChunkType::Undo, undo);
    return out.finish();
}

}  // namespace

class TestUndoFile : public QObject {
    Q_OBJECT
 private slots:
    void goldenUndoStacks() {
        const Bytes file = written().save({Detail::Full, false, true});
        Bytes kept;
        QCOMPARE(
            hex(undoOf(*ChunkReader::open(file), kept)),
            QByteArray(
                "8703000000000000080202010001740000030201010402017401010206076f6e652074776f000104"
                "020174010a048703000000000000040a0487030000000000000801000402017401010900046f6e65"
                "200104020174010a048703000000000000040a048703000000000000080104020174010a04870300"
                "0000000000040a04870300000000000008010404020174010004626f6c6401000206000208000001"
                "020a01020104020174010a048703000000000000040a048703000000000000080104020174010a04"
                "8703000000000000040a0487030000000000000802020100016c000004020b010402016c02010c02"
                "000104020174010a048703000000000000040a048703000000000000080104020174010a04870300"
                "0000000000040a0487030000000000000801030402016c02000c000c000f0104020174010a048703"
                "000000000000040a048703000000000000080104020174010a048703000000000000040a04870300"
                "00000000000801020402016c02000d01020d05050374776f01021009040000000000000440010402"
                "0174010a048703000000000000040a048703000000000000080104020174010a0487030000000000"
                "00040a048703000000000000080202010001730000050211020402017303101723f7cd66452110d6"
                "a6edc56d2e303100000102120805066d656d6265720104020174010a048703000000000000040a04"
                "8703000000000000080104020174010a048703000000000000040a04870300000000000008020201"
                "0001630000060213010402016304011400000104020174010a048703000000000000040a04870300"
                "0000000000080104020174010a048703000000000000040a04870300000000000008010202040201"
                "7303101723f7cd66452110d6a6edc56d2e30310102120805066d656d626572000215020100017305"
                "02110002160104020174010a048703000000000000040a048703000000000000080104020174010a"
                "048703000000000000040a04870300000000000008"));
    }

    void stacksOfAnotherAreNotTaken() {
        const Document doc = written();
        QVERIFY(reopened(doc, Detail::Full, kWriter).canUndo());
        QVERIFY(!reopened(doc, Detail::Full, 5).canUndo());
        QVERIFY(!DocumentFile::open(doc.save())->document(kWriter)->canUndo());
    }

    void selectionsComeBack() {
        Document doc = reopened(written(), Detail::Full, kWriter);
        while (doc.canUndo()) (void)doc.undo(1);
        (void)doc.redo(1);
        QVERIFY(doc.restoredSelection().has_value());
        QCOMPARE(*doc.locate(kText, doc.restoredSelection()->anchor), 3u);
    }

    // The very same changes as without the file.
    void undoAfterOpeningIsUndoBefore() {
        for (std::uint64_t seed = 1; seed <= scaled(150); ++seed) {
            Crowd crowd(seed, 3);
            crowd.run(seed % 40);
            Document doc(kWriter);
            for (const Change& change : crowd.changes) QVERIFY(doc.receive(change).ok());
            doc.setCaptureInterval(seed % 2 ? 500 : 0);
            (void)crowd.writes(doc, 20);
            for (const Detail detail : {Detail::Full, Detail::Trimmed}) {
                Document again = reopened(doc, detail, kWriter);
                Document original = reopened(doc, Detail::Full, kWriter);
                for (int i = 0; i < 40; ++i) {
                    const bool back = crowd.below(3) > 0;
                    QCOMPARE(again.canUndo(), original.canUndo());
                    QCOMPARE(again.canRedo(), original.canRedo());
                    const auto one = back ? again.undo(1) : again.redo(1);
                    const auto other = back ? original.undo(1) : original.redo(1);
                    QVERIFY2(one == other, qPrintable(QString("seed %1").arg(seed)));
                }
                QVERIFY(again.toValue() == original.toValue());
            }
            while (doc.canUndo()) (void)doc.undo(1);
            Document again = reopened(doc, Detail::Full, kWriter);
            while (doc.canRedo()) QVERIFY(doc.redo(1) == again.redo(1));
        }
    }

    void undoOfAShallowFileReachesTheOthers() {
        std::size_t undone = 0;
        for (std::uint64_t seed = 1; seed <= scaled(100); ++seed) {
            Crowd crowd(seed, 2);
            Document doc(kWriter);
            doc.setCaptureInterval(0);
            (void)crowd.writes(doc, 25);
            Document shallow = reopened(doc, Detail::Shallow, kWriter);
            Document reader = reopened(doc, Detail::Full, 5);
            while (shallow.canUndo())
                if (const auto change = shallow.undo(1)) {
                    QVERIFY(reader.receive(*change).ok());
                    ++undone;
                }
            QVERIFY2(reader.toValue() == shallow.toValue(),
                     qPrintable(QString("seed %1").arg(seed)));
            QVERIFY(reader.reports().empty());
        }
        QVERIFY(undone > 0);
    }

    // Damaged stacks are refused, or what they undo is something their author might have written.
    void strangeStacksAreRefusedOrUndoable() {
        const Document doc = written();
        const Bytes file = doc.save({Detail::Full, false, true});
        Bytes right;
        (void)undoOf(*ChunkReader::open(file), right);
        std::size_t usable = 0;
        const auto tries = [&](const Bytes& undo) {
            const auto opened = DocumentFile::open(withUndo(file, undo));
            QVERIFY(opened.ok());
            auto again = opened->document(kWriter);
            if (!again) return;
            ++usable;
            Document reader = reopened(doc, Detail::Full, 5);
            for (int i = 0; i < 20; ++i)
                if (const auto change = i < 12 ? again->undo(1) : again->redo(1)) {
                    QVERIFY(decodeChange(encodeChange(*change)).ok());
                    QVERIFY(reader.receive(*change).ok());
                }
            QVERIFY2(reader.reports().empty(),
                     reader.reports().empty() ? "" : reader.reports()[0].c_str());
            QVERIFY(reader.toValue() == again->toValue());
            QVERIFY(!again->checkInvariants());
        };
        tries(right);
        QCOMPARE(usable, 1u);
        for (std::size_t n = 1; n < right.size(); ++n) tries(right.substr(0, n));
        QCOMPARE(usable, 1u);
        for (std::size_t i = 0; i < right.size(); ++i)
            for (int change = 1; change < 256; change = 2 * change + 1) {
                Bytes other = right;
                other[i] = static_cast<char>(other[i] ^ change);
                tries(other);
                if (QTest::currentTestFailed()) {
                    qWarning("byte %zu ^ %d", i, change);
                    return;
                }
            }
        QVERIFY(usable > 1);
    }

    // In no file of any kind, not in changes, not in undo stacks; and no undo brings it back.
    void expungedTextIsInNoByteThatIsKept() {
        Three t(u"keep ");
        t.a.inserts(5, u"SECRET");
        t.meet();
        const std::vector<crdt::IdRun> secret = t.c.doc.idsOf(kText, 5, 6);
        t.b.removes(5, 6);
        t.meet();
        t.b.undoes();
        t.b.redoes();
        t.meet();
        const auto isKept = [](const Bytes& bytes) { return bytes.find("SECRET") != Bytes::npos; };
        QVERIFY(isKept(t.b.doc.save({Detail::Full, false})));
        QVERIFY(!isKept(t.b.doc.save({Detail::Shallow, false, true})));
        QVERIFY(isKept(t.b.doc.save({Detail::Trimmed, false, true})));  // to undo the deletion
        t.c.written.push_back(t.c.doc.expunge(secret, 1));
        t.meet();
        for (const Person* p : {&t.a, &t.b, &t.c})
            for (const Detail detail : {Detail::Full, Detail::Trimmed, Detail::Shallow}) {
                QVERIFY(!isKept(p->doc.save({detail, false, true})));
                Document again = reopened(p->doc, detail, p->doc.replica());
                while (again.canUndo()) (void)again.undo(1);
                QVERIFY(again.textUtf8(kText).find('S') == std::string::npos);
                while (again.canRedo()) (void)again.redo(1);
                QVERIFY(again.textUtf8(kText).find('S') == std::string::npos);
            }
        for (const Person* p : {&t.a, &t.b, &t.c})
            for (const Change& change : p->written)
                QVERIFY(!isKept(encodeChange(*t.c.doc.withoutExpunged(change, Bytes(16, '\0')))));
    }
};

QTEST_APPLESS_MAIN(TestUndoFile)
#include "tst_undo_file.moc"
