// SPDX-License-Identifier: MIT
// Engine = naive model = every other replica, in seeded random histories. One seed again:
//   property_convergence --seed N      or KIMDB_SEED=N;  KIMDB_HISTORIES=N runs that many
#include <QtTest>

#include "crdt/history.h"

using kimdb::test::History;

class PropertyConvergence : public QObject {
    Q_OBJECT
 public:
    std::uint64_t first = 1;
    std::uint64_t count = 1000;

 private slots:
    void engineIsModelIsEveryReplica() {
        for (std::uint64_t seed = first; seed < first + count; ++seed) {
            const auto bad = History(seed).run();
            if (bad)
                QFAIL(qPrintable(QString("--seed %1: %2")
                                     .arg(seed)
                                     .arg(QString::fromStdString(*bad).left(2000))));
        }
    }
};

int main(int argc, char** argv) {
    PropertyConvergence test;
    if (qEnvironmentVariableIsSet("KIMDB_HISTORIES"))
        test.count = qEnvironmentVariable("KIMDB_HISTORIES").toULongLong();
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
