// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <vector>

#include <kimdb/document.h>
#include <kimdb/presence.h>
#include <kimdb/sync_status.h>
#include <kimdb/undo_manager.h>

#include "client/database_impl.h"
#include "core/change.h"

namespace kimdb {

//! \brief One open document: its replica, what waits to go into it, out of it and to the
//! application.
//!
//! Two queues keep the order straight. `m_incoming`: remote changes, integrated in slices so that
//! the thread stays responsive. `m_announcements`: what the replica has done but the application
//! was not told yet; emptied by one loop, so that an edit made in a slot is announced after what
//! its slot was told about.
//! Thread: the database's. Owner: its Document.
class Document::Impl {
 public:
    Impl(Database::Impl& owner, DocumentName name) : m_database(owner), m_name(std::move(name)) {}

    const DocumentName& name() const { return m_name; }
    //! Reads the document from the store; at first use and when its log was changed under us.
    Result<> load();

    // ---- local edits ----
    //! What an edit is about to write, for the limits that are checked before anything is written.
    struct Intent {
        const crdt::ContainerId& container;  //!< is made when its key does not show it
        std::size_t bytes = 0;               //!< of content
    };
    //! Runs \a write inside the open transaction or one of its own.
    Result<> edit(const Intent& intent, const std::function<void()>& write);
    Result<> transaction(const std::function<void()>& edits);
    enum class Step { Undo, Redo };
    Result<> toggle(Step step);
    //! Tries again to journal what the full disk did not take. Returns whether nothing waits any
    //! more.
    Result<> journalWaiting();
    //! Changes made here that the store has not taken yet.
    std::size_t waiting() const { return m_unsaved.size(); }

    // ---- remote changes ----
    void enqueue(const std::vector<Change>& changes);
    void scheduleRebuild() { m_rebuild_due = true; }
    //! Integrates until \a deadline or until nothing waits. Returns whether something still waits.
    bool integrateUntil(std::chrono::steady_clock::time_point deadline);

    //! Tells the application what happened. Not reentrant: called in a slot it does nothing, the
    //! outer call goes on.
    void announce();
    void refreshStatus();
    void sendPresence(const Bytes& state);
    void reportProblem(const Error& error);

    // ---- reading ----
    QVariant variantAt(const crdt::ContainerId& map, const std::string& key) const;
    QVariant variantOfContainer(const crdt::ContainerId& id) const;
    bool isShown(const crdt::ContainerId& id) const;

    Document* q = nullptr;
    Database* database = nullptr;
    crdt::Document replica;
    SyncStatus status;
    std::unique_ptr<UndoManager> undo;
    std::unique_ptr<Presence> presence;
    bool read_only = false;
    int capture_interval_ms = 500;

 private:
    friend class Document;
    struct Announcement {
        std::vector<crdt::Event> events;
        bool reloaded = false;
    };
    enum class Undoable { Yes, No };

    Result<> prepare();
    Result<> begin();
    Result<> commit(Undoable undoable);
    Result<> submit(std::optional<Change> change);
    Result<> reserve(std::size_t bytes);
    Result<> editAlone(const Intent& intent, const std::function<void()>& write);
    //! Ends a call of the application: tells it what its edit did and where the data is now.
    Result<> told(Result<> outcome);
    void show(const crdt::ContainerId& id);
    void rebuild();
    void integrate(const std::vector<Change>& changes);
    void emitEvents(const std::vector<crdt::Event>& events);

    Database::Impl& m_database;
    const DocumentName m_name;
    std::deque<Change> m_incoming;
    std::deque<Change> m_unsaved;
    std::deque<Announcement> m_announcements;
    std::size_t m_batch = 16;             // changes per integration; follows the time they take
    std::size_t m_transaction_bytes = 0;  // reserved in the open transaction
    std::optional<Error> m_edit_error;    // first one in the open transaction
    bool m_rebuild_due = false;
    bool m_announcing = false;
    bool m_could_undo = false;
    bool m_could_redo = false;
};

}  // namespace kimdb
