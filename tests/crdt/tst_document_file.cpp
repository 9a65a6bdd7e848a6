// SPDX-License-Identifier: MIT
// The bytes of document files: golden ones, and what happens to bytes nobody should have written.
#include <QtTest>

#include <numeric>

#include <kimdb/crdt/document_file.h>

#include "core/hash.h"
#include "crdt/allocation.h"
#include "crdt/crowd.h"
#include "crdt/file_chunks.h"
#include "crdt/people.h"
#include "support/scale.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::ChunkReader;
using crdt::ChunkType;
using crdt::ChunkWriter;
using crdt::Compression;
using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Detail;
using crdt::Document;
using crdt::DocumentFile;

namespace {

constexpr ReplicaId kAda = 0x0102030405060708;
constexpr ReplicaId kBob = 0x1112131415161718;
constexpr ChunkType kChunks[] = {ChunkType::Clock,     ChunkType::Tree,     ChunkType::Text,
                                 ChunkType::Sequences, ChunkType::DeadText, ChunkType::Deps};

QByteArray hex(ByteView bytes) {
    return QByteArray(bytes.data(), static_cast<int>(bytes.size())).toHex();
}

// Two people write at the same place, delete, undo, count and set: a bit of everything.
void writeGolden(Person& ada, Person& bob) {
    ada.creates("t", ContainerType::Text);
    ada.types(0, u"one two");
    sync(ada, bob);
    ada.inserts(3, u" é😀");
    bob.inserts(3, u" and");
    sync(ada, bob);
    for (int i = 0; i < 3; ++i) ada.removes(ada.doc.textLength(kText) - 1);
    bob.removes(0, 5);
    bob.undoes();
    bob.puts(kRoot, "key", Value::Object{{"a", Value::Array{1, 2.5, nullptr}}});
    bob.puts(kRoot, "key", "new");
    bob.undoes();
    ada.creates("c", ContainerType::Counter);
    ada.counts(-300);
    sync(ada, bob);
    bob.counts(5);
    bob.drops("c");
    const auto writes = [](Person& who, auto&& what) {
        who.doc.begin();
        what(who.doc);
        who.written.push_back(*who.doc.commit(1));
    };
    writes(bob, [](Document& doc) {
        const auto list = doc.createContainer(kRoot, "l", ContainerType::List);
        doc.insertItems(list, 0, {1, "two", 3});
        doc.moveItem(list, 0, 2);
        doc.insertText(doc.insertContainer(list, 1, ContainerType::Text), 0, u"in");
        doc.addMember(doc.createContainer(kRoot, "s", ContainerType::Set), 7);
    });
    writes(ada, [](Document& doc) {
        doc.mark(kText, 0, 5, "bold", true);
        doc.unmark(kText, 2, 1, "bold");
        doc.setBlock(kText, 0, "heading", 1);
        (void)doc.comment(kText, 1, 2, "why");
    });
    sync(ada, bob);
    ada.written.push_back(ada.doc.expunge(ada.doc.idsOf(kText, 4, 2), 1));
    sync(ada, bob);
}

Document golden() {
    Person ada(kAda), bob(kBob);
    writeGolden(ada, bob);
    return std::move(bob.doc);
}

// What came after the golden document became shallow stands behind its root.
Document goldenShallow() {
    Document doc = *DocumentFile::open(golden().save({Detail::Shallow, true}))->document(kBob);
    doc.begin();
    doc.insertText(kText, 3, u"new");
    doc.removeText(kText, 0, 1);
    doc.moveItem(kList, 0, 1);
    doc.insertItems(kList, 0, {"x"});
    doc.increment(kCounter, 4);
    doc.set(kRoot, "key", 5);
    (void)doc.commit(1);
    return doc;
}

// Memory for a file that is no denser than what people write, and the buffers of zstd.
std::size_t allowed(std::size_t inflated) {
    return 32 * inflated + (512 << 10);
}

std::vector<Bytes> inflatedChunks(ByteView file) {
    std::vector<Bytes> chunks;
    const auto reader = ChunkReader::open(file);
    Bytes text;
    for (const ChunkType type : kChunks) {
        chunks.push_back(*reader->read(type, text));
        if (type == ChunkType::Text) text = chunks.back();
    }
    return chunks;
}

Bytes fileOf(const std::vector<Bytes>& chunks) {
    ChunkWriter writer(Compression::None);
    for (std::size_t i = 0; i < chunks.size(); ++i) writer.add(kChunks[i], chunks[i]);
    return writer.finish();
}

// Opens, reads and, if that went well, uses a file that may hold anything.
bool survives(const Bytes& bytes) {
    const auto file = DocumentFile::open(bytes);
    if (!file) return false;
    (void)file->version();
    (void)file->textUtf8(kText);
    std::size_t inflated = 0;
    for (const Bytes& chunk : inflatedChunks(bytes)) inflated += chunk.size();
    allocation::Peak peak;
    auto doc = file->document(77);
    if (peak.bytes() > allowed(inflated)) QTest::qFail("too much memory", __FILE__, __LINE__);
    if (!doc) return false;
    if (const auto bad = doc->checkInvariants()) QTest::qFail(bad->c_str(), __FILE__, __LINE__);
    Crowd crowd(1, 1);
    (void)crowd.writes(*doc, 5);
    (void)doc->save();
    return true;
}

}  // namespace

class TestDocumentFile : public QObject {
    Q_OBJECT
 private slots:
    void goldenFile() {
        const Document doc = golden();
        QCOMPARE(
            doc.toValue().toJson(),
            std::string("{\"key\":{\"a\":[1,2.5,null]},\"l\":[\"two\",\"in\",3,1],\"s\":[7],\"t"
                        "\":\"one  and \"}"));
        QCOMPARE(
            hex(doc.save({Detail::Full, false})),
            QByteArray(
                "4b696d4442646f630101001f000102080706050403020118171615141312112b2c0301010b0c0912"
                "0101098aceb56e0200d90105016300010c036b657921010901071208010161070303020400000000"
                "0000044000016c04010d0173050115017403000104016304020010d704010a0a01010b020010010a"
                "00016c02050101010e020302011119010001010f05050374776f0001011002030602010e00030112"
                "01730301105dc3fea3890dcf88c183a102d46928d901011602030e01740109030100140105150002"
                "03020402140505037768790004626f6c64020112000202020b021101020013000204020902120007"
                "68656164696e67010514000101021302030201011201020001000a02e242b46f03000b6f6e652020"
                "616e6420696ef87f0a150400460002021804020401010302010d0000000005050508047415170507"
                "030403030407060519090101040a00010108020101050001000a0100000001011801020002011200"
                "0000007ddbc7a5050005000074776f7701708b06001a030c0101080501010a0401011a0301010010"
                "040100060501000aaeaca20600540aa5b8"));
        QCOMPARE(
            hex(doc.save({Detail::Trimmed, false})),
            QByteArray(
                "4b696d4442646f630101001f010102080706050403020118171615141312112b2c0301010b0c0912"
                "01010907ae12160200d90105016300010c036b657921010901071208010161070303020400000000"
                "0000044000016c04010d0173050115017403000104016304020010d704010a0a01010b020010010a"
                "00016c02050101010e020302011119010001010f05050374776f0001011002030602010e00030112"
                "01730301105dc3fea3890dcf88c183a102d46928d901011602030e01740109030100140105150002"
                "03020402140505037768790004626f6c64020112000202020b021101020013000204020902120007"
                "68656164696e67010514000101021302030201011201020001000a02e242b46f03000b6f6e652020"
                "616e6420696ef87f0a150400460002021804020401010302010d0000000005050508047415170507"
                "030403030407060519090101040a00010108020101050001000a0101000001011801020002011200"
                "000100f44e69440500050000000000ae11ccb906001a030c0101080501010a0401011a0301010010"
                "040100060501000aaeaca20600540aa5b8"));
    }

    void goldenShallowFiles() {
        QCOMPARE(
            hex(golden().save({Detail::Shallow, false})),
            QByteArray(
                "4b696d4442646f630101001a020102080706050403020118171615141312112b2c1f2b2c00006169"
                "8c590200cc0104036b6579210109010712080101610703030204000000000000044000016c04010d"
                "017305011501740300010401630400020010010a000000016c02050101010e02030201111f010001"
                "010f05050374776f000301120001011002030602010e01730301105dc3fea3890dcf88c183a102d4"
                "6928d901011602030e0174010903010014010515000203020402140505037768790004626f6c6402"
                "0112000202020b02110102001300020402090212000768656164696e670105140001010213020302"
                "01011201020001000a024e6d35bb03000b6f6e652020616e6420696ef87f0a1504004a0000030310"
                "042803010100010c0101000000000000000100030601071004023002050c05020000000302000101"
                "030000000000000001000000010110010101110000000000000000010079f18712050003000000dd"
                "a9cd680006de6fab"));
        QCOMPARE(
            hex(goldenShallow().save({Detail::Full, false})),
            QByteArray(
                "4b696d4442646f630101001c020102080706050403020118171615141312112a3d1f2b2c00010101"
                "6ca7d73d0200cc0104036b657901011e02030a016c04010d01730501150174030001040163040002"
                "0010010a01011d080000016c02070101010e02030201111f010101010f05050374776f011b240100"
                "0301120001011002030602010e02010f0001011c0305017801730301105dc3fea3890dcf88c183a1"
                "02d46928d901011602030e0174010b03010014010515000203020402140505037768790004626f6c"
                "64020112000202020b02110102001300020402090212000768656164696e67010514000101021302"
                "030201011201020001000a026b67491503000d6e656e65772020616e6420696e7e47822104005900"
                "00030310042803010100010c010102021c0402010102060b02010400000000040601071004023002"
                "050c05020000000302000101030202140502030102061b0101000000000000010110010101110000"
                "000000000000000091bda1440500046f00000084ad5f0506000600011701002a73be36db004bbf09"
                "b8"));
    }

    void compressedFilesOfOlderProgramsOpen() {
        const QByteArray bytes = QByteArray::fromHex(
            "4b696d4442646f63010100100001010807060504030201a5060101017a821c4402000a0001017401"
            "9003000000e16f09f5030114900328b52ffd00005d00001061620200444009910257197e2bc90400"
            "130103030004010490030101029f060000000000fa55bcb2050001783944e30600da4feb91");
        const auto file = DocumentFile::open(Bytes(bytes.data(), bytes.size()));
        QVERIFY(file.ok());
        QCOMPARE(*file->textUtf8(kText), std::string(200, 'a') + std::string(200, 'b'));
        QCOMPARE(file->document()->textUtf8(kText), *file->textUtf8(kText));
    }

    void everyTruncationAndEveryChangedByteIsNoticed() {
        const Document full = golden(), shallow = goldenShallow();
        for (const bool compress : {false, true})
            for (const Document* doc : {&full, &shallow}) {
                const Bytes bytes = doc->save({Detail::Full, compress});
                QVERIFY(survives(bytes));
                for (std::size_t n = 0; n < bytes.size(); ++n)
                    QVERIFY(!survives(bytes.substr(0, n)));
                for (std::size_t i = 0; i < bytes.size(); ++i)
                    for (int change = 1; change < 256; ++change) {
                        Bytes other = bytes;
                        other[i] = static_cast<char>(other[i] ^ change);
                        QVERIFY(!DocumentFile::open(other).ok());
                    }
            }
    }

    // Behind right checksums: what a hostile program may write.
    void strangeChunksAreRefusedOrUsable_data() {
        QTest::addColumn<bool>("shallow");
        QTest::newRow("full") << false;
        QTest::newRow("shallow") << true;
    }

    void strangeChunksAreRefusedOrUsable() {
        QFETCH(bool, shallow);
        const Document doc = shallow ? goldenShallow() : golden();
        std::vector<Bytes> chunks = inflatedChunks(doc.save());
        std::size_t usable = 0;
        for (Bytes& chunk : chunks) {
            const Bytes right = chunk;
            for (std::size_t n = 0; n < right.size(); ++n) {
                chunk = right.substr(0, n);
                usable += survives(fileOf(chunks));
            }
            for (std::size_t i = 0; i < right.size(); ++i)
                for (int change = 1; change < 256; change = shallow ? 2 * change + 1 : change + 1) {
                    chunk = right;
                    chunk[i] = static_cast<char>(chunk[i] ^ change);
                    usable += survives(fileOf(chunks));
                }
            chunk = right;
        }
        QVERIFY(usable > 0);  // a letter may be another
    }

    void seededDamageOfLargerFiles() {
        const std::size_t rounds = scaled(1500);
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
            Crowd crowd(seed, 4);
            crowd.run(300);
            Document doc;
            for (const Change& change : crowd.changes) QVERIFY(doc.receive(change).ok());
            if (seed % 2) {
                QVERIFY(doc.makeShallow().ok());
                doc.setReplica(66);
                (void)crowd.writes(doc, 20);
            }
            const std::vector<Bytes> right = inflatedChunks(doc.save());
            for (std::size_t i = 0; i < rounds / 5; ++i) {
                std::vector<Bytes> chunks = right;
                Bytes& chunk = chunks[crowd.below(chunks.size())];
                for (std::size_t n = 1 + crowd.below(3); n > 0 && !chunk.empty(); --n)
                    chunk[crowd.below(chunk.size())] = static_cast<char>(crowd.random());
                survives(fileOf(chunks));
            }
        }
    }

    void whatAFileClaimsCostsNothing() {
        // A text chunk of 200 MiB in a few bytes, and one that says it is longer than allowed.
        std::vector<Bytes> chunks = inflatedChunks(golden().save());
        ChunkWriter writer(Compression::Zstd);
        writer.add(ChunkType::Clock, chunks[0]);
        writer.add(ChunkType::Tree, chunks[1]);
        const Bytes head = writer.finish().substr(0, 9);
        Bytes file = head;
        const auto add = [&](ChunkType type, std::uint8_t coding, std::uint64_t inflated,
                             const Bytes& bytes) {
            const std::size_t begin = file.size();
            ByteWriter out(file);
            out.u8(static_cast<std::uint8_t>(type));
            out.u8(coding);
            out.varint(bytes.size());
            if (coding) out.varint(inflated);
            out.raw(bytes);
            out.u32(crc32c(ByteView(file).substr(begin)));
        };
        add(ChunkType::Clock, 0, 0, chunks[0]);
        add(ChunkType::Tree, 0, 0, chunks[1]);
        add(ChunkType::Text, 1, 200 << 20, "not a frame of zstd at all");
        const std::uint32_t crc = crc32c(file);
        ByteWriter(file).u8(0);
        ByteWriter(file).u32(crc);
        const auto opened = DocumentFile::open(file);
        QVERIFY(opened.ok());
        allocation::Peak peak;
        QVERIFY(!opened->textUtf8(kText).ok());
        QVERIFY(!opened->document().ok());
        QVERIFY2(peak.bytes() < (1 << 20), qPrintable(QString::number(peak.bytes())));

        file = head;
        add(ChunkType::Clock, 1, std::uint64_t{1} << 40, "x");
        const std::uint32_t end = crc32c(file);
        ByteWriter(file).u8(0);
        ByteWriter(file).u32(end);
        const auto refused = DocumentFile::open(file);
        QVERIFY(!refused.ok());
        QCOMPARE(refused.error().code, ErrorCode::TooLarge);
    }

    // What a file says of characters without text takes memory for those it has bytes for.
    void charactersWithoutTextCostBytes() {
        Document doc(kAda);
        doc.begin();
        doc.insertText(doc.createContainer(kRoot, "t", ContainerType::Text), 0,
                       std::u16string(200'000, u'x'));
        doc.removeText(kText, 1, 199'998);
        (void)doc.commit(1);
        const Bytes file = doc.save({Detail::Trimmed, true});
        QVERIFY2(file.size() < 400, qPrintable(QString::number(file.size())));
        QCOMPARE(DocumentFile::open(file)->document()->textUtf8(kText), std::string("xx"));
        std::vector<Bytes> chunks = inflatedChunks(file);
        QVERIFY(survives(fileOf(chunks)));
        chunks[4].resize(100);
        allocation::Peak peak;
        QVERIFY(!DocumentFile::open(fileOf(chunks))->document().ok());
        QVERIFY2(peak.bytes() < (1 << 20), qPrintable(QString::number(peak.bytes())));
    }

    // Much structure in few bytes.
    void denseFilesTakeBoundedMemory_data() {
        QTest::addColumn<int>("what");
        QTest::addColumn<std::size_t>("per_byte");
        QTest::newRow("runs") << 0 << std::size_t{32};
        QTest::newRow("deletions") << 1 << std::size_t{16};
        QTest::newRow("keys") << 2 << std::size_t{24};
        QTest::newRow("texts") << 3 << std::size_t{128};
        QTest::newRow("maps") << 4 << std::size_t{64};
        QTest::newRow("lists") << 5 << std::size_t{128};
        QTest::newRow("items") << 6 << std::size_t{48};
        QTest::newRow("marks") << 7 << std::size_t{32};
        QTest::newRow("counts") << 8 << std::size_t{16};
        QTest::newRow("stubs") << 9 << std::size_t{48};
    }

    void denseFilesTakeBoundedMemory() {
        QFETCH(int, what);
        QFETCH(std::size_t, per_byte);
        Document doc(kAda);
        doc.setUndoDepth(0);
        const auto text = ContainerId::child(kRoot, "", ContainerType::Text);
        const auto map = ContainerId::child(kRoot, "", ContainerType::Map);
        const auto list = ContainerId::child(kRoot, "", ContainerType::List);
        const auto keyOf = [](int n) {
            return std::string{static_cast<char>('0' + n / 64 % 64),
                               static_cast<char>('0' + n % 64)};
        };
        constexpr int kMany = 4000;
        for (int i = 0; i < kMany; ++i) {
            doc.begin();
            const std::string key = keyOf(i);
            if (what == 0) doc.insertText(text, 0, u"x");
            if (what == 1) doc.insertText(text, 0, u"x");
            if (what == 2) doc.set(map, key, nullptr);
            if (what == 3)
                doc.insertText(ContainerId::child(map, key, ContainerType::Text), 0, u"x");
            if (what == 4) doc.set(ContainerId::child(map, key, ContainerType::Map), "", nullptr);
            if (what == 5)
                doc.insertItems(ContainerId::child(map, key, ContainerType::List), 0, {nullptr});
            if (what == 6) doc.insertItems(list, 0, {nullptr});
            if (what == 7) doc.insertText(text, 0, u"xx");
            if (what == 7) doc.mark(text, 0, 1, "b", nullptr);
            if (what == 8) doc.increment(ContainerId::child(kRoot, "", ContainerType::Counter), 1);
            if (what == 9) doc.insertText(text, 2 * static_cast<std::size_t>(i), u"xx");
            (void)doc.commit(1);
        }
        if (what == 1 || what == 9)
            for (int i = kMany - 1; i > 0; --i) {
                doc.begin();
                const int at = what == 1 ? i * 7 % static_cast<int>(doc.textLength(text)) : 2 * i;
                doc.removeText(text, static_cast<std::size_t>(at), 1);
                (void)doc.commit(1);
            }
        const Detail detail = what == 9 ? Detail::Shallow : Detail::Full;
        const Bytes file = doc.save({detail, false});
        const auto opened = DocumentFile::open(file);
        allocation::Peak peak;
        const auto again = opened->document();
        const std::size_t most = peak.bytes();
        QVERIFY(again.ok());
        QVERIFY2(most <= per_byte * file.size() + (64 << 10),
                 qPrintable(QString("%1 of %2").arg(most).arg(file.size())));
    }

    // Maps at the greatest depth: three bytes of file for a path of 60 keys each.
    void manyContainersInFewBytesAreRefused() {
        Bytes tree, level;
        const auto nest = [](const Bytes& inside, const std::vector<std::uint8_t>& keys) {
            Bytes out;
            ByteWriter writer(out);
            writer.varint(0);  // registers
            writer.varint(keys.size());
            for (const std::uint8_t key : keys) {
                writer.bytes(ByteView(reinterpret_cast<const char*>(&key), 1));
                writer.u8(static_cast<std::uint8_t>(ContainerType::Map));
                writer.raw(inside);
            }
            return out;
        };
        std::vector<std::uint8_t> many(100);
        std::iota(many.begin(), many.end(), std::uint8_t{1});
        level = nest(nest(nest({}, {}), many), many);
        for (int depth = 0; depth < 58; ++depth) level = nest(level, {7});
        tree = level;
        ByteWriter(tree).varint(0);
        ByteWriter(tree).varint(0);
        std::vector<Bytes> chunks = inflatedChunks(Document().save());
        chunks[1] = tree;
        const auto file = DocumentFile::open(fileOf(chunks));
        QVERIFY(file.ok());
        allocation::Peak peak;
        QCOMPARE(file->document().error().code, ErrorCode::TooLarge);
        QVERIFY2(peak.bytes() < 600 * tree.size(),
                 qPrintable(QString("%1 of %2").arg(peak.bytes()).arg(tree.size())));
    }

    void newerFilesAreRefused() {
        Bytes bytes = golden().save();
        bytes[8] = 2;
        QCOMPARE(DocumentFile::open(bytes).error().code, ErrorCode::VersionTooNew);
        ChunkWriter writer(Compression::None);
        writer.add(ChunkType::Clock, inflatedChunks(golden().save())[0]);
        writer.add(static_cast<ChunkType>(50), "needed");
        QCOMPARE(DocumentFile::open(writer.finish()).error().code, ErrorCode::Unsupported);
    }

    void unknownChunksArePassedOn() {
        const std::vector<Bytes> chunks = inflatedChunks(golden().save());
        ChunkWriter writer(Compression::None);
        for (std::size_t i = 0; i < chunks.size(); ++i) writer.add(kChunks[i], chunks[i]);
        writer.add(static_cast<ChunkType>(100), "for as long as the document lives");
        writer.add(static_cast<ChunkType>(200), "for this version");
        const Bytes bytes = writer.finish();
        Document doc = *DocumentFile::open(bytes)->document(5);
        QCOMPARE(hex(doc.save({Detail::Full, false})), hex(bytes));
        doc.begin();
        doc.set(kRoot, "x", 1);
        (void)doc.commit(1);
        const Bytes later = doc.save({Detail::Full, false});
        QVERIFY(later.find("for as long as the document lives") != Bytes::npos);
        QVERIFY(later.find("for this version") == Bytes::npos);
    }

    void anEmptyDocumentHasAFile() {
        const auto file = DocumentFile::open(Document().save());
        QVERIFY(file.ok());
        QVERIFY(file->version()->isEmpty());
        QCOMPARE(*file->textUtf8(kText), std::string());
        QVERIFY(file->document()->toValue() == Document().toValue());
    }

    // What was seen before is not looked at again: a duplicate stays one, the next change is new.
    void aFileKnowsItsChanges() {
        Person ada(kAda), bob(kBob);
        writeGolden(ada, bob);
        Document opened = *DocumentFile::open(ada.doc.save())->document();
        QVERIFY(*opened.receive(ada.written[0]) == crdt::Received::Duplicate);
        ada.inserts(0, u"!");
        QVERIFY(*opened.receive(ada.written.back()) == crdt::Received::Applied);
        QCOMPARE(opened.textUtf8(kText), ada.text());
    }

    // The undo items of a replica keep their text when a file replaces its state.
    void deletedTextIsGoneFromATrimmedFile() {
        Person ada(kAda);
        ada.inserts(0, u"public SECRET text");
        ada.removes(7, 7);
        QVERIFY(ada.doc.save({Detail::Full, false}).find("SECRET") != Bytes::npos);
        QVERIFY(ada.doc.save({Detail::Trimmed, false}).find("SECRET") == Bytes::npos);
        ada.doc.trim();
        QVERIFY(ada.doc.save({Detail::Full, false}).find("SECRET") == Bytes::npos);
        ada.undoes();
        QCOMPARE(ada.text(), std::string("public SECRET text"));
    }
};

QTEST_APPLESS_MAIN(TestDocumentFile)
#include "tst_document_file.moc"
