// SPDX-License-Identifier: MIT
// Golden vectors of docs/STORAGE.md: a changed vector is a format change.
#include "store/batch_codec.h"
#include "store/folder.h"
#include "store/journal_format.h"
#include "store/memtable.h"
#include "store/store_fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using namespace kimdb::store;

namespace {

QByteArray hex(ByteView bytes) {
    return QByteArray(bytes.data(), static_cast<int>(bytes.size())).toHex();
}

LogEntry entry() {
    LogEntry e;
    e.position = 300;
    e.replica = 0x0102030405060708;
    e.first = 5;
    e.count = 2;
    e.received_ms = 1'700'000'000'000;
    e.user = "bob";
    e.flags = 3;
    e.log_hash = Hash16::from("0123456789abcdef");
    e.change = "xyz";
    return e;
}

Batch everyKind() {
    Batch batch;
    batch.append("c/d", entry());
    batch.replace("c/d", entry());
    batch.put("", "k", "v");
    batch.erase("c/d", "k");
    batch.putRecord("r", "k", "v");
    batch.eraseRecord("r", "k");
    return batch;
}

}  // namespace

class TestJournalFormat : public QObject {
    Q_OBJECT
 private slots:
    void aBatchHasOneEncoding() {
        const QByteArray e =
            "03632f64ac020807060504030201050280a0abfef96203626f6203"
            "303132333435363738396162636465660378797a";
        QCOMPARE(hex(encodeBatch(everyKind())), "0601" + e + "02" + e + "0300016b0176" +
                                                    "0403632f64016b" + "050172016b0176" +
                                                    "060172016b");
    }

    void batchesRoundTripAndTruncationsAreErrors() {
        const Bytes bytes = encodeBatch(everyKind());
        auto back = decodeBatch(bytes);
        KIMDB_OK(back);
        QVERIFY(encodeBatch(*back) == bytes);
        for (std::size_t n = 0; n < bytes.size(); ++n)
            QCOMPARE(decodeBatch(ByteView(bytes).substr(0, n)).error().code, ErrorCode::Malformed);
        QCOMPARE(decodeBatch(bytes + "x").error().code, ErrorCode::Malformed);
        QCOMPARE(decodeBatch(Bytes("\x01\x07\x00\x00", 4)).error().code, ErrorCode::Malformed);
    }

    void aSegmentHeaderIsOneBlock() {
        const Bytes block = encodeSegmentHeader(65536);
        QCOMPARE(block.size(), std::size_t{4096});
        QCOMPARE(hex(block.substr(0, kSegmentHeaderBytes)),
                 QByteArray("4b494d4442534547010000000000010000000000c6e335a2"));
        QCOMPARE(block.find_first_not_of('\0', kSegmentHeaderBytes), Bytes::npos);
        KIMDB_OK(checkSegmentHeader(block));
        Bytes newer = block;
        newer[8] = 2;
        QCOMPARE(checkSegmentHeader(newer).error().code, ErrorCode::VersionTooNew);
        Bytes damaged = block;
        damaged[13] ^= 1;
        QCOMPARE(checkSegmentHeader(damaged).error().code, ErrorCode::Malformed);
    }

    void aGroupIsHeaderRecordsAndPadding() {
        const GroupHeader header{.segment = 2, .first = 10, .durable = 9, .cut = 4};
        const Bytes group = encodeGroup(0x1122334455667788, header, {"ab", "", "c"});
        QCOMPARE(group.size(), std::size_t{4096});
        QCOMPARE(hex(group.substr(0, kGroupHeaderBytes)),
                 QByteArray("4b494d444247525002000000000000000a000000000000000900000000000000"
                            "0400000000000000030000001b0000004b35746a"));
        QCOMPARE(hex(group.substr(kGroupHeaderBytes, 27)),
                 QByteArray("020000001d3b6fce61620000000088e61d9101000000018b7a8263"));
        QCOMPARE(group.find_first_not_of('\0', kGroupHeaderBytes + 27), Bytes::npos);
        const auto back = decodeGroupHeader(0x1122334455667788, group);
        QVERIFY(back && back->count == 3 && back->body_bytes == 27 && back->cut == 4);
        QVERIFY(!decodeGroupHeader(0x1122334455667789, group));  // another store's
        const auto records = decodeRecords(0x1122334455667788, *back, group);
        QCOMPARE(records.size(), std::size_t{3});
        QVERIFY(records[2].payload == "c" && records[2].seq == 12);
        QCOMPARE(groupSpanBytes(3, 3), std::size_t{4096});
        QCOMPARE(groupSpanBytes(1, 4096 - 60), std::size_t{4096});
        QCOMPARE(groupSpanBytes(1, 4096 - 59), std::size_t{8192});
    }

    void noDamagedByteOfAGroupIsTakenForData() {
        const GroupHeader header{.segment = 2, .first = 10, .durable = 9, .cut = 4};
        const Bytes group = encodeGroup(1, header, {"ab", "", "c"});
        for (std::size_t i = 0; i < kGroupHeaderBytes + 27; ++i) {
            Bytes damaged = group;
            damaged[i] ^= 0x40;
            const auto read = decodeGroupHeader(1, damaged);
            if (i < kGroupHeaderBytes) {
                QVERIFY(!read);
                continue;
            }
            const auto records = decodeRecords(1, *read, damaged);
            QVERIFY(!records.back().payload);  // the walk ends at the damaged record
            const Bytes good[] = {"ab", "", "c"};
            for (std::size_t n = 0; n + 1 < records.size(); ++n)
                QVERIFY(records[n].payload == good[n]);
        }
    }

    void theFormatFileIsText() {
        FolderFormat format{.version = 1, .shard_count = 8, .store_id = 0xfeedf00d};
        QCOMPARE(encodeFormat(format),
                 Bytes("KimDB store\nversion 1\nshards 8\nid 00000000feedf00d\ncrc32c 5f7199f4\n"));
        QCOMPARE(decodeFormat(encodeFormat(format))->version, 1);
        format.version = 2;
        for (std::uint8_t i = 0; i < 16; ++i) format.epoch.bytes[i] = i;
        QCOMPARE(encodeFormat(format),
                 Bytes("KimDB store\nversion 2\nshards 8\nid 00000000feedf00d\n"
                       "epoch 000102030405060708090a0b0c0d0e0f\ncrc32c e7a6d5bc\n"));
        QVERIFY(decodeFormat(encodeFormat(format))->epoch == format.epoch);
        QCOMPARE(decodeFormat(encodeFormat(format))->store_id, std::uint64_t{0xfeedf00d});
        QCOMPARE(decodeFormat("KimDB store\nversion 3\nanything").error().code,
                 ErrorCode::VersionTooNew);
        const Bytes text = encodeFormat(format);
        for (std::size_t n = 0; n < text.size(); ++n)
            QVERIFY(!decodeFormat(text.substr(0, n)).ok());
    }

    void rowChecksumsAreFixed() {
        QCOMPARE(entryChecksum("c/d", entry()), 2928233285u);
        QCOMPARE(valueChecksum("c/d", "k", "v"), 376978472u);
        QVERIFY(valueChecksum("c", "dk", "v") != valueChecksum("cd", "k", "v"));
    }

    void documentsAndRecordsHaveTheirShard() {
        QCOMPARE(Memtable::shardOfDocument("", 8), 0);
        QCOMPARE(Memtable::shardOfDocument("default/hello", 8), 2);
        QCOMPARE(Memtable::shardOfRecord({"default", "hello"}, 8), 2);
    }
};

QTEST_GUILESS_MAIN(TestJournalFormat)
#include "tst_journal_format.moc"
