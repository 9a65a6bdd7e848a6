// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/group_commit.h"
#include "store/record_cache.h"
#include "store/shard.h"
#include "store/tables.h"

namespace kimdb::store {

//! \brief The thread that moves memtables into the shards and gives emptied journal segments back;
//! a second one helps with large tables.
//! Flushes when the active table is full, when the journal has grown long, when nothing was
//! committed for flush_interval, and on flush(). Only what is durable is flushed: the shards are
//! never ahead of the journal. A busy shard or a full disk is tried again, a damaged shard is left
//! out, any other error is final until reopened. When there is nothing to flush, it packs cold log
//! entries. Thread: any.
class Flusher {
 public:
    struct Options {
        std::size_t buffer_bytes = 0;
        std::size_t buffer_rows = 0;
        std::chrono::milliseconds interval{};
    };
    using Shards = std::vector<std::unique_ptr<Shard>>;

    Flusher(Tables& tables, Shards& shards, GroupCommit& commits, JournalWriter& journal,
            Options options, RecordCache& cache, Counters& counters);
    ~Flusher();
    Flusher(const Flusher&) = delete;
    Flusher& operator=(const Flusher&) = delete;

    //! A batch was committed.
    void committed();
    //! ok, StorageFull (ends by itself) or the final error.
    Result<> health() const;
    //! Waits until the shards hold everything committed so far. Errors: those of health(), of the
    //! journal.
    Result<> flush();
    //! Waits until the memtables take less than their bound. Same errors.
    Result<> waitForRoom();
    //! Whether some shard is damaged and does not take part. Thread: any.
    bool foundDamage() const { return m_damaged; }
    //! Every batch up to this one is in the shards. Thread: any.
    SeqNo flushed() const;
    //! While it is held no shard is written, so that all of them stand at the end of a flush.
    std::unique_lock<std::mutex> pause() { return std::unique_lock(m_writing); }
    //! Flushes what is durable, then ends the thread. REQUIRES: the journal has stopped.
    void stop();

 private:
    void run();
    bool waitForWork();
    bool isStopping() const;
    bool hasPressure() const;
    Result<> flushTable(const Memtable& table);
    Result<> applyToShards(const Memtable& table);
    Result<> applyToShard(std::size_t index, const Memtable& table);
    bool packSome();
    Result<> recycle(SeqNo flushed);
    void setHealth(Result<> health);
    Result<> wholeHealth() const;

    Tables& m_tables;
    Shards& m_shards;
    GroupCommit& m_commits;
    JournalWriter& m_journal;
    RecordCache& m_cache;
    Counters& m_counters;
    const Options m_options;
    std::atomic<bool> m_asleep = false;
    std::atomic<bool> m_damaged = false;
    bool m_may_pack = false;  // the thread's own

    std::mutex m_writing;  // held while shards are written; taken before m_mutex
    mutable std::mutex m_mutex;
    std::condition_variable m_wake;  // the thread has work
    std::condition_variable m_done;  // a flush ended, or health changed
    Result<> m_health;
    SeqNo m_flushed = 0;
    SeqNo m_wanted = 0;
    bool m_stop = false;
    std::thread m_thread;
};

}  // namespace kimdb::store
