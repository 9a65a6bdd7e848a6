// SPDX-License-Identifier: MIT
#include "net/web_socket_transport.h"

#include <QNetworkRequest>
#include <QSslConfiguration>
#include <QTcpSocket>
#include <QWebSocket>
#include <QWebSocketHandshakeOptions>

#include "core/limits.h"

namespace kimdb::net {
namespace {

constexpr int kReasonBytesMax = 123;  // a control frame holds 125, two are the code

QString cutReason(const QString& reason) {
    QString cut = reason;
    while (cut.toUtf8().size() > kReasonBytesMax) cut.chop(1);
    return cut;
}

}  // namespace

WebSocketTransport::WebSocketTransport(QObject* parent) : WebSocketTransport(Options{}, parent) {}

WebSocketTransport::WebSocketTransport(Options options, QObject* parent)
    : Transport(parent), m_options(std::move(options)) {
    m_timeout.setSingleShot(true);
    connect(&m_timeout, &QTimer::timeout, this, &WebSocketTransport::handleTimeout);
}

WebSocketTransport::~WebSocketTransport() {
    dropSocket();
}

void WebSocketTransport::open(const QUrl& url) {
    dropSocket();
    prepareSocket(url);
    m_state = State::Connecting;
    m_failed = false;
    m_ended = false;
    m_close_code = 0;
    m_timeout.start(m_options.connect_wait_max);
    QWebSocketHandshakeOptions handshake;
    handshake.setSubprotocols({m_options.subprotocol});
    m_socket->open(QNetworkRequest(url), handshake);
}

void WebSocketTransport::prepareSocket(const QUrl& url) {
    m_socket = new QWebSocket(QString(), QWebSocketProtocol::VersionLatest, this);
    m_socket->setMaxAllowedIncomingMessageSize(limits::kMessageBytesMax);
    m_socket->setMaxAllowedIncomingFrameSize(limits::kMessageBytesMax);
    if (url.scheme() == QLatin1String("wss") && !m_options.extra_authorities.isEmpty()) {
        QSslConfiguration tls = QSslConfiguration::defaultConfiguration();
        tls.addCaCertificates(m_options.extra_authorities);
        m_socket->setSslConfiguration(tls);
    }
    connect(m_socket, &QWebSocket::connected, this, &WebSocketTransport::handleConnected);
    connect(m_socket, &QWebSocket::disconnected, this, &WebSocketTransport::handleDisconnected);
    connect(m_socket, QOverload<QAbstractSocket::SocketError>::of(&QWebSocket::error), this,
            [this] {
                m_failed = true;
                // A handshake that fails may end without "disconnected".
                if (m_state == State::Connecting) end(kAbnormal, m_socket->errorString());
            });
    connect(m_socket, &QWebSocket::binaryMessageReceived, this, [this](const QByteArray& message) {
        if (m_state == State::Open) emit messageReceived(message);
    });
    connect(m_socket, &QWebSocket::textMessageReceived, this, [this] {
        if (m_state == State::Open) end(kProtocolError, tr("The server sent a text message."));
    });
}

void WebSocketTransport::handleConnected() {
    if (m_ended) return;
    if (m_socket->subprotocol() != m_options.subprotocol)
        return end(kProtocolError, tr("The server does not speak %1.").arg(m_options.subprotocol));
    // A keystroke must not wait for the acknowledgement of the one before.
    if (auto* tcp = m_socket->findChild<QTcpSocket*>())
        tcp->setSocketOption(QAbstractSocket::LowDelayOption, 1);
    m_timeout.stop();
    m_state = State::Open;
    emit opened();
}

// Qt says 1000 also when there was no close frame; an error before it tells the difference.
void WebSocketTransport::handleDisconnected() {
    if (m_close_code != 0) return end(m_close_code, m_close_reason);
    if (m_failed || m_state == State::Connecting) return end(kAbnormal, m_socket->errorString());
    end(m_socket->closeCode(), m_socket->closeReason());
}

void WebSocketTransport::handleTimeout() {
    if (m_state == State::Closing) return end(m_close_code, m_close_reason);
    end(kAbnormal, tr("The server did not answer in time."));
}

void WebSocketTransport::send(const QByteArray& message) {
    if (m_state == State::Open && !m_ended) m_socket->sendBinaryMessage(message);
}

void WebSocketTransport::close(int code, const QString& reason) {
    if (m_ended || m_state == State::Closed || m_state == State::Closing) return;
    if (m_state == State::Connecting) return end(code, reason);
    m_state = State::Closing;
    m_close_code = code;
    m_close_reason = reason;
    m_timeout.start(m_options.close_wait_max);
    m_socket->close(static_cast<QWebSocketProtocol::CloseCode>(code), cutReason(reason));
}

qint64 WebSocketTransport::bytesToWrite() const {
    return m_socket ? m_socket->bytesToWrite() : 0;
}

void WebSocketTransport::end(int code, const QString& reason) {
    if (m_ended) return;
    m_ended = true;
    m_timeout.stop();
    QMetaObject::invokeMethod(
        this,
        [this, socket = m_socket, code, reason] {
            if (socket != m_socket) return;  // open() has dropped it meanwhile
            dropSocket();
            emit closed(code, reason);
        },
        Qt::QueuedConnection);
}

void WebSocketTransport::dropSocket() {
    m_timeout.stop();
    m_state = State::Closed;
    QWebSocket* socket = std::exchange(m_socket, nullptr);
    if (!socket) return;
    socket->disconnect(this);
    socket->abort();
    socket->deleteLater();
}

}  // namespace kimdb::net
