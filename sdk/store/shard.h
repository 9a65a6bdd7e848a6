// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "store/shard_reader.h"
#include "store/shard_writer.h"

namespace kimdb::store {

//! \brief One SQLite file: the only connection that ever writes or checkpoints it, and a pool of
//! connections that read. WAL, synchronous=FULL; applied_seq changes in the transaction that makes
//! it true. Tables: docs/STORAGE.md "Shards".
//!
//! A damaged shard stays in its place and answers everything with StorageCorrupt, so that the
//! others can go on serving. Thread: what writes (apply, advance, packSome, clean) from one thread
//! at a time, the rest from any.
class Shard {
 public:
    //! Makes the file and its tables. The caller flushes it to the disk. REQUIRES: it does not
    //! exist.
    static Result<> create(const ShardPlace& place);
    //! Brings an older version to the present one. Errors: StorageCorrupt when the file is damaged,
    //! of another store or not this shard.
    static Result<std::unique_ptr<Shard>> open(const ShardPlace& place);
    //! The shard that could not be opened because of \a damage.
    static std::unique_ptr<Shard> damaged(const ShardPlace& place, Error damage);
    ~Shard();

    const std::string& path() const { return m_place.path; }
    //! Why it does not serve; nothing when it does. Thread: any.
    std::optional<Error> damage() const;
    //! Every batch up to this one is in the file, as far as it concerns this shard.
    SeqNo appliedSeq() const { return m_applied; }
    //! How many appends its feed has counted, up to appliedSeq().
    std::uint64_t shardSeq() const { return m_shard_seq; }
    //! Records and log entries in the file.
    std::int64_t rows() const { return m_rows; }
    //! Writes what of \a table belongs here, and applied_seq = table.last(), in one transaction.
    //! All or nothing. After StorageCorrupt the shard is damaged.
    Result<> apply(const Memtable& table);
    //! applied_seq = \a applied. REQUIRES: no batch up to \a applied concerns this shard and is
    //! missing in it.
    Result<> advance(SeqNo applied);
    //! Packs one block of cold log entries. True: there is more to pack.
    Result<bool> packSome();
    //! Overwrites what is left of erased rows, and empties the WAL. Errors: StorageFailed
    //! (retryable) while a reader holds on to an older state.
    Result<> clean();

    //! A reader, given back to the pool when it goes.
    class Lease {
     public:
        Lease(const Shard& shard, std::unique_ptr<ShardReader> reader)
            : m_shard(&shard), m_reader(std::move(reader)) {}
        ~Lease();
        Lease(Lease&&) = default;
        Lease& operator=(Lease&&) = delete;
        ShardReader* operator->() { return m_reader.get(); }
        ShardReader& operator*() { return *m_reader; }

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
    Result<> noteDamage(Result<> done);

    const ShardPlace m_place;
    Connection m_db;  // outlives the statements
    ShardWriter m_writer;
    std::atomic<SeqNo> m_applied = 0;
    std::atomic<std::uint64_t> m_shard_seq = 0;
    std::atomic<std::int64_t> m_rows = 0;
    mutable std::mutex m_mutex;  // guards what follows
    std::optional<Error> m_damage;
    mutable std::vector<std::unique_ptr<ShardReader>> m_readers;
};

}  // namespace kimdb::store
