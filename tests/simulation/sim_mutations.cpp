// SPDX-License-Identifier: MIT
// A simulator that never fails proves nothing: each rule broken on purpose must be caught.
#include <QTest>

#include "simulation/sim_cluster.h"

using namespace kimdb::sim;

class SimMutations : public QObject {
    Q_OBJECT
 private slots:
    void isCaught_data() {
        QTest::addColumn<int>("mutation");
        for (const NamedMutation& m : kMutations)
            QTest::newRow(m.name) << static_cast<int>(m.mutation);
    }
    void isCaught() {
        QFETCH(int, mutation);
        constexpr std::uint64_t kSeedsMax = 200;
        for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
            Options options;
            options.seed = seed;
            options.mutation = static_cast<Mutation>(mutation);
            Cluster cluster(options);
            if (const auto violation = cluster.run()) {
                qInfo("seed %llu: %s", static_cast<unsigned long long>(seed), violation->c_str());
                return;
            }
        }
        QFAIL("no seed noticed it");
    }
};

QTEST_APPLESS_MAIN(SimMutations)
#include "sim_mutations.moc"
