// SPDX-License-Identifier: MIT
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <utility>

#include <kimdb/ids.h>

namespace kimdb::store {

//! \brief A prepared statement. What is bound must outlive the step (nothing is copied).
//! Thread: that of its connection.
class Statement {
 public:
    Statement() = default;
    ~Statement() { sqlite3_finalize(m_statement); }
    Statement(Statement&& o) noexcept : m_statement(std::exchange(o.m_statement, nullptr)) {}
    Statement& operator=(Statement&& o) noexcept {
        std::swap(m_statement, o.m_statement);
        return *this;
    }

    //! Parameters and columns are counted from the left, parameters from 1, columns from 0.
    void bindInteger(int at, std::int64_t v) { sqlite3_bind_int64(m_statement, at, v); }
    void bindDouble(int at, double v) { sqlite3_bind_double(m_statement, at, v); }
    void bindText(int at, ByteView v) {
        sqlite3_bind_text64(m_statement, at, text(v), v.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    //! A column of another statement's row, of whatever type.
    void bindColumn(int at, const Statement& row, int column) {
        sqlite3_bind_value(m_statement, at, sqlite3_column_value(row.m_statement, column));
    }
    void bindBlob(int at, ByteView v) {
        sqlite3_bind_blob64(m_statement, at, text(v), v.size(), SQLITE_STATIC);
    }
    //! True: a row is there. False: the end.
    Result<bool> step();
    //! Steps a statement that gives no row, and resets it.
    Result<> run() {
        auto row = step();
        reset();
        if (!row) return row.error();
        return {};
    }
    std::int64_t integer(int at) const { return sqlite3_column_int64(m_statement, at); }
    double real(int at) const { return sqlite3_column_double(m_statement, at); }
    //! SQLITE_INTEGER, SQLITE_FLOAT, …
    int type(int at) const { return sqlite3_column_type(m_statement, at); }
    int parameterCount() const { return sqlite3_bind_parameter_count(m_statement); }
    int columnCount() const { return sqlite3_column_count(m_statement); }
    std::string columnName(int at) const { return sqlite3_column_name(m_statement, at); }
    bool isReadOnly() const { return sqlite3_stmt_readonly(m_statement) != 0; }
    bool isNull(int at) const { return sqlite3_column_type(m_statement, at) == SQLITE_NULL; }
    //! Valid until the next step or reset.
    ByteView bytes(int at) const;
    void reset() {
        sqlite3_reset(m_statement);
        sqlite3_clear_bindings(m_statement);
    }

 private:
    friend class Connection;
    explicit Statement(sqlite3_stmt* statement) : m_statement(statement) {}
    // An empty value is an empty text or blob, not NULL.
    static const char* text(ByteView v) { return v.data() ? v.data() : ""; }
    sqlite3_stmt* m_statement = nullptr;
};

//! \brief Resets a statement at the end of a block, so that no read transaction stays open.
class StatementUse {
 public:
    explicit StatementUse(Statement& statement) : m_statement(statement) {}
    ~StatementUse() { m_statement.reset(); }
    StatementUse(const StatementUse&) = delete;
    StatementUse& operator=(const StatementUse&) = delete;
    Statement* operator->() { return &m_statement; }

 private:
    Statement& m_statement;
};

//! \brief One connection to one SQLite file. Errors of all: StorageFull (retryable),
//! StorageCorrupt, PermissionDenied, StorageFailed, DatabaseBusy (retryable); the
//! file is named. Thread: one at a time.
class Connection {
 public:
    enum class Mode { Create, Write, Read };  //!< Read: query_only, never checkpoints

    static Result<Connection> open(const std::string& path, Mode mode, const char* vfs);
    Connection() = default;
    ~Connection() { sqlite3_close(m_db); }
    Connection(Connection&& o) noexcept : m_db(std::exchange(o.m_db, nullptr)) {}
    Connection& operator=(Connection&& o) noexcept {
        std::swap(m_db, o.m_db);
        return *this;
    }

    Result<> run(const char* sql);
    Result<Statement> prepare(const char* sql);
    //! Prepares the first statement of \a sql and cuts it off; what is left is in \a sql.
    //! Errors: InvalidArgument, with what SQLite has to say.
    Result<Statement> prepareOne(std::string& sql);
    //! The first column of the first row; 0 when there is none.
    Result<std::int64_t> number(const char* sql);
    //! Runs \a work between BEGIN IMMEDIATE and COMMIT; all of it or nothing happens.
    template <class Work>
    Result<> transaction(Work work) {
        if (auto ok = run("BEGIN IMMEDIATE"); !ok) return ok;
        Result<> done = work();
        if (done) done = run("COMMIT");
        if (!done) (void)run("ROLLBACK");  // after some errors SQLite has done it already
        return done;
    }
    //! Rows that the last statement has changed.
    int changes() const { return sqlite3_changes(m_db); }
    sqlite3* handle() const { return m_db; }
    //! What the last call that failed has to say.
    Error error() const;

 private:
    explicit Connection(sqlite3* db) : m_db(db) {}
    sqlite3* m_db = nullptr;
};

}  // namespace kimdb::store
