// SPDX-License-Identifier: MIT
#pragma once

#include <QDateTime>
#include <QFuture>
#include <QList>
#include <QObject>
#include <QString>
#include <QUrl>
#include <memory>

#include <kimdb/result.h>

namespace kimdb {

class Document;
class SyncStatus;

//! \brief What connectTo() gives when the relay has welcomed us.
struct Session {
    QString user;  //!< as whom the relay knows us
    QUrl url;
};

//! \brief A change of this device that the relay refused for good. It is kept until it is tried
//! again with success or discarded.
struct RejectedChange {
    quint64 id = 0;
    QString document;
    Error reason;
    QDateTime time;  //!< when it was made, UTC
    QString text;    //!< what it wrote, for people; empty when it only removed something
};

struct DatabaseOptions {
    int shard_count = 8;         //!< 1–8; fixed when the folder is made
    bool small_profile = false;  //!< phones: little memory and disk
    QByteArray token;            //!< compact JWS for the relay; empty: anonymous
};

//! \brief A local database folder: documents that work without a network and sync when there is
//! one.
//!
//! Thread: the one that opened it; signals arrive there. No exceptions. Owner: you. Documents
//! belong to the database and die with it. Closing waits for the journal.
class Database : public QObject {
    Q_OBJECT
    Q_MOC_INCLUDE(<kimdb / sync_status.h>)
    Q_PROPERTY(kimdb::SyncStatus* syncStatus READ syncStatus CONSTANT)
 public:
    //! Opens or makes the folder. Errors: DatabaseBusy (another process has it; the message names
    //! it), VersionTooNew, ShardCountMismatch, StorageCorrupt, PermissionDenied.
    static Result<std::unique_ptr<Database>> open(const QString& path,
                                                  const DatabaseOptions& options = {});
    ~Database() override;

    QString path() const;
    //! The document \a id ("collection/id", or "id" in the collection "default"), made when it does
    //! not exist. The same object for the same id; needs no network. Errors: InvalidName,
    //! StorageCorrupt.
    Result<Document*> document(const QString& id);
    //! A new document; an empty \a id gets a random one. It is listed once something is written to
    //! it.
    //! Errors: InvalidName, InvalidArgument (exists).
    Result<Document*> createDocument(const QString& id = {});
    //! Ids of all documents here.
    Result<QStringList> documents() const;

    //! Connects to a relay (ws:// or wss://) and keeps connected, with back-off, until
    //! disconnectFromRelay(). The future is done with the first welcome, or with InvalidArgument,
    //! AuthFailed, NotAllowed (the relay does not want us) or Offline (disconnected before); while
    //! the relay is away it stays open and edits go on offline. It is finished in this thread: do
    //! not block on it, use QFuture::then() or QFutureWatcher.
    QFuture<Result<Session>> connectTo(const QUrl& url);
    void disconnectFromRelay();

    SyncStatus* syncStatus() const;
    //! Blocks until everything written so far is durable on this disk. Errors: StorageFull,
    //! StorageFailed.
    Result<> flush();

    // ---- the rejected list ----
    //! What the relay refused, oldest first; of one document or, without a name, of all.
    //! Errors: InvalidName, StorageCorrupt.
    Result<QList<RejectedChange>> rejectedChanges(const QString& document = {}) const;
    //! The same as JSON, with the changes themselves, to keep or to send to somebody.
    Result<QByteArray> exportRejected(const QString& document = {}) const;
    //! Makes the refused edits of a document once more, as new edits behind everything that is
    //! there now. What stands on something that is gone (a discarded edit, another's that was lost)
    //! stays on the list. Returns how many left it; the document is reloaded() then.
    //! Errors: InvalidName; NotAllowed (no permission to write); StorageFull, StorageFailed.
    Result<int> retryRejected(const QString& document);
    //! Forgets a refused change. Errors: NotFound, StorageFull, StorageFailed.
    Result<> discardRejected(quint64 id);

 signals:
    //! A change of this device was refused for good and is kept on the rejected list.
    void rejected(const QString& document, const kimdb::Error& reason);

 private:
    class Impl;
    friend class Document;
    explicit Database(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

}  // namespace kimdb
