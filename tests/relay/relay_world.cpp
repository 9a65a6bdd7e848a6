// SPDX-License-Identifier: MIT
#include "relay/relay_world.h"

#include "wire/reencode.h"

namespace kimdb::test {

// ---- Client ----

void Client::says(const wire::Record& record) {
    saysBytes(wire::encodeMessage(record));
}

void Client::saysBytes(ByteView message) {
    const Bytes copy(message);  // as from a socket: gone after the call
    m_world.core->receive(m_peer, copy);
}

void Client::hello(ReplicaId replica, const Bytes& token) {
    wire::Hello hello;
    hello.replica = replica;
    hello.session = 1000 + m_peer;
    hello.agent = "test";
    hello.token = token;
    says(hello);
}

wire::Alias Client::subscribesFrom(wire::Sub sub) {
    sub.alias = m_next_alias;
    m_next_alias += 2;
    says(sub);
    return sub.alias;
}

wire::Alias Client::subscribes(const std::string& document, std::vector<ReplicaId> own) {
    wire::Sub sub;
    sub.name = document;
    sub.own = std::move(own);
    return subscribesFrom(std::move(sub));
}

wire::Alias Client::joins(const std::string& document) {
    const wire::Alias alias = subscribes(document);
    m_world.syncs();
    auto answer = next<wire::SubOk>();
    if (!answer) QTest::qFail("no SUBOK", __FILE__, __LINE__);
    if (answer && answer->plan == wire::Plan::Changes)
        for (auto chunk = next<wire::Chunk>(); chunk; chunk = next<wire::Chunk>()) {
            items(alias, chunk->batch);
            says(wire::Credit{alias, 1});
            if (chunk->final) break;
            m_world.turn();
        }
    return alias;
}

std::uint64_t Client::pushes(wire::Alias alias, const Hash16& before,
                             const std::vector<Change>& changes) {
    return pushesItems(alias, before, {changes.begin(), changes.end()});
}

std::uint64_t Client::pushesItems(wire::Alias alias, const Hash16& before,
                                  const std::vector<wire::BatchItem>& items) {
    wire::ReplicaTable& table = m_out[alias];
    Bytes batch = wire::encodeItems(items, table, table.size(), time_base_ms);
    says(wire::Push{alias, ++m_push_number, before, std::move(batch)});
    return m_push_number;
}

Change Client::types(wire::Alias alias, Author& author, const std::string& text,
                     std::vector<OpId> deps) {
    Change change = author.writes(text, std::move(deps));
    pushes(alias, author.hash_before, {change});
    return change;
}

std::vector<wire::BatchItem> Client::items(wire::Alias alias, const Bytes& batch) {
    auto items = wire::decodeBatch(batch, m_in[alias], time_base_ms);
    if (items.ok()) return std::move(*items);
    QTest::qFail(items.error().message.c_str(), __FILE__, __LINE__);
    return {};
}

// ---- RelayWorld ----

RelayWorld::RelayWorld(relay::RelayCore::Options options)
    : store(std::make_unique<MemoryLogStore>()), m_options(std::move(options)) {
    if (m_options.mac_key.empty()) m_options.mac_key = Bytes(32, 'k');
    starts(false);
}

void RelayWorld::starts(bool restored) {
    core = std::make_unique<relay::RelayCore>(*store, clock, random, *this, m_options);
    store->onDurable([this](store::SeqNo seq) { core->durable(seq); });
    const auto ok = core->open(restored);
    if (!ok) QTest::qFail(ok.error().message.c_str(), __FILE__, __LINE__);
    syncs();
}

Client& RelayWorld::opens(bool loopback) {
    const relay::PeerId peer = m_next_peer++;
    m_clients[peer] = std::make_unique<Client>(*this, peer);
    core->peerOpened(peer, loopback);
    return *m_clients[peer];
}

Client& RelayWorld::connects(ReplicaId replica, const Bytes& token) {
    Client& client = opens();
    client.hello(replica, token);
    syncs();
    client.gets<wire::Welcome>();
    return client;
}

void RelayWorld::hangsUp(Client& client) {
    core->peerClosed(client.peer());
    turn();
}

void RelayWorld::syncs() {
    store->sync();
    turn();
}

void RelayWorld::passes(std::chrono::milliseconds time) {
    clock.passes(time);
    core->tick();
}

void RelayWorld::crashes() {
    core.reset();
    store->crash();
    starts(false);
}

void RelayWorld::restartsFrom(MemoryLogStore::State state, bool restored) {
    core.reset();
    store = std::make_unique<MemoryLogStore>(std::move(state));
    starts(restored);
}

void RelayWorld::send(relay::PeerId peer, Bytes message) {
    Client& client = *m_clients.at(peer);
    const auto records = wire::decodeMessage(message);
    if (!records.ok()) return QTest::qFail(records.error().message.c_str(), __FILE__, __LINE__);
    ++client.messages;
    client.bytes += message.size();
    for (const wire::Record& record : *records) {
        if (const auto* answer = std::get_if<wire::SubOk>(&record))
            client.time_base_ms = answer->time_base_ms;
        client.inbox.push_back(record);
    }
}

void RelayWorld::close(relay::PeerId peer, std::uint16_t code, const std::string&) {
    m_clients.at(peer)->closed = code;
}

}  // namespace kimdb::test
