// SPDX-License-Identifier: MIT
// Where a key lives is format: golden vectors for each number of shards, made by another program
// (Python's hashlib), and how even the shards are.
#include <QtTest>

#include <array>

#include "core/hash.h"

using namespace kimdb;

namespace {

struct Vector {
    const char* key;
    std::array<int, 8> shard;  // with 1, 2, … 8 shards
};

const Vector kVectors[] = {
    {"default/hello", {0, 0, 0, 2, 4, 0, 6, 2}},
    {"notes/a", {0, 1, 1, 3, 4, 1, 3, 3}},
    {"cities/seoul", {0, 1, 2, 1, 1, 5, 2, 1}},
    {"c/k0", {0, 0, 0, 2, 0, 0, 4, 6}},
    {"c/k1", {0, 0, 0, 0, 1, 0, 0, 4}},
    {"users/alice", {0, 0, 2, 2, 0, 2, 0, 2}},
    {"users/bob", {0, 0, 0, 0, 1, 0, 4, 0}},
    {"a/b", {0, 0, 1, 2, 0, 4, 2, 6}},
    {"x/"
     "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
     "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
     {0, 1, 2, 1, 4, 5, 0, 1}},
    {"~/~", {0, 1, 2, 1, 4, 5, 4, 1}},
    {"A.Z/0-9", {0, 1, 1, 1, 0, 1, 0, 5}},
};

}  // namespace

class TestShardOfKey : public QObject {
    Q_OBJECT
 private slots:
    void keysHaveTheirShard() {
        for (const Vector& v : kVectors)
            for (int count = 1; count <= 8; ++count)
                QCOMPARE(shardOfKey(v.key, count), v.shard[static_cast<std::size_t>(count - 1)]);
    }

    void noShardHoldsMoreThanATenthAboveItsShare_data() {
        QTest::addColumn<QString>("pattern");
        QTest::newRow("numbers") << "records/%1";
        QTest::newRow("padded") << "c/%1000000";
        QTest::newRow("one long prefix") << "telemetry/device-0000-0000-0000-%1";
    }
    void noShardHoldsMoreThanATenthAboveItsShare() {
        QFETCH(QString, pattern);
        constexpr int kKeys = 1'000'000;
        const std::string text = pattern.toStdString();
        const std::size_t at = text.find("%1");
        std::array<int, 8> held{};
        std::string key;
        for (int i = 0; i < kKeys; ++i) {
            key.assign(text, 0, at).append(std::to_string(i)).append(text, at + 2);
            ++held[static_cast<std::size_t>(shardOfKey(key, 8))];
        }
        for (const int n : held) QVERIFY2(n <= kKeys / 8 * 1.1, std::to_string(n).c_str());
    }
};

QTEST_GUILESS_MAIN(TestShardOfKey)
#include "tst_shard_of_key.moc"
