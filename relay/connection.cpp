// SPDX-License-Identifier: MIT
#include "relay/connection.h"

#include <QHostAddress>
#include <QTimer>

#include "core/limits.h"

namespace kimdb::relay {
namespace {

using namespace std::chrono_literals;

// A message a little above its limit gets a typed answer; what is longer still is cut off by the
// WebSocket itself (1009) before it takes memory.
constexpr std::size_t kAnsweredBytes = 64 << 10;
constexpr auto kCloseWaitMax = 1s;
constexpr int kCloseTextBytesMax = 123;  // RFC 6455, 5.5

}  // namespace

Connection::Connection(PeerId peer, QWebSocket* socket, QObject* parent)
    : QObject(parent),
      m_peer(peer),
      m_socket(socket),
      m_from_loopback(socket->peerAddress().isLoopback()) {
    m_socket->setParent(nullptr);
    setMessageBytesMax(limits::kFirstMessageBytesMax);
    connect(m_socket.get(), &QWebSocket::binaryMessageReceived, this,
            [this](const QByteArray& message) {
                if (m_first) setMessageBytesMax(limits::kMessageBytesMax);
                m_first = false;
                emit received(this, message);
            });
    connect(m_socket.get(), &QWebSocket::textMessageReceived, this,
            [this] { emit receivedText(this); });
    connect(m_socket.get(), &QWebSocket::bytesWritten, this, [this] { emit written(this); });
    connect(m_socket.get(), &QWebSocket::disconnected, this, [this] { emit closed(this); });
}

void Connection::setMessageBytesMax(std::size_t bytes) {
    m_socket->setMaxAllowedIncomingFrameSize(bytes + kAnsweredBytes);
    m_socket->setMaxAllowedIncomingMessageSize(bytes + kAnsweredBytes);
}

void Connection::send(ByteView message) {
    m_socket->sendBinaryMessage(
        QByteArray::fromRawData(message.data(), static_cast<qsizetype>(message.size())));
}

void Connection::close(std::uint16_t code, const std::string& text) {
    disconnect(m_socket.get(), nullptr, this, nullptr);
    connect(m_socket.get(), &QWebSocket::disconnected, this, &QObject::deleteLater);
    QTimer::singleShot(kCloseWaitMax, this, &QObject::deleteLater);
    const QByteArray reason = QByteArray::fromStdString(text).left(kCloseTextBytesMax);
    m_socket->flush();
    m_socket->close(static_cast<QWebSocketProtocol::CloseCode>(code), QString::fromUtf8(reason));
}

}  // namespace kimdb::relay
