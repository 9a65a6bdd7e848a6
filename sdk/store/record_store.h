// SPDX-License-Identifier: MIT
#pragma once

#include <kimdb/store.h>

#include "store/engine.h"

namespace kimdb {

class Store::Impl {
 public:
    Impl(std::unique_ptr<store::Engine> engine, Durability durability)
        : m_durability(durability), m_engine(std::move(engine)) {}
    store::Engine& engine() { return *m_engine; }

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

    const Durability m_durability;
    std::unique_ptr<store::Engine> m_engine;
};

}  // namespace kimdb
