// SPDX-License-Identifier: MIT
#include <kimdb/store.h>

#include "store/query_db.h"
#include "store/store_fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Batch;
using store::Engine;
using store::QueryDb;
using Kind = store::QueryDb::Kind;

namespace {

Batch recordOf(const std::string& key, const std::string& json) {
    Batch batch;
    batch.putRecord("cities", key, json);
    return batch;
}

}  // namespace

class TestQueryDb : public QObject {
    Q_OBJECT
 private slots:
    void init() {
        m_folder = std::make_unique<StoreFolder>();
        m_options = m_folder->options();
        m_documents.clear();
        open();
    }
    void cleanup() { close(); }

    void aQuerySeesEveryCommittedWrite() {
        KIMDB_OK(m_query->declareQueryable(Kind::Records, "cities"));
        KIMDB_OK(m_engine->commit(recordOf("seoul", R"({"pop":9,"name":"Seoul"})")));
        KIMDB_OK(m_engine->commit(recordOf("busan", R"({"pop":3,"name":"Busan"})")));
        QVERIFY(keys("json_extract(json,'$.pop') > 5") == std::vector<std::string>{"seoul"});
        KIMDB_OK(m_engine->flush());
        KIMDB_OK(m_engine->commit(recordOf("busan", R"({"pop":7})")));
        QCOMPARE(keys("json_extract(json,'$.pop') > 5").size(), std::size_t{2});
        Batch batch;
        batch.eraseRecord("cities", "seoul");
        KIMDB_OK(m_engine->commit(std::move(batch)));
        QVERIFY(keys("1") == std::vector<std::string>{"busan"});
        KIMDB_OK(m_engine->commit(recordOf("odd", "no JSON")));
        QVERIFY(keys("json IS NULL") == std::vector<std::string>{"odd"});
    }

    void randomWritesAndQueriesAgreeAtEveryMomentOfAFlush() {
        const int given = qEnvironmentVariableIntValue("KIMDB_SEED");
        const auto seed = static_cast<std::uint64_t>(given ? given : 1);
        qInfo("seed %d", static_cast<int>(seed));
        SeededRandom random(seed);
        m_options.flush_interval = 1ms;
        reopen();
        KIMDB_OK(m_query->declareQueryable(Kind::Records, "cities"));
        KIMDB_OK(m_query->createIndex(Kind::Records, "cities", "$.n"));
        std::map<std::string, std::int64_t> model;
        for (int step = 0; step < 1'500; ++step) {
            const std::string key = "k" + std::to_string(random.below(60));
            const auto dice = random.below(100);
            if (dice < 55) {
                model[key] = static_cast<std::int64_t>(random.below(20));
                KIMDB_OK(
                    m_engine->commit(recordOf(key, R"({"n":)" + std::to_string(model[key]) + "}")));
            } else if (dice < 75) {
                model.erase(key);
                Batch batch;
                batch.eraseRecord("cities", key);
                KIMDB_OK(m_engine->commit(std::move(batch)));
            } else if (dice < 97) {
                const auto n = static_cast<std::int64_t>(random.below(20));
                std::vector<std::string> expected;
                for (const auto& [k, v] : model)
                    if (v >= n) expected.push_back(k);
                QVERIFY(keys("json_extract(json,'$.n') >= " + std::to_string(n)) == expected);
            } else if (dice < 99) {
                KIMDB_OK(m_engine->flush());
            } else {
                const bool crash = random.below(2) == 0;
                crash ? reopenAfterCrash() : reopen();
                KIMDB_OK(m_query->declareQueryable(Kind::Records, "cities"));
            }
        }
    }

    void documentsComeFromTheirOwner() {
        KIMDB_OK(m_query->declareQueryable(Kind::Documents, "notes"));
        m_documents["notes/a"] = R"({"title":"first"})";
        KIMDB_OK(m_engine->commit(appendOf("notes/a", entryAt(1))));
        const char* sql = "SELECT json_extract(json,'$.title') FROM \"documents:notes\"";
        QVERIFY(m_query->query(sql, {}, 10)->rows.at(0).at(0) == Value("first"));
        m_documents["notes/a"] = R"({"title":"second"})";
        Batch batch;
        batch.replace("notes/a", entryAt(1, 7, "other"));
        KIMDB_OK(m_engine->commit(std::move(batch)));
        QVERIFY(m_query->query(sql, {}, 10)->rows.at(0).at(0) == Value("second"));
        m_documents.clear();
        KIMDB_OK(m_engine->commit(putOf("notes/a", "deleted", "1")));
        QVERIFY(m_query->query(sql, {}, 10)->rows.empty());
    }

    void anIndexIsUsedAndExplained() {
        KIMDB_OK(m_query->declareQueryable(Kind::Records, "cities"));
        const std::string sql =
            "SELECT key FROM \"records:cities\" WHERE json_extract(json, '$.pop') = ?1";
        QVERIFY(m_query->explain(sql)->at(0).starts_with("SCAN"));
        KIMDB_OK(m_query->createIndex(Kind::Records, "cities", "$.pop"));
        KIMDB_OK(m_query->createIndex(Kind::Records, "cities", "$.pop"));
        const auto plan = m_query->explain(sql);
        QVERIFY2(plan->at(0).find("USING INDEX") != std::string::npos, plan->at(0).c_str());
        KIMDB_OK(m_engine->commit(recordOf("seoul", R"({"pop":9})")));
        QVERIFY(m_query->query(sql, {Value(9)}, 10)->rows.at(0).at(0) == Value("seoul"));
    }

    void textIsFoundByItsWordsAndFollowsChanges() {
        KIMDB_OK(m_query->declareQueryable(Kind::Records, "cities"));
        KIMDB_OK(m_engine->commit(recordOf("seoul", R"({"about":"a city on the Han river"})")));
        KIMDB_OK(m_query->createTextIndex(Kind::Records, "cities", {"$.about", "$.name"}));
        KIMDB_OK(m_engine->commit(recordOf("busan", R"({"about":"a harbour","name":"River"})")));
        QVERIFY(found("river") == (std::vector<std::string>{"busan", "seoul"}));
        KIMDB_OK(m_engine->commit(recordOf("seoul", R"({"about":"a capital"})")));
        QVERIFY(found("river") == std::vector<std::string>{"busan"});
        QVERIFY(found("capital") == std::vector<std::string>{"seoul"});
        reopen();
        KIMDB_OK(m_query->declareQueryable(Kind::Records, "cities"));
        KIMDB_OK(m_engine->commit(recordOf("ulsan", R"({"about":"ships on a river"})")));
        QVERIFY(found("river") == (std::vector<std::string>{"busan", "ulsan"}));
    }

    void onlyOneSelectWithItsParametersIsRun() {
        KIMDB_OK(m_query->declareQueryable(Kind::Records, "cities"));
        KIMDB_OK(m_engine->commit(recordOf("seoul", "{}")));
        for (const char* sql :
             {"DELETE FROM \"records:cities\"", "SELECT 1; SELECT 2", "SELEC 1", "", "PRAGMA x",
              "SELECT ?1, ?2", "CREATE TABLE t(a)", "SELECT * FROM nothing"})
            QCOMPARE(m_query->query(sql, {Value(1)}, 10).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(keys("1").size(), std::size_t{1});
        const auto row = m_query->query(
            "SELECT ?1, ?2, ?3, ?4, ?5",
            {Value(1), Value(2.5), Value("x'); --"), Value(), Value(Value::Blob{"\1"})}, 10);
        KIMDB_OK(row);
        QVERIFY(row->rows[0][0] == Value(1) && row->rows[0][1] == Value(2.5));
        QVERIFY(row->rows[0][2] == Value("x'); --") && row->rows[0][3].isNull());
    }

    void aQueryThatTakesTooLongIsStopped() {
        const auto slow = m_query->query(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
            {}, 1);
        QCOMPARE(slow.error().code, ErrorCode::Timeout);
        KIMDB_OK(m_query->query("SELECT 1", {}, 1));
    }

    void aDeletedOrDamagedFileIsBuiltAnewWithProgress() {
        KIMDB_OK(m_query->declareQueryable(Kind::Records, "cities"));
        for (int i = 0; i < 2'500; ++i)
            KIMDB_OK(m_engine->commit(recordOf("k" + std::to_string(i), R"({"n":1})")));
        QCOMPARE(keys("1").size(), std::size_t{2'500});
        for (const bool damage : {false, true}) {
            close();
            if (damage)
                StoreFolder::write(m_folder->file("query.db"), std::string(20'000, 'x'));
            else
                std::filesystem::remove(m_folder->file("query.db"));
            open();
            std::uint64_t told = 0;
            KIMDB_OK(m_query->declareQueryable(Kind::Records, "cities", [&](auto done, auto) {
                told = done;
                return true;
            }));
            QCOMPARE(told, std::uint64_t{2'500});
            QCOMPARE(keys("1").size(), std::size_t{2'500});
        }
        reopen();  // cleanly closed: nothing is built
        bool built = false;
        KIMDB_OK(m_query->declareQueryable(Kind::Records, "cities",
                                           [&](auto, auto) { return built = true; }));
        QVERIFY(!built);
        QCOMPARE(keys("1").size(), std::size_t{2'500});
    }

    void thePublicFaceAsksTheSame() {
        close();
        StoreOptions options;
        options.path = m_folder->path();
        for (int round = 0; round < 2; ++round) {
            auto store = Store::open(options);
            KIMDB_OK(store);
            KIMDB_OK((*store)->declareQueryable("cities"));
            KIMDB_OK((*store)->createIndex("cities", "$.pop"));
            KIMDB_OK((*store)->createTextIndex("cities", {"$.name"}));
            if (round == 0)
                KIMDB_OK((*store)->set("cities", "seoul", R"({"pop":9,"name":"Seoul"})"));
            const char* sql =
                "SELECT key FROM \"records:cities\" WHERE json_extract(json,'$.pop')=?1";
            const auto found = (*store)->query(sql, {Value(9)});
            KIMDB_OK(found);
            QVERIFY(found->columns == std::vector<std::string>{"key"});
            QVERIFY(found->rows.at(0).at(0) == Value("seoul"));
            QVERIFY((*store)->explain(sql)->at(0).find("USING INDEX") != std::string::npos);
            KIMDB_OK((*store)->close());
            QCOMPARE((*store)->query(sql, {Value(9)}).error().code, ErrorCode::Closed);
            QCOMPARE((*store)->declareQueryable("more").error().code, ErrorCode::Closed);
        }
    }

 private:
    void open() {
        m_engine = StoreFolder::open(m_options);
        const auto json = [this](const std::string& doc) -> Result<std::optional<std::string>> {
            const auto it = m_documents.find(doc);
            if (it == m_documents.end()) return std::optional<std::string>();
            return std::optional<std::string>(it->second);
        };
        auto query =
            QueryDb::open(*m_engine, {m_folder->file("query.db"), json, std::chrono::seconds(1)});
        KIMDB_OK(query);
        m_query = std::move(*query);
    }
    void close() {
        m_query.reset();
        m_engine.reset();
    }
    void reopen() {
        close();
        open();
    }
    // The files as they are now, not as a clean close leaves them.
    void reopenAfterCrash() {
        KIMDB_OK(m_engine->flush());
        KIMDB_OK(m_engine->whenDurable(m_engine->lastSeq()).get());
        const StoreFolder killed;
        m_options.flush_interval = 1h;
        m_folder->copyTo(killed);
        close();
        killed.copyTo(*m_folder);
        m_options.flush_interval = 1ms;
        open();
    }
    std::vector<std::string> column(const std::string& sql) {
        const auto rows = m_query->query(sql, {}, 10'000);
        if (!rows) qFatal("%s", rows.error().message.c_str());
        std::vector<std::string> out;
        for (const auto& row : rows->rows) out.push_back(*row.at(0).asString());
        return out;
    }
    std::vector<std::string> keys(const std::string& where) {
        return column("SELECT key FROM \"records:cities\" WHERE " + where + " ORDER BY key");
    }
    std::vector<std::string> found(const std::string& word) {
        return column(
            "SELECT key FROM \"text:records:cities\" t JOIN \"records:cities\" r ON r.rowid ="
            " t.rowid WHERE \"text:records:cities\" MATCH '" +
            word + "' ORDER BY key");
    }

    std::unique_ptr<StoreFolder> m_folder;
    store::EngineOptions m_options;
    std::map<std::string, std::string> m_documents;
    std::unique_ptr<Engine> m_engine;
    std::unique_ptr<QueryDb> m_query;
};

QTEST_GUILESS_MAIN(TestQueryDb)
#include "tst_query_db.moc"
