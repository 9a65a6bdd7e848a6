// SPDX-License-Identifier: MIT
#include <QtTest>

#include "core/bytes.h"
#include "core/limits.h"
#include "wire/damage.h"
#include "wire/reencode.h"
#include "wire/vectors.h"

using namespace kimdb;
using namespace kimdb::wire;

namespace {

constexpr ReplicaId kAlice = 0x0102030405060708;

Change keystroke(std::uint64_t first, std::int64_t time_ms) {
    Change c;
    c.replica = kAlice;
    c.first = first;
    c.count = 1;
    c.time_ms = time_ms;
    c.structure = "\x01";
    appendLeaf(c.content, "x");
    return c;
}

ErrorCode codeOf(ByteView batch, ReplicaTable table) {
    const auto items = decodeBatch(batch, table, kTimeBase);
    return items.ok() ? ErrorCode::None : items.error().code;
}

ErrorCode codeOf(std::initializer_list<int> batch, std::vector<ReplicaId> known = {kAlice}) {
    Bytes bytes;
    for (const int byte : batch) bytes += static_cast<char>(byte);
    return codeOf(bytes, tableOf(known));
}

}  // namespace

class TestChangeBatch : public QObject {
    Q_OBJECT
 private slots:
    void vectorsAreExact_data() { addVectors(); }
    void vectorsAreExact() {
        const BatchVector v = vector();
        const Bytes bytes = encodeBatch(v);
        QCOMPARE(QString::fromStdString(toHex(bytes)), QString(v.hex));
        ReplicaTable table = tableOf(v.known);
        const auto back = decodeBatch(bytes, table, kTimeBase);
        QVERIFY2(back.ok(), back.ok() ? "" : back.error().message.c_str());
        QVERIFY(*back == v.items);
    }

    void everyTruncationIsAnErrorOrOtherItems_data() { addVectors(); }
    void everyTruncationIsAnErrorOrOtherItems() {
        const BatchVector v = vector();
        forEachTruncation(encodeBatch(v), [&v](ByteView cut) {
            ReplicaTable table = tableOf(v.known);
            const auto back = decodeBatch(cut, table, kTimeBase);
            if (back.ok()) QVERIFY(!(*back == v.items));  // cut between two items
        });
    }

    void everyChangedByteIsAnErrorOrOtherItems_data() { addVectors(); }
    void everyChangedByteIsAnErrorOrOtherItems() {
        const BatchVector v = vector();
        forEachChangedByte(encodeBatch(v), [&v](const Bytes& damaged) {
            ReplicaTable table = tableOf(v.known);
            const auto back = decodeBatch(damaged, table, kTimeBase);
            if (!back.ok()) return;
            QVERIFY(!(*back == v.items) || table.size() != tableOf(v.known).size());
            QVERIFY(reencoded(damaged, *back, table, kTimeBase) == damaged);
        });
    }

    // DESIGN §4. The largest case: 2^21 - 1 as counter and as milliseconds after the base.
    void anOwnKeystrokeTakesTenBytesAtMost() {
        ReplicaTable table = tableOf({kAlice});
        const auto size = [&table](std::vector<BatchItem> items) {
            return encodeItems(items, table, 1, kTimeBase).size();
        };
        constexpr std::uint64_t most = (1 << 21) - 1;
        QCOMPARE(size({keystroke(most, kTimeBase + most)}), std::size_t{10});
        QCOMPARE(size({keystroke(9000, kTimeBase + 600'000)}), std::size_t{9});
        // One more in the same batch.
        QCOMPARE(size({keystroke(9000, kTimeBase), keystroke(9001, kTimeBase + 120)}),
                 size({keystroke(9000, kTimeBase)}) + 4);
        QCOMPARE(size({Mark{kAlice, most, 1}}), std::size_t{5});
    }

    void tablesGrowAndOverlap() {
        ReplicaTable sender;
        ReplicaTable receiver;
        Change other = keystroke(5, kTimeBase);
        other.replica = 77;
        const Bytes first = encodeItems({keystroke(2, kTimeBase)}, sender, 0, kTimeBase);
        const Bytes second = encodeItems({other}, sender, 0, kTimeBase);  // states both ids
        QVERIFY(decodeBatch(first, receiver, kTimeBase).ok());
        QCOMPARE(receiver.size(), std::size_t{1});
        QVERIFY(decodeBatch(second, receiver, kTimeBase).ok());
        QVERIFY(decodeBatch(second, receiver, kTimeBase).ok());
        QCOMPARE(receiver.size(), std::size_t{2});
        QCOMPARE(receiver.at(1), ReplicaId{77});
        ReplicaTable stranger = tableOf({99});
        QCOMPARE(decodeBatch(first, stranger, kTimeBase).error().code, ErrorCode::Malformed);
    }

    void tablesAreChecked() {
        QCOMPARE(codeOf({0x04}), ErrorCode::Malformed);  // builds on two, one is known
        QCOMPARE(codeOf({0x02}), ErrorCode::Malformed);  // says nothing
        QCOMPARE(codeOf({0x03, 0}), ErrorCode::Malformed);
        QCOMPARE(codeOf({0x03, 1, 0, 0, 0, 0, 0, 0, 0, 0}), ErrorCode::Malformed);  // id 0
        QCOMPARE(codeOf({0x03, 1, 8, 7, 6, 5, 4, 3, 2, 1}), ErrorCode::Malformed);  // id twice
        QCOMPARE(codeOf({0x03, 1, 1, 0, 0, 0, 0, 0, 0, 0}), ErrorCode::None);
        QCOMPARE(codeOf({0x03, 0xFF, 0xFF, 0x03, 0}), ErrorCode::Malformed);  // hostile count
    }

    void otherSpellingsAreRefused() {
        QCOMPARE(codeOf({0x02, 0x11, 2, 0, 1, 'x'}), ErrorCode::None);
        QCOMPARE(codeOf({0x02, 0x19, 0, 2, 0, 1, 'x'}), ErrorCode::Malformed);  // implied replica
        QCOMPARE(codeOf({0x02, 0x11, 2, 0, 1, 'x', 0x11, 3, 0, 1, 'x'}),
                 ErrorCode::Malformed);                                         // implied first
        QCOMPARE(codeOf({0x02, 0x31, 2, 1, 0, 1, 'x'}), ErrorCode::Malformed);  // count 1
        QCOMPARE(codeOf({0x02, 0x51, 2, 0, 0, 1, 'x'}), ErrorCode::Malformed);  // no deps
        QCOMPARE(codeOf({0x02, 0x91, 0, 2, 0, 1, 'x'}), ErrorCode::Malformed);  // nothing more
        QCOMPARE(codeOf({0x02, 0x91, 8, 2, 0, 1, 'x'}), ErrorCode::Malformed);  // 0 ms earlier
        QCOMPARE(codeOf({0x02, 0x91, 4, 2, 1, 0, 0, 1, 'x'}), ErrorCode::Malformed);  // edition
        QCOMPARE(codeOf({0x02, 0x91, 3, 2, 0, 1, 'x'}), ErrorCode::Malformed);        // class 3
        QCOMPARE(codeOf({0x02, 0x12, 2, 0, 1, 1, 'x'}), ErrorCode::Malformed);        // a keystroke
        QCOMPARE(codeOf({0x02, 0x14, 2, 0, 1, 1}), ErrorCode::Malformed);  // short and bare
        QCOMPARE(codeOf({0x02, 0x15, 2, 0, 1, 1, 1, 'x'}), ErrorCode::Malformed);
        QCOMPARE(codeOf({0x02, 0x16, 2, 0, 1, 1, 2, 4, 'x'}), ErrorCode::Malformed);
        QCOMPARE(codeOf({0x02, 0x50, 2, 1, 0, 5}), ErrorCode::Malformed);  // mark with deps
        QCOMPARE(codeOf({0x02, 0x90, 1, 2}), ErrorCode::Malformed);        // mark with a class
        QCOMPARE(codeOf({0x02, 0x10, 0}), ErrorCode::Malformed);           // counter 0
    }

    // Encrypted, signed, compressed: the form is a later version's, the end of the item is known.
    void aSealedChangeEndsWhereItSays() {
        for (const int how : {16, 32, 64, 16 | 32 | 64}) {
            ReplicaTable table = tableOf({kAlice});
            Bytes batch{"\x02\x96?\x02\x00\x03\xFF\xFE\xFD\x01\x00\x01y", 13};
            batch[2] = static_cast<char>(how);
            const auto items = decodeBatch(batch, table, kTimeBase);
            QVERIFY2(items.ok(), items.ok() ? "" : items.error().message.c_str());
            QCOMPARE(items->size(), std::size_t{2});
            const auto& sealed = std::get<Sealed>(items->front());
            QCOMPARE(sealed.how, static_cast<std::uint8_t>(how));
        }
    }

    void aSealedChangeHasOneSpelling() {
        QCOMPARE(codeOf({0x02, 0x96, 16, 2, 0, 1, 0xFF}), ErrorCode::None);
        QCOMPARE(codeOf({0x02, 0x97, 32, 2, 0, 1, 0xFF}), ErrorCode::None);  // a signed VOID
        for (const int shape : {1, 2, 3, 4, 5})
            QCOMPARE(codeOf({0x02, 0x90 | shape, 16, 2, 0, 1, 'x'}), ErrorCode::Malformed);
        QCOMPARE(codeOf({0x02, 0x90, 16, 2}), ErrorCode::Malformed);              // a mark
        QCOMPARE(codeOf({0x02, 0x96, 16, 2, 0, 2, 0xFF}), ErrorCode::Malformed);  // cut off
        QCOMPARE(codeOf({0x02, 0x96, 128, 2, 0, 1, 'x'}), ErrorCode::Malformed);  // reserved
    }

    void whatIsNoChangeIsRefused() {
        // The own previous change named as a dep; a time below zero; a counter beyond the last.
        QCOMPARE(codeOf({0x02, 0x51, 2, 1, 0, 1, 0, 1, 'x'}), ErrorCode::Malformed);
        ReplicaTable table = tableOf({kAlice});
        const Bytes earlier = encodeItems({keystroke(2, 5)}, table, 1, 6);
        QVERIFY(decodeBatch(earlier, table, 1).ok());
        QCOMPARE(decodeBatch(earlier, table, 0).error().code, ErrorCode::Malformed);
        const Bytes last = encodeItems({keystroke(limits::kCounterMax, 0)}, table, 1, 0);
        QVERIFY(decodeBatch(last, table, 0).ok());
        QCOMPARE(decodeBatch(last + Bytes("\x01\x00\x01x", 4), table, 0).error().code,
                 ErrorCode::Malformed);
    }

    void aChangeAboveOneMebibyteIsTooLarge() {
        Change big = keystroke(2, kTimeBase);
        const std::size_t others = encodeChange(big).size() + 3;  // longer lengths
        big.content.clear();
        appendLeaf(big.content, Bytes(limits::kChangeBytesMax - others - 1, 'x'));
        ReplicaTable table = tableOf({kAlice});
        while (encodeChange(big).size() < limits::kChangeBytesMax) big.structure += 's';
        QVERIFY(decodeBatch(encodeItems({big}, table, 1, kTimeBase), table, kTimeBase).ok());
        big.structure += 's';
        QCOMPARE(
            decodeBatch(encodeItems({big}, table, 1, kTimeBase), table, kTimeBase).error().code,
            ErrorCode::TooLarge);
    }

    void aFullBatchKeepsTheLimitOfItems() {
        ReplicaTable table = tableOf({kAlice});
        BatchEncoder encoder(table, 1, kTimeBase);
        std::size_t items = 0;
        for (; encoder.bytes() < limits::kChunkBytesMax; ++items)
            encoder.addMark({kAlice, 1 + items, 1});
        QCOMPARE(items, limits::kBatchItemsMax);
        const Bytes full = encoder.finish();
        QCOMPARE(codeOf(full, table), ErrorCode::None);
        QCOMPARE(codeOf(full + '\0', table), ErrorCode::TooLarge);
    }

 private:
    static void addVectors() {
        QTest::addColumn<int>("index");
        int index = 0;
        for (const BatchVector& v : batchVectors()) QTest::newRow(v.name) << index++;
    }
    static BatchVector vector() {
        QFETCH(int, index);
        return batchVectors()[static_cast<std::size_t>(index)];
    }
};

QTEST_GUILESS_MAIN(TestChangeBatch)
#include "tst_change_batch.moc"
