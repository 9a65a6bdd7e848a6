// SPDX-License-Identifier: MIT
#pragma once

#include <kimdb/store.h>

#include "store/engine.h"
#include "store/maintenance.h"
#include "store/query_db.h"

namespace kimdb {

class Store::Impl {
 public:
    Impl(std::unique_ptr<store::Engine> engine, const StoreOptions& options)
        : m_path(options.path), m_durability(options.durability), m_engine(std::move(engine)) {
        if (options.maintenance_interval.count() > 0)
            m_maintenance =
                std::make_unique<store::Maintenance>(*m_engine, options.maintenance_interval);
    }
    store::Engine& engine() { return *m_engine; }
    //! Opened when it is first asked for.
    Result<std::shared_ptr<store::QueryDb>> queries() {
        const std::lock_guard lock(m_query_mutex);
        if (m_closed) return Error{ErrorCode::Closed, "the store is closed"};
        if (!m_queries) {
            auto opened = store::QueryDb::open(*m_engine, {.path = m_path + "/query.db"});
            if (!opened) return opened.error();
            m_queries = std::move(*opened);
        }
        return m_queries;
    }
    Result<> close() {
        {
            const std::lock_guard lock(m_query_mutex);
            m_closed = true;
            m_queries.reset();
            m_maintenance.reset();
        }
        return m_engine->close();
    }

    //! Makes the batch visible.
    Result<RecordVersion> append(WriteBatch batch);
    //! Waits for what the options say a write has to wait for.
    Result<RecordVersion> settle(Result<RecordVersion> version) {
        if (!version || m_durability == Durability::Buffered) return version;
        if (auto ok = m_engine->whenDurable(*version).get(); !ok) return ok.error();
        return version;
    }

 private:
    Result<std::int64_t> expiry(std::chrono::milliseconds ttl) const;

    const std::string m_path;
    const Durability m_durability;
    std::unique_ptr<store::Engine> m_engine;
    std::mutex m_query_mutex;
    bool m_closed = false;
    std::unique_ptr<store::Maintenance> m_maintenance;
    std::shared_ptr<store::QueryDb> m_queries;  // goes before the engine
};

}  // namespace kimdb
