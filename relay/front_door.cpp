// SPDX-License-Identifier: MIT
#include "relay/front_door.h"

#include <QHostAddress>
#include <QTcpSocket>
#include <QTimer>
#include <QWebSocket>

#include <chrono>

#include "relay/request_head.h"
#include "wire/records.h"

namespace kimdb::relay {
namespace {

using namespace std::chrono_literals;

constexpr auto kHeadWaitMax = 5s;
constexpr int kHeadsWaitingMax = 1024;  // 8 MiB of heads

Error listenError(const QTcpServer& server, const QString& address, quint16 port) {
    const std::string where = (address + ':' + QString::number(port)).toStdString();
    switch (server.serverError()) {
        case QAbstractSocket::AddressInUseError:
            return {ErrorCode::AddressInUse,
                    where + " is taken by another program; choose another port with --port"};
        case QAbstractSocket::SocketAccessError:
            return {ErrorCode::PermissionDenied, where + " may not be opened by this user"};
        default:
            return {ErrorCode::InvalidArgument,
                    "cannot listen on " + where + ": " + server.errorString().toStdString()};
    }
}

}  // namespace

FrontDoor::FrontDoor(QObject* parent)
    : QTcpServer(parent), m_web_sockets("kimdb-relay", QWebSocketServer::NonSecureMode) {
    m_web_sockets.setSupportedSubprotocols({wire::kSubprotocol});
    connect(&m_web_sockets, &QWebSocketServer::newConnection, this, &FrontDoor::handOver);
    connect(this, &QTcpServer::acceptError, this, [this] { emit failed(errorString()); });
}

Result<> FrontDoor::open(const QString& address, quint16 port) {
    const QHostAddress parsed(address == "localhost" ? QString("127.0.0.1") : address);
    if (parsed.isNull())
        return Error{ErrorCode::InvalidArgument,
                     '"' + address.toStdString() + "\" is not an address; write 127.0.0.1"};
    if (listen(parsed, port)) return {};
    return listenError(*this, address, port);
}

void FrontDoor::shut() {
    close();
    // Those with a timer; the others are WebSockets already and not ours to end.
    for (QTcpSocket* socket : findChildren<QTcpSocket*>(Qt::FindDirectChildrenOnly))
        if (socket->findChild<QTimer*>()) socket->abort();
}

void FrontDoor::incomingConnection(qintptr descriptor) {
    auto* socket = new QTcpSocket(this);
    if (!socket->setSocketDescriptor(descriptor) || m_waiting >= kHeadsWaitingMax) {
        socket->abort();
        delete socket;
        return;
    }
    socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
    socket->setReadBufferSize(kHeadBytesMax);  // until it is a WebSocket
    ++m_waiting;
    auto* deadline = new QTimer(socket);
    deadline->setSingleShot(true);
    // A refusal that nobody reads must not keep the socket either.
    connect(deadline, &QTimer::timeout, socket, [socket] { socket->abort(); });
    connect(deadline, &QObject::destroyed, this, [this] { --m_waiting; });
    connect(socket, &QTcpSocket::readyRead, deadline, [this, socket] { readHead(socket); });
    connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
    deadline->start(kHeadWaitMax);
}

void FrontDoor::readHead(QTcpSocket* socket) {
    const QByteArray head = socket->peek(kHeadBytesMax);
    std::optional<HeadRefusal> refusal;
    switch (headState(head)) {
        case HeadState::Incomplete:
            return;
        case HeadState::TooLong:
            refusal = {431, "Request Header Fields Too Large", "The request's head is too long."};
            break;
        case HeadState::Complete:
            refusal = refusalOf(head, serverAddress().isLoopback());
            break;
    }
    if (refusal) {
        socket->readAll();
        socket->write(refusal->toHttp());
        socket->disconnectFromHost();
        return;
    }
    // With the timer go the connections made above: from here on it is the WebSocket's.
    delete socket->findChild<QTimer*>();
    socket->setReadBufferSize(0);
    m_web_sockets.handleConnection(socket);
    // What has arrived already must be seen by the new reader.
    if (socket->bytesAvailable() > 0) emit socket->readyRead();
}

void FrontDoor::handOver() {
    while (QWebSocket* socket = m_web_sockets.nextPendingConnection()) emit entered(socket);
}

}  // namespace kimdb::relay
