// SPDX-License-Identifier: MIT
#include "relay/socket_client.h"

#include <QWebSocketHandshakeOptions>

namespace kimdb::test {

SocketClient::SocketClient(const QUrl& url) {
    connect(&m_socket, &QWebSocket::binaryMessageReceived, this, [this](const QByteArray& bytes) {
        const auto records = wire::decodeMessage(bytes.toStdString());
        if (!records.ok()) return QTest::qFail(records.error().message.c_str(), __FILE__, __LINE__);
        for (const wire::Record& record : *records) inbox.push_back(record);
    });
    QWebSocketHandshakeOptions options;
    options.setSubprotocols({wire::kSubprotocol});
    m_socket.open(url, options);
    (void)QTest::qWaitFor([this] { return isOpen(); }, kPatience_ms);
}

bool SocketClient::greets(ReplicaId replica) {
    wire::Hello hello;
    hello.replica = replica;
    hello.session = replica;
    says(hello);
    return waitsFor<wire::Welcome>().has_value();
}

wire::Alias SocketClient::joins(const std::string& document) {
    wire::Sub sub;
    sub.alias = m_next_alias;
    m_next_alias += 2;
    sub.name = document;
    says(sub);
    const auto answer = waitsFor<wire::SubOk>();
    if (!answer) return 0;
    m_time_base_ms = answer->time_base_ms;
    for (bool more = answer->plan == wire::Plan::Changes; more;) {
        const auto chunk = waitsFor<wire::Chunk>();
        if (!chunk) return 0;
        items(sub.alias, chunk->batch);
        says(wire::Credit{sub.alias, 1});
        more = !chunk->final;
    }
    return sub.alias;
}

void SocketClient::types(wire::Alias alias, Author& author, const std::string& text) {
    const Change change = author.writes(text);
    wire::ReplicaTable& table = m_out[alias];
    wire::BatchEncoder batch(table, table.size(), m_time_base_ms);
    batch.add(change);
    says(wire::Push{alias, ++m_push_number, author.hash_before, batch.finish()});
}

void SocketClient::says(const wire::Record& record) {
    saysBytes(wire::encodeMessage(record));
}

void SocketClient::saysBytes(ByteView bytes) {
    m_socket.sendBinaryMessage(QByteArray(bytes.data(), static_cast<qsizetype>(bytes.size())));
}

bool SocketClient::waitsForClose() {
    return QTest::qWaitFor([this] { return m_socket.state() == QAbstractSocket::UnconnectedState; },
                           kPatience_ms);
}

std::vector<wire::BatchItem> SocketClient::items(wire::Alias alias, const Bytes& batch) {
    auto items = wire::decodeBatch(batch, m_in[alias], m_time_base_ms);
    if (!items.ok()) {
        QTest::qFail(items.error().message.c_str(), __FILE__, __LINE__);
        return {};
    }
    for (const wire::BatchItem& item : *items)
        if (const auto* change = std::get_if<Change>(&item)) texts.push_back(textOf(*change));
    return std::move(*items);
}

}  // namespace kimdb::test
