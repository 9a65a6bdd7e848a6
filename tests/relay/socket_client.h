// SPDX-License-Identifier: MIT
#pragma once

#include <QWebSocket>
#include <QtTest>

#include <deque>
#include <optional>

#include "relay/author.h"
#include "wire/change_batch.h"
#include "wire/codec.h"

namespace kimdb::test {

inline constexpr int kPatience_ms = 20'000;

//! \brief A client on a real WebSocket that speaks records.
class SocketClient : public QObject {
    Q_OBJECT

 public:
    explicit SocketClient(const QUrl& url);

    bool isOpen() const { return m_socket.state() == QAbstractSocket::ConnectedState; }
    bool greets(ReplicaId replica);
    //! Subscribes from nothing and reads the log. The alias, or 0.
    wire::Alias joins(const std::string& document);
    void types(wire::Alias alias, Author& author, const std::string& text);
    void says(const wire::Record& record);
    void saysBytes(ByteView bytes);
    void saysText(const QString& text) { m_socket.sendTextMessage(text); }
    void hangsUp() { m_socket.close(); }
    //! Waits for a T; records in front of it are dropped.
    template <class T>
    std::optional<T> waitsFor();
    bool waitsForClose();
    int closeCode() const { return m_socket.closeCode(); }
    QString subprotocol() const { return m_socket.subprotocol(); }
    std::vector<wire::BatchItem> items(wire::Alias alias, const Bytes& batch);

    std::deque<wire::Record> inbox;
    std::vector<std::string> texts;  //!< of all changes that came with a body

 private:
    QWebSocket m_socket;
    std::int64_t m_time_base_ms = 0;
    wire::Alias m_next_alias = 2;
    std::uint64_t m_push_number = 0;
    std::map<wire::Alias, wire::ReplicaTable> m_in;
    std::map<wire::Alias, wire::ReplicaTable> m_out;
};

template <class T>
std::optional<T> SocketClient::waitsFor() {
    std::optional<T> found;
    const auto look = [&] {
        while (!found && !inbox.empty()) {
            if (const T* record = std::get_if<T>(&inbox.front())) found = *record;
            inbox.pop_front();
        }
        return found.has_value();
    };
    (void)QTest::qWaitFor(look, kPatience_ms);
    return found;
}

}  // namespace kimdb::test
