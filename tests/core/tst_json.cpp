// SPDX-License-Identifier: MIT
// Values from JSON and back.
#include <QtTest>

#include <limits>

#include <kimdb/value.h>

#include "core/limits.h"

using namespace kimdb;

class TestJson : public QObject {
    Q_OBJECT
 private slots:
    void everyKindComesBack() {
        const Value value =
            Value::Object{{"null", nullptr},
                          {"bools", Value::Array{true, false}},
                          {"integers", Value::Array{0, std::numeric_limits<std::int64_t>::min(),
                                                    std::numeric_limits<std::int64_t>::max()}},
                          {"doubles", Value::Array{0.0, -0.0, 0.1, 1.0, -2.5e300, 5e-324}},
                          {"text", "é😀\"\\\n\t\x01"},
                          {"bytes", Value::Blob{Bytes("\0\xFF", 2)}},
                          {"empty", Value::Array{Value::Array{}, Value::Object{}, ""}}};
        const auto again = Value::fromJson(value.toJson());
        QVERIFY(again.ok());
        QCOMPARE(again->encode(), value.encode());
    }

    // [1.5,2.0] was written as [1.5,2]: the point of the first one counted for the second.
    void doublesStayDoublesBesideOthers() {
        QCOMPARE(Value(Value::Array{1.5, 2.0, "e", 3.0}).toJson(),
                 std::string(R"([1.5,2.0,"e",3.0])"));
    }

    void whatIsNotJsonIsRefused_data() {
        QTest::addColumn<QByteArray>("text");
        for (const char* text : {"",
                                 " ",
                                 "{",
                                 "[1,]",
                                 "[1 2]",
                                 "{\"a\":1,}",
                                 "{a:1}",
                                 "'a'",
                                 "01",
                                 "1.",
                                 ".5",
                                 "+1",
                                 "nul",
                                 "1 2",
                                 "// c\n1",
                                 "[1]x",
                                 "\xEF\xBB\xBF[1]",
                                 "NaN",
                                 "1e999",
                                 "\"\\x\"",
                                 "\"\n\"",
                                 "\"\\ud800\"",
                                 "\"\\udc00\\ud800\"",
                                 "\"\xC3\"",
                                 "\"\xED\xA0\x80\"",
                                 "{\"a\":1,\"a\":2}",
                                 "9223372036854775808",
                                 "-9223372036854775809",
                                 "123456789012345678901234567890"})
            QTest::newRow(text) << QByteArray(text);
    }

    void whatIsNotJsonIsRefused() {
        QFETCH(QByteArray, text);
        const auto value = Value::fromJson(std::string_view(text.constData(), text.size()));
        QVERIFY(!value.ok());
        QCOMPARE(value.error().code, ErrorCode::Malformed);
    }

    void nestingIsBoundedAsInTheEncoding() {
        const auto nested = [](int depth) {
            const auto n = static_cast<std::size_t>(depth);
            return std::string(n, '[') + std::string(n, ']');
        };
        const auto deepest = Value::fromJson(nested(limits::kValueDepthMax + 1));
        QVERIFY(deepest.ok());
        QVERIFY(Value::decode(deepest->encode()).ok());
        for (const int depth : {limits::kValueDepthMax + 2, 1'000'000}) {
            QCOMPARE(Value::fromJson(nested(depth)).error().code, ErrorCode::TooLarge);
            QCOMPARE(
                Value::fromJson(std::string(static_cast<std::size_t>(depth), '[')).error().code,
                ErrorCode::TooLarge);
        }
        const std::string inside(static_cast<std::size_t>(limits::kValueDepthMax) + 1, '[');
        QCOMPARE(Value::fromJson(inside + "1").error().code, ErrorCode::TooLarge);
    }
};

QTEST_APPLESS_MAIN(TestJson)
#include "tst_json.moc"
