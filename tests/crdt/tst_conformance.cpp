// SPDX-License-Identifier: MIT
// The engine against cases that the reference model wrote.
#include <QtTest>

#include "crdt/case_runner.h"
#include "crdt/history.h"
#include "crdt/test_data.h"

using namespace kimdb::test;

namespace {

// Without the data: histories of the same shape against the naive model.
void generatedHistories() {
    for (std::uint64_t seed = 50'001; seed < 50'101; ++seed)
        if (const auto bad = History(seed).run()) QFAIL(bad->c_str());
}

}  // namespace

class TestConformance : public QObject {
    Q_OBJECT
 private slots:
    void casesOfTheModel_data() {
        QTest::addColumn<QString>("family");
        for (const char* family : {"text", "backspace", "marks", "list", "map", "set", "counter",
                                   "nested", "undo-text", "undo-all", "all"})
            QTest::newRow(family) << QString(family);
    }

    void casesOfTheModel() {
        QFETCH(QString, family);
        static const nlohmann::json data = testData("conformance-kimdb");
        if (data.is_null()) return generatedHistories();
        int run = 0;
        for (const nlohmann::json& test_case : data["cases"]) {
            if (test_case["family"] != family.toStdString()) continue;
            ++run;
            const auto bad = CaseRunner(test_case).run();
            if (bad)
                QFAIL(qPrintable(QString("seed %1: %2")
                                     .arg(test_case["seed"].get<int>())
                                     .arg(QString::fromStdString(*bad))));
        }
        QVERIFY(run > 50);
    }
};

QTEST_GUILESS_MAIN(TestConformance)
#include "tst_conformance.moc"
