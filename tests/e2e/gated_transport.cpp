// SPDX-License-Identifier: MIT
#include "e2e/gated_transport.h"

#include "client/transport_factory.h"

namespace kimdb::test {

GatedTransports::GatedTransports()
    : m_gate([this](const Bytes& message) {
          if (m_transport) m_transport->deliver(message);
      }) {
    setTransportFactory([this] {
        auto transport = std::make_unique<GatedTransport>(*this);
        m_transport = transport.get();
        return transport;
    });
}

GatedTransports::~GatedTransports() {
    setTransportFactory({});
}

void GatedTransports::cut() {
    if (m_transport) m_transport->cut();
}

void GatedTransport::open(const QUrl& url) {
    m_owner.gate().reset();
    m_socket = std::make_unique<net::WebSocketTransport>();
    connect(m_socket.get(), &net::Transport::opened, this, &net::Transport::opened);
    connect(m_socket.get(), &net::Transport::closed, this, &net::Transport::closed);
    connect(m_socket.get(), &net::Transport::messageReceived, this, [this](const QByteArray& m) {
        m_owner.gate().incoming({m.constData(), static_cast<std::size_t>(m.size())});
        emit m_owner.passed();
    });
    m_socket->open(url);
}

void GatedTransport::send(const QByteArray& message) {
    const Bytes out =
        m_owner.gate().outgoing({message.constData(), static_cast<std::size_t>(message.size())});
    if (m_socket && !out.empty())
        m_socket->send(QByteArray(out.data(), static_cast<qsizetype>(out.size())));
}

void GatedTransport::close(int code, const QString& reason) {
    if (m_socket) m_socket->close(code, reason);
}

void GatedTransport::deliver(const Bytes& message) {
    emit messageReceived(QByteArray(message.data(), static_cast<qsizetype>(message.size())));
}

void GatedTransport::cut() {
    if (!m_socket) return;
    m_socket.reset();
    m_owner.gate().reset();
    QMetaObject::invokeMethod(
        this, [this] { emit closed(kAbnormal, QStringLiteral("cut")); }, Qt::QueuedConnection);
}

}  // namespace kimdb::test
