// SPDX-License-Identifier: MIT
#include "store/engine.h"

#include <algorithm>

#include "core/limits.h"
#include "store/batch_codec.h"

namespace kimdb::store {
namespace {

Error closedError() {
    return {ErrorCode::Closed, "the store is closed"};
}

}  // namespace

Engine::Engine(const EngineOptions& options)
    : m_options(options), m_files(options.files ? *options.files : posixFiles()) {}

Engine::~Engine() {
    (void)close();
}

Result<std::unique_ptr<Engine>> Engine::open(const EngineOptions& options) {
    if (options.shard_count < 1 || options.shard_count > limits::kShardCountMax)
        return Error{ErrorCode::InvalidArgument, "the number of shards must be 1 to 8"};
    if (options.buffer_bytes < limits::kStoreBufferBytesMin)
        return Error{ErrorCode::InvalidArgument, "the write buffer must be at least 64 KiB"};
    if (options.flush_interval.count() < 1)
        return Error{ErrorCode::InvalidArgument, "the flush interval must be at least 1 ms"};
    std::unique_ptr<Engine> engine(new Engine(options));
    if (auto ok = engine->start(); !ok) return ok.error();
    return engine;
}

Result<> Engine::start() {
    SystemRandom system_random;
    Random& random = m_options.random ? *m_options.random : system_random;
    auto folder = Folder::open(m_files, random, m_options.path, m_options.shard_count);
    if (!folder) return folder.error();
    m_folder = std::make_unique<Folder>(std::move(*folder));
    if (auto ok = openShards(); !ok) return ok;
    if (auto ok = recover(); !ok) return ok;
    m_flusher = std::make_unique<Flusher>(
        *m_tables, m_shards, *m_commits, *m_journal,
        Flusher::Options{m_options.buffer_bytes, m_options.flush_interval});
    m_open = true;
    return {};
}

Result<> Engine::openShards() {
    for (int i = 0; i < m_options.shard_count; ++i) {
        auto shard = Shard::open({m_folder->shard(i), i, m_options.shard_count, m_folder->storeId(),
                                  m_files.sqliteVfs()});
        if (!shard) return shard.error();
        m_shards.push_back(std::move(*shard));
    }
    return {};
}

Result<> Engine::recover() {
    Memtable::Applied applied;
    for (const auto& shard : m_shards) applied.push_back(shard->appliedSeq());
    const auto [floor, top] = std::minmax_element(applied.begin(), applied.end());
    auto scan = scanJournal(m_files, m_folder->journal(), m_folder->storeId(), *floor, *top);
    if (!scan) return scan.error();
    auto table = std::make_unique<Memtable>(m_options.shard_count, *floor);
    for (const Bytes& record : scan->records) {
        auto batch = decodeBatch(record);
        if (!batch)
            return Error{ErrorCode::StorageCorrupt,
                         m_folder->journal() + ": " + batch.error().message};
        table->apply(std::move(*batch), table->last() + 1, applied);
    }
    m_recovery = {.replayed = scan->records.size(), .tail_cut = scan->tail_cut};
    m_tables = std::make_unique<Tables>(std::move(table), m_options.shard_count);
    return startJournal(std::move(*scan));
}

Result<> Engine::startJournal(JournalScan scan) {
    const std::size_t segment_bytes =
        std::clamp(m_options.buffer_bytes / 4, limits::kSegmentBytesMin, limits::kSegmentBytesMax);
    m_journal = std::make_unique<JournalWriter>(
        m_files, JournalWriter::Options{m_folder->journal(), m_folder->storeId(), segment_bytes},
        std::move(scan.segments), scan.last);
    // What no group states to be durable is written again: its fdatasync may have failed before the
    // process ended, and an fdatasync now would not say so (SYNC rule 2).
    if (scan.stated < scan.last) {
        const auto unstated = static_cast<std::ptrdiff_t>(scan.last - scan.stated);
        const std::vector<Bytes> tail(scan.records.end() - unstated, scan.records.end());
        if (auto ok = m_journal->write(tail, scan.stated + 1, scan.stated); !ok) return ok;
    }
    const auto behind = std::min_element(
        m_shards.begin(), m_shards.end(),
        [](const auto& a, const auto& b) { return a->appliedSeq() < b->appliedSeq(); });
    if (auto ok = m_journal->recycle((*behind)->appliedSeq()); !ok) return ok;
    m_commits = std::make_unique<GroupCommit>(*m_journal, scan.last);
    return {};
}

Result<> Engine::close() {
    if (m_closing.exchange(true)) return {};
    if (m_commits) m_commits->stop();
    if (m_flusher) m_flusher->stop();
    const std::unique_lock lock(m_open_mutex);
    m_open = false;
    Result<> result;
    if (m_commits && m_commits->durableSeq() < m_tables->last()) result = m_commits->health();
    m_shards.clear();
    m_folder.reset();
    return result;
}

Result<> Engine::checkOpen() const {
    if (m_open) return {};
    return closedError();
}

Result<SeqNo> Engine::commit(Batch batch) {
    const std::shared_lock lock(m_open_mutex);
    if (m_closing) return closedError();
    if (batch.empty()) return m_tables->last();
    Bytes record = encodeBatch(batch);
    if (record.size() > limits::kJournalRecordBytesMax)
        return Error{ErrorCode::TooLarge, "a batch of more than 64 MiB; split it"};
    if (auto ok = health(); !ok) return ok.error();
    if (auto ok = m_flusher->waitForRoom(); !ok) return ok.error();
    auto seq = m_tables->commit(
        std::move(batch), [&](SeqNo) -> Result<> { return m_commits->append(std::move(record)); });
    if (seq) m_flusher->committed();
    return seq;
}

SeqNo Engine::durableSeq() const {
    return m_commits->durableSeq();
}

Result<> Engine::health() const {
    if (m_closing) return closedError();
    if (auto ok = m_commits->health(); !ok) return ok;
    return m_flusher->health();
}

void Engine::onDurable(DurableHandler handler) {
    m_commits->onDurable(std::move(handler));
}

Result<> Engine::flush() {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok;
    return m_flusher->flush();
}

}  // namespace kimdb::store
