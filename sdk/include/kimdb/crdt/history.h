// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

namespace kimdb::crdt {

//! \brief The change that a part of a container comes from.
struct Blame {
    std::size_t position = 0;  //!< Text: UTF-16 units; List: elements
    std::size_t length = 0;
    std::string key;              //!< Map
    std::optional<Value> member;  //!< Set
    OpId change;  //!< its replica and first counter; null: older than what the history begins with
    std::int64_t time_ms = 0;  //!< as its author says
    std::int64_t received_ms = 0;
    bool operator==(const Blame&) const = default;
};

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

    //! What turns one version into another, forward, back or aside: an event per container that
    //! differs, shown or not, with origin Rebuild and in no order that means anything. Applied to a
    //! plain copy of the first it gives the second; with at(to) it can be told as Deltas
    //! (delta.h). Errors: as at().
    Result<std::vector<Event>> diff(const VectorClock& from, const VectorClock& to) const;
    //! Edits \a document, under its replica, so that it shows what it showed at \a version: one
    //! step of undo, and one change unless it is too large for one. What is there in both keeps its
    //! identity, so concurrent edits merge as with any other. What was expunged since stays away.
    //! Errors: as at(); InvalidArgument (the document does not know the version); TooOld (the
    //! version does not know the root of the document). REQUIRES: it has a replica and no open
    //! transaction.
    Result<std::vector<Change>> revertTo(Document& document, const VectorClock& version,
                                         std::int64_t time_ms) const;
    //! Which change each part comes from: runs of a text, elements of a list, keys of a map,
    //! members of a set. Text that a revertTo() wrote again comes from that; a value that an undo
    //! or a revertTo() brought back, from who wrote it first. Errors: as at(); NotFound (no such
    //! container), WrongType (a counter comes from many).
    Result<std::vector<Blame>> blame(const VectorClock& version,
                                     const ContainerId& container) const;

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
    const Entry* find(OpId id) const;

    Bytes m_file;  // what it begins with
    VectorClock m_begin;
    Bytes m_log;
    std::vector<Entry> m_entries;                                  // in the order of arrival
    std::map<ReplicaId, std::vector<std::uint32_t>> m_by_replica;  // ascending
    VectorClock m_version;
    std::map<std::string, VectorClock> m_names;
};

}  // namespace kimdb::crdt
