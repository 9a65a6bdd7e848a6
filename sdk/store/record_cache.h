// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/memtable.h"

namespace kimdb::store {

//! \brief Records read from the shards, bounded in bytes, also "there is none".
//!
//! 64 partitions, each a ring of slots with a hand (CLOCK; Corbató 1968): a hit only sets a bit, so
//! that readers hardly wait for each other. It is asked after the memtables, so it must be right
//! only about what is in no memtable: before a flushed table is dropped, forget() removes what the
//! table names, and what was read before that is refused by put(). Thread: any.
class RecordCache {
 public:
    using Found = std::optional<StoredRecord>;
    //! 0: nothing is kept.
    explicit RecordCache(std::size_t bytes_max) : m_bytes_max(bytes_max / kPartitions) {}

    //! What was read of a record; nothing when it has to be read.
    std::optional<Found> find(const RecordName& name);
    //! To be taken before the memtables are asked, and given to put().
    std::uint64_t epoch() const { return m_epoch; }
    void put(const RecordName& name, const Found& found, std::uint64_t epoch);
    //! Forgets the records of \a table in \a shard. REQUIRES: the shard holds them, and the table
    //! is still asked first.
    void forget(const Memtable& table, int shard);

    std::size_t bytes() const { return m_bytes; }
    std::uint64_t hits() const { return m_hits; }
    std::uint64_t misses() const { return m_misses; }

 private:
    static constexpr std::size_t kPartitions = 64;
    struct Slot {
        std::string name;
        Found found;
        bool used = false;
        std::size_t cost() const;
    };
    struct Partition {
        std::mutex mutex;
        std::unordered_map<std::string, std::size_t> index;  // name → slot
        std::vector<Slot> ring;
        std::size_t hand = 0;
        std::size_t bytes = 0;
    };
    Partition& partitionOf(const std::string& name);
    void erase(Partition& partition, std::size_t at);
    void makeRoom(Partition& partition, std::size_t bytes);

    const std::size_t m_bytes_max;  // of a partition
    std::array<Partition, kPartitions> m_partitions;
    std::atomic<std::uint64_t> m_epoch = 0;
    std::atomic<std::size_t> m_bytes = 0;
    std::atomic<std::uint64_t> m_hits = 0, m_misses = 0;
};

}  // namespace kimdb::store
