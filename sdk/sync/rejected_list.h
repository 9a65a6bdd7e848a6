// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/change.h"
#include "store/log_store.h"

namespace kimdb::sync {

//! \brief An own change the relay refused for good. Kept until the application exports, retries or discards it.
struct Rejected {
    std::uint64_t id = 0;  //!< key in the list
    std::string document;
    Change change;
    ErrorCode code = ErrorCode::None;
    std::int64_t time_ms = 0;
};

//! \brief The durable list of refused changes, keys "sync/rejected/<16 hex digits>" of the store's own
//! state. An index without bodies is held in memory. Additions go into a caller's batch: stage them with
//! add(), and call settle() when the commit succeeded or failed.
class RejectedList {
 public:
    explicit RejectedList(store::LogStore& store) : m_store(store) {}
    //! Errors: StorageCorrupt.
    Result<> load();

    Result<std::vector<Rejected>> entries() const;
    Result<> discard(std::uint64_t id);
    std::uint64_t count(const std::string& document) const;
    //! The entry of that change, equal by \a hash.
    std::optional<Rejected> find(const std::string& document, const Change& change,
                                 const Hash16& hash) const;

    //! Adds to \a batch; returns the entry with its id.
    Rejected add(store::Batch& batch, const std::string& document, Change change,
                 const Hash16& hash, ErrorCode code, std::int64_t time_ms);
    void remove(store::Batch& batch, std::uint64_t id);
    enum class Outcome : std::uint8_t { Committed, Failed };
    void settle(Outcome outcome);

 private:
    struct Key {
        std::string document;
        Hash16 hash;
    };
    store::LogStore& m_store;
    std::map<std::uint64_t, Key> m_index;
    std::map<std::uint64_t, Key> m_added;
    std::vector<std::uint64_t> m_removed;
    std::uint64_t m_next = 1;
};

}  // namespace kimdb::sync
