// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/change.h"
#include "store/log_store.h"

namespace kimdb::sync {

//! \brief An own change the relay refused for good. Kept until the application exports, retries or
//! discards it.
struct Rejected {
    std::uint64_t id = 0;  //!< key in the list
    std::string document;
    Change change;
    ErrorCode code = ErrorCode::None;
    std::int64_t time_ms = 0;
};

//! \brief The durable list of refused changes, keys "sync/rejected/<16 hex digits>" of the store's
//! own state. An index without bodies is held in memory. Additions go into a caller's batch: stage
//! them with add(), and call settle() when the commit succeeded or failed.
class RejectedList {
 public:
    explicit RejectedList(store::LogStore& store) : m_store(store) {}
    //! Errors: StorageCorrupt.
    Result<> load();

    Result<std::vector<Rejected>> entries() const;
    std::uint64_t size() const { return m_index.size(); }
    //! In the order they were refused in.
    std::vector<Rejected> entriesOf(const std::string& document) const;
    Result<> discard(std::uint64_t id);
    //! How many entries \a document has. O(log documents): it is asked for with every status.
    std::uint64_t count(const std::string& document) const;
    std::optional<Rejected> read(std::uint64_t id) const;
    //! The entry of that very edit: \a change may have other deps, for those lost in a fork are
    //! cut.
    std::optional<Rejected> find(const std::string& document, const Change& change) const;
    //! What was refused at that counter.
    std::optional<Rejected> at(const std::string& document, OpId first) const;

    //! Adds to \a batch; returns the entry with its id.
    Rejected add(store::Batch& batch, const std::string& document, Change change, ErrorCode code,
                 std::int64_t time_ms);
    void remove(store::Batch& batch, std::uint64_t id);
    //! The entry speaks of \a entry.change from here on (its stream got another id).
    void restate(store::Batch& batch, const Rejected& entry);
    enum class Outcome : std::uint8_t { Committed, Failed };
    void settle(Outcome outcome);

 private:
    struct Key {
        std::string document;
        OpId first;
    };
    static Key keyOf(const Rejected& entry);
    store::LogStore& m_store;
    void write(store::Batch& batch, const Rejected& entry);
    void index(std::uint64_t id, const Key& key);
    void unindex(std::uint64_t id);

    std::map<std::uint64_t, Key> m_index;
    std::map<std::string, std::multimap<OpId, std::uint64_t>> m_by_document;
    std::map<std::uint64_t, Key> m_added;
    std::vector<std::uint64_t> m_removed;
    std::uint64_t m_next = 1;
};

}  // namespace kimdb::sync
