// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/change.h"
#include "store/log_store.h"

namespace kimdb::sync {

//! \brief What the client knows of one replica's stream in one document.
struct Stream {
    std::uint64_t head = 0;        //!< last counter in the log here
    std::uint64_t acked = 0;       //!< up to here the relay provably holds what we hold
    Hash16 acked_hash;             //!< rolling hash of the stream at `acked`
    std::uint64_t acked_ever = 0;  //!< the highest `acked` was before relays were restored
    SaltKey salt_key;              //!< known when head > 0
    bool operator==(const Stream&) const = default;
};

//! \brief Where the document stands against the relay; in one key, so that it moves with the
//! changes.
struct LogState {
    Hash16 epoch;                //!< of the relay that `position` speaks of; zero: none yet
    std::uint64_t position = 0;  //!< relay's doc_seq up to which the log here holds everything
    Hash16 log_hash;             //!< rolling hash of the relay's log at `position`
    std::uint32_t incarnation = 1;
    bool bound = false;  //!< the relay has named the incarnation (SYNC rule 22)
    std::uint64_t queue_start =
        0;  //!< no unacknowledged change is in front of this log position; 0: none
    std::uint64_t queue_base = 0;  //!< `position` when the oldest of them was made (SYNC rule 21)
    bool operator==(const LogState&) const = default;
};

struct LogChange {
    std::uint64_t position = 0;  //!< in the log here, which is in order of arrival here
    Change change;
};

//! \brief The client's log of one document with the state beside it, and the one way to change
//! them: an Edit, which is one batch of the store. Log order is an order of dependency, but for
//! changes that took the place of others after a fork. Keys beside the log: "sync/state",
//! "sync/stream/<16 hex digits>".
class DocumentLog {
 public:
    //! Errors: those of the store; StorageCorrupt.
    static Result<DocumentLog> load(store::LogStore& store, std::string name);

    const std::string& name() const { return m_name; }
    const LogState& state() const { return m_state; }
    const std::map<ReplicaId, Stream>& streams() const { return m_streams; }
    //! A default Stream when there is none.
    Stream stream(ReplicaId replica) const;
    std::uint64_t lastPosition() const { return m_last_position; }

    //! Calls \a visit for each change with position > \a after in log order; it returns false to
    //! stop.
    Result<> forEach(std::uint64_t after, const std::function<bool(const LogChange&)>& visit) const;
    //! The change here that holds that counter.
    Result<std::optional<LogChange>> find(ReplicaId replica, std::uint64_t counter) const;
    //! Hash of a change whose stream is known here, or which is the stream's first.
    Hash16 hashOf(const Change& change) const;

    class Edit;

 private:
    DocumentLog(store::LogStore& store, std::string name)
        : m_store(&store), m_name(std::move(name)) {}

    store::LogStore* m_store;
    std::string m_name;
    LogState m_state;
    std::map<ReplicaId, Stream> m_streams;
    std::uint64_t m_last_position = 0;
    mutable std::map<ReplicaId, SaltTree> m_salts;
};

//! \brief One atomic change of a DocumentLog: collects, then commit() writes the batch and only on
//! success moves the new state into the log. Thrown away uncommitted it leaves no trace.
class DocumentLog::Edit {
 public:
    Edit(DocumentLog& log, std::int64_t wall_ms);

    //! At the end of the log; the stream's head moves to it.
    void append(const Change& change);
    //! In place, e.g. by a VOID or by the same change under another id. Streams are the caller's.
    void replace(std::uint64_t position, const Change& change);
    //! The change lost a fork: the place stays, nobody sees it any more.
    void drop(std::uint64_t position);
    Stream& stream(ReplicaId replica);
    LogState& state() { return m_state; }
    //! For writes beside the document (identity, rejected list) that belong to the same moment.
    store::Batch& batch() { return m_batch; }
    std::uint64_t lastPosition() const { return m_last_position; }
    Hash16 hashOf(const Change& change);
    //! The relay holds stream \a replica up to \a counter; \a hash: of the change that ends there.
    void acknowledge(ReplicaId replica, std::uint64_t counter, const Hash16& hash);

    Result<store::SeqNo> commit();

 private:
    store::LogEntry entryOf(std::uint64_t position, const Change& change) const;

    DocumentLog& m_log;
    std::int64_t m_wall_ms;
    LogState m_state;
    std::map<ReplicaId, Stream> m_streams;  // those touched
    std::uint64_t m_last_position;
    store::Batch m_batch;
};

}  // namespace kimdb::sync
