// SPDX-License-Identifier: MIT
#pragma once

#include <QPointer>

#include "e2e/record_gate.h"
#include "net/web_socket_transport.h"

namespace kimdb::test {

class GatedTransport;

//! \brief While it lives, databases are opened with a RecordGate between them and their socket.
//! One database at a time. Thread: the database's.
class GatedTransports : public QObject {
    Q_OBJECT
 public:
    GatedTransports();
    ~GatedTransports() override;

    RecordGate& gate() { return m_gate; }
    const RecordGate& gate() const { return m_gate; }
    //! The cable is pulled: the connection ends without a word; the client may connect again.
    void cut();

 signals:
    //! Something came from the relay; what the gate allows has passed.
    void passed();

 private:
    friend class GatedTransport;
    QPointer<GatedTransport> m_transport;
    RecordGate m_gate;
};

//! \brief A WebSocketTransport behind a RecordGate.
class GatedTransport final : public net::Transport {
    Q_OBJECT
 public:
    explicit GatedTransport(GatedTransports& owner) : m_owner(owner) {}

    void open(const QUrl& url) override;
    void send(const QByteArray& message) override;
    void close(int code, const QString& reason) override;
    qint64 bytesToWrite() const override { return m_socket ? m_socket->bytesToWrite() : 0; }
    void cut();
    void deliver(const Bytes& message);

 private:
    GatedTransports& m_owner;
    std::unique_ptr<net::WebSocketTransport> m_socket;
};

}  // namespace kimdb::test
