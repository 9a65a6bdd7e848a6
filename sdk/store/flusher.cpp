// SPDX-License-Identifier: MIT
#include "store/flusher.h"

#include <algorithm>

#include "core/limits.h"

namespace kimdb::store {

Flusher::Flusher(Tables& tables, Shards& shards, GroupCommit& commits, JournalWriter& journal,
                 Options options)
    : m_tables(tables),
      m_shards(shards),
      m_commits(commits),
      m_journal(journal),
      m_options(options),
      m_thread([this] { run(); }) {}

Flusher::~Flusher() {
    stop();
}

void Flusher::committed() {
    // While there is something to flush the thread looks by itself every interval; it is woken from
    // its sleep and for what cannot wait.
    if (!m_asleep && !hasPressure()) return;
    { const std::lock_guard lock(m_mutex); }  // it waits, or will see the batch before it does
    m_wake.notify_one();
}

Result<> Flusher::health() const {
    const std::lock_guard lock(m_mutex);
    return m_health;
}

Result<> Flusher::wholeHealth() const {
    if (auto ok = health(); !ok) return ok;
    return m_commits.health();
}

Result<> Flusher::flush() {
    const SeqNo wanted = m_tables.last();
    std::unique_lock lock(m_mutex);
    m_wanted = std::max(m_wanted, wanted);
    m_wake.notify_one();
    for (;;) {
        if (m_flushed >= wanted) return {};
        if (m_stop) return Error{ErrorCode::Closed, "the store is closed"};
        if (!m_health) return m_health;
        if (auto ok = m_commits.health(); !ok) return ok;
        m_done.wait_for(lock, limits::kStorageRetryInterval);
    }
}

Result<> Flusher::waitForRoom() {
    const std::size_t bytes_max = m_options.buffer_bytes * limits::kStoreBacklogBuffers;
    while (m_tables.bytes() >= bytes_max) {
        if (auto ok = wholeHealth(); !ok) return ok;
        std::unique_lock lock(m_mutex);
        if (m_stop) return Error{ErrorCode::Closed, "the store is closed"};
        m_wake.notify_one();
        m_done.wait_for(lock, limits::kStorageRetryInterval);
    }
    return {};
}

void Flusher::stop() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
    }
    m_wake.notify_one();
    m_done.notify_all();
    if (m_thread.joinable()) m_thread.join();
}

bool Flusher::hasPressure() const {
    const std::size_t bytes = m_tables.activeBytes();
    return bytes >= m_options.buffer_bytes ||
           (bytes > 0 &&
            m_journal.liveBytes() >= m_options.buffer_bytes * limits::kStoreBacklogBuffers);
}

void Flusher::waitForWork() {
    std::unique_lock lock(m_mutex);
    const auto urgent = [this] { return m_stop || m_wanted > m_flushed || hasPressure(); };
    m_asleep = true;
    m_wake.wait(lock, [&] { return urgent() || !m_tables.activeEmpty(); });
    m_asleep = false;
    for (SeqNo before = m_tables.last();;) {
        if (m_wake.wait_for(lock, m_options.interval, urgent)) return;
        const SeqNo now = m_tables.last();
        if (now == before) return;  // idle
        before = now;
    }
}

void Flusher::run() {
    for (bool stopping = false; !stopping;) {
        waitForWork();
        {
            const std::lock_guard lock(m_mutex);
            stopping = m_stop;
        }
        const SeqNo last = m_tables.last();
        const auto table = m_tables.beginFlush();
        if (table) {
            if (auto ok = flushTable(*table); !ok) {
                setHealth(ok);
                return;
            }
            m_tables.endFlush();
        }
        {
            const std::lock_guard lock(m_mutex);
            m_flushed = table ? table->last() : last;
        }
        m_done.notify_all();
        if (stopping && !m_tables.activeEmpty()) stopping = false;  // the rest, in one more round
    }
}

Result<> Flusher::flushTable(const Memtable& table) {
    if (auto ok = m_commits.whenDurable(table.last()).get(); !ok) return ok;
    for (std::size_t i = 0; i < m_shards.size(); ++i)
        if (table.touches(static_cast<int>(i)))
            if (auto ok = applyToShard(*m_shards[i], table); !ok) return ok;
    return recycle(table.last());
}

Result<> Flusher::applyToShard(Shard& shard, const Memtable& table) {
    for (;;) {
        const Result<> done = shard.apply(table);
        if (done || !done.error().retryable) {
            if (done && !health()) setHealth({});
            return done;
        }
        if (done.error().code == ErrorCode::StorageFull) setHealth(done);
        std::unique_lock lock(m_mutex);
        if (m_wake.wait_for(lock, limits::kStorageRetryInterval, [this] { return m_stop; }))
            return done;
    }
}

// Each shard says by itself, durably, that it needs the segments no more; one that had nothing to
// write for a while has not said so yet.
Result<> Flusher::recycle(SeqNo flushed) {
    if (!m_journal.hasRecyclable(flushed)) return {};
    for (const auto& shard : m_shards)
        if (shard->appliedSeq() < flushed)
            if (auto ok = shard->advance(flushed); !ok)
                return ok.error().retryable ? Result<>() : ok;  // next time
    const Result<> done = m_journal.recycle(flushed);
    m_commits.retryNow();
    return done;
}

void Flusher::setHealth(Result<> health) {
    const bool failed = !health;
    {
        const std::lock_guard lock(m_mutex);
        m_health = std::move(health);
    }
    m_done.notify_all();
    if (failed) m_commits.tellHealth();
}

}  // namespace kimdb::store
