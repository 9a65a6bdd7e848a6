// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <mutex>
#include <set>

#include <kimdb/value.h>

#include "store/engine.h"

namespace kimdb::store {

//! \brief Rows of a query.
struct QueryRows {
    std::vector<std::string> columns;
    std::vector<std::vector<Value>> rows;
};

//! \brief `query.db`: documents and records of chosen collections as JSON in SQLite tables, for
//! queries with indexes, full text and joins. It is derived: deleting it costs a rebuild.
//!
//! A collection of records is the table "records:NAME"(key, json, version), one of documents
//! "documents:NAME"(id, json); json is NULL for a value that is none. Every commit notes what it
//! touches; before a query runs, it is read again and written in one transaction with applied_seq,
//! so a query sees every batch whose commit() had returned. When applied_seq is not the engine's
//! last number at the opening (after a crash), the declared collections are built anew.
//! Thread: any; one query at a time. REQUIRES: the engine outlives it; one QueryDb per engine.
class QueryDb {
 public:
    enum class Kind { Records, Documents };
    //! A document as JSON text; nothing: there is none (any more). Called from the thread that
    //! queries, without a lock of the engine.
    using DocumentJson = std::function<Result<std::optional<std::string>>(const std::string& doc)>;

    struct Options {
        std::string path;  //!< of the file
        DocumentJson document_json;
        std::chrono::milliseconds time_limit{5'000};  //!< of one query
    };
    //! A damaged or newer file is made anew.
    static Result<std::unique_ptr<QueryDb>> open(Engine& engine, Options options);
    ~QueryDb();
    QueryDb(const QueryDb&) = delete;
    QueryDb& operator=(const QueryDb&) = delete;

    //! Fills the table of a collection if it is not up to date; from now on it is kept so.
    Result<> declareQueryable(Kind kind, const std::string& collection,
                              const Progress& progress = {});
    //! An index for json_extract(json, PATH). \a path: "$.field.…". REQUIRES: declared.
    Result<> createIndex(Kind kind, const std::string& collection, const std::string& path);
    //! The full-text table "text:KIND:NAME" with a column for each path, named f0, f1, …; its rowid
    //! is that of the collection's table. REQUIRES: declared.
    Result<> createTextIndex(Kind kind, const std::string& collection,
                             const std::vector<std::string>& paths);

    //! One SELECT with bound parameters ?1, ?2, …; at most \a rows_max rows.
    //! Errors: InvalidArgument (SQL; a statement that writes), Timeout, those of the store.
    Result<QueryRows> query(const std::string& sql, const std::vector<Value>& parameters,
                            std::size_t rows_max);
    //! How SQLite would run it, a line for each step.
    Result<std::vector<std::string>> explain(const std::string& sql);
    //! Writes what was touched since the last time.
    Result<> bringUpToDate();

 private:
    explicit QueryDb(Engine& engine, Options options)
        : m_engine(engine), m_options(std::move(options)) {}
    struct Table {
        bool filled = false;
        std::vector<std::string> text_paths;
    };
    using Name = std::pair<Kind, std::string>;
    static std::string tableName(const Name& name);

    Result<> openFile();
    Result<> makeFile();
    Result<> loadTables();
    void touched(SeqNo seq, const Batch& batch);
    Result<> update();
    Result<> fill(const Name& name, const Progress& progress);
    Result<> putRow(const Name& name, const Table& table, const std::string& key);
    static std::string rowOf(const Name& name);
    Result<> runFor(const std::string& sql, const std::string& key);
    Result<> removeText(const Name& name, const std::string& key);
    Result<> addText(const Name& name, const Table& table, const std::string& key);
    Result<std::optional<std::pair<std::string, SeqNo>>> jsonOf(const Name& name,
                                                                const std::string& key);
    Result<Statement> prepareSelect(std::string sql);

    Engine& m_engine;
    const Options m_options;
    std::mutex m_mutex;  // held by a query, an update, a declaration
    Connection m_db;
    std::map<Name, Table> m_tables;

    std::mutex m_touched_mutex;  // taken by commits
    std::map<Name, std::set<std::string>> m_touched;
    SeqNo m_last = 0;
};

}  // namespace kimdb::store
