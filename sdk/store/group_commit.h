// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "store/journal_writer.h"

namespace kimdb::store {

//! \brief The journal's thread: everything that waits is written as one group; the next fdatasync
//! starts when the previous one has ended. One lone batch is committed at once, many share.
//!
//! A group that fails is written once more, into a fresh segment (SYNC rule 2). When that fails
//! too, the journal has failed for good: nothing more becomes durable until the store is opened
//! again. A full disk is different: the group is tried again until there is space.
//!
//! Thread: any, but append() callers agree on the order.
class GroupCommit {
 public:
    //! \a durable: the last durable number so far; the first append gets the next one.
    GroupCommit(JournalWriter& writer, SeqNo durable);
    ~GroupCommit();
    GroupCommit(const GroupCommit&) = delete;
    GroupCommit& operator=(const GroupCommit&) = delete;

    //! Set before the first append. One call at a time, from the journal's thread or
    //! tellHealth()'s.
    void onDurable(LogStore::DurableHandler handler);
    //! The store's health has become an error elsewhere: the handler hears it as durableSeq().
    void tellHealth();
    //! The batch gets the next number. Errors: health(), Closed after stop(); then it gets none.
    Result<> append(Bytes record);
    SeqNo durableSeq() const { return m_durable.load(std::memory_order_acquire); }
    //! ok, StorageFull (retryable; ends by itself) or StorageFailed (final).
    Result<> health() const;
    //! Ready when durableSeq() >= \a seq, or with an error when that will not happen any more.
    std::future<Result<>> whenDurable(SeqNo seq);
    //! Space may have become free: try again now.
    void retryNow();
    //! Writes what waits, then ends the thread. On a full disk what waits is given up with
    //! StorageFull.
    void stop();

 private:
    void run();
    std::vector<Bytes> takeGroup();
    Result<> writeGroup(const std::vector<Bytes>& group, SeqNo first);
    bool waitForSpace();
    void setHealth(Result<> health);
    void publish(SeqNo durable);
    void tell(SeqNo durable);
    void failWaiters(const Error& error);

    JournalWriter& m_writer;
    std::atomic<SeqNo> m_durable;

    mutable std::mutex m_mutex;
    std::condition_variable m_wake;
    std::mutex m_telling;  // held while the handler runs
    std::deque<Bytes> m_queue;
    std::multimap<SeqNo, std::promise<Result<>>> m_waiters;
    LogStore::DurableHandler m_handler;
    Result<> m_health;
    bool m_stop = false;
    bool m_ended = false;  // the thread will make nothing durable any more
    bool m_retry = false;
    std::thread m_thread;
};

}  // namespace kimdb::store
