// SPDX-License-Identifier: MIT
#pragma once

#include <QByteArray>
#include <QObject>
#include <QUrl>
#include <memory>

#include <kimdb/ids.h>

#include "net/reconnector.h"
#include "net/transport.h"

namespace kimdb {

//! \brief Keeps a connection to one relay: opens it, and opens it again with back-off when it is
//! gone, until stop(). Thread: the database's. Owner: Database::Impl. No signal comes from inside
//! start(), stop(), send() and close().
class Connection : public QObject {
    Q_OBJECT
 public:
    Connection(Random& random, const Clock& clock);
    ~Connection() override;

    void start(const QUrl& url);
    void stop();
    //! Ignored when there is no connection.
    void send(const Bytes& message);
    enum class Then { Retry, StayAway };
    //! Ends the present connection.
    void close(int code, const QString& reason, Then then);
    //! The relay has welcomed us: when that lasts, the waits of the back-off begin small again.
    void established() { m_reconnector.established(); }

 signals:
    void opened();
    void received(const QByteArray& message);
    //! The connection is gone; \a reason says why when nobody asked for it.
    void closed(const QString& reason);

 private:
    void handleClosed(int code, const QString& reason);

    std::unique_ptr<net::Transport> m_transport;
    net::Reconnector m_reconnector;
    QUrl m_url;
    bool m_wanted = false;
};

}  // namespace kimdb
