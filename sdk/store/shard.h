// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "store/memtable.h"
#include "store/shard_reader.h"

namespace kimdb::store {

inline constexpr int kShardVersion = 1;                        // PRAGMA user_version of a shard
inline constexpr std::int32_t kShardApplication = 0x4B494D42;  // PRAGMA application_id: "KIMB"

//! \brief Where a shard is and which one it must be.
struct ShardPlace {
    std::string path;
    int index = 0;
    int count = 0;
    std::uint64_t store_id = 0;
    const char* vfs = nullptr;
};

//! \brief One SQLite file: the only connection that ever writes or checkpoints it, and a pool of
//! connections that read. WAL, synchronous=FULL; applied_seq changes in the transaction that makes
//! it true. Tables: docs/STORAGE.md "Shards". Thread: apply() and advance() from one thread, the
//! rest from any.
class Shard {
 public:
    //! Makes the file and its tables. The caller flushes it to the disk. REQUIRES: it does not
    //! exist.
    static Result<> create(const ShardPlace& place);
    //! Errors: StorageCorrupt when the file is damaged, of another store or not this shard.
    static Result<std::unique_ptr<Shard>> open(const ShardPlace& place);
    ~Shard();

    //! Every batch up to this one is in the file, as far as it concerns this shard.
    SeqNo appliedSeq() const { return m_applied; }
    //! Writes what of \a table belongs here, and applied_seq = table.last(), in one transaction.
    //! All or nothing.
    Result<> apply(const Memtable& table);
    //! applied_seq = \a applied. REQUIRES: no batch up to \a applied concerns this shard and is
    //! missing in it.
    Result<> advance(SeqNo applied);

    //! A reader, given back to the pool when it goes.
    class Lease {
     public:
        Lease(const Shard& shard, std::unique_ptr<ShardReader> reader)
            : m_shard(&shard), m_reader(std::move(reader)) {}
        ~Lease();
        Lease(Lease&&) = default;
        Lease& operator=(Lease&&) = delete;
        ShardReader* operator->() { return m_reader.get(); }

     private:
        const Shard* m_shard;
        std::unique_ptr<ShardReader> m_reader;
    };
    Result<Lease> reader() const;

 private:
    explicit Shard(ShardPlace place) : m_place(std::move(place)) {}
    Result<> openWriter();
    Result<> checkState();
    Result<std::int64_t> state(const char* name);
    Result<> writeState(SeqNo applied);
    Result<> writeRows(const Memtable& table);
    Result<> writeDocument(const std::string& doc, const Memtable::Document& document);
    Result<> writeRecord(const Memtable::Records::value_type& record);
    //! Runs \a work in a transaction.
    template <class Work>
    Result<> transaction(Work work);

    const ShardPlace m_place;
    Connection m_writer;  // outlives the statements
    Statement m_put_entry, m_put_key, m_erase_key, m_put_record, m_erase_record, m_put_state;
    std::atomic<SeqNo> m_applied = 0;
    mutable std::mutex m_mutex;  // guards the pool
    mutable std::vector<std::unique_ptr<ShardReader>> m_readers;
};

}  // namespace kimdb::store
