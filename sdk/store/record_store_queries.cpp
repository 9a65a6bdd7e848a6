// SPDX-License-Identifier: MIT
// Queries over records, by query.db.
#include "store/record_store.h"

namespace kimdb {

using Kind = store::QueryDb::Kind;

Result<> Store::declareQueryable(const std::string& collection, const StoreProgress& progress) {
    auto queries = m_impl->queries();
    if (!queries) return queries.error();
    return (*queries)->declareQueryable(Kind::Records, collection, progress);
}

Result<> Store::createIndex(const std::string& collection, const std::string& json_path) {
    auto queries = m_impl->queries();
    if (!queries) return queries.error();
    return (*queries)->createIndex(Kind::Records, collection, json_path);
}

Result<> Store::createTextIndex(const std::string& collection,
                                const std::vector<std::string>& json_paths) {
    auto queries = m_impl->queries();
    if (!queries) return queries.error();
    return (*queries)->createTextIndex(Kind::Records, collection, json_paths);
}

Result<QueryResult> Store::query(const std::string& sql, const std::vector<Value>& parameters,
                                 std::size_t rows_max) {
    auto queries = m_impl->queries();
    if (!queries) return queries.error();
    auto found = (*queries)->query(sql, parameters, rows_max);
    if (!found) return found.error();
    return QueryResult{std::move(found->columns), std::move(found->rows)};
}

Result<std::vector<std::string>> Store::explain(const std::string& sql) {
    auto queries = m_impl->queries();
    if (!queries) return queries.error();
    return (*queries)->explain(sql);
}

}  // namespace kimdb
