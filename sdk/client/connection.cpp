// SPDX-License-Identifier: MIT
#include "client/connection.h"

#include "client/transport_factory.h"
#include "net/web_socket_transport.h"

namespace kimdb {
namespace {

constexpr int kNormalClosure = 1000;

TransportFactory& installedFactory() {
    static TransportFactory factory;
    return factory;
}

}  // namespace

void setTransportFactory(TransportFactory factory) {
    installedFactory() = std::move(factory);
}

std::unique_ptr<net::Transport> makeTransport() {
    if (installedFactory()) return installedFactory()();
    return std::make_unique<net::WebSocketTransport>();
}

Connection::Connection(Random& random, const Clock& clock)
    : m_transport(makeTransport()), m_reconnector(random, clock) {
    connect(m_transport.get(), &net::Transport::opened, this, &Connection::opened);
    connect(m_transport.get(), &net::Transport::messageReceived, this, &Connection::received);
    connect(m_transport.get(), &net::Transport::closed, this, &Connection::handleClosed);
    connect(&m_reconnector, &net::Reconnector::due, this, [this] { m_transport->open(m_url); });
}

Connection::~Connection() = default;

void Connection::start(const QUrl& url) {
    m_url = url;
    m_wanted = true;
    m_reconnector.stop();
    m_reconnector.reset();
    m_transport->open(url);
}

void Connection::stop() {
    close(kNormalClosure, QString(), Then::StayAway);
}

void Connection::send(const Bytes& message) {
    m_transport->send(QByteArray(message.data(), static_cast<qsizetype>(message.size())));
}

void Connection::close(int code, const QString& reason, Then then) {
    if (then == Then::StayAway) {
        m_wanted = false;
        m_reconnector.stop();
    }
    m_transport->close(code, reason);
}

void Connection::handleClosed(int code, const QString& reason) {
    emit closed(m_wanted && code == net::Transport::kAbnormal ? reason : QString());
    if (m_wanted) m_reconnector.schedule();
}

}  // namespace kimdb
