// SPDX-License-Identifier: MIT
#include "store/query_db.h"

#include <algorithm>

namespace kimdb::store {
namespace {

constexpr int kVersion = 1;
constexpr int kStepsPerCheck = 10'000;  // of SQLite's machine, between looks at the clock
constexpr std::size_t kRowsPerPage = 1'000;

std::string quoted(const std::string& name, char quote) {
    std::string out(1, quote);
    for (const char c : name) out += c == quote ? std::string(2, c) : std::string(1, c);
    return out + quote;
}

std::string identifier(const std::string& name) {
    return quoted(name, '"');
}

bool isPath(const std::string& path) {
    return path.starts_with("$.") || path.starts_with("$[");
}

void bind(Statement& statement, int at, const Value& value) {
    if (const auto* i = value.asInt()) return statement.bindInteger(at, *i);
    if (const auto* b = value.asBool()) return statement.bindInteger(at, *b);
    if (const auto* d = value.asDouble()) return statement.bindDouble(at, *d);
    if (const auto* s = value.asString()) return statement.bindText(at, *s);
    if (const auto* b = value.asBlob()) return statement.bindBlob(at, b->bytes);
}

Value valueOf(const Statement& row, int at) {
    switch (row.type(at)) {
        case SQLITE_INTEGER:
            return Value(row.integer(at));
        case SQLITE_FLOAT:
            return Value(row.real(at));
        case SQLITE_TEXT:
            return Value(std::string(row.bytes(at)));
        case SQLITE_BLOB:
            return Value(Value::Blob{Bytes(row.bytes(at))});
        default:
            return {};
    }
}

struct Deadline {
    std::chrono::steady_clock::time_point at;
    static int check(void* self) {
        return std::chrono::steady_clock::now() > static_cast<Deadline*>(self)->at;
    }
};

}  // namespace

std::string QueryDb::tableName(const Name& name) {
    return (name.first == Kind::Records ? "records:" : "documents:") + name.second;
}

Result<std::unique_ptr<QueryDb>> QueryDb::open(Engine& engine, Options options) {
    std::unique_ptr<QueryDb> db(new QueryDb(engine, std::move(options)));
    // Heard from before the file is compared with the engine, so that nothing falls between.
    engine.onCommitted(
        [raw = db.get()](SeqNo seq, const Batch& batch) { raw->touched(seq, batch); });
    Result<> opened = db->openFile();
    if (!opened && opened.error().code == ErrorCode::StorageCorrupt) opened = db->makeFile();
    if (!opened) return opened.error();
    return db;
}

QueryDb::~QueryDb() {
    (void)bringUpToDate();  // so that the next open need not build anew
    m_engine.onCommitted({});
}

Result<> QueryDb::makeFile() {
    m_db = {};
    for (const char* rest : {"", "-wal", "-shm"})
        if (auto ok = posixFiles().remove(m_options.path + rest); !ok) return ok;
    return openFile();
}

Result<> QueryDb::openFile() {
    auto db = Connection::open(m_options.path, Connection::Mode::Create, nullptr);
    if (!db) return db.error();
    m_db = std::move(*db);
    // What a power loss takes away here is noticed by applied_seq and made again.
    if (auto ok = m_db.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"); !ok) return ok;
    auto version = m_db.number("PRAGMA user_version");
    if (!version) return version.error();
    if (*version > kVersion) return makeFile();
    if (*version == 0) {
        const std::string sql =
            "BEGIN; CREATE TABLE state(applied_seq INTEGER NOT NULL);"
            "INSERT INTO state VALUES(0);"
            "CREATE TABLE collections(kind INTEGER, name TEXT, text_paths TEXT NOT NULL,"
            " PRIMARY KEY(kind, name));"
            "PRAGMA user_version=" +
            std::to_string(kVersion) + "; COMMIT";
        if (auto ok = m_db.run(sql.c_str()); !ok) return ok;
    }
    return loadTables();
}

Result<> QueryDb::loadTables() {
    auto applied = m_db.number("SELECT applied_seq FROM state");
    if (!applied) return applied.error();
    const SeqNo last = m_engine.lastSeq();
    auto rows = m_db.prepare(
        "SELECT kind, name, (SELECT group_concat(value, char(10)) FROM json_each(text_paths))"
        " FROM collections");
    if (!rows) return rows.error();
    const std::lock_guard lock(m_touched_mutex);
    m_last = std::max(m_last, last);
    const bool current = static_cast<SeqNo>(*applied) == m_last;
    for (;;) {
        auto more = rows->step();
        if (!more) return more.error();
        if (!*more) return {};
        Table table{current, {}};
        std::string paths(rows->bytes(2));
        for (std::size_t at = 0; at < paths.size();) {
            const std::size_t end = std::min(paths.find('\n', at), paths.size());
            table.text_paths.push_back(paths.substr(at, end - at));
            at = end + 1;
        }
        const Name name(rows->integer(0) ? Kind::Documents : Kind::Records,
                        std::string(rows->bytes(1)));
        m_tables[name] = std::move(table);
        m_touched[name];
    }
}

// Under the lock that orders commits: only names are noted.
void QueryDb::touched(SeqNo seq, const Batch& batch) {
    const std::lock_guard lock(m_touched_mutex);
    m_last = seq;
    if (m_touched.empty()) return;
    for (const Batch::Op& op : batch.ops())
        std::visit(
            [&](const auto& o) {
                if constexpr (requires { o.collection; }) {
                    const auto it = m_touched.find({Kind::Records, o.collection});
                    if (it != m_touched.end()) it->second.insert(o.key);
                } else {
                    const std::size_t slash = o.doc.find('/');
                    if (slash == std::string::npos) return;
                    const auto it = m_touched.find({Kind::Documents, o.doc.substr(0, slash)});
                    if (it != m_touched.end()) it->second.insert(o.doc.substr(slash + 1));
                }
            },
            op);
}

Result<> QueryDb::declareQueryable(Kind kind, const std::string& collection,
                                   const Progress& progress) {
    if (auto ok = DocumentName::parse(collection + "/x"); !ok) return ok.error();
    const std::lock_guard lock(m_mutex);
    const Name name(kind, collection);
    if (!m_tables.contains(name)) {
        const bool records = kind == Kind::Records;
        const std::string sql = "BEGIN; CREATE TABLE " + identifier(tableName(name)) +
                                (records ? "(key TEXT UNIQUE NOT NULL, json TEXT, version INTEGER);"
                                         : "(id TEXT UNIQUE NOT NULL, json TEXT);") +
                                "INSERT INTO collections VALUES(" + (records ? "0," : "1,") +
                                quoted(collection, '\'') + ",'[]'); COMMIT";
        if (auto ok = m_db.run(sql.c_str()); !ok) return ok;
        m_tables[name];
    }
    {
        const std::lock_guard touched(m_touched_mutex);
        m_touched[name];
    }
    return m_tables[name].filled ? Result<>() : fill(name, progress);
}

Result<> QueryDb::fill(const Name& name, const Progress& progress) {
    Table& table = m_tables[name];
    std::uint64_t done = 0;
    auto filled = m_db.transaction([&]() -> Result<> {
        std::string clear = "DELETE FROM " + identifier(tableName(name)) + ";";
        if (!table.text_paths.empty())
            clear += "DELETE FROM " + identifier("text:" + tableName(name));
        if (auto ok = m_db.run(clear.c_str()); !ok) return ok;
        const auto put = [&](const std::string& key) -> Result<> {
            if (auto ok = putRow(name, table, key); !ok) return ok;
            const bool stop = ++done % kRowsPerPage == 0 && progress && !progress(done, 0);
            return stop ? Error{ErrorCode::Closed, "stopped"} : Result<>();
        };
        if (name.first == Kind::Documents) {
            auto docs = m_engine.documents();
            if (!docs) return docs.error();
            for (const std::string& doc : *docs)
                if (doc.starts_with(name.second + "/"))
                    if (auto ok = put(doc.substr(name.second.size() + 1)); !ok) return ok;
            return {};
        }
        for (std::string from;;) {
            auto page = m_engine.scanRecords(name.second, from, kRowsPerPage);
            if (!page) return page.error();
            for (const NamedRecord& r : *page)
                if (auto ok = put(r.key); !ok) return ok;
            if (page->size() < kRowsPerPage) return {};
            from = page->back().key + '\0';
        }
    });
    if (!filled) return filled;
    if (progress) (void)progress(done, done);
    table.filled = true;
    return update();
}

Result<std::optional<std::pair<std::string, SeqNo>>> QueryDb::jsonOf(const Name& name,
                                                                     const std::string& key) {
    using Found = std::optional<std::pair<std::string, SeqNo>>;
    if (name.first == Kind::Records) {
        auto record = m_engine.record(name.second, key);
        if (!record) return record.error();
        return *record ? Found({std::move((*record)->value), (*record)->version}) : Found();
    }
    if (!m_options.document_json) return Found();
    auto json = m_options.document_json(name.second + "/" + key);
    if (!json) return json.error();
    return *json ? Found({std::move(**json), 0}) : Found();
}

Result<> QueryDb::putRow(const Name& name, const Table& table, const std::string& key) {
    auto found = jsonOf(name, key);
    if (!found) return found.error();
    const bool records = name.first == Kind::Records;
    const std::string quoted_table = identifier(tableName(name));
    const std::string column = records ? "key" : "id";
    if (!table.text_paths.empty())
        if (auto ok = removeText(name, key); !ok) return ok;
    std::string sql = "DELETE FROM " + quoted_table + " WHERE " + column + " = ?1";
    if (*found)
        sql = "INSERT INTO " + quoted_table + "(" + column + ", json" +
              (records ? ", version" : "") + ") VALUES(?1, iif(json_valid(?2), ?2, NULL)" +
              (records ? ", ?3" : "") + ") ON CONFLICT(" + column + ") DO UPDATE SET" +
              " json = excluded.json" + (records ? ", version = excluded.version" : "");
    auto statement = m_db.prepare(sql.c_str());
    if (!statement) return statement.error();
    statement->bindText(1, key);
    if (*found) {
        statement->bindText(2, (*found)->first);
        if (records) statement->bindInteger(3, static_cast<std::int64_t>((*found)->second));
    }
    if (auto ok = statement->run(); !ok) return ok;
    if (!*found || table.text_paths.empty()) return {};
    return addText(name, table, key);
}

std::string QueryDb::rowOf(const Name& name) {
    return " FROM " + identifier(tableName(name)) + " WHERE " +
           (name.first == Kind::Records ? "key" : "id") + " = ?1";
}

Result<> QueryDb::runFor(const std::string& sql, const std::string& key) {
    auto statement = m_db.prepare(sql.c_str());
    if (!statement) return statement.error();
    statement->bindText(1, key);
    return statement->run();
}

Result<> QueryDb::removeText(const Name& name, const std::string& key) {
    return runFor("DELETE FROM " + identifier("text:" + tableName(name)) +
                      " WHERE rowid = (SELECT rowid" + rowOf(name) + ")",
                  key);
}

Result<> QueryDb::addText(const Name& name, const Table& table, const std::string& key) {
    std::string columns = "rowid", values = "rowid";
    for (std::size_t i = 0; i < table.text_paths.size(); ++i) {
        columns += ", f" + std::to_string(i);
        values += ", json_extract(json, " + quoted(table.text_paths[i], '\'') + ")";
    }
    return runFor("INSERT INTO " + identifier("text:" + tableName(name)) + "(" + columns +
                      ") SELECT " + values + rowOf(name),
                  key);
}

Result<> QueryDb::bringUpToDate() {
    const std::lock_guard lock(m_mutex);
    return update();
}

Result<> QueryDb::update() {
    std::map<Name, std::set<std::string>> work;
    SeqNo last = 0;
    {
        const std::lock_guard lock(m_touched_mutex);
        for (auto& [name, keys] : m_touched) work[name].swap(keys);
        last = m_last;
    }
    const bool complete = std::all_of(m_tables.begin(), m_tables.end(),
                                      [](const auto& t) { return t.second.filled; });
    auto done = m_db.transaction([&]() -> Result<> {
        for (const auto& [name, keys] : work)
            for (const std::string& key : keys)
                if (auto ok = putRow(name, m_tables[name], key); !ok) return ok;
        // Only when nothing is missing it may be believed at the next open.
        const std::string sql =
            "UPDATE state SET applied_seq = " + std::to_string(complete ? last : 0);
        return m_db.run(sql.c_str());
    });
    if (done) return done;
    const std::lock_guard lock(m_touched_mutex);
    for (auto& [name, keys] : work) m_touched[name].merge(keys);
    return done;
}

Result<> QueryDb::createIndex(Kind kind, const std::string& collection, const std::string& path) {
    const std::lock_guard lock(m_mutex);
    const Name name(kind, collection);
    if (!m_tables.contains(name) || !isPath(path))
        return Error{ErrorCode::InvalidArgument,
                     "declare the collection queryable first, and begin the path with $. or $["};
    const std::string sql =
        "CREATE INDEX IF NOT EXISTS " + identifier(tableName(name) + ":" + path) + " ON " +
        identifier(tableName(name)) + "(json_extract(json, " + quoted(path, '\'') + "))";
    return m_db.run(sql.c_str());
}

Result<> QueryDb::createTextIndex(Kind kind, const std::string& collection,
                                  const std::vector<std::string>& paths) {
    const std::lock_guard lock(m_mutex);
    const Name name(kind, collection);
    const auto known = m_tables.find(name);
    if (known == m_tables.end() || paths.empty() ||
        !std::all_of(paths.begin(), paths.end(), isPath))
        return Error{ErrorCode::InvalidArgument,
                     "declare the collection queryable first, and begin each path with $. or $["};
    if (known->second.text_paths == paths) return {};
    Value::Array list;
    std::string columns;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        columns += (i ? ", f" : "f") + std::to_string(i);
        list.push_back(Value(paths[i]));
    }
    const std::string text = identifier("text:" + tableName(name));
    const std::string sql =
        "BEGIN; DROP TABLE IF EXISTS " + text + "; CREATE VIRTUAL TABLE " + text + " USING fts5(" +
        columns + ");" +
        "UPDATE collections SET text_paths = " + quoted(Value(list).toJson(), '\'') +
        " WHERE kind = " + (kind == Kind::Records ? "0" : "1") +
        " AND name = " + quoted(collection, '\'') + "; COMMIT";
    if (auto ok = m_db.run(sql.c_str()); !ok) return ok;
    known->second.text_paths = paths;
    return fill(name, {});
}

Result<Statement> QueryDb::prepareSelect(std::string sql) {
    auto prepared = m_db.prepareOne(sql);
    if (!prepared) return prepared;
    const bool alone = sql.find_first_not_of(" \t\r\n;") == std::string::npos;
    if (!alone || prepared->columnCount() == 0 || !prepared->isReadOnly())
        return Error{ErrorCode::InvalidArgument, "the query is refused: it must be one SELECT"};
    return prepared;
}

Result<QueryRows> QueryDb::query(const std::string& sql, const std::vector<Value>& parameters,
                                 std::size_t rows_max) {
    const std::lock_guard lock(m_mutex);
    if (auto ok = update(); !ok) return ok.error();
    auto statement = prepareSelect(sql);
    if (!statement) return statement.error();
    if (statement->parameterCount() != static_cast<int>(parameters.size()))
        return Error{ErrorCode::InvalidArgument, "the query is refused: it has " +
                                                     std::to_string(statement->parameterCount()) +
                                                     " parameters"};
    for (std::size_t i = 0; i < parameters.size(); ++i)
        bind(*statement, static_cast<int>(i) + 1, parameters[i]);
    Deadline deadline{std::chrono::steady_clock::now() + m_options.time_limit};
    sqlite3_progress_handler(m_db.handle(), kStepsPerCheck, &Deadline::check, &deadline);
    QueryRows out;
    for (int i = 0; i < statement->columnCount(); ++i)
        out.columns.push_back(statement->columnName(i));
    Result<bool> more = true;
    while (out.rows.size() < rows_max && (more = statement->step()) && *more) {
        std::vector<Value> row;
        for (std::size_t i = 0; i < out.columns.size(); ++i)
            row.push_back(valueOf(*statement, static_cast<int>(i)));
        out.rows.push_back(std::move(row));
    }
    const bool interrupted = !more && std::chrono::steady_clock::now() > deadline.at;
    sqlite3_progress_handler(m_db.handle(), 0, nullptr, nullptr);
    if (interrupted)
        return Error{ErrorCode::Timeout, "the query took longer than " +
                                             std::to_string(m_options.time_limit.count()) +
                                             " ms; add an index or narrow it"};
    if (!more)
        return Error{ErrorCode::InvalidArgument, "the query is refused: " + more.error().message};
    return out;
}

Result<std::vector<std::string>> QueryDb::explain(const std::string& sql) {
    const std::lock_guard lock(m_mutex);
    if (auto ok = prepareSelect(sql); !ok) return ok.error();
    auto plan = prepareSelect("EXPLAIN QUERY PLAN " + sql);
    if (!plan) return plan.error();
    std::vector<std::string> lines;
    for (;;) {
        auto more = plan->step();
        if (!more) return more.error();
        if (!*more) return lines;
        lines.emplace_back(plan->bytes(3));
    }
}

}  // namespace kimdb::store
