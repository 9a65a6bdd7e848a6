// SPDX-License-Identifier: MIT
#pragma once

#include <QTcpServer>
#include <QWebSocketServer>

#include <kimdb/result.h>

namespace kimdb::relay {

//! \brief The listening socket. Reads the head of each request within bounds of time and size and
//! refuses who may not come, before the WebSocket handshake begins. Thread: its owner's.
class FrontDoor : public QTcpServer {
    Q_OBJECT

 public:
    explicit FrontDoor(QObject* parent = nullptr);

    //! Errors: InvalidArgument (no such address here), AddressInUse, PermissionDenied (port).
    Result<> open(const QString& address, quint16 port);
    //! No new connections; those in the handshake are dropped.
    void shut();

 signals:
    //! The receiver owns it.
    void entered(QWebSocket* socket);
    void failed(const QString& what);

 protected:
    void incomingConnection(qintptr descriptor) override;

 private:
    void readHead(QTcpSocket* socket);
    void handOver();

    QWebSocketServer m_web_sockets;
    int m_waiting = 0;  // connections whose head is not complete
};

}  // namespace kimdb::relay
