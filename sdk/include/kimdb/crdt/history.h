// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

namespace kimdb::crdt {

//! \brief The changes of one document, and its versions made of them: what it was, forks and
//! merges, who wrote what and when. Holds changes encoded; the store keeps them for good. Thread:
//! one at a time.
class History {
 public:
    //! Appends a change. Ones that are here already are skipped. \a received_ms: when it was
    //! received, as the relay says it. Errors: MissingDependencies (its deps or the counter in
    //! front of it are not here).
    Result<> add(const Change& change, std::int64_t received_ms = 0);
    const VectorClock& version() const { return m_version; }
    std::size_t size() const { return m_entries.size(); }  //!< changes

    //! The document as it was when exactly this version was known; new edits under \a self. Errors:
    //! NotFound (more than is here), InvalidArgument (no version anybody had: it cuts a change in
    //! two, or has one without what it depends on).
    Result<Document> at(const VectorClock& version, ReplicaId self = 0) const;
    //! What had been received by then. REQUIRES: received_ms of add() never fell.
    VectorClock versionAt(std::int64_t received_ms) const;
    //! The changes that \a version lacks, each behind what it depends on.
    std::vector<Change> since(const VectorClock& version) const;

    //! The same history to go on with elsewhere. Edits need another replica id than here.
    History fork() const { return *this; }
    //! Takes in what the other has. Errors: Equivocation never; see add().
    Result<> merge(const History& other);

    //! The change that an operation belongs to: its author and time. Errors: NotFound.
    Result<Change> changeOf(OpId id) const;

    //! A version under a name; replaces an older one. Errors: NotFound (more than is here).
    Result<> setName(const std::string& name, const VectorClock& version);
    void removeName(const std::string& name) { m_names.erase(name); }
    const std::map<std::string, VectorClock>& names() const { return m_names; }

 private:
    struct Entry {
        OpId first;
        std::uint64_t count = 0;
        std::size_t begin = 0;  // in m_log
        std::size_t bytes = 0;
        std::int64_t received_ms = 0;
    };
    Change changeAt(const Entry& entry) const;

    Bytes m_log;
    std::vector<Entry> m_entries;                                  // in the order of arrival
    std::map<ReplicaId, std::vector<std::uint32_t>> m_by_replica;  // ascending
    VectorClock m_version;
    std::map<std::string, VectorClock> m_names;
};

}  // namespace kimdb::crdt
