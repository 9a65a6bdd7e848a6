// SPDX-License-Identifier: MIT
#include "store/sqlite.h"

#include <cerrno>

namespace kimdb::store {
namespace {

constexpr const char* kPermissionCure =
    "; give this user permission to read and write the folder and its files";

Error sqliteError(sqlite3* db, int code) {
    const char* path = sqlite3_db_filename(db, "main");
    const std::string text = std::string(path ? path : "a shard") + ": " + sqlite3_errmsg(db);
    const int system = sqlite3_system_errno(db);
    switch (code & 0xFF) {
        case SQLITE_FULL:
            return {ErrorCode::StorageFull, text + "; free some space", true};
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return {ErrorCode::StorageCorrupt, text + "; restore a backup"};
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return {ErrorCode::DatabaseBusy, text + "; close the program that uses this file",
                    true};
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return {ErrorCode::PermissionDenied, text + kPermissionCure};
        case SQLITE_IOERR:
            if (system == ENOSPC || system == EDQUOT)
                return {ErrorCode::StorageFull, text + "; free some space", true};
            return {ErrorCode::StorageFailed, text};
        case SQLITE_CANTOPEN:
            if (system == EACCES || system == EROFS)
                return {ErrorCode::PermissionDenied, text + kPermissionCure};
            return {ErrorCode::StorageFailed, text};
        default:
            return {ErrorCode::StorageFailed, text};
    }
}

}  // namespace

Result<bool> Statement::step() {
    const int code = sqlite3_step(m_statement);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return sqliteError(sqlite3_db_handle(m_statement), code);
}

ByteView Statement::bytes(int at) const {
    const void* data = sqlite3_column_blob(m_statement, at);
    const int size = sqlite3_column_bytes(m_statement, at);
    return {static_cast<const char*>(data), static_cast<std::size_t>(data ? size : 0)};
}

Result<Connection> Connection::open(const std::string& path, Mode mode, const char* vfs) {
    // NOMUTEX: a connection is never used by two threads at once, its owner sees to that.
    const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE |
                      (mode == Mode::Create ? SQLITE_OPEN_CREATE : 0);
    sqlite3* db = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &db, flags, vfs);
    Connection connection(db);
    if (!db) return Error{ErrorCode::StorageFailed, path + ": no memory to open it"};
    if (code != SQLITE_OK) return sqliteError(db, code);
    sqlite3_extended_result_codes(db, 1);
    if (mode == Mode::Read) {
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
        if (auto ok = connection.run("PRAGMA query_only=1"); !ok) return ok.error();
    }
    return connection;
}

Result<> Connection::run(const char* sql) {
    const int code = sqlite3_exec(m_db, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return sqliteError(m_db, code);
    return {};
}

Result<Statement> Connection::prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v3(m_db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return sqliteError(m_db, code);
    return Statement(statement);
}

Error Connection::error() const {
    return sqliteError(m_db, sqlite3_errcode(m_db));
}

Result<Statement> Connection::prepareOne(std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    const char* rest = nullptr;
    const int code = sqlite3_prepare_v2(m_db, sql.c_str(), -1, &statement, &rest);
    if (code != SQLITE_OK)
        return Error{ErrorCode::InvalidArgument,
                     std::string("the query is refused: ") + sqlite3_errmsg(m_db)};
    sql.erase(0, static_cast<std::size_t>(rest - sql.c_str()));
    return Statement(statement);
}

Result<std::int64_t> Connection::number(const char* sql) {
    auto query = prepare(sql);
    if (!query) return query.error();
    auto row = query->step();
    if (!row) return row.error();
    return *row ? query->integer(0) : 0;
}

}  // namespace kimdb::store
