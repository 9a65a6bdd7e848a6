// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/log_store.h"

namespace kimdb::store {

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
    };
    struct Record {
        int shard = 0;
        Value value;
    };
    using Records = std::map<std::pair<std::string, std::string>, Record>;

    //! \a last: number of the last batch before those it will hold.
    explicit Memtable(int shard_count, SeqNo last = 0) : m_shard_count(shard_count), m_last(last) {}

    //! Which shards already hold a batch: applied_seq by shard. Empty = none does.
    using Applied = std::vector<SeqNo>;
    void apply(Batch batch, SeqNo seq, const Applied& applied = {});

    const std::map<std::string, Document>& documents() const { return m_documents; }
    const Records& records() const { return m_records; }
    const Document* find(const std::string& doc) const;
    //! Number of the last batch in it.
    SeqNo last() const { return m_last; }
    //! About what it takes in memory.
    std::size_t bytes() const { return m_bytes; }
    bool empty() const { return m_documents.empty() && m_records.empty(); }
    //! Whether something of it belongs to the shard.
    bool touches(int shard) const { return m_touched >> shard & 1; }

    //! Which shard a document's log and keys live in. "" is the store's own document: shard 0.
    static int shardOfDocument(const std::string& doc, int shard_count);
    static int shardOfRecord(const std::string& collection, const std::string& key,
                             int shard_count);

 private:
    void putEntry(std::string doc, LogEntry entry);
    Document& document(std::string doc);

    int m_shard_count;
    SeqNo m_last;
    std::map<std::string, Document> m_documents;
    Records m_records;
    std::size_t m_bytes = 0;
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

 private:
    std::map<std::uint64_t, LogEntry> m_entries;
    std::uint64_t m_complete = UINT64_MAX;  // up to this position every table was asked
};

//! \brief What memtables say about the records that a scan can reach: all up to the \a limit-th
//! one that is there, so that a long memtable is not copied for a short scan. Collected in one
//! locked moment.
class RecordOverlay {
 public:
    //! Adds what \a table has of \a collection from \a from on. Newest table first.
    void collect(const Memtable& table, const std::string& collection, const std::string& from,
                 std::size_t limit);
    //! By key; no value: erased.
    std::map<std::string, Memtable::Value> takeRecords() { return std::exchange(m_records, {}); }

 private:
    std::map<std::string, Memtable::Value> m_records;
};

}  // namespace kimdb::store
