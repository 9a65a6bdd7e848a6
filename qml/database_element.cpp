// SPDX-License-Identifier: MIT
#include <kimdb/qml/database_element.h>

#include <QFutureWatcher>

namespace kimdb::qml {

DatabaseElement::DatabaseElement(QObject* parent) : QObject(parent) {}

DatabaseElement::~DatabaseElement() = default;

void DatabaseElement::setPath(const QString& path) {
    if (path == m_path) return;
    m_path = path;
    emit pathChanged();
}

void DatabaseElement::setUrl(const QUrl& url) {
    if (url == m_url) return;
    m_url = url;
    emit urlChanged();
    if (m_database) connectToRelay();
}

void DatabaseElement::setToken(const QString& token) {
    if (token == m_token) return;
    m_token = token;
    emit tokenChanged();
}

void DatabaseElement::componentComplete() {
    m_complete = true;
    retry();
}

void DatabaseElement::retry() {
    if (!m_complete || m_database) return;
    DatabaseOptions options;
    options.token = m_token.toUtf8();
    auto opened = Database::open(m_path, options);
    if (!opened) {
        setError(QString::fromStdString(opened.error().message));
        return;
    }
    m_database = std::move(opened).value();
    setError({});
    emit readyChanged();
    connectToRelay();
}

void DatabaseElement::connectToRelay() {
    m_database->disconnectFromRelay();
    setError({});
    if (m_url.isEmpty()) return;
    auto* watcher = new QFutureWatcher<Result<Session>>(this);
    connect(watcher, &QFutureWatcherBase::finished, this, [this, watcher] {
        watcher->deleteLater();
        if (watcher->future().resultCount() == 0) return;
        const Result<Session> session = watcher->result();
        if (!session) setError(QString::fromStdString(session.error().message));
    });
    watcher->setFuture(m_database->connectTo(m_url));
}

void DatabaseElement::setError(const QString& error) {
    if (error == m_error) return;
    m_error = error;
    emit errorChanged();
}

}  // namespace kimdb::qml
