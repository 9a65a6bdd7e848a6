// SPDX-License-Identifier: MIT
#pragma once

#include <qqmlintegration.h>
#include <QColor>
#include <QObject>
#include <QPointer>
#include <QString>
#include <QVariantList>

#include <kimdb/document.h>
#include <kimdb/qml/database_element.h>

namespace kimdb::qml {

//! \brief `Document { database: …; documentId: … }`: one document and how its sync stands.
//!
//! `ready` is true once the database is open and the id is valid; `error` says what is wrong.
//! Thread: the QML engine's. Owner: its QML parent; the kimdb::Document belongs to the database.
class DocumentElement : public QObject {
    Q_OBJECT
    QML_NAMED_ELEMENT(Document)
    Q_PROPERTY(kimdb::qml::DatabaseElement* database READ database WRITE setDatabase NOTIFY
                   databaseChanged REQUIRED)
    //! "collection/id", or "id" in the collection "default".
    Q_PROPERTY(
        QString documentId READ documentId WRITE setDocumentId NOTIFY documentIdChanged REQUIRED)
    //! Name and colour others see. The colour is chosen by the name and moved on when taken.
    Q_PROPERTY(QString userName READ userName WRITE setUserName NOTIFY userNameChanged)
    Q_PROPERTY(QColor userColor READ userColor NOTIFY userColorChanged)
    Q_PROPERTY(bool ready READ isReady NOTIFY readyChanged)
    Q_PROPERTY(bool readOnly READ isReadOnly NOTIFY readOnlyChanged)
    Q_PROPERTY(QString error READ error NOTIFY errorChanged)
    Q_PROPERTY(SyncState syncState READ syncState NOTIFY syncChanged)
    //! The state in words: "Synced", "Offline, 12 changes waiting".
    Q_PROPERTY(QString syncText READ syncText NOTIFY syncChanged)
    Q_PROPERTY(bool online READ isOnline NOTIFY syncChanged)
    Q_PROPERTY(int queued READ queued NOTIFY syncChanged)
    Q_PROPERTY(int rejected READ rejected NOTIFY syncChanged)
    Q_PROPERTY(QString lastError READ lastError NOTIFY syncChanged)

 public:
    //! kimdb::SyncStatus::State for QML, in the same order.
    enum class SyncState { Saving, Saved, Synced, Offline, NotAllowed, Failed };
    Q_ENUM(SyncState)

    explicit DocumentElement(QObject* parent = nullptr);
    ~DocumentElement() override;

    DatabaseElement* database() const { return m_database; }
    void setDatabase(DatabaseElement* database);
    QString documentId() const { return m_id; }
    void setDocumentId(const QString& id);
    QString userName() const { return m_user_name; }
    void setUserName(const QString& name);
    QColor userColor() const;

    bool isReady() const { return m_document != nullptr; }
    bool isReadOnly() const;
    QString error() const { return m_error; }
    SyncState syncState() const;
    QString syncText() const;
    bool isOnline() const;
    int queued() const;
    int rejected() const;
    QString lastError() const;

    // ---- what the relay refused ----
    //! Objects with `text` (what was written, may be empty), `reason` and `time`; oldest first.
    Q_INVOKABLE QVariantList rejectedChanges() const;
    //! Makes the refused edits once more. What is wrong in words; empty when all of them went.
    Q_INVOKABLE QString retryRejected();
    //! Puts what the refused edits wrote on the clipboard.
    Q_INVOKABLE void copyRejected() const;
    //! Forgets all refused edits of this document.
    Q_INVOKABLE void discardRejected();

    //! nullptr until ready.
    kimdb::Document* document() const { return m_document; }

 signals:
    void databaseChanged();
    void documentIdChanged();
    void userNameChanged();
    void userColorChanged();
    void readyChanged();
    void readOnlyChanged();
    void errorChanged();
    void syncChanged();

 private:
    void open();
    void close();
    void yieldColor();

    QPointer<DatabaseElement> m_database;
    QString m_id;
    QString m_user_name;
    QString m_error;
    QPointer<kimdb::Document> m_document;
};

}  // namespace kimdb::qml
