// SPDX-License-Identifier: MIT
// The engine against cases that the reference model wrote.
#include <QtTest>

#include "crdt/case_runner.h"
#include "crdt/test_data.h"

using namespace kimdb::test;

class TestConformance : public QObject {
    Q_OBJECT
 private slots:
    void casesOfTheModel_data() {
        QTest::addColumn<QString>("family");
        for (const char* family : {"text", "backspace", "map", "counter", "nested", "undo-text"})
            QTest::newRow(family) << QString(family);
    }

    void casesOfTheModel() {
        QFETCH(QString, family);
        static const nlohmann::json data = testData("conformance-kimdb");
        if (data.is_null())
            return;  // property_convergence covers the ground with generated histories
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
