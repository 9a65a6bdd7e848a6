// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kimdb/ids.h>

#include "core/change.h"
#include "core/clock.h"
#include "store/log_store.h"
#include "sync/rejected_list.h"

namespace kimdb::sync {

enum class LinkState : std::uint8_t { Offline, Connecting, Online };

//! \brief Where one document stands. "saved" = nothing above the journal's durable number; "synced"
//! = the relay has acknowledged everything durably.
struct DocumentStatus {
    std::uint64_t queued = 0;  //!< own changes the relay has not acknowledged
    bool saved = true;
    bool live = false;             //!< subscribed and caught up
    std::uint8_t permissions = 0;  //!< wire::Permission, as last told; all bits while unknown
    std::uint64_t rejected = 0;    //!< entries on the durable rejected list
};

//! \brief What the engine wants done. Called from inside the engine's own calls, at their end: the
//! engine's state is whole again, so a callback may call the engine (reload a rebuilt document,
//! append to it); what that causes is delivered after the callback has returned. Owner: the caller,
//! outlives the engine.
class SyncDelegate {
 public:
    virtual ~SyncDelegate() = default;
    virtual void sendMessage(Bytes message) = 0;
    //! Ends the connection; `retry` false: do not reconnect by yourself (auth failed, replaced).
    virtual void closeConnection(std::uint16_t code, const std::string& text, bool retry) = 0;
    //! Remote changes, already queued for the journal, in the order to integrate them (SYNC rule
    //! 4).
    virtual void remoteChanges(const std::string& document, const std::vector<Change>& changes) = 0;
    //! The replica shown is not the log's any more (refusal, fork, snapshot), or new edits need a
    //! new replica id: throw the replica away and load it again from loadDocument() before the next
    //! edit. Undo stacks are gone.
    virtual void documentRebuilt(const std::string& document) = 0;
    virtual void statusChanged(const std::string& document) = 0;
    virtual void linkStateChanged(LinkState state) = 0;
    virtual void presence(const std::string& document, std::uint64_t session, std::uint64_t clock,
                          std::chrono::milliseconds ttl, ByteView state) = 0;
    virtual void rejected(const Rejected& entry) = 0;
    //! An entry of the rejected list was accepted after all, pushed by a copy of this folder (SYNC
    //! rule 11); it has left the list.
    virtual void accepted(const Rejected& entry) { (void)entry; }
    //! A typed error for the status ("last error"); session goes on unless closeConnection follows.
    virtual void problem(const Error& error) = 0;
};

//! \brief The client's side of KRP/1 and the offline queue: a state machine without I/O, threads or
//! timers of its own (SYNC rules 4-15, 18, 19, 21, 22). All that must survive goes through the
//! LogStore; a local change is queued, pushed when journalled, removed from the queue when
//! acknowledged durably. One engine per database; one thread.
class SyncEngine {
 public:
    struct Options {
        std::string agent = "kimdb";
        Bytes fingerprint;  //!< of this installation (machine, file system, inode): a hint that the
                            //!< folder was copied
        Bytes token;
    };
    SyncEngine(store::LogStore& store, const Clock& clock, Random& random, SyncDelegate& delegate,
               Options options);
    ~SyncEngine();

    //! Reads identity and queue. Mints a replica id on first use.
    Result<> open();

    // ---- documents ----
    struct Loaded {
        ReplicaId replica = 0;  //!< under which new edits are made
        std::uint32_t incarnation = 1;
        SaltKey salt_key;             //!< of that replica's stream in this document
        std::vector<Change> changes;  //!< the log, in order; VOIDs included
    };
    //! Everything a replica of the document is made of; works without any network. Also starts
    //! subscribing it.
    Result<Loaded> loadDocument(const DocumentName& name);
    //! Stops the subscription; queued changes still go out.
    void closeDocument(const DocumentName& name);
    //! Journals and queues a change just committed by the local replica. Errors: those of
    //! LogStore::commit; Equivocation when the replica id is no longer the one to write under
    //! (reload the document).
    Result<> appendLocal(const DocumentName& name, const Change& change);
    DocumentStatus status(const DocumentName& name) const;
    std::vector<std::string> documentsWithQueue() const;
    ReplicaId replica() const;

    // ---- rejected list ----
    Result<std::vector<Rejected>> rejectedList() const;
    //! Errors: NotFound; those of the store.
    Result<> discardRejected(std::uint64_t id);
    std::uint64_t rejectedCount() const;
    //! Does the own refused changes of a document once more, as new edits behind everything that is
    //! there now; what stands on something that is gone stays on the list. Returns how many left
    //! it; the document is rebuilt then. All in one batch, so that nothing is done twice.
    //! Errors: NotAllowed (no permission to write); those of the store.
    Result<std::size_t> retryRejected(const DocumentName& name);

    // ---- connection ----
    void connectionOpened();
    void connectionClosed();
    void receive(ByteView message);
    //! Once a turn or at least every 100 ms: heartbeats, SEEN, presence, retries.
    void tick();
    //! The store's durable number has grown.
    void durable(store::SeqNo seq);
    LinkState linkState() const;
    //! As whom the relay knows us; empty before the first welcome.
    const std::string& user() const;
    void setToken(Bytes token);

    // ---- presence ----
    //! Announces to the document's room, at most every limits::kPresenceInterval; the last one
    //! wins. Empty: gone.
    void setPresence(const DocumentName& name, Bytes state);

 private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace kimdb::sync
