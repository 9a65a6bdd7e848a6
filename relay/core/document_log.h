// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/change.h"
#include "relay/core/commit_order.h"
#include "wire/records.h"

namespace kimdb::relay {

//! \brief A counter that takes only VOID now.
struct StreamRefusal {
    std::uint64_t first = 0;
    ErrorCode code = ErrorCode::None;
};

//! \brief One (document, replica) stream as the relay knows it (SYNC rules 7, 9, 10). Never
//! compacted away.
//! Stored under the document, key "s/" + id: varint head, hash, salt key, u8 refused [varint first,
//! varint code].
struct Stream {
    using Refusal = StreamRefusal;
    std::uint64_t head = 0;
    Hash16 hash;                     //!< rolling hash at head
    SaltTree salts;                  //!< of change 1; nothing while head is 0
    std::optional<Refusal> refusal;  //!< remembered until VOID arrives at that counter

    static std::string key(ReplicaId replica);
    Bytes encode() const;
    //! Errors: StorageCorrupt.
    static Result<Stream> decode(ByteView bytes);
};

//! \brief The log of one document as the sequencer decides on it: heads in memory, filled lazily
//! from the store. `head` counts everything committed, `durableHead` what may be shown to a peer
//! (SYNC rule 1).
//! Thread: the core's. Owner: the document's room.
class DocumentLog {
 public:
    //! Works for a document that does not exist: it is empty. Errors: those of the store.
    static Result<std::unique_ptr<DocumentLog>> load(CommitOrder& commits, std::string name);

    const std::string& name() const { return m_name; }
    std::uint64_t head() const { return m_head; }
    const Hash16& hash() const { return m_hash; }
    std::uint64_t durableHead() const { return m_durable_head; }
    //! Nothing committed here still waits for the disk.
    bool settled() const { return m_pending.empty(); }

    //! The stream of \a replica; an empty one for an unknown id. Valid until the log goes.
    Result<Stream*> stream(ReplicaId replica);
    //! What SUBOK tells about \a replica.
    Result<wire::StreamState> streamState(ReplicaId replica);
    //! Of every replica that ever wrote here, ascending by id; at most \a count_max.
    Result<std::vector<wire::StreamState>> allStreams(std::size_t count_max) const;
    //! Whether one more replica may write here: all that ever did fit one table of the wire.
    Result<bool> takesNewStream();
    //! One more replica has written. REQUIRES: takesNewStream() was asked.
    void streamBegan() { ++*m_stream_count; }
    //! The entry that holds \a counter. Errors: StorageCorrupt when a counter at or below the head
    //! is missing.
    Result<store::LogEntry> entryOf(ReplicaId replica, std::uint64_t counter) const;
    //! Rolling hash after \a position. REQUIRES: position <= head().
    Result<Hash16> hashAt(std::uint64_t position) const;
    //! Entries (after, durableHead], as many as fit \a bytes_max, at least one if there is one.
    Result<std::vector<store::LogEntry>> read(std::uint64_t after, std::size_t bytes_max) const;

    //! The batch numbered \a seq moved the log to \a head.
    void committed(store::SeqNo seq, std::uint64_t head, const Hash16& hash);
    //! True when the durable head moved.
    bool durableReached(store::SeqNo durable);

 private:
    DocumentLog(CommitOrder& commits, std::string name)
        : m_commits(commits), m_name(std::move(name)) {}
    Result<Stream*> knownStream(ReplicaId replica);
    Result<Hash16> storedHash(std::uint64_t position) const;

    CommitOrder& m_commits;
    std::string m_name;
    std::uint64_t m_head = 0;
    Hash16 m_hash;
    std::uint64_t m_durable_head = 0;
    std::map<ReplicaId, Stream> m_streams;
    std::optional<std::size_t> m_stream_count;  // counted when somebody new writes
    std::deque<std::pair<store::SeqNo, std::uint64_t>> m_pending;  // (batch, head after it)
};

}  // namespace kimdb::relay
