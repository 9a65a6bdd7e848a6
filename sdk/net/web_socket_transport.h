// SPDX-License-Identifier: MIT
#pragma once

#include <QList>
#include <QSslCertificate>
#include <QTimer>
#include <chrono>

#include "net/transport.h"

class QWebSocket;

namespace kimdb::net {

//! \brief A WebSocket client: ws:// or wss://, binary messages, one subprotocol.
//! TLS errors are never ignored. Uses a QWebSocket per connection, so that nothing of an old one
//! leaks into the next. Thread: that of the object, which runs an event loop.
class WebSocketTransport final : public Transport {
    Q_OBJECT
 public:
    struct Options {
        QString subprotocol = QStringLiteral("kimdb.v1");
        //! Until the server has answered: QWebSocket itself would wait for a mute server forever.
        std::chrono::milliseconds connect_wait_max = std::chrono::seconds(10);
        //! For the peer's part of a close; then the connection is cut.
        std::chrono::milliseconds close_wait_max = std::chrono::seconds(2);
        QList<QSslCertificate> extra_authorities;  //!< trusted beside the system's
    };

    explicit WebSocketTransport(QObject* parent = nullptr);
    explicit WebSocketTransport(Options options, QObject* parent = nullptr);
    ~WebSocketTransport() override;

    void open(const QUrl& url) override;
    void send(const QByteArray& message) override;
    void close(int code, const QString& reason) override;
    qint64 bytesToWrite() const override;

 private:
    enum class State { Closed, Connecting, Open, Closing };

    void prepareSocket(const QUrl& url);
    void handleConnected();
    void handleDisconnected();
    void handleTimeout();
    //! Decides how the connection ended; the first one counts. closed() comes from the event loop.
    void end(int code, const QString& reason);
    void dropSocket();

    const Options m_options;
    QWebSocket* m_socket = nullptr;  //!< child; replaced by open()
    QTimer m_timeout;                //!< of connecting or closing
    State m_state = State::Closed;
    bool m_failed = false;  //!< the socket has reported an error
    bool m_ended = false;   //!< end() was called for this connection
    int m_close_code = 0;   //!< of our own close()
    QString m_close_reason;
};

}  // namespace kimdb::net
