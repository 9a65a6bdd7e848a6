// SPDX-License-Identifier: MIT
#pragma once

#include <qqmlintegration.h>
#include <QObject>
#include <QQmlParserStatus>
#include <QString>
#include <QUrl>
#include <memory>

#include <kimdb/database.h>

namespace kimdb::qml {

//! \brief `Database { path: …; url: … }`: opens the folder and stays connected to url.
//!
//! A folder that cannot be opened is not an exception: `ready` stays false, `error` says why and
//! what to do, retry() tries again. Thread: the QML engine's. Owner: its QML parent; documents die
//! with it.
class DatabaseElement : public QObject, public QQmlParserStatus {
    Q_OBJECT
    Q_INTERFACES(QQmlParserStatus)
    QML_NAMED_ELEMENT(Database)
    //! Folder of the database; made when absent. Fixed once open.
    Q_PROPERTY(QString path READ path WRITE setPath NOTIFY pathChanged REQUIRED)
    //! Relay to keep connected to; empty: work offline.
    Q_PROPERTY(QUrl url READ url WRITE setUrl NOTIFY urlChanged)
    //! Compact JWS for the relay; empty: anonymous.
    Q_PROPERTY(QString token READ token WRITE setToken NOTIFY tokenChanged)
    Q_PROPERTY(bool ready READ isReady NOTIFY readyChanged)
    Q_PROPERTY(QString error READ error NOTIFY errorChanged)

 public:
    explicit DatabaseElement(QObject* parent = nullptr);
    ~DatabaseElement() override;

    QString path() const { return m_path; }
    void setPath(const QString& path);
    QUrl url() const { return m_url; }
    void setUrl(const QUrl& url);
    QString token() const { return m_token; }
    void setToken(const QString& token);
    bool isReady() const { return m_database != nullptr; }
    QString error() const { return m_error; }

    //! Opens the folder again after an error. No effect when it is open.
    Q_INVOKABLE void retry();
    //! nullptr until ready.
    kimdb::Database* database() const { return m_database.get(); }

    void classBegin() override {}
    void componentComplete() override;

 signals:
    void pathChanged();
    void urlChanged();
    void tokenChanged();
    void readyChanged();
    void errorChanged();

 private:
    void connectToRelay();
    void setError(const QString& error);

    QString m_path;
    QUrl m_url;
    QString m_token;
    QString m_error;
    bool m_complete = false;
    std::unique_ptr<kimdb::Database> m_database;
};

}  // namespace kimdb::qml
