// SPDX-License-Identifier: MIT
#include <QtTest>

#include <set>

#include "core/bytes.h"
#include "core/limits.h"
#include "wire/codec.h"
#include "wire/damage.h"
#include "wire/vectors.h"

using namespace kimdb;
using namespace kimdb::wire;

namespace {

Bytes frame(std::uint8_t type, ByteView body) {
    Bytes message;
    ByteWriter(message).bytes(static_cast<char>(type) + Bytes(body));
    return message;
}

ErrorCode codeOf(ByteView message) {
    const auto records = decodeMessage(message);
    return records.ok() ? ErrorCode::None : records.error().code;
}

bool refused(const Record& record, Bytes (*damage)(Bytes)) {
    return codeOf(damage(encodeMessage(record))) == ErrorCode::Malformed;
}

}  // namespace

class TestRecords : public QObject {
    Q_OBJECT
 private slots:
    void everyRecordHasAVector() {
        std::set<RecordType> types;
        for (const RecordVector& v : recordVectors()) types.insert(typeOf(v.record));
        QCOMPARE(types.size(), std::variant_size_v<Record>);
    }

    void vectorsAreExact_data() { addVectors(); }
    void vectorsAreExact() {
        const RecordVector v = vector();
        QCOMPARE(QString::fromStdString(toHex(encodeMessage(v.record))), QString(v.hex));
        const auto back = decodeMessage(encodeMessage(v.record));
        QVERIFY2(back.ok(), back.ok() ? "" : back.error().message.c_str());
        QVERIFY(*back == std::vector{v.record});
    }

    void everyTruncationIsATypedError_data() { addVectors(); }
    void everyTruncationIsATypedError() {
        forEachTruncation(encodeMessage(vector().record),
                          [](ByteView cut) { QCOMPARE(codeOf(cut), ErrorCode::Malformed); });
    }

    // Also with the length set right, so that the body's own checks are reached.
    void everyCutBodyIsAnErrorOrAnotherRecord_data() { addVectors(); }
    void everyCutBodyIsAnErrorOrAnotherRecord() {
        const Record record = vector().record;
        const Bytes message = encodeMessage(record);
        ByteReader reader(message);
        const Bytes content(reader.bytes(message.size()));
        forEachTruncation(content, [&record](ByteView cut) {
            Bytes message_of_cut;
            ByteWriter(message_of_cut).bytes(cut);
            const auto back = decodeMessage(message_of_cut);
            if (back.ok()) QVERIFY(!(back->front() == record));
        });
    }

    void everyChangedByteIsAnErrorOrAnotherRecord_data() { addVectors(); }
    void everyChangedByteIsAnErrorOrAnotherRecord() {
        const Record record = vector().record;
        forEachChangedByte(encodeMessage(record), [&record](const Bytes& damaged) {
            const auto back = decodeMessage(damaged);
            if (!back.ok()) return;
            QVERIFY(back->size() != 1 || !(back->front() == record));
            Bytes again;
            for (const Record& r : *back) appendRecord(again, r);
            if (back->size() == 1) QVERIFY(again == damaged);  // one encoding per record
        });
    }

    void bytesBehindABodyAreRefused_data() { addVectors(); }
    void bytesBehindABodyAreRefused() {
        const RecordVector v = vector();
        const std::set<RecordType> open{RecordType::Push, RecordType::Chunk, RecordType::Ops,
                                        RecordType::Presence};
        const Bytes message = encodeMessage(v.record);
        ByteReader reader(message);
        Bytes longer;
        ByteWriter(longer).bytes(Bytes(reader.bytes(message.size())) + '\0');
        QCOMPARE(codeOf(longer) == ErrorCode::None, open.count(typeOf(v.record)) == 1);
    }

    void aMessageMayHoldManyRecords() {
        Bytes message;
        std::vector<Record> records;
        for (const RecordVector& v : recordVectors()) {
            appendRecord(message, v.record);
            records.push_back(v.record);
        }
        QVERIFY(*decodeMessage(message) == records);
    }

    void unknownTypesWithTheHighBitAreSkipped() {
        const Bytes message = frame(0x80, "future") + encodeMessage(Ping{1}) + frame(0xFF, "");
        QVERIFY(*decodeMessage(message) == std::vector<Record>{Ping{1}});
        QVERIFY(decodeMessage(frame(0x80, ""))->empty());
    }

    void otherUnknownTypesAreMalformed() {
        std::set<int> known;
        for (const RecordVector& v : recordVectors())
            known.insert(static_cast<int>(typeOf(v.record)));
        for (int type = 0; type < 0x80; ++type)
            if (!known.count(type))
                QCOMPARE(codeOf(frame(static_cast<std::uint8_t>(type), "")), ErrorCode::Malformed);
    }

    void framesAreChecked() {
        QCOMPARE(codeOf(""), ErrorCode::Malformed);
        QCOMPARE(codeOf(Bytes(1, '\0')), ErrorCode::Malformed);  // a record without a type
        QCOMPARE(codeOf(Bytes("\x82\x00\x04\x02", 4)), ErrorCode::Malformed);  // long varint
        QCOMPARE(codeOf(frame(0x80, Bytes(limits::kMessageBytesMax, 'x'))), ErrorCode::TooLarge);
        Bytes many;
        for (std::size_t i = 0; i < limits::kMessageRecordsMax; ++i) appendRecord(many, Unsub{2});
        QCOMPARE(decodeMessage(many)->size(), limits::kMessageRecordsMax);
        appendRecord(many, Unsub{2});
        QCOMPARE(codeOf(many), ErrorCode::TooLarge);
    }

    void fieldsAreChecked() {
        const auto last = [](char byte) { return [byte](Bytes m) { return m.back() = byte, m; }; };
        QCOMPARE(codeOf(last(2)(encodeMessage(Welcome{}))), ErrorCode::Malformed);      // boolean
        QCOMPARE(codeOf(last(0x10)(encodeMessage(Perm{2, 0}))), ErrorCode::Malformed);  // bits
        QCOMPARE(codeOf(last(4)(encodeMessage(Ack{2, 1, 1, 0}))), ErrorCode::Malformed);
        Sub sub;
        sub.name = "x";
        QVERIFY(refused(sub, [](Bytes m) { return m[3] = 2, m; }));  // kind
        SubOk ok;
        ok.plan = Plan::Denied;
        QVERIFY(refused(ok, [](Bytes m) { return m[m.size() - 3] = 6, m; }));  // plan
        const ErrorRecord error{4009, false, 0, 0, "\xC3\xA9"};
        QVERIFY(refused(error, [](Bytes m) { return m.back() = 'x', m; }));  // UTF-8
        QVERIFY(refused(error, [](Bytes m) { return m[5] = 2, m; }));        // alias without flag
        const Hello hello{1, 1, 0, 1, 0, "", ""};
        QVERIFY(refused(hello, [](Bytes m) { return m[2] = 2, m; }));  // versions 2 to 1
        QVERIFY(refused(hello, [](Bytes m) { return m[2] = 0, m; }));
        QVERIFY(refused(hello, [](Bytes m) { return m[5] = 0, m; }));  // replica id 0
        const Labels labels{2, {{"a", ""}, {"b", ""}}};
        QVERIFY(refused(labels, [](Bytes m) { return m[8] = 'a', m; }));              // a key twice
        QVERIFY(refused(Ops{2, 5, 6, {}, ""}, [](Bytes m) { return m[4] = 4, m; }));  // last < prev
        const Bytes above("\x0A\x1B\x02\x80\x80\x80\x80\x80\x80\x80\x10", 11);        // 2^53
        QCOMPARE(codeOf(above), ErrorCode::Malformed);
    }

 private:
    static void addVectors() {
        QTest::addColumn<int>("index");
        int index = 0;
        for (const RecordVector& v : recordVectors()) QTest::newRow(v.name) << index++;
    }
    static RecordVector vector() {
        QFETCH(int, index);
        return recordVectors()[static_cast<std::size_t>(index)];
    }
};

QTEST_GUILESS_MAIN(TestRecords)
#include "tst_records.moc"
