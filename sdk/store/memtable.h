// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "store/log_store.h"
#include "store/record_table.h"

namespace kimdb::store {

//! \brief Collection and key, as a name to look for.
using RecordName = std::pair<std::string_view, std::string_view>;

//! \brief What the shards do not hold yet, ordered for reading and for flushing.
//! Thread: const functions from any thread while nobody calls apply(); the owner locks.
class Memtable {
 public:
    //! A missing value = erased.
    using Value = std::optional<Bytes>;
    struct Document {
        int shard = 0;
        std::map<std::uint64_t, LogEntry> log;  //!< by position
        std::map<std::pair<ReplicaId, std::uint64_t>, std::uint64_t>
            by_counter;  //!< first → position
        std::map<std::string, Value> keys;
        std::map<std::uint64_t, Value> snapshots;  //!< by position
        std::uint64_t last = 0;                    //!< position of the last append; 0: none here
        std::uint64_t shard_seq = 0;               //!< number of that append
        std::uint64_t trimmed = 0;                 //!< entries up to here are dropped
    };
    using Record = SortedRows::Row;
    //! How many appends each shard's feed has counted.
    using ShardSeqs = std::array<std::uint64_t, limits::kShardCountMax>;

    //! \a last: number of the last batch before those it will hold; \a shard_seqs: up to there.
    explicit Memtable(int shard_count, SeqNo last = 0, const ShardSeqs& shard_seqs = {})
        : m_shard_count(shard_count), m_last(last), m_shard_seqs(shard_seqs) {}

    //! Which shards already hold a batch: applied_seq by shard. Empty = none does.
    using Applied = std::vector<SeqNo>;
    void apply(Batch batch, SeqNo seq, const Applied& applied = {});

    const std::map<std::string, Document>& documents() const { return m_documents; }
    //! Of one shard.
    const RecordTable& records(int shard) const {
        return m_records[static_cast<std::size_t>(shard)];
    }
    const Document* find(const std::string& doc) const;
    int shardCount() const { return m_shard_count; }
    //! What it says about a record; null: nothing.
    const Record* findRecord(const RecordName& name, int shard) const;
    const Record* findRecord(const RecordName& name) const {
        return findRecord(name, shardOfRecord(name, m_shard_count));
    }
    //! Number of the last batch in it.
    SeqNo last() const { return m_last; }
    const ShardSeqs& shardSeqs() const { return m_shard_seqs; }
    //! About what it takes in memory.
    std::size_t bytes() const { return m_bytes; }
    //! Writes it has taken.
    std::size_t rows() const { return m_rows; }
    bool empty() const { return m_touched == 0; }
    //! Whether something of it belongs to the shard.
    bool touches(int shard) const { return m_touched >> shard & 1; }

    //! Which shard a document's log and keys live in. "" is the store's own document: shard 0.
    static int shardOfDocument(const std::string& doc, int shard_count);
    static int shardOfRecord(const RecordName& name, int shard_count);

 private:
    class Applier;
    Document& document(std::string doc);

    int m_shard_count;
    SeqNo m_last;
    ShardSeqs m_shard_seqs;
    std::map<std::string, Document> m_documents;
    std::array<RecordTable, limits::kShardCountMax> m_records;  // by shard
    std::size_t m_bytes = 0;
    std::size_t m_rows = 0;
    unsigned m_touched = 0;  // a bit for each shard
};

//! \brief The part of a document's log that memtables hold, newest version of each position.
//! Collected in one locked moment and merged with what a shard says afterwards.
class LogOverlay {
 public:
    //! Adds what \a table has behind position \a after, about \a bytes_max of it. Newest table
    //! first.
    void collect(const Memtable& table, const std::string& doc, std::uint64_t after,
                 std::size_t bytes_max);
    //! Merges with the shard's dense run behind \a after, until about \a bytes_max.
    //! Errors: StorageCorrupt when a position is missing.
    Result<std::vector<LogEntry>> merge(std::vector<LogEntry> shard, std::uint64_t after,
                                        std::size_t bytes_max);
    //! Whether the overlay alone has \a bytes_max without a gap behind \a after.
    bool answersAlone(std::uint64_t after, std::size_t bytes_max) const;
    //! Entries up to this position are dropped, as far as memtables know.
    std::uint64_t trimmed() const { return m_trimmed; }

 private:
    std::map<std::uint64_t, LogEntry> m_entries;
    std::uint64_t m_trimmed = 0;
    std::uint64_t m_complete = UINT64_MAX;  // up to this position every table was asked
};

//! \brief What memtables say about the records that a scan can reach: all up to the \a limit-th
//! one that is there, so that a long memtable is not copied for a short scan. Collected in one
//! locked moment.
class RecordOverlay {
 public:
    using Found = std::map<std::string, std::optional<StoredRecord>>;
    explicit RecordOverlay(std::int64_t now_ms) : m_now_ms(now_ms) {}
    //! Adds what \a table has of \a collection from \a from on. Newest table first.
    void collect(const Memtable& table, const std::string& collection, const std::string& from,
                 std::size_t limit);
    //! By key; no value: erased or expired.
    Found takeRecords() { return std::exchange(m_records, {}); }

 private:
    std::int64_t m_now_ms;
    Found m_records;
};

}  // namespace kimdb::store
