// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

namespace kimdb::crdt {

//! \brief The changes of one document, and its versions made of them: what it was, forks and
//! merges, who wrote what and when. Holds changes encoded; the store keeps them for good. It may
//! begin with a document file instead of the first change: then it knows nothing older. Thread: one
//! at a time.
class History {
 public:
    History() = default;
    //! A history that begins with the version of a document file. Errors: as DocumentFile.
    static Result<History> from(Bytes file);
    //! The version it begins with; empty when it begins with the first change.
    const VectorClock& begin() const { return m_begin; }

    //! Appends a change. Ones that are here already, or in what it begins with, are skipped.
    //! \a received_ms: when it was received, as the relay says it. Errors: MissingDependencies (its
    //! deps or the counter in front of it are not here).
    Result<> add(const Change& change, std::int64_t received_ms = 0);
    const VectorClock& version() const { return m_version; }
    std::size_t size() const { return m_entries.size(); }  //!< changes

    //! The document as it was when exactly this version was known; new edits under \a self. Errors:
    //! NotFound (more than is here), TooOld (less than it begins with), InvalidArgument (no version
    //! anybody had: it cuts a change in two, or has one without what it depends on), those of
    //! Document::receive (it begins with a shallow file and a change in between does not know it).
    Result<Document> at(const VectorClock& version, ReplicaId self = 0) const;
    //! What had been received by then. REQUIRES: received_ms of add() never fell.
    VectorClock versionAt(std::int64_t received_ms) const;
    //! The changes that \a version lacks, each behind what it depends on; of what is older than
    //! begin() none. REQUIRES for all of them: \a version has begin().
    std::vector<Change> since(const VectorClock& version) const;

    //! The same history to go on with elsewhere. Edits need another replica id than here.
    History fork() const { return *this; }
    //! Takes in what the other has. Errors: Equivocation never; see add(); TooOld (the other begins
    //! with what is not here).
    Result<> merge(const History& other);

    //! The change that an operation belongs to: its author and time. Errors: NotFound; TooOld (it
    //! is part of what the history begins with).
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

    Bytes m_file;  // what it begins with
    VectorClock m_begin;
    Bytes m_log;
    std::vector<Entry> m_entries;                                  // in the order of arrival
    std::map<ReplicaId, std::vector<std::uint32_t>> m_by_replica;  // ascending
    VectorClock m_version;
    std::map<std::string, VectorClock> m_names;
};

}  // namespace kimdb::crdt
