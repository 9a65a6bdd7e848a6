// SPDX-License-Identifier: MIT
#pragma once

#include <QObject>
#include <QWebSocket>

#include <memory>

#include "relay/core/relay_core.h"

namespace kimdb::relay {

//! \brief One open WebSocket and its number. Bounds what a peer can make us hold, and closes
//! without waiting for a peer that does not read. Thread: the server's. Owner: the server; after
//! close() it deletes itself when the socket is closed.
class Connection : public QObject {
    Q_OBJECT

 public:
    Connection(PeerId peer, QWebSocket* socket, QObject* parent);

    PeerId peer() const { return m_peer; }
    bool fromLoopback() const { return m_from_loopback; }
    void send(ByteView message);
    std::size_t backlogBytes() const { return static_cast<std::size_t>(m_socket->bytesToWrite()); }
    //! Nothing is received any more. What was sent still goes out when the peer takes it in time.
    void close(std::uint16_t code, const std::string& text);

 signals:
    void received(kimdb::relay::Connection* connection, const QByteArray& message);
    void receivedText(kimdb::relay::Connection* connection);
    void written(kimdb::relay::Connection* connection);
    void closed(kimdb::relay::Connection* connection);

 private:
    void setMessageBytesMax(std::size_t bytes);

    PeerId m_peer;
    std::unique_ptr<QWebSocket> m_socket;
    bool m_from_loopback;
    bool m_first = true;
};

}  // namespace kimdb::relay
