// SPDX-License-Identifier: MIT
// SortedRows beside std::map: random, ascending and descending keys, with and without equal heads.
#include <QtTest>

#include <map>

#include "core/clock.h"
#include "store/record_table.h"

using namespace kimdb;
using store::SortedRows;

namespace {

enum class Order { Random, Ascending, Descending };

// Keys differ within, at and behind the 16 bytes that an entry holds, or only in zero bytes.
std::string keyOf(std::uint64_t n, std::uint64_t kind) {
    char digits[24];
    std::snprintf(digits, sizeof digits, "%010llu", static_cast<unsigned long long>(n));
    switch (kind) {
        case 0:
            return digits;
        case 1:
            return std::string(16, 'p') + digits;
        case 2:
            return std::string(n % 40, '\0');
        default:
            return std::string("\xff\x80mixed") + digits;
    }
}

}  // namespace

class PropertyRecordTable : public QObject {
    Q_OBJECT
 private slots:
    void agreesWithAMap_data() {
        QTest::addColumn<int>("order");
        QTest::newRow("random") << int(Order::Random);
        QTest::newRow("ascending") << int(Order::Ascending);
        QTest::newRow("descending") << int(Order::Descending);
    }
    void agreesWithAMap() {
        QFETCH(int, order);
        const int given = qEnvironmentVariableIntValue("KIMDB_SEED");
        const auto seed =
            given ? static_cast<std::uint64_t>(given) : SystemRandom().next() % 1'000'000;
        qInfo("KIMDB_SEED=%llu", static_cast<unsigned long long>(seed));
        SeededRandom random(seed);
        SortedRows rows;
        std::map<std::string, Bytes> model;
        constexpr std::uint64_t kSteps = 20'000;
        for (std::uint64_t i = 0; i < kSteps; ++i) {
            const std::uint64_t n = order == int(Order::Random)      ? random.below(kSteps)
                                    : order == int(Order::Ascending) ? i
                                                                     : kSteps - i;
            const std::string key =
                keyOf(n, order == int(Order::Random) ? random.below(4) : seed % 2);
            rows.row(key).value = store::StoredRecord{std::to_string(i), i, 0};
            model[key] = std::to_string(i);
            if (i % 100 == 0) verifyRange(rows, model, keyOf(random.below(kSteps), 0));
            if (QTest::currentTestFailed()) return;
        }
        QCOMPARE(rows.size(), model.size());
        verifyRange(rows, model, "");
        for (const auto& [key, value] : model) QVERIFY(rows.find(key)->value->value == value);
        QVERIFY(!rows.find("absent"));
    }

 private:
    static void verifyRange(const SortedRows& rows, const std::map<std::string, Bytes>& model,
                            const std::string& from) {
        auto expected = model.lower_bound(from);
        auto it = rows.lowerBound(from);
        for (int left = from.empty() ? INT_MAX : 50; left > 0 && expected != model.end();
             --left, ++it, ++expected) {
            QVERIFY(it != rows.end());
            QVERIFY(it->key == expected->first && it->value->value == expected->second);
        }
        if (expected == model.end()) QVERIFY(it == rows.end());
    }
};

QTEST_GUILESS_MAIN(PropertyRecordTable)
#include "property_record_table.moc"
