// SPDX-License-Identifier: MIT
// Golden vectors of the formats that core owns: a changed vector is a format change.
#include <QtTest>

#include <kimdb/value.h>

#include "core/bytes.h"
#include "core/change.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/utf8.h"

using namespace kimdb;

namespace {

QByteArray hex(ByteView bytes) {
    return QByteArray(bytes.data(), static_cast<int>(bytes.size())).toHex();
}

Change keystroke() {
    Change c;
    c.replica = 0x0102030405060708;
    c.first = 2;
    c.count = 1;
    c.time_ms = 1'700'000'000'000;
    c.structure = "\x01";
    appendLeaf(c.content, "x");
    return c;
}

Change richest() {
    Change c;
    c.replica = UINT64_MAX;
    c.first = 1;
    c.count = 3;
    c.op_class = OpClass::Comment;
    c.incarnation = 7;
    c.schema_version = 2;
    c.deps = {{1, 5}, {2, 300}};
    c.time_ms = 1;
    c.structure = "abc";
    c.salt_key = SaltKey::from("0123456789abcdef");
    appendLeaf(c.content, "");
    appendLeaf(c.content, "leaf");
    return c;
}

}  // namespace

class TestCoreFormats : public QObject {
    Q_OBJECT
 private slots:
    void crc32cMatchesRfc3720() {
        QCOMPARE(crc32c(Bytes(32, '\0')), 0x8A9136AAu);
        QCOMPARE(crc32c(Bytes(32, '\xFF')), 0x62A8AB43u);
        QCOMPARE(crc32c("123456789"), 0xE3069283u);
        QCOMPARE(crc32c("6789", crc32c("12345")), 0xE3069283u);
    }

    void keysFallIntoTheirShards() {
        QCOMPARE(shardOfKey("default/hello", 8), 2);
        QCOMPARE(shardOfKey("notes/1", 8), 1);
        QCOMPARE(shardOfKey("", 8), 1);  // MD5("") = d41d8cd9…
        QCOMPARE(shardOfKey("notes/1", 1), 0);
    }

    void aKeystrokeTakesLittleSpace() {
        const Bytes bytes = encodeChange(keystroke());
        QCOMPARE(hex(bytes), QByteArray("01000807060504030201020180d095ffbc310101020478"));
        QVERIFY(bytes.size() <= 32);  // DESIGN §4
    }

    void changesRoundTrip() {
        for (const Change& c : {keystroke(), richest(), voidOf(richest()), voidOf(keystroke())}) {
            const auto back = decodeChange(encodeChange(c));
            QVERIFY2(back.ok(), back.ok() ? "" : back.error().message.c_str());
            QVERIFY(*back == c);
        }
    }

    void everyTruncationIsATypedError() {
        const Bytes bytes = encodeChange(richest());
        for (std::size_t n = 0; n < bytes.size(); ++n)
            QVERIFY(!decodeChange(ByteView(bytes).substr(0, n)).ok());
    }

    void everyChangedByteIsAnErrorOrAnotherChange() {
        const Change original = richest();
        const Bytes bytes = encodeChange(original);
        for (std::size_t i = 0; i < bytes.size(); ++i)
            for (int delta = 1; delta < 256; ++delta) {
                Bytes damaged = bytes;
                damaged[i] = static_cast<char>(damaged[i] + delta);
                const auto c = decodeChange(damaged);
                if (!c.ok()) continue;
                QVERIFY(!(*c == original));
                QVERIFY(encodeChange(*c) == damaged);  // one encoding per change
            }
    }

    void futureFlagsAreUnsupportedNotMalformed() {
        Bytes bytes = encodeChange(keystroke());
        for (const int bit : {0, 1, 2}) {
            Bytes b = bytes;
            b[1] = static_cast<char>(b[1] | 1 << bit);
            QCOMPARE(decodeChange(b).error().code, ErrorCode::Unsupported);
        }
        bytes[0] = 2;
        QCOMPARE(decodeChange(bytes).error().code, ErrorCode::Unsupported);
    }

    void hashIgnoresHowContentIsKept() {
        SaltTree salts(SaltKey::from("0123456789abcdef"));
        const Change whole = richest();
        Change salted = whole;
        salted.content.clear();
        ByteWriter out(salted.content);
        out.varint(0 * 4 + 1);  // an empty leaf with its salt spelled out
        out.raw(salts.salt(1, 0).view());
        out.varint(4 * 4 + 1);
        out.raw(salts.salt(1, 1).view());
        out.raw("leaf");
        QVERIFY(changeHash(whole, salts) == changeHash(salted, salts));
        Change other = whole;
        other.content.clear();
        appendLeaf(other.content, "");
        appendLeaf(other.content, "leap");
        QVERIFY(!(changeHash(whole, salts) == changeHash(other, salts)));
    }

    void hashesHaveGoldenValues() {
        SaltTree salts(SaltKey::from("0123456789abcdef"));
        const Hash16 one = changeHash(richest(), salts);
        QCOMPARE(hex(one.view()), QByteArray("c67488f5aefa915408393d24c515f639"));
        QCOMPARE(hex(rollingHash(Hash16{}, one).view()),
                 QByteArray("0da57fd41af9f915a08b258514d4a513"));
        QCOMPARE(hex(salts.salt(0x123456789, 3).view()),
                 QByteArray("c9d0e6290694c2c046da868e0dc7e64e"));
        QCOMPARE(QByteArray::number(derivedReplica(1, 2, one), 16), QByteArray("c53df1f2d0fe29bd"));
    }

    void saltTreeDoesNotDependOnItsCache() {
        SeededRandom random(42);
        SaltTree warm(SaltKey::from("fedcba9876543210"));
        for (int i = 0; i < 200; ++i) {
            const std::uint64_t n = random.below(i % 2 ? 20 : (1ULL << 53)) + 1;
            SaltTree cold(SaltKey::from("fedcba9876543210"));
            QVERIFY(warm.node(n) == cold.node(n));
        }
    }

    void valuesRoundTripAndAreCanonical() {
        const Value::Object object{{"a", 1}, {"b", 1.0}, {"c", Value::Array{true, nullptr, "x"}}};
        for (const Value& v :
             {Value(), Value(true), Value(-5), Value(INT64_MIN), Value(0.1), Value("h\xC3\xA9"),
              Value(Value::Blob{Bytes("\0\1", 2)}), Value(object)}) {
            const auto back = Value::decode(v.encode());
            QVERIFY(back.ok() && *back == v);
        }
        QVERIFY(Value(1).encode() != Value(1.0).encode());
        QCOMPARE(
            hex(Value(object).encode()),
            QByteArray("0803016103020162040000000000 00f03f01630703020005 0178").replace(" ", ""));
        QVERIFY(!Value::decode(Bytes("\x08\x02\x01"
                                     "b\x00\x01"
                                     "a\x00",
                                     8))
                     .ok());  // keys not in order
        QVERIFY(!Value::decode(Bytes(100, '\x07')).ok());
        Bytes deep;
        for (int i = 0; i < 100; ++i) deep += Bytes("\x07\x01", 2);
        QVERIFY(!Value::decode(deep + Bytes(1, '\0')).ok());  // nested too deeply
    }

    void loneSurrogatesBecomeReplacementCharacters() {
        QCOMPARE(toUtf8(u"a\xD83Dz"), std::string("a\xEF\xBF\xBDz"));
        QCOMPARE(toUtf8(std::u16string{0xDE00, 0xD83D, 0xDE00}),
                 std::string("\xEF\xBF\xBD\xF0\x9F\x98\x80"));
        QCOMPARE(sanitizedUtf8("\xED\xA0\x80!"),
                 std::string("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD!"));
        QVERIFY(!isValidUtf8("\xC0\x80") && !isValidUtf8("\xF4\x90\x80\x80") &&
                isValidUtf8("\xF4\x8F\xBF\xBF"));
        QCOMPARE(toUtf16("\xF0\x9F\x98\x80").size(), std::size_t{2});
        QCOMPARE(utf16Count("a\xF0\x9F\x98\x80"), std::size_t{3});
    }

    void namesAreChecked() {
        QCOMPARE(QString::fromStdString(DocumentName::parse("hello")->text()),
                 QString("default/hello"));
        QCOMPARE(DocumentName::parse("notes/a.b")->collection(), std::string_view("notes"));
        for (const char* bad :
             {"", "/", "a/", "/b", "a/b/c", "a b", "..", "a/..", "~meta", "\xC3\xA9"})
            QCOMPARE(DocumentName::parse(bad).error().code, ErrorCode::InvalidName);
        QVERIFY(DocumentName::parse(std::string(128, 'x')).ok());
        QVERIFY(!DocumentName::parse(std::string(129, 'x')).ok());
    }

    void readerRefusesLongVarints() {
        for (const Bytes& bad :
             {Bytes("\x80\x00", 2), Bytes(9, '\xFF') + '\x02', Bytes(11, '\x80'), Bytes()}) {
            ByteReader in(bad);
            in.varint();
            QVERIFY(!in.ok());
        }
        const Bytes largest = Bytes(9, '\xFF') + '\x01';
        ByteReader in(largest);
        QCOMPARE(in.varint(), UINT64_MAX);
        QVERIFY(in.done());
    }
};

QTEST_GUILESS_MAIN(TestCoreFormats)
#include "tst_core_formats.moc"
