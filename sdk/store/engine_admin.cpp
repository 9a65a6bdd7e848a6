// SPDX-License-Identifier: MIT
// What operators ask of a running store: numbers, checks, a backup, that nothing is left of what
// was erased.
#include "store/backup.h"
#include "store/batch_codec.h"
#include "store/engine.h"

namespace kimdb::store {
namespace {

constexpr int kCleanTries = 100;
constexpr auto kCleanPause = std::chrono::milliseconds(20);

std::uint64_t sizeOf(FileLayer& files, const std::string& path) {
    auto file = files.open(path, FileLayer::Access::Read);
    if (!file) return 0;
    return (*file)->size().ok() ? *(*file)->size() : 0;
}

}  // namespace

StoreStatistics Engine::statistics() const {
    const std::shared_lock lock(m_open_mutex);
    StoreStatistics out;
    if (!m_open) return out;
    out.writes = m_counters.writes.total();
    out.writes_per_s = m_counters.writes.perSecond(m_clock.steadyTime());
    out.last = m_tables->last();
    out.durable = m_commits->durableSeq();
    out.flushed = m_flusher->flushed();
    out.buffered_rows = m_tables->rows();
    out.buffered_bytes = m_tables->bytes();
    out.journal_bytes = m_journal->liveBytes();
    out.journal_segments = m_journal->segmentCount();
    out.cache_hits = m_cache.hits();
    out.cache_misses = m_cache.misses();
    out.cache_bytes = m_cache.bytes();
    out.retries = m_counters.retries;
    out.flush_time = m_counters.flushes.histogram();
    out.fsync_time = m_counters.fsyncs.histogram();
    out.scrubbed_rows = m_counters.scrubbed;
    out.last_errors = m_counters.errors.messages();
    for (const auto& shard : m_shards) {
        const auto damage = shard->damage();
        out.shards.push_back({shard->path(), !damage, static_cast<std::uint64_t>(shard->rows()),
                              sizeOf(m_files, shard->path()),
                              sizeOf(m_files, shard->path() + "-wal"), shard->appliedSeq(),
                              damage ? damage->message : std::string()});
    }
    return out;
}

Result<VerifyReport> Engine::verify(const VerifyProgress& progress) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    VerifyReport report;
    for (const auto& shard : m_shards) {
        auto reader = shard->reader();
        if (!reader) {
            report.add(reader.error().message);
            continue;
        }
        if (auto ok = verifyShard(**reader, shard->path(), report, progress); !ok)
            return ok.error();
    }
    return report;
}

Result<VerifyReport> Engine::scrub(int shard, const VerifyProgress& progress) {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    if (shard < 0 || shard >= m_options.shard_count)
        return Error{ErrorCode::InvalidArgument, "there is no such shard"};
    const Shard& looked_at = *m_shards[static_cast<std::size_t>(shard)];
    VerifyReport report;
    auto reader = looked_at.reader();
    if (!reader) return reader.error();
    auto ok = verifyShard(**reader, looked_at.path(), report, progress);
    m_counters.scrubbed += report.rows;
    for (const std::string& damage : report.damages)
        m_counters.errors.add({ErrorCode::StorageCorrupt, damage});
    if (!ok) return ok.error();
    return report;
}

// After the flush the old content is only in emptied segments, in the WALs, and where SQLite has
// overwritten it already (secure_delete).
Result<> Engine::eraseTraces() {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok;
    m_journal->beginErasing();
    Batch mark;  // makes the journal begin that segment
    mark.erase("", "~erased");
    Bytes record = encodeBatch(mark);
    auto seq = m_tables->commit(mark, [&](SeqNo, auto, std::uint64_t) -> Result<> {
        return m_commits->append(std::move(record));
    });
    if (!seq) return seq.error();
    m_flusher->committed();
    if (auto ok = m_flusher->flush(); !ok) return ok;
    const auto paused = m_flusher->pause();
    if (auto ok = m_journal->wipeEmptied(); !ok) return ok;
    for (const auto& shard : m_shards) {
        if (shard->damage()) continue;
        Result<> done = shard->clean();
        for (int i = 0; i < kCleanTries && !done && done.error().retryable; ++i) {
            std::this_thread::sleep_for(kCleanPause);
            done = shard->clean();
        }
        if (!done) return done;
    }
    return {};
}

Result<> Engine::backup(const std::string& target, const Progress& progress) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok;
    if (auto ok = m_flusher->flush(); !ok) return ok;
    std::vector<Shard::Lease> readers;
    Result<> begun;
    {
        const auto paused = m_flusher->pause();
        for (const auto& shard : m_shards) {
            auto reader = shard->reader();
            if (!reader) return reader.error();
            // A transaction begins with its first read.
            begun = (*reader)->begin();
            if (begun)
                if (auto rows = (*reader)->connection().number("SELECT count(*) FROM state"); !rows)
                    begun = rows.error();
            readers.push_back(std::move(*reader));
            if (!begun) break;
        }
    }
    if (begun) begun = writeBackup(m_files, target, readers, progress);
    for (Shard::Lease& reader : readers) reader->end();
    return begun;
}

}  // namespace kimdb::store
