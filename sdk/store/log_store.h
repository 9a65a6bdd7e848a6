// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <kimdb/ids.h>

#include "core/hash.h"

namespace kimdb::store {

//! \brief Order of batches in the journal: 1, 2, 3 …; 0 means "nothing".
using SeqNo = std::uint64_t;

//! \brief One change in the log of one document. `change` is an encoded envelope (core/change.h);
//! the fields beside it repeat its clear header, so that the store finds entries without decoding.
struct LogEntry {
    std::uint64_t position =
        0;  //!< place in this document's log: dense, from 1. On the relay: doc_seq
    ReplicaId replica = 0;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::int64_t received_ms = 0;  //!< wall time at which this store got it
    std::string user;              //!< who pushed it; empty on a client for own changes
    std::uint8_t flags = 0;        //!< meaning belongs to the owner (sync or relay)
    Hash16 log_hash;               //!< rolling hash of the document's log after this entry (relay)
    Bytes change;

    bool operator==(const LogEntry&) const = default;
};

//! \brief Writes that become visible and durable together: one journal record, all or nothing, also
//! when they touch several documents in several shards. A plain value.
class Batch {
 public:
    struct Append {
        std::string doc;
        LogEntry entry;
    };
    struct Replace {
        std::string doc;
        LogEntry entry;
    };  //!< the entry at entry.position
    struct Put {
        std::string doc;
        std::string key;
        Bytes value;
    };
    struct Erase {
        std::string doc;
        std::string key;
    };
    struct PutRecord {
        std::string collection;
        std::string key;
        Bytes value;
        std::int64_t expires_ms = 0;  //!< wall time from which it is gone; 0: never
        bool operator==(const PutRecord&) const = default;
    };
    struct EraseRecord {
        std::string collection;
        std::string key;
    };
    struct PutSnapshot {
        std::string doc;
        std::uint64_t position = 0;
        Bytes bytes;
    };
    struct EraseSnapshot {
        std::string doc;
        std::uint64_t position = 0;
    };
    struct Trim {
        std::string doc;
        std::uint64_t up_to = 0;
    };
    using Op = std::variant<Append, Replace, Put, Erase, PutRecord, EraseRecord, PutSnapshot,
                            EraseSnapshot, Trim>;

    //! REQUIRES: entry.position is the document's last position (including this batch) + 1.
    void append(std::string doc, LogEntry entry) {
        m_ops.push_back(Append{std::move(doc), std::move(entry)});
    }
    //! REQUIRES: that position exists.
    void replace(std::string doc, LogEntry entry) {
        m_ops.push_back(Replace{std::move(doc), std::move(entry)});
    }
    //! Small state beside a document's log: cursors, stream heads, permissions. doc "" is the
    //! store's own.
    void put(std::string doc, std::string key, Bytes value) {
        m_ops.push_back(Put{std::move(doc), std::move(key), std::move(value)});
    }
    void erase(std::string doc, std::string key) {
        m_ops.push_back(Erase{std::move(doc), std::move(key)});
    }
    void putRecord(std::string collection, std::string key, Bytes value,
                   std::int64_t expires_ms = 0) {
        m_ops.push_back(
            PutRecord{std::move(collection), std::move(key), std::move(value), expires_ms});
    }
    void eraseRecord(std::string collection, std::string key) {
        m_ops.push_back(EraseRecord{std::move(collection), std::move(key)});
    }
    //! The document's state as it is after entry \a position, in the owner's encoding. An older one
    //! stays until it is erased.
    void putSnapshot(std::string doc, std::uint64_t position, Bytes bytes) {
        m_ops.push_back(PutSnapshot{std::move(doc), position, std::move(bytes)});
    }
    void eraseSnapshot(std::string doc, std::uint64_t position) {
        m_ops.push_back(EraseSnapshot{std::move(doc), position});
    }
    //! Drops the entries up to \a up_to for good: retention. Reading from below is TooOld then.
    //! REQUIRES: up_to <= the document's last position.
    void trim(std::string doc, std::uint64_t up_to) {
        m_ops.push_back(Trim{std::move(doc), up_to});
    }
    bool empty() const { return m_ops.empty(); }
    const std::vector<Op>& ops() const { return m_ops; }
    //! Moves the operations out; the batch is empty then.
    std::vector<Op> takeOps() { return std::exchange(m_ops, {}); }

 private:
    std::vector<Op> m_ops;
};

//! \brief State of a document at a position of its log.
struct Snapshot {
    std::uint64_t position = 0;
    Bytes bytes;
    bool operator==(const Snapshot&) const = default;
};

//! \brief Where a document's log stands, as a shard's feed tells it.
struct FeedItem {
    std::string doc;
    std::uint64_t position = 0;   //!< the log's last
    std::uint64_t shard_seq = 0;  //!< what the last append of this document was, counted per shard
    bool operator==(const FeedItem&) const = default;
};

//! \brief The store as sync and relay/core see it: documents with a log and a little keyed state.
//! The same face in the SDK, in the relay and (over memory) in the simulator.
//!
//! Reads see every committed batch at once, durable or not (read-your-writes). The *commit point*
//! is the journal's fdatasync: a batch is durable when durableSeq() >= its number. Nothing above it
//! may be acknowledged, pushed or shown to a peer (SYNC rule 1); the store does not check that, its
//! owner does.
//!
//! Thread: commit and reads from one owner's thread; durableSeq() from any.
//! Errors of commit: StorageFull (retryable), StorageFailed, TooLarge, Closed. After an error
//! nothing of the batch is visible.
class LogStore {
 public:
    virtual ~LogStore() = default;

    virtual Result<SeqNo> commit(Batch batch) = 0;
    virtual SeqNo durableSeq() const = 0;
    //! Whether commits are taken and become durable: ok; StorageFull (retryable, ends by itself
    //! when space returns); StorageFailed (final until reopened). Reads go on in each case. Thread:
    //! any.
    virtual Result<> health() const { return {}; }
    //! Called after durableSeq() has grown, and with an unchanged number when health() has become
    //! an error. The real store calls from its own thread; the owner posts it to its own. Set
    //! before the first commit. Not called any more after the store is closed.
    using DurableHandler = std::function<void(SeqNo durable)>;
    virtual void onDurable(DurableHandler handler) = 0;

    //! Last position in the document's log; 0 when it has none.
    virtual Result<std::uint64_t> lastPosition(const std::string& doc) const = 0;
    //! Entries with position > \a after in order, at least one if there is one, about \a bytes_max
    //! in all. Errors: TooOld when \a after is below trimmedPosition().
    virtual Result<std::vector<LogEntry>> readLog(const std::string& doc, std::uint64_t after,
                                                  std::size_t bytes_max) const = 0;
    //! The entry that holds counter \a counter of \a replica.
    virtual Result<std::optional<LogEntry>> findEntry(const std::string& doc, ReplicaId replica,
                                                      std::uint64_t counter) const = 0;
    virtual Result<std::optional<Bytes>> get(const std::string& doc,
                                             const std::string& key) const = 0;
    //! All keys of \a doc that begin with \a prefix, ascending by bytes.
    virtual Result<std::vector<std::pair<std::string, Bytes>>> scan(
        const std::string& doc, const std::string& prefix) const = 0;
    //! Entries up to this position were dropped; 0 when the log is whole.
    virtual Result<std::uint64_t> trimmedPosition(const std::string& doc) const = 0;
    //! The newest snapshot at or below \a position.
    virtual Result<std::optional<Snapshot>> snapshot(const std::string& doc,
                                                     std::uint64_t position) const = 0;
    //! The documents of a shard whose last append is numbered above \a after, ascending, at most
    //! \a limit. A reader that has each one's log up to the item's position has everything up to
    //! the item's shard_seq. A document appears once, with its latest number.
    virtual Result<std::vector<FeedItem>> feed(int shard, std::uint64_t after,
                                               std::size_t limit) const = 0;
    virtual int shardCount() const = 0;
    //! Names of all documents that have a log or keys, ascending; "" is not listed.
    virtual Result<std::vector<std::string>> documents() const = 0;
};

}  // namespace kimdb::store
