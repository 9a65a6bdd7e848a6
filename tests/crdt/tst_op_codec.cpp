// SPDX-License-Identifier: MIT
// The bytes of operations: golden vectors, and what happens to bytes nobody should have sent.
#include <QtTest>

#include <random>

#include <kimdb/crdt/document.h>
#include <kimdb/crdt/presence.h>

#include "crdt/allocation.h"
#include "crdt/golden_changes.h"
#include "crdt/op_codec.h"
#include "crdt/people.h"
#include "support/scale.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Document;

namespace {

constexpr ReplicaId kNobody = 0xDEAD'0000'0000'0001;

QByteArray hex(ByteView bytes) {
    return QByteArray(bytes.data(), static_cast<int>(bytes.size())).toHex();
}

// A change of replica 7 with this structure and content, after nothing.
Change handmade(std::uint64_t count, const Bytes& structure, const Bytes& content = {}) {
    Change change;
    change.replica = 7;
    change.first = 1;
    change.count = count;
    change.structure = structure;
    change.content = content;
    change.salt_key = SaltKey{};
    return change;
}

Bytes leaf(ByteView bytes) {
    Bytes content;
    appendLeaf(content, bytes);
    return content;
}

// What decoding may take: 16 times the input and 64 KiB.
std::size_t allowed(std::size_t input) {
    return 16 * input + (64 << 10);
}

// What the engine writes and what the writer can write.
std::vector<GoldenChange> allGolden() {
    std::vector<GoldenChange> all = goldenChanges();
    for (GoldenChange& form : goldenForms()) all.push_back(std::move(form));
    return all;
}

// Everything that reads a change, on bytes that may be anything.
void readAll(ByteView bytes) {
    allocation::Peak peak;
    const Result<Change> change = decodeChange(bytes);
    if (!change) return;
    (void)crdt::references(*change);
    QVERIFY2(peak.bytes() <= allowed(bytes.size()), qPrintable(QString::number(peak.bytes())));
    (void)crdt::containerUse(*change);
    (void)crdt::renamed(*change, change->replica, change->first, 12345);
    // Nothing has two encodings: what is read and written again is the same.
    const Result<Change> same = crdt::renamed(*change, kNobody, 1, kNobody + 1);
    if (same) QCOMPARE(hex(same->structure), hex(change->structure));
}

std::vector<Bytes> variants(const Bytes& bytes) {
    std::vector<Bytes> out;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            out.push_back(bytes);
            out.back()[i] = static_cast<char>(out.back()[i] ^ 1 << bit);
        }
    return out;
}

// Two replicas that receive the same changes in opposite order, one of them strange, end alike.
// Returns false when the strange one claims counters that others have too: first come, first
// served.
bool meetsStrange(const std::vector<GoldenChange>& golden, std::size_t n, const Change& strange) {
    std::vector<Change> all;
    for (const GoldenChange& g : golden) all.push_back(g.change);
    all[n] = strange;
    Document forward, backward;
    bool clash = false;
    for (const Change& change : all) clash |= !forward.receive(change);
    for (auto change = all.rbegin(); change != all.rend(); ++change)
        clash |= !backward.receive(*change);
    const auto bad = forward.checkInvariants();
    if (bad) QTest::qFail(bad->c_str(), __FILE__, __LINE__);
    if (clash || forward.version() != backward.version()) return false;
    if (forward.toValue() != backward.toValue()) QTest::qFail("differ", __FILE__, __LINE__);
    return true;
}

}  // namespace

class TestOpCodec : public QObject {
    Q_OBJECT
 private slots:
    void goldenVectors() {
        for (const GoldenChange& golden : allGolden()) {
            QCOMPARE(hex(golden.change.structure), QByteArray(golden.structure));
            QCOMPARE(hex(golden.change.content), QByteArray(golden.content));
        }
    }

    void aKeystrokeIsOneByteOfStructure() {
        Person a(1);
        a.types(0, u"ab");
        QCOMPARE(a.written[1].structure, Bytes("\x10"));
        QVERIFY(encodeChange(a.written[1]).size() <= 32);
    }

    void writingWhatWasReadGivesTheSameBytes() {
        for (const GoldenChange& golden : allGolden()) {
            const Result<Change> same = crdt::renamed(golden.change, kNobody, 1, kNobody + 1);
            QVERIFY2(same.ok(), golden.name);
            QCOMPARE(hex(same->structure), hex(golden.change.structure));
            QCOMPARE(hex(same->content), hex(golden.change.content));
        }
    }

    void everyTruncationIsAnErrorAndNoCrash() {
        for (const GoldenChange& golden : allGolden()) {
            const Bytes bytes = encodeChange(golden.change);
            for (std::size_t n = 0; n < bytes.size(); ++n)
                QVERIFY(!decodeChange(bytes.substr(0, n)));
            Change cut = golden.change;
            while (!cut.structure.empty()) {
                cut.structure.pop_back();
                const auto refs = crdt::references(cut);
                QVERIFY(!refs.ok());
            }
        }
    }

    void everyChangedByteIsAValueOrAnError() {
        for (const GoldenChange& golden : allGolden()) {
            Bytes bytes = encodeChange(golden.change);
            for (std::size_t i = 0; i < bytes.size(); ++i) {
                const char right = bytes[i];
                for (int value = 0; value < 256; ++value) {
                    bytes[i] = static_cast<char>(value);
                    readAll(bytes);
                }
                bytes[i] = right;
            }
        }
    }

    void replicasThatMeetStrangeChangesEndAlike() {
        const std::vector<GoldenChange> golden = goldenChanges();
        int compared = 0;
        for (std::size_t n = 0; n < golden.size(); ++n) {
            Change strange = golden[n].change;
            for (const Bytes& structure : variants(golden[n].change.structure)) {
                strange.structure = structure;
                compared += meetsStrange(golden, n, strange);
            }
            strange = golden[n].change;
            for (const Bytes& content : variants(golden[n].change.content)) {
                strange.content = content;
                compared += validateChange(strange) && meetsStrange(golden, n, strange);
            }
        }
        QVERIFY2(compared > 3000, qPrintable(QString::number(compared)));
    }

    void randomOperationsNeverCrash() {
        const std::uint64_t seed = qEnvironmentVariable("KIMDB_SEED", "1").toULongLong();
        const int rounds = static_cast<int>(scaled(20'000));
        std::mt19937_64 random(seed);
        const std::vector<GoldenChange> golden = goldenChanges();
        for (int i = 0; i < rounds; ++i) {
            Change strange = golden[random() % golden.size()].change;
            Bytes& bytes = random() % 4 ? strange.structure : strange.content;
            for (std::size_t n = 1 + random() % 6; n > 0; --n) {
                const std::size_t at = random() % (bytes.size() + 1);
                if (random() % 3 == 0)
                    bytes.insert(at, 1, static_cast<char>(random()));
                else if (at < bytes.size())
                    bytes[at] = static_cast<char>(random());
            }
            if (random() % 2) strange.count = 1 + random() % 30;
            if (!validateChange(strange)) continue;
            readAll(encodeChange(strange));
            Document doc;
            for (const GoldenChange& g : golden) {
                if (g.change.replica == strange.replica && g.change.first == strange.first) break;
                QVERIFY(doc.receive(g.change).ok());
            }
            (void)doc.receive(strange);
            const auto bad = doc.checkInvariants();
            QVERIFY2(!bad, qPrintable(QString("KIMDB_SEED=%1 round %2").arg(seed).arg(i)));
        }
    }

    void hostileCountsTakeNoMemory() {
        const Bytes huge = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x0F";  // 2^52 and more
        const Bytes root_text("\x02\x01t\x01", 4);
        const std::vector<Bytes> structures{
            Bytes("\x00", 1) + huge,                                 // Continue
            Bytes("\x01", 1) + root_text + Bytes("\0\1", 2) + huge,  // Insert
            Bytes("\x03", 1) + root_text + huge,                     // Delete: replicas
            Bytes("\x23", 1) + root_text + Bytes("\0\1", 2) + huge,  // Delete: one long run
            Bytes("\x0A", 1) + root_text + huge,                     // Toggle: ranges
            Bytes("\x0A", 1) + root_text + Bytes("\0", 1) + huge,    // Toggle: text
            Bytes("\x08\x02\x01"
                  "c\x04",
                  5) +
                huge,                     // Clear
            Bytes("\x04\x00", 2) + huge,  // Set: key
            Bytes("\x04", 1) + huge,      // container
        };
        for (const Bytes& structure : structures)
            for (const std::uint64_t count : {std::uint64_t{1}, (std::uint64_t{1} << 52)}) {
                const Change change = handmade(count, structure, leaf("x"));
                readAll(encodeChange(change));
                allocation::Peak peak;
                Document doc;
                QCOMPARE(*doc.receive(change), crdt::Received::Applied);
                QCOMPARE(doc.reports().size(), 1u);
                QCOMPARE(doc.head(7), count);
                QVERIFY(peak.bytes() < allowed(structure.size()));
            }
    }

    // ---- rules of operations: the whole change is VOID, and its counters count ----
    void brokenRulesMakeTheChangeVoid_data() {
        QTest::addColumn<QByteArray>("structure");
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<int>("count");
        const auto row = [](const char* name, const char* structure, const char* content, int n) {
            QTest::newRow(name) << QByteArray::fromHex(structure) << QByteArray::fromHex(content)
                                << n;
        };
        row("unknown kind", "0f", "", 1);
        row("kind of a later version", "09", "", 1);
        row("inserts into a map", "0100000101", "0478", 1);
        row("sets in a text", "0402017401016b00", "", 1);
        row("counts in a text", "070201740102", "", 1);
        row("same container as nothing", "110001", "0478", 1);
        row("start on the right",
            "01020174010000"
            "01",
            "0478", 1);
        row("text is too short",
            "01020174010001"
            "02",
            "0478", 2);
        row("text is no UTF-8",
            "01020174010001"
            "01",
            "04ff", 1);
        row("content nobody asked for", "240000016b00", "0478", 1);
        row("a value that is none", "0400016b01", "04ff", 1);
        row("deletes what is not there",
            "010201740100010"
            "133000000",
            "0478", 2);
        row("continues nothing", "10", "0478", 1);
        row("carries text for nothing",
            "0102017401000101"
            "1a000001",
            "04780478", 2);
        row("toggles nothing that can be",
            "0400016b00"
            "0a00010100"
            "00",
            "", 2);
        row("origins that are not neighbours",  // "ab", then "c" between b and a
            "0102017401000102"
            "1102010202"
            "01",
            "08616204"
            "63",
            3);
        row("more than it counts", "01020174010001011001", "04780478", 1);
        row("inserts an element into a text", "02020174010001", "08030e", 1);
        row("moves what is not there", "0502016c02010100010001", "", 1);
        row("marks a map", "09000104626f6c640001", "08030e", 1);
        row("marks what is not there", "0902017401010162020105000001", "08030e", 1);
        row("a key like a comment's", "09020174010102236b0001", "08030e", 1);
        row("a member under another name",
            "0402017303"
            "00000000000000000000000000000000"
            "01",
            "08030e", 1);
        row("expunges outside of its class", "2b000000", "", 1);
        row("a deletion of nothing",
            "03"
            "02016c02"
            "00000000",
            "", 1);
    }

    void brokenRulesMakeTheChangeVoid() {
        QFETCH(QByteArray, structure);
        QFETCH(QByteArray, content);
        QFETCH(int, count);
        Document doc;
        const Change change = handmade(static_cast<std::uint64_t>(count), structure.toStdString(),
                                       content.toStdString());
        QVERIFY(validateChange(change).ok());
        QCOMPARE(*doc.receive(change), crdt::Received::Applied);
        QCOMPARE(doc.reports().size(), 1u);
        QCOMPARE(doc.toValue(), Value(Value::Object{}));
        QCOMPARE(doc.textLength(kText), 0u);
        QCOMPARE(doc.head(7), static_cast<std::uint64_t>(count));
        QCOMPARE(*doc.receive(change), crdt::Received::Duplicate);
    }

    void expungedTextExistsAndNeverShows() {
        Person a(1);
        a.types(0, u"abc");
        Change gone = a.written[1];
        gone.content = Bytes("\x02", 1) + Bytes(16, 'h');
        Document doc;
        QVERIFY(doc.receive(a.written[0]).ok());
        QVERIFY(doc.receive(gone).ok());
        QVERIFY(doc.receive(a.written[2]).ok());
        QCOMPARE(doc.textUtf8(kText), std::string("ac"));
        QVERIFY(!doc.checkInvariants());
    }

    // ---- presence and cursors ----
    void presenceIsReadAsItWasWritten() {
        crdt::PresenceState state;
        state.name = "Ada";
        state.color = 0xFF8000;
        state.head =
            crdt::Cursor{crdt::Cursor::Anchor::Character, {9, 300}, crdt::Cursor::Side::After};
        state.custom["x"] = 5;
        const Bytes bytes = *state.encode();
        QCOMPARE(hex(bytes), QByteArray("03416461ff80000604"
                                        "0900000000000000ac02080101780"
                                        "30a"));
        QCOMPARE(*crdt::PresenceState::decode(bytes), state);
        for (std::size_t n = 0; n < bytes.size(); ++n)
            QVERIFY(!crdt::PresenceState::decode(bytes.substr(0, n)));
        for (const Bytes& strange : variants(bytes)) (void)crdt::PresenceState::decode(strange);
        state.custom["x"] = std::string(2000, 'x');
        QCOMPARE(state.encode().error().code, ErrorCode::TooLarge);
    }

    void presenceForgetsOldNewsAndTheSilent() {
        using namespace std::chrono_literals;
        crdt::PresenceManager presence;
        crdt::PresenceState ada;
        ada.name = "Ada";
        QVERIFY(presence.apply(1, 5, 45s, ada, 0s));
        QVERIFY(!presence.apply(1, 4, 45s, std::nullopt, 1s));
        QVERIFY(!presence.apply(1, 6, 45s, ada, 10s));
        QVERIFY(!presence.expire(54s));
        QVERIFY(presence.expire(55s));
        QVERIFY(presence.states().empty());
        QVERIFY(presence.apply(1, 7, 45s, ada, 60s));
        QVERIFY(presence.apply(1, 8, 45s, std::nullopt, 61s));
        QVERIFY(!presence.apply(1, 7, 45s, ada, 62s));
    }
};

QTEST_GUILESS_MAIN(TestOpCodec)
#include "tst_op_codec.moc"
