// SPDX-License-Identifier: MIT
#include "store/flusher.h"

#include <algorithm>

#include "core/limits.h"

namespace kimdb::store {
namespace {

constexpr std::size_t kRowsForTwo = 2'000;  // below, a second thread costs more than it gains

}  // namespace

Flusher::Flusher(Tables& tables, Shards& shards, GroupCommit& commits, JournalWriter& journal,
                 Options options, RecordCache& cache, Counters& counters)
    : m_tables(tables),
      m_shards(shards),
      m_commits(commits),
      m_journal(journal),
      m_cache(cache),
      m_counters(counters),
      m_options(options),
      m_damaged(std::any_of(shards.begin(), shards.end(),
                            [](const auto& shard) { return shard->damage().has_value(); })),
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

// What is worth a flush while writes arrive. Few large rows wait until they take twice the buffer.
bool Flusher::hasPressure() const {
    const Tables::Fill fill = m_tables.activeFill();
    if (fill.bytes >= m_options.buffer_bytes)
        return fill.rows >= m_options.buffer_rows || fill.bytes >= 2 * m_options.buffer_bytes;
    return fill.bytes > 0 &&
           m_journal.liveBytes() >= m_options.buffer_bytes * limits::kStoreBacklogBuffers;
}

// True: there is something to flush, or the end has come. False: time to pack.
bool Flusher::waitForWork() {
    std::unique_lock lock(m_mutex);
    const auto urgent = [this] { return m_stop || m_wanted > m_flushed || hasPressure(); };
    const auto work = [&] { return urgent() || !m_tables.activeEmpty(); };
    m_asleep = true;
    bool found = true;
    if (m_may_pack)
        found = m_wake.wait_for(lock, m_options.interval, work);
    else
        m_wake.wait(lock, work);
    m_asleep = false;
    if (!found) return false;
    for (SeqNo before = m_tables.last();;) {
        if (m_wake.wait_for(lock, m_options.interval, urgent)) return true;
        const SeqNo now = m_tables.last();
        if (now == before) return true;  // idle
        before = now;
    }
}

SeqNo Flusher::flushed() const {
    const std::lock_guard lock(m_mutex);
    return m_flushed;
}

bool Flusher::isStopping() const {
    const std::lock_guard lock(m_mutex);
    return m_stop;
}

void Flusher::run() {
    for (bool stopping = false; !stopping;) {
        if (!waitForWork()) {
            m_may_pack = packSome();
            continue;
        }
        stopping = isStopping();
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
    const std::lock_guard writing(m_writing);
    {
        const Stopwatch watch(m_counters.flushes);
        if (auto ok = applyToShards(table); !ok) return ok;
    }
    m_may_pack = !table.documents().empty();
    return recycle(table.last());
}

// Shard after shard; with many rows two threads take the next one in turn.
Result<> Flusher::applyToShards(const Memtable& table) {
    std::atomic<std::size_t> next = 0;
    const auto applyNext = [&]() -> Result<> {
        for (std::size_t i; (i = next++) < m_shards.size();)
            if (table.touches(static_cast<int>(i)))
                if (auto ok = applyToShard(i, table); !ok) return ok;
        return {};
    };
    if (table.rows() < kRowsForTwo || m_shards.size() == 1) return applyNext();
    Result<> other;
    std::thread helper([&] { other = applyNext(); });
    Result<> mine = applyNext();
    helper.join();
    return mine ? other : mine;
}

Result<> Flusher::applyToShard(std::size_t index, const Memtable& table) {
    Shard& shard = *m_shards[index];
    for (;;) {
        const Result<> done = shard.apply(table);
        if (!done) m_counters.errors.add(done.error());
        if (!done && done.error().code == ErrorCode::StorageCorrupt) {
            if (!m_damaged.exchange(true)) m_journal.keepPresent();
            return {};
        }
        if (done || !done.error().retryable) {
            if (done) m_cache.forget(table, static_cast<int>(index));
            if (done && !health()) setHealth({});
            return done;
        }
        ++m_counters.retries;
        if (done.error().code == ErrorCode::StorageFull) setHealth(done);
        std::unique_lock lock(m_mutex);
        if (m_wake.wait_for(lock, limits::kStorageRetryInterval, [this] { return m_stop; }))
            return done;
    }
}

// True: more is left, because work has come. An error waits for the next flush to meet it again.
bool Flusher::packSome() {
    for (bool more = true; more;) {
        more = false;
        for (const auto& shard : m_shards) {
            if (isStopping() || !m_tables.activeEmpty()) return true;
            const std::lock_guard writing(m_writing);
            const auto packed = shard->packSome();
            if (!packed) m_counters.errors.add(packed.error());
            more |= packed && *packed;
            if (shard->damage() && !m_damaged.exchange(true)) m_journal.keepPresent();
        }
    }
    return false;
}

// Each shard says by itself, durably, that it needs the segments no more; one that had nothing to
// write for a while has not said so yet.
Result<> Flusher::recycle(SeqNo flushed) {
    if (!m_journal.hasRecyclable(flushed)) return {};
    for (const auto& shard : m_shards)
        if (!shard->damage() && shard->appliedSeq() < flushed)
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
