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
        m_options.buffer_rows = m_random.below(2) ? 1 : 10'000;
        m_options.cache_bytes = m_random.below(3) ? 64 << 10 : 0;  // small: eviction
        m_options.clock = &m_clock;
        if (m_random.below(2)) m_options.flush_interval = 1ms;
        MemoryLogStore::State empty;
        empty.shard_count = m_options.shard_count;
        m_model = MemoryLogStore(empty);
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
        if (dice < 60) return commit();
        if (dice < 72) return commitIf();
        if (dice < 90) return look();
        if (dice < 92) return m_clock.advance(static_cast<std::int64_t>(m_random.below(400)));
        if (dice < 93) {
            KIMDB_OK(m_engine->sweepExpired(m_random.below(10) + 1));
            m_model_seq = m_engine->lastSeq();
        } else if (dice < 97) {
            KIMDB_OK(m_engine->flush());
        } else {
            restart();
        }
    }

    void commit() {
        Batch batch;
        std::map<std::string, std::uint64_t> appended;
        for (auto n = m_random.below(6) + 1; n > 0; --n) addOp(batch, appended);
        if (batch.empty()) return;
        auto seq = m_engine->commit(batch);
        KIMDB_OK(seq);
        take(std::move(batch), *seq);
    }

    // What the model makes of a batch that took place.
    void take(Batch batch, store::SeqNo seq) {
        m_model_seq = seq;
        for (const Batch::Op& op : batch.ops()) {
            if (const auto* put = std::get_if<Batch::PutRecord>(&op))
                m_records[put->key] = {put->value, seq, put->expires_ms};
            else if (const auto* gone = std::get_if<Batch::EraseRecord>(&op))
                m_records.erase(gone->key);
        }
        KIMDB_OK(m_model.commit(std::move(batch)));
    }

    // Of several conditions each may hold or not.
    void commitIf() {
        std::vector<store::Condition> conditions;
        bool holds = true;
        for (auto n = m_random.below(3) + 1; n > 0; --n) {
            const std::string k = key();
            const auto mine = found(k);
            const store::SeqNo version = mine ? mine->version : 0;
            const bool wrong = m_random.below(5) == 0;
            holds &= !wrong;
            conditions.push_back({"r", k, wrong ? version + 1 : version});
        }
        Batch batch;
        const auto ops = m_random.below(4);  // none: only asks
        for (std::uint64_t i = 0; i < ops; ++i) putRecord(batch);
        const auto seq = m_engine->commit(batch, conditions);
        QCOMPARE(seq.ok(), holds);
        if (holds && ops > 0) return take(std::move(batch), *seq);
        if (holds) QCOMPARE(*seq, m_model_seq);
        if (!holds) QCOMPARE(seq.error().code, ErrorCode::Conflict);
    }

    void putRecord(Batch& batch) {
        const std::int64_t ttl = static_cast<std::int64_t>(m_random.below(1'000)) + 1;
        batch.putRecord("r", key(), value(), m_random.below(4) ? 0 : m_clock.wallTime() + ttl);
    }

    std::optional<store::StoredRecord> found(const std::string& k) {
        const auto it = m_records.find(k);
        if (it == m_records.end() || it->second.expired(m_clock.wallTime())) return {};
        return it->second;
    }

    void addOp(Batch& batch, std::map<std::string, std::uint64_t>& appended) {
        const std::string d = doc();
        const std::uint64_t last = *m_model.lastPosition(d) + appended[d];
        const std::uint64_t trimmed = *m_model.trimmedPosition(d);
        switch (m_random.below(9)) {
            case 0:
                ++appended[d];
                return batch.append(d, entry(last + 1));
            case 1:
                if (last > trimmed)
                    batch.replace(d, entry(trimmed + m_random.below(last - trimmed) + 1));
                return;
            case 2:
                return batch.put(d, key(), value());
            case 3:
                return batch.erase(d, key());
            case 4:
                return putRecord(batch);
            case 5:
                return batch.eraseRecord("r", key());
            case 6:
                return batch.putSnapshot(d, m_random.below(last + 1), value());
            case 7:
                return batch.eraseSnapshot(d, m_random.below(last + 1));
            default:
                // Rarely, and once in a batch: what it drops must not be replaced behind it.
                if (m_random.below(8) == 0 && batch.empty() && last > trimmed)
                    batch.trim(d, trimmed + m_random.below(last - trimmed) + 1);
        }
    }

    void look() {
        const std::string d = doc();
        QCOMPARE(*m_engine->lastPosition(d), *m_model.lastPosition(d));
        const std::uint64_t trimmed = *m_model.trimmedPosition(d);
        QCOMPARE(*m_engine->trimmedPosition(d), trimmed);
        if (trimmed > 0)
            QCOMPARE(m_engine->readLog(d, trimmed - 1, 100).error().code, ErrorCode::TooOld);
        const std::uint64_t after =
            trimmed + m_random.below(*m_model.lastPosition(d) - trimmed + 1);
        const std::uint64_t at = m_random.below(*m_model.lastPosition(d) + 2);
        QVERIFY(*m_engine->snapshot(d, at) == *m_model.snapshot(d, at));
        lookAtFeed();
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
        QVERIFY(*m_engine->record("r", k) == found(k));
        const auto limit = m_random.below(8) + 1;
        auto page = m_engine->scanRecords("r", k, limit);
        KIMDB_OK(page);
        const auto expected = present(k);
        QCOMPARE(page->size(), std::min<std::size_t>(limit, expected.size()));
        auto it = expected.begin();
        for (const auto& [name, record] : *page) {
            QVERIFY(it->first == name && it->second == record);
            ++it;
        }
        QCOMPARE(*m_engine->countRecords("r"), std::uint64_t{present("").size()});
    }

    // The records that are not expired, from a key on.
    std::map<std::string, store::StoredRecord> present(const std::string& from) {
        std::map<std::string, store::StoredRecord> out;
        for (auto it = m_records.lower_bound(from); it != m_records.end(); ++it)
            if (!it->second.expired(m_clock.wallTime())) out.insert(*it);
        return out;
    }

    void lookAtFeed() {
        const int shard =
            static_cast<int>(m_random.below(static_cast<std::uint64_t>(m_options.shard_count)));
        const std::uint64_t after = m_random.below(60), limit = m_random.below(4) + 1;
        QVERIFY(*m_engine->feed(shard, after, limit) == *m_model.feed(shard, after, limit));
    }

    void compare() {
        QVERIFY(*m_engine->documents() == nonEmptyDocuments());
        for (const std::string& d : *m_model.documents()) compareDocument(d);
        compareDocument("");
        const auto records = m_engine->scanRecords("r", "", SIZE_MAX);
        KIMDB_OK(records);
        std::map<std::string, store::StoredRecord> got;
        for (const auto& [name, record] : *records) got[name] = record;
        QVERIFY(got == present(""));
        for (int shard = 0; shard < m_options.shard_count; ++shard)
            QVERIFY(*m_engine->feed(shard, 0, SIZE_MAX) == *m_model.feed(shard, 0, SIZE_MAX));
    }
    void compareDocument(const std::string& d) {
        const std::uint64_t from = *m_model.trimmedPosition(d);
        QVERIFY(*m_engine->readLog(d, from, SIZE_MAX) == *m_model.readLog(d, from, SIZE_MAX));
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
    TestClock m_clock;
    StoreFolder m_folder;
    store::EngineOptions m_options;
    std::unique_ptr<Engine> m_engine;
    MemoryLogStore m_model;
    std::map<std::string, store::StoredRecord> m_records;
    store::SeqNo m_model_seq = 0;
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
