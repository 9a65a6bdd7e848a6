// SPDX-License-Identifier: MIT
// Engine = naive model = every other replica, in seeded random histories. A history that fails is
// printed as the shortest one that still does. One seed again:
//   property_convergence --seed N      or KIMDB_SEED=N;  KIMDB_SCALE as in support/scale.h
#include <QtTest>

#include "crdt/history.h"
#include "support/scale.h"

using kimdb::test::History;
using kimdb::test::Mistake;

namespace {

QString failureOf(const History& history) {
    const auto bad = history.run();
    if (!bad) return {};
    std::string words;
    const History shortest = history.shrunk();
    const auto still = shortest.run(&words);
    return QString("%1\nthe shortest that fails, %2 of %3 actions:\n%4  %5")
        .arg(QString::fromStdString(*bad).left(500))
        .arg(shortest.size())
        .arg(history.size())
        .arg(QString::fromStdString(words))
        .arg(QString::fromStdString(still.value_or("")).left(500));
}

}  // namespace

class PropertyConvergence : public QObject {
    Q_OBJECT
 public:
    std::uint64_t first = 1;
    std::uint64_t count = 1000;

 private slots:
    void engineIsModelIsEveryReplica() {
        for (std::uint64_t seed = first; seed < first + count; ++seed) {
            const QString failure = failureOf(History(seed));
            QVERIFY2(failure.isEmpty(),
                     qPrintable(QString("--seed %1: %2").arg(seed).arg(failure)));
        }
    }

    // Each planted mistake is found, and what is printed is short.
    void plantedMistakesAreFound_data() {
        QTest::addColumn<int>("mistake");
        QTest::newRow("siblings by greater id") << int(Mistake::SiblingsByGreaterId);
        QTest::newRow("right origins ignored") << int(Mistake::RightOriginsIgnored);
        QTest::newRow("the last write to arrive wins") << int(Mistake::WritesByArrival);
        QTest::newRow("lamports by arrival") << int(Mistake::LamportsByArrival);
        QTest::newRow("undone deletions stay") << int(Mistake::DeletionsStay);
        QTest::newRow("clearings forget one") << int(Mistake::ClearingsForgetOne);
        QTest::newRow("undo takes what others wrote") << int(Mistake::UndoTakesOverwritten);
        QTest::newRow("moves copy") << int(Mistake::MovesCopy);
        QTest::newRow("the last mark to arrive wins") << int(Mistake::MarksByArrival);
        QTest::newRow("changes do not wait") << int(Mistake::ReferencesNotWaitedFor);
    }

    void plantedMistakesAreFound() {
        QFETCH(int, mistake);
        for (std::uint64_t seed = 1; seed <= 500; ++seed) {
            const History history(seed, Mistake(mistake));
            if (!history.run()) continue;
            QVERIFY(!History(seed).run());  // it is the mistake that is found
            const History shortest = history.shrunk();
            std::string words;
            QVERIFY(shortest.run(&words));
            QVERIFY2(shortest.size() <= 12, words.c_str());
            return;
        }
        QFAIL("500 histories did not find it");
    }
};

int main(int argc, char** argv) {
    PropertyConvergence test;
    test.count = kimdb::test::scaled(test.count);
    QString seed = qEnvironmentVariable("KIMDB_SEED");
    QStringList rest;
    for (int i = 0; i < argc; ++i) {
        if (QString(argv[i]) == "--seed" && i + 1 < argc)
            seed = argv[++i];
        else
            rest << argv[i];
    }
    if (!seed.isEmpty()) {
        test.first = seed.toULongLong();
        test.count = 1;
    }
    return QTest::qExec(&test, rest);
}

#include "property_convergence.moc"
