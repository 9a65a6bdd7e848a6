// SPDX-License-Identifier: MIT
// Random batches, flushes and restarts against a naive model. Replay: property_store_model with
// KIMDB_SEED=N.
#include "store/store_fixture.h"
#include "support/memory_log_store.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Batch;
using store::Engine;

namespace {

class Walk {
 public:
    explicit Walk(std::uint64_t seed) : m_random(seed) {
        m_options = m_folder.options();
        m_options.buffer_bytes = 64 << 10;
        m_options.shard_count = static_cast<int>(m_random.below(8)) + 1;
        if (m_random.below(2)) m_options.flush_interval = 1ms;
        m_engine = StoreFolder::open(m_options);
    }

    void run(int steps) {
        for (int i = 0; i < steps && !QTest::currentTestFailed(); ++i) step();
        compare();
        restart();
        compare();
    }

 private:
    std::string doc() {
        const auto n = m_random.below(9);
        return n == 0 ? "" : "c" + std::to_string(n % 3) + "/d" + std::to_string(n);
    }
    std::string key() { return "k" + std::to_string(m_random.below(12)); }
    std::string value() {
        const auto size = m_random.below(50) == 0 ? 30'000 : m_random.below(200);
        return m_random.bytes(size);
    }
    store::LogEntry entry(std::uint64_t position) {
        store::LogEntry e = entryAt(position, m_random.below(3) + 1, value());
        e.first = position * 3;
        e.count = m_random.below(3) + 1;
        return e;
    }

    void step() {
        const auto dice = m_random.below(100);
        if (dice < 80) return commit();
        if (dice < 90) return look();
        if (dice < 96)
            KIMDB_OK(m_engine->flush());
        else
            restart();
    }

    void commit() {
        Batch batch;
        std::map<std::string, std::uint64_t> appended;
        for (auto n = m_random.below(6) + 1; n > 0; --n) addOp(batch, appended);
        auto seq = m_engine->commit(batch);
        KIMDB_OK(seq);
        KIMDB_OK(m_model.commit(std::move(batch)));
    }

    void addOp(Batch& batch, std::map<std::string, std::uint64_t>& appended) {
        const std::string d = doc();
        const std::uint64_t last = *m_model.lastPosition(d) + appended[d];
        switch (m_random.below(6)) {
            case 0:
                ++appended[d];
                return batch.append(d, entry(last + 1));
            case 1:
                if (last > 0) batch.replace(d, entry(m_random.below(last) + 1));
                return;
            case 2:
                return batch.put(d, key(), value());
            case 3:
                return batch.erase(d, key());
            case 4: {
                const std::string k = key(), v = value();
                m_records[k] = v;
                return batch.putRecord("r", k, v);
            }
            default: {
                const std::string k = key();
                m_records.erase(k);
                return batch.eraseRecord("r", k);
            }
        }
    }

    void look() {
        const std::string d = doc();
        QCOMPARE(*m_engine->lastPosition(d), *m_model.lastPosition(d));
        const std::uint64_t after = m_random.below(*m_model.lastPosition(d) + 1);
        const std::size_t bytes = m_random.below(3) ? m_random.below(2000) : 1 << 20;
        const auto got = m_engine->readLog(d, after, bytes);
        KIMDB_OK(got);
        const auto all = *m_model.readLog(d, after, SIZE_MAX);
        QVERIFY(got->empty() == all.empty());
        QVERIFY(std::equal(got->begin(), got->end(), all.begin()));
        const std::uint64_t replica = m_random.below(4), counter = m_random.below(100);
        QVERIFY(*m_engine->findEntry(d, replica, counter) ==
                *m_model.findEntry(d, replica, counter));
        const std::string k = key();
        QVERIFY(*m_engine->get(d, k) == *m_model.get(d, k));
        QVERIFY(*m_engine->record("r", k) ==
                (m_records.contains(k) ? std::optional<Bytes>(m_records[k]) : std::nullopt));
        const auto limit = m_random.below(8) + 1;
        auto page = m_engine->scanRecords("r", k, limit);
        KIMDB_OK(page);
        auto it = m_records.lower_bound(k);
        for (const auto& [name, v] : *page) {
            QVERIFY(it != m_records.end() && it->first == name && it->second == v);
            ++it;
        }
        QVERIFY(page->size() == limit || it == m_records.end());
    }

    void compare() {
        QVERIFY(*m_engine->documents() == nonEmptyDocuments());
        for (const std::string& d : *m_model.documents()) compareDocument(d);
        compareDocument("");
        const auto records = m_engine->scanRecords("r", "", SIZE_MAX);
        KIMDB_OK(records);
        QVERIFY(
            (std::map<std::string, std::string>(records->begin(), records->end()) == m_records));
    }
    void compareDocument(const std::string& d) {
        QVERIFY(*m_engine->readLog(d, 0, SIZE_MAX) == *m_model.readLog(d, 0, SIZE_MAX));
        QVERIFY(*m_engine->scan(d, "") == *m_model.scan(d, ""));
        QVERIFY(*m_engine->scan(d, "k1") == *m_model.scan(d, "k1"));
    }
    std::vector<std::string> nonEmptyDocuments() {
        std::vector<std::string> out;
        for (const std::string& d : *m_model.documents())
            if (*m_model.lastPosition(d) > 0 || !m_model.scan(d, "")->empty()) out.push_back(d);
        return out;
    }

    void restart() {
        const store::SeqNo last = m_engine->lastSeq();
        KIMDB_OK(m_engine->close());
        m_engine.reset();
        m_engine = StoreFolder::open(m_options);
        QCOMPARE(m_engine->lastSeq(), last);
    }

    SeededRandom m_random;
    StoreFolder m_folder;
    store::EngineOptions m_options;
    std::unique_ptr<Engine> m_engine;
    MemoryLogStore m_model;
    std::map<std::string, std::string> m_records;
};

}  // namespace

class PropertyStoreModel : public QObject {
    Q_OBJECT
 private slots:
    void randomWalksAgreeWithTheModel() {
        const int given = qEnvironmentVariableIntValue("KIMDB_SEED");
        for (int seed = given ? given : 1; seed <= (given ? given : 12); ++seed) {
            Walk(static_cast<std::uint64_t>(seed)).run(400);
            if (QTest::currentTestFailed()) QFAIL(("seed " + std::to_string(seed)).c_str());
        }
    }
};

QTEST_GUILESS_MAIN(PropertyStoreModel)
#include "property_store_model.moc"
