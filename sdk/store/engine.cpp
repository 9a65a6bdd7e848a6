// SPDX-License-Identifier: MIT
#include "store/engine.h"

#include <algorithm>

#include "core/limits.h"
#include "store/batch_codec.h"

namespace kimdb::store {
namespace {

constexpr std::size_t kPageCacheMin = 64 << 10;  // of a connection

Error closedError() {
    return {ErrorCode::Closed, "the store is closed"};
}

Error conflict(const Condition& c) {
    return {ErrorCode::Conflict,
            "record " + c.collection + "/" + c.key +
                " has another version than expected; read it and try again",
            true};
}

}  // namespace

Engine::Engine(const EngineOptions& options)
    : m_options(options),
      m_files(options.files ? *options.files : posixFiles()),
      m_clock(options.clock ? *options.clock : m_system_clock),
      m_cache(options.cache_bytes / 2) {}

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
    if (options.path.empty())
        return Error{ErrorCode::InvalidArgument, "no folder is named; set the path"};
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
        Flusher::Options{m_options.buffer_bytes, m_options.buffer_rows, m_options.flush_interval},
        m_cache, m_counters);
    m_open = true;
    return {};
}

// A shard that is damaged does not keep the others from serving.
Result<> Engine::openShards() {
    const std::size_t connections = 2 * static_cast<std::size_t>(m_options.shard_count);
    const std::size_t page_cache = std::max(m_options.cache_bytes / 2 / connections, kPageCacheMin);
    for (int i = 0; i < m_options.shard_count; ++i) {
        const ShardPlace place{m_folder->shard(i),    i,
                               m_options.shard_count, m_folder->storeId(),
                               m_files.sqliteVfs(),   page_cache};
        const auto found = m_folder->damage(i);
        auto shard = found ? Result<std::unique_ptr<Shard>>(*found) : Shard::open(place);
        if (!shard && shard.error().code != ErrorCode::StorageCorrupt) return shard.error();
        m_shards.push_back(shard ? std::move(*shard) : Shard::damaged(place, shard.error()));
    }
    if (std::all_of(m_shards.begin(), m_shards.end(), [](const auto& s) { return s->damage(); }))
        return *m_shards.front()->damage();
    return {};
}

Result<> Engine::recover() {
    // A damaged shard needs nothing of the journal: it cannot take it.
    Memtable::Applied applied;
    Memtable::ShardSeqs shard_seqs{};
    SeqNo floor = UINT64_MAX, top = 0;
    for (const auto& shard : m_shards) {
        const bool serves = !shard->damage();
        if (serves) floor = std::min(floor, shard->appliedSeq());
        if (serves) top = std::max(top, shard->appliedSeq());
        shard_seqs[applied.size()] = shard->shardSeq();
        applied.push_back(serves ? shard->appliedSeq() : UINT64_MAX);
    }
    auto scan = scanJournal(m_files, m_folder->journal(), m_folder->storeId(), floor, top);
    if (!scan) return scan.error();
    auto table = std::make_unique<Memtable>(m_options.shard_count, floor, shard_seqs);
    for (const Bytes& record : scan->records) {
        auto batch = decodeBatch(record);
        if (!batch)
            return Error{ErrorCode::StorageCorrupt,
                         m_folder->journal() + ": " + batch.error().message};
        table->apply(std::move(*batch), table->last() + 1, applied);
    }
    m_recovery = {.replayed = scan->records.size(), .tail_cut = scan->tail_cut};
    m_tables = std::make_unique<Tables>(std::move(table), m_options.shard_count);
    return startJournal(std::move(*scan), floor);
}

Result<> Engine::startJournal(JournalScan scan, SeqNo floor) {
    const std::size_t segment_bytes =
        std::clamp(m_options.buffer_bytes / 4, limits::kSegmentBytesMin, limits::kSegmentBytesMax);
    m_journal = std::make_unique<JournalWriter>(
        m_files,
        JournalWriter::Options{m_folder->journal(), m_folder->storeId(), segment_bytes,
                               &m_counters.fsyncs},
        std::move(scan.segments), scan.last);
    // What no group states to be durable is written again: its fdatasync may have failed before the
    // process ended, and an fdatasync now would not say so (SYNC rule 2).
    if (scan.stated < scan.last) {
        const auto unstated = static_cast<std::ptrdiff_t>(scan.last - scan.stated);
        const std::vector<Bytes> tail(scan.records.end() - unstated, scan.records.end());
        if (auto ok = m_journal->write(tail, scan.stated + 1, scan.stated); !ok) return ok;
    }
    // What a damaged shard may lack is kept for a repair, from the first start that finds it so.
    if (!damages().empty() && !hasKeptSegments()) m_journal->keepPresent();
    if (auto ok = m_journal->recycle(floor); !ok) return ok;
    m_commits = std::make_unique<GroupCommit>(*m_journal, scan.last);
    return {};
}

Result<> Engine::close() {
    const Result<> done = shutDown();
    if (m_folder) m_folder->unlock();
    return done;
}

Result<> Engine::shutDown() {
    if (m_closing.exchange(true)) return {};
    if (m_commits) m_commits->stop();
    if (m_flusher) m_flusher->stop();
    const std::unique_lock lock(m_open_mutex);
    m_open = false;
    Result<> result;
    if (m_commits && m_commits->durableSeq() < m_tables->last()) result = m_commits->health();
    m_shards.clear();
    return result;
}

bool Engine::hasKeptSegments() const {
    const auto names = m_files.list(m_folder->journal());
    return names && std::any_of(names->begin(), names->end(), [](const std::string& name) {
               return name.ends_with(kKeptSuffix);
           });
}

std::vector<Error> Engine::damages() const {
    std::vector<Error> out;
    for (const auto& shard : m_shards)
        if (auto damage = shard->damage()) out.push_back(std::move(*damage));
    return out;
}

Result<> Engine::checkOpen() const {
    if (m_open) return {};
    return closedError();
}

Result<> Engine::checkDamage(const Batch& batch) const {
    if (!m_flusher->foundDamage()) return {};
    const int count = m_options.shard_count;
    for (const Batch::Op& op : batch.ops()) {
        const int index = std::visit(
            [&](const auto& o) {
                if constexpr (requires { o.collection; })
                    return Memtable::shardOfRecord({o.collection, o.key}, count);
                else
                    return Memtable::shardOfDocument(o.doc, count);
            },
            op);
        if (auto damage = m_shards[static_cast<std::size_t>(index)]->damage()) return *damage;
    }
    return {};
}

Result<> Engine::admit(const Batch& batch, const Bytes& record) {
    if (record.size() > limits::kJournalRecordBytesMax)
        return Error{ErrorCode::TooLarge, "a batch of more than 64 MiB; split it"};
    if (auto ok = health(); !ok) return ok;
    if (auto ok = checkDamage(batch); !ok) return ok;
    return m_flusher->waitForRoom();
}

Result<std::vector<SeqNo>> Engine::versionsOf(const std::vector<Condition>& conditions) const {
    std::vector<SeqNo> versions;
    for (const Condition& c : conditions) {
        auto found = findRecord({c.collection, c.key});
        if (!found) return found.error();
        versions.push_back(*found && !(*found)->expired(now()) ? (*found)->version : 0);
    }
    return versions;
}

// Versions are read before the lock that orders commits is taken, so that nobody waits for a disk.
// Under the lock a record that a memtable names is compared with that; another one is in its shard
// as it was read, unless a memtable has left meanwhile, and then all is read again.
Result<SeqNo> Engine::commit(Batch batch, const std::vector<Condition>& conditions) {
    const std::shared_lock lock(m_open_mutex);
    if (m_closing) return closedError();
    if (batch.empty() && conditions.empty()) return m_tables->last();
    Bytes record = encodeBatch(batch);
    const std::size_t writes = batch.ops().size();
    if (auto ok = admit(batch, record); !ok) return ok.error();
    for (;;) {
        const std::uint64_t generation = conditions.empty() ? 0 : m_tables->generation();
        auto versions = versionsOf(conditions);
        if (!versions) return versions.error();
        bool again = false;
        auto seq = m_tables->commit(
            batch, [&](SeqNo number, auto look, std::uint64_t generation_now) -> Result<> {
                for (std::size_t i = 0; i < conditions.size(); ++i) {
                    const Condition& c = conditions[i];
                    SeqNo version = (*versions)[i];
                    if (const Memtable::Record* found = look({c.collection, c.key}))
                        version = found->value && !found->value->expired(now())
                                      ? found->value->version
                                      : 0;
                    else if (generation_now != generation)
                        again = true;
                    if (again || version != c.version) return conflict(c);
                }
                if (batch.empty()) return Error{};  // all holds, and there is nothing to add
                const Result<> taken = m_commits->append(std::move(record));
                if (taken) tellObserver(number, batch);
                return taken;
            });
        if (!seq && again) continue;
        if (!seq && seq.error().code == ErrorCode::None) return m_tables->last();
        if (seq) m_flusher->committed();
        if (seq) m_counters.writes.add(writes, m_clock.steadyTime());
        return seq;
    }
}

void Engine::onCommitted(CommitObserver observer) {
    const std::lock_guard lock(m_observer_mutex);
    m_observer = std::move(observer);
    m_observed = m_observer != nullptr;
}

void Engine::tellObserver(SeqNo seq, const Batch& batch) {
    if (!m_observed) return;
    const std::lock_guard lock(m_observer_mutex);
    if (m_observer) m_observer(seq, batch);
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
