// SPDX-License-Identifier: MIT
#pragma once

#include <future>
#include <memory>
#include <shared_mutex>

#include "core/clock.h"
#include "store/flusher.h"
#include "store/folder.h"
#include "store/log_store.h"
#include "store/record_cache.h"
#include "store/statistics.h"
#include "store/verify.h"

namespace kimdb::store {

//! \brief How a store is opened: `auto engine = Engine::open({.path = folder});`
struct EngineOptions {
    //! A folder of the engine's own: missing, empty, or made by an engine before.
    std::string path;
    int shard_count = 8;                            //!< 1-8; must be what the folder was made with
    std::size_t buffer_bytes = 64 << 20;            //!< memory for what the shards do not hold yet
    std::size_t buffer_rows = 10'000;               //!< while writes come, flush no fewer
    std::chrono::milliseconds flush_interval{100};  //!< flush when nothing came for so long
    std::size_t cache_bytes = 64 << 20;             //!< half for records, half for pages of SQLite
    FileLayer* files = nullptr;                     //!< null: posixFiles(). Not owned
    Random* random = nullptr;                       //!< null: SystemRandom. Used in open() only
    Clock* clock = nullptr;                         //!< null: SystemClock. Not owned
};

//! \brief What a commit demands of a record at the moment it takes place.
struct Condition {
    std::string collection;
    std::string key;
    SeqNo version = 0;  //!< 0: there is no such record
};

//! \brief What a start found in the journal.
struct RecoveryReport {
    SeqNo replayed = 0;     //!< batches that were not in every shard yet
    bool tail_cut = false;  //!< a torn tail was cut: batches nobody was told are durable
};

//! \brief The store: a journal as the commit point, memtables, and SQLite shards as its checkpoint
//! (docs/STORAGE.md). The same in the SDK and in the relay.
//!
//! commit() is visible at once and durable when durableSeq() reaches its number; one journal thread
//! fdatasyncs groups, one flush thread moves memtables into the shards.
//! Thread: every function from any thread; calls are ordered by a lock inside. The onDurable
//! handler runs in a thread of the engine, one call at a time, and must not call close(). A read
//! sees every batch whose commit() returned before it began; readLog() and scan() see each entry
//! as it was at one moment during the call.
//! Owner: the caller of open(). The destructor closes.
class Engine final : public LogStore {
 public:
    //! Opens, recovers and locks the folder.
    //! Errors: InvalidArgument, DatabaseBusy, VersionTooNew, ShardCountMismatch, StorageCorrupt,
    //! PermissionDenied, StorageFull, StorageFailed.
    static Result<std::unique_ptr<Engine>> open(const EngineOptions& options);
    ~Engine() override;

    Result<SeqNo> commit(Batch batch) override { return commit(std::move(batch), {}); }
    //! As commit(), if all of \a conditions hold. Errors too: Conflict (retryable) when one does
    //! not; StorageCorrupt when the batch touches a damaged shard.
    Result<SeqNo> commit(Batch batch, const std::vector<Condition>& conditions);
    SeqNo durableSeq() const override;
    Result<> health() const override;
    void onDurable(DurableHandler handler) override;
    //! Number of the last batch committed.
    SeqNo lastSeq() const { return m_tables->last(); }
    //! Hears of every batch in the order of their numbers, before its commit() returns, under the
    //! lock that orders commits: it must be quick and must not call the engine. Empty: nobody.
    using CommitObserver = std::function<void(SeqNo seq, const Batch& batch)>;
    void onCommitted(CommitObserver observer);
    //! Ready when durableSeq() >= \a seq; with an error when that will not happen any more.
    std::future<Result<>> whenDurable(SeqNo seq) { return m_commits->whenDurable(seq); }

    Result<std::uint64_t> lastPosition(const std::string& doc) const override;
    Result<std::vector<LogEntry>> readLog(const std::string& doc, std::uint64_t after,
                                          std::size_t bytes_max) const override;
    Result<std::optional<LogEntry>> findEntry(const std::string& doc, ReplicaId replica,
                                              std::uint64_t counter) const override;
    Result<std::optional<Bytes>> get(const std::string& doc, const std::string& key) const override;
    Result<std::vector<std::pair<std::string, Bytes>>> scan(
        const std::string& doc, const std::string& prefix) const override;
    Result<std::vector<std::string>> documents() const override;

    Result<std::uint64_t> trimmedPosition(const std::string& doc) const override;
    Result<std::optional<Snapshot>> snapshot(const std::string& doc,
                                             std::uint64_t position) const override;
    Result<std::vector<FeedItem>> feed(int shard, std::uint64_t after,
                                       std::size_t limit) const override;
    int shardCount() const override { return m_options.shard_count; }

    //! An expired record is not there.
    Result<std::optional<StoredRecord>> record(std::string_view collection,
                                               std::string_view key) const;
    //! At most \a limit records with key >= \a from, ascending by key over all shards.
    Result<std::vector<NamedRecord>> scanRecords(const std::string& collection,
                                                 const std::string& from, std::size_t limit) const;
    //! Names of all collections that have records, or had some a moment ago; ascending.
    Result<std::vector<std::string>> collections() const;
    //! Takes time in proportion to the collection.
    Result<std::uint64_t> countRecords(const std::string& collection) const;
    //! Removes at most \a limit expired records from the shards; until then they take space only.
    //! How many: fewer than \a limit when none is left.
    Result<std::size_t> sweepExpired(std::size_t limit);

    //! Waits until the shards hold everything committed so far. Errors: StorageFull, StorageFailed,
    //! Closed.
    Result<> flush();
    //! Makes durable and flushes what was committed, as far as the disk allows, and releases the
    //! folder. Later calls: Closed. Error: what kept something from being made durable.
    Result<> close();

    //! Wall time in milliseconds, as expiry goes by.
    std::int64_t now() const { return m_clock.wallTime(); }
    //! What it is doing. Cheap enough to be asked every second.
    StoreStatistics statistics() const;
    //! Reads every row of every shard and checks it; \a progress is told how far it is.
    //! Error: what kept it from looking; what it found is in the report.
    Result<VerifyReport> verify(const VerifyProgress& progress = {}) const;
    //! Checks the rows of one shard, little by little; what it finds is in statistics() too.
    Result<VerifyReport> scrub(int shard, const VerifyProgress& progress = {});
    //! What was replaced, trimmed, erased or removed before is then in no file of the folder any
    //! more, but for segments put aside (*.kept). Waits for readers of older states.
    Result<> eraseTraces();
    //! Copies all that is committed now into \a target, a folder that does not exist, while reads
    //! and writes go on. The copy is for restoreBackup() (store/backup.h).
    Result<> backup(const std::string& target, const Progress& progress = {}) const;
    //! Runs \a use(reader) for each shard, with all of them at the end of one flush that holds
    //! everything committed. Commits go on; REQUIRES: they are few, since nothing is flushed.
    template <class Use>
    Result<> withQuietShards(Use use) {
        if (auto ok = flush(); !ok) return ok;
        const std::shared_lock lock(m_open_mutex);
        if (auto ok = checkOpen(); !ok) return ok;
        const auto paused = m_flusher->pause();
        for (const auto& shard : m_shards) {
            auto reader = shard->reader();
            if (!reader) return reader.error();
            if (auto ok = use(**reader); !ok) return ok;
        }
        return {};
    }
    //! As close(); the folder is released when the engine goes.
    Result<> closeButKeepLock() { return shutDown(); }
    const RecoveryReport& recovery() const { return m_recovery; }
    //! The shards that are damaged and do not serve, each with its error.
    std::vector<Error> damages() const;
    //! Changes when the folder was restored from a backup or got another number of shards: what
    //! peers know about positions of this store holds no more.
    const Hash16& epoch() const { return m_folder->epoch(); }

 private:
    explicit Engine(const EngineOptions& options);
    Result<> shutDown();
    Result<> start();
    Result<> openShards();
    Result<> recover();
    Result<> startJournal(JournalScan scan, SeqNo floor);
    bool hasKeptSegments() const;
    Result<> checkOpen() const;
    Result<Shard::Lease> shardOf(const std::string& doc) const;
    Result<bool> hasAnything(const std::string& doc) const;
    Result<std::optional<LogEntry>> lookForEntry(const std::string& doc, ReplicaId replica,
                                                 std::uint64_t counter) const;
    void tellObserver(SeqNo seq, const Batch& batch);
    Result<> checkDamage(const Batch& batch) const;
    Result<> admit(const Batch& batch, const Bytes& record);
    Result<std::optional<StoredRecord>> findRecord(const RecordName& name) const;
    Result<std::vector<SeqNo>> versionsOf(const std::vector<Condition>& conditions) const;

    const EngineOptions m_options;
    FileLayer& m_files;
    SystemClock m_system_clock;
    Clock& m_clock;
    mutable RecordCache m_cache;
    Counters m_counters;
    RecoveryReport m_recovery;

    // Shared by calls, exclusive for the end of close(): nothing below goes away during a call.
    mutable std::shared_mutex m_open_mutex;
    bool m_open = false;
    std::atomic<bool> m_closing = false;

    std::mutex m_observer_mutex;
    std::atomic<bool> m_observed = false;
    CommitObserver m_observer;

    std::unique_ptr<Folder> m_folder;
    std::vector<std::unique_ptr<Shard>> m_shards;
    std::unique_ptr<Tables> m_tables;
    std::unique_ptr<JournalWriter> m_journal;
    std::unique_ptr<GroupCommit> m_commits;
    std::unique_ptr<Flusher> m_flusher;
};

}  // namespace kimdb::store
