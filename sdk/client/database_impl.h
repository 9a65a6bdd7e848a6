// SPDX-License-Identifier: MIT
#pragma once

#include <QPromise>
#include <QTimer>
#include <atomic>
#include <map>
#include <optional>
#include <vector>

#include <kimdb/database.h>
#include <kimdb/document.h>
#include <kimdb/sync_status.h>

#include "client/connection.h"
#include "client/presence_impl.h"
#include "core/clock.h"
#include "store/engine.h"
#include "sync/sync_engine.h"
#include "wire/records.h"

namespace kimdb {

//! \brief The open folder: store, sync engine, connection and documents, and the pump between them.
//!
//! The engine calls back from inside its own calls; nothing is told to the application there.
//! Callbacks only note what is due, and pump() does it: rebuilds and integrates documents in slices
//! of 4 ms, then emits. After a message from the relay the pump runs at once, after a call of the
//! application in the next turn of the event loop. Thread: the one that opened the database; only
//! onDurable comes from the store's.
class Database::Impl final : public QObject, public sync::SyncDelegate {
 public:
    static constexpr std::uint8_t kWriteBit = wire::kWrite;

    static Result<std::unique_ptr<Impl>> open(const QString& path, const DatabaseOptions& options);
    ~Impl() override;

    void attach(Database* database) { m_q = database; }
    const QString& path() const { return m_path; }
    Result<Document*> document(const DocumentName& name);
    Result<bool> exists(const DocumentName& name) const;
    Result<QStringList> documents() const;
    QFuture<Result<Session>> connectTo(const QUrl& url);
    void disconnectFromRelay();
    Result<> flush();
    //! Of all documents when the name is empty.
    Result<std::vector<sync::Rejected>> rejectedList(const QString& document) const;
    Result<int> retryRejected(const DocumentName& name);
    Result<> discardRejected(std::uint64_t id);

    // ---- for documents ----
    sync::SyncEngine& engine() { return *m_engine; }
    std::int64_t wallTime() const { return m_clock.wallTime(); }
    bool isOnline() const { return m_link == sync::LinkState::Online; }
    const QString& lastError() const { return m_last_error; }
    SyncStatus& status() { return m_status; }
    //! Whether the relay can be expected to answer some time.
    SyncStatus::State stateOf(const sync::DocumentStatus& facts, bool unsaved) const;
    void noteStorageError(const Error& error);
    void noteProblem(const Error& error);
    //! The document's status and the database's, at once.
    void refreshStatus(Document::Impl& document);
    void schedulePump();

    // ---- sync::SyncDelegate ----
    void sendMessage(Bytes message) override;
    void closeConnection(std::uint16_t code, const std::string& text, bool retry) override;
    void remoteChanges(const std::string& document, const std::vector<Change>& changes) override;
    void documentRebuilt(const std::string& document) override;
    void statusChanged(const std::string& document) override;
    void linkStateChanged(sync::LinkState state) override;
    void presence(const std::string& document, std::uint64_t session, std::uint64_t clock,
                  std::chrono::milliseconds ttl, ByteView state) override;
    void rejected(const sync::Rejected& entry) override;
    void accepted(const sync::Rejected& entry) override;
    void problem(const Error& error) override;

 private:
    using Promise = QPromise<Result<Session>>;

    Impl(QString path, const DatabaseOptions& options, std::unique_ptr<store::Engine> store);
    void watchStore();
    void watchConnection();
    void tick();
    void pump();
    void pumpDocuments();
    void pumpPresence();
    void pumpRejected();
    void pumpStatus();
    void retryStorage();
    void refreshDatabaseStatus();
    void finishConnecting(Result<Session> outcome);
    Document::Impl* find(const std::string& name) const;

    Database* m_q = nullptr;
    const QString m_path;
    SystemClock m_clock;
    SystemRandom m_random;
    std::unique_ptr<store::Engine> m_store;
    std::unique_ptr<sync::SyncEngine> m_engine;
    std::unique_ptr<Connection> m_connection;
    std::map<std::string, std::unique_ptr<Document>> m_documents;
    SyncStatus m_status;
    QTimer m_tick;
    QTimer m_storage_retry;

    std::optional<Promise> m_connecting;
    QUrl m_url;
    sync::LinkState m_link = sync::LinkState::Offline;
    bool m_wanted = false;   // connectTo() was called: "Offline" means something
    bool m_refused = false;  // the relay does not want us as we are
    bool m_storage_failed = false;
    QString m_last_error;

    // Due in the pump.
    std::vector<PresenceNews> m_presence_news;
    std::vector<sync::Rejected> m_rejected;
    std::optional<Result<Session>> m_connected;
    bool m_presence_lost = false;
    bool m_status_due = false;
    bool m_pump_scheduled = false;
    bool m_pumping = false;
    std::atomic<bool> m_durable_posted = false;
};

}  // namespace kimdb
