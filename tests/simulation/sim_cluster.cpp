// SPDX-License-Identifier: MIT
#include "simulation/sim_cluster.h"

#include <algorithm>

namespace kimdb::sim {
namespace {

constexpr int kClients = 3;
constexpr std::size_t kClientsMax = 5;  // with copies
constexpr std::uint8_t kAllRights = wire::kRead | wire::kComment | wire::kWrite | wire::kAdmin;
constexpr std::size_t kMessagesPerRound = 100'000;
constexpr int kRoundsMax = 400;

}  // namespace

Cluster::Cluster(const Options& options)
    : m_options(options),
      m_world(m_options),
      m_relay(
          m_world,
          [this](relay::PeerId peer, Bytes message) {
              const auto it = m_connections.find(peer);
              if (it == m_connections.end() || !it->second.relay_up) return;
              Bytes wire = m_tap.fromRelay(it->second, message);
              if (it->second.client_up) it->second.to_client.push_back(std::move(wire));
          },
          [this](relay::PeerId peer) {
              if (const auto it = m_connections.find(peer); it != m_connections.end()) {
                  it->second.relay_up = false;
                  it->second.relay_closes = true;
              }
              m_relay.with([peer](relay::RelayCore& core) { core.peerClosed(peer); });
          }),
      m_tap(m_world, m_relay) {
    for (int i = 0; i < kClients; ++i)
        m_clients.push_back(std::make_unique<SimClient>(
            m_world, i, "machine " + std::to_string(m_machines++), test::MemoryLogStore::State{}));
    chooseActions();
}

// Each seed leaves out some kinds of trouble (swarm testing: Groce et al. 2012), so that the others
// get deeper.
void Cluster::chooseActions() {
    m_actions = {
        {"edit", 22, &Cluster::edit},
        {"sync client", 14, &Cluster::syncClient},
        {"sync relay", 12, &Cluster::syncRelay},
        {"deliver", 24, &Cluster::deliver},
        {"deliver many", 12, &Cluster::deliverMany},
        {"advance", 8, &Cluster::advance},
        {"connect", 8, &Cluster::connect},
    };
    const std::vector<Action> troubles{
        {"cut", 4, &Cluster::cut},
        {"stall", 2, &Cluster::stall},
        {"crash client", 2, &Cluster::crashClient},
        {"crash relay", 2, &Cluster::crashRelay},
        {"save folder", 2, &Cluster::saveFolder},
        {"roll folder back", 1, &Cluster::rollFolderBack},
        {"copy folder", 1, &Cluster::copyFolder},
        {"back up relay", 2, &Cluster::backUpRelay},
        {"restore relay", 1, &Cluster::restoreRelay},
        {"change permissions", 2, &Cluster::changePermissions},
        {"fill disk", 1, &Cluster::fillDisk},
        {"slow peer", 1, &Cluster::slowPeer},
    };
    for (const Action& action : troubles)
        if (m_world.chance(60)) m_actions.push_back(action);
    for (const Action& action : m_actions) m_weight_sum += action.weight;
}

std::optional<std::string> Cluster::run() {
    for (int i = 0; i < m_options.steps && !m_world.violation; ++i) step();
    if (!m_world.violation) check();
    return m_world.violation;
}

void Cluster::step() {
    std::uint64_t pick = m_world.random.below(m_weight_sum);
    for (const Action& action : m_actions) {
        if (pick < action.weight) {
            (this->*action.act)();
            break;
        }
        pick -= action.weight;
    }
    forget();
}

SimClient& Cluster::anyClient() {
    return *m_clients[m_world.random.below(m_clients.size())];
}

Connection* Cluster::anyConnection() {
    if (m_connections.empty()) return nullptr;
    return &std::next(m_connections.begin(),
                      static_cast<std::ptrdiff_t>(m_world.random.below(m_connections.size())))
                ->second;
}

Connection* Cluster::connectionOf(int client) {
    for (auto& [id, connection] : m_connections)
        if (connection.client == client && connection.client_up) return &connection;
    return nullptr;
}

// ---- people and machines ----

void Cluster::edit() {
    SimClient& client = anyClient();
    const auto& names = documentNames();
    client.edit(names[m_world.chance(75) ? 0 : 1]);
}

void Cluster::syncClient() {
    anyClient().syncStore(m_world.chance(60));
}
void Cluster::syncRelay() {
    m_relay.syncStore(m_world.chance(60));
}

void Cluster::advance() {
    const bool long_pause = m_world.chance(5);
    m_world.clock.advance(std::chrono::milliseconds(
        long_pause ? 20'000 + m_world.random.below(60'000) : m_world.random.below(400)));
    for (const auto& client : m_clients)
        client->with([](sync::SyncEngine& engine) { engine.tick(); });
    m_relay.with([](relay::RelayCore& core) { core.tick(); });
}

void Cluster::fillDisk() {
    const bool full = m_world.chance(50);
    if (m_world.chance(50))
        anyClient().setDiskFull(full);
    else
        m_relay.disk().setFull(full);
}

void Cluster::crashClient() {
    SimClient& client = anyClient();
    m_world.trace("client %d loses power", client.index());
    if (Connection* c = connectionOf(client.index())) clientGone(*c, m_world.chance(50));
    client.crash();
}

void Cluster::saveFolder() {
    const SimClient& client = anyClient();
    m_saved[client.index()].push_back(client.disk().durable());
}

void Cluster::rollFolderBack() {
    SimClient& client = anyClient();
    const auto& saved = m_saved[client.index()];
    if (saved.empty()) return;
    m_world.trace("client %d is rolled back", client.index());
    if (Connection* c = connectionOf(client.index())) clientGone(*c, m_world.chance(50));
    client.restart(saved[m_world.random.below(saved.size())], client.fingerprint());
}

// Somebody copies the folder to another machine, or beside the first so that even the fingerprint
// is equal.
void Cluster::copyFolder() {
    if (m_clients.size() >= kClientsMax) return;
    const SimClient& from = anyClient();
    const std::string fingerprint =
        m_world.chance(50) ? from.fingerprint() : "machine " + std::to_string(m_machines++);
    const int index = static_cast<int>(m_clients.size());
    m_world.trace("client %d starts on a copy of client %d (%s)", index, from.index(),
                  fingerprint.c_str());
    m_clients.push_back(
        std::make_unique<SimClient>(m_world, index, fingerprint, from.disk().durable()));
}

// ---- the relay ----

void Cluster::afterRelayStart() {
    for (auto& [id, connection] : m_connections) relayGone(connection);
}

void Cluster::crashRelay() {
    m_world.trace("relay loses power");
    m_relay.crash();
    afterRelayStart();
}

void Cluster::backUpRelay() {
    m_backups.push_back(m_relay.disk().durable());
}

void Cluster::restoreRelay() {
    if (m_backups.empty()) return;
    const bool silent = m_world.chance(30);
    const std::size_t which = m_world.random.below(m_backups.size());
    m_world.trace("relay is put back to backup %zu%s", which, silent ? ", silently" : "");
    m_relay.restart(m_backups[which], silent ? SimRelay::Start::Silent : SimRelay::Start::Restored);
    afterRelayStart();
}

void Cluster::changePermissions() {
    static constexpr std::uint8_t kChoices[] = {0, wire::kRead, wire::kRead | wire::kComment,
                                                kAllRights, kAllRights};
    const std::uint8_t bits = kChoices[m_world.random.below(std::size(kChoices))];
    const std::string name = documentNames()[m_world.random.below(documentNames().size())];
    m_world.trace("permissions of %s become %d", name.c_str(), bits);
    m_relay.with([&](relay::RelayCore& core) { (void)core.setPermission("*", name, bits); });
}

// ---- the network ----

void Cluster::connect() {
    if (SimClient& client = anyClient(); !client.connected()) connectNow(client);
}

void Cluster::connectNow(SimClient& client) {
    const ConnectionId id = m_next_connection++;
    m_world.trace("client %d connects: %llu", client.index(), static_cast<unsigned long long>(id));
    Connection& connection = m_connections[id];
    connection.id = id;
    connection.client = client.index();
    m_relay.with([id](relay::RelayCore& core) { core.peerOpened(id, true); });
    client.connect(
        [this, id, &client](Bytes message) {
            Connection& c = m_connections.at(id);
            Bytes wire = m_tap.fromClient(c, client, message);
            if (c.relay_up) c.to_relay.push_back(std::move(wire));
        },
        [this, id] { clientGone(m_connections.at(id), true); });
}

// The client's end is gone. Cleanly: what it has sent arrives, then the end; else the relay may
// never hear.
void Cluster::clientGone(Connection& connection, bool cleanly) {
    connection.client_up = false;
    connection.client_closes = cleanly;
    connection.to_client.clear();
    if (!cleanly && m_world.chance(50)) connection.to_relay.clear();
    m_clients[static_cast<std::size_t>(connection.client)]->connectionLost();
}

// The relay's end is gone with its process; the client hears now, later or by its own time-out.
void Cluster::relayGone(Connection& connection) {
    connection.relay_up = false;
    connection.to_relay.clear();
    connection.relay_closes = m_world.chance(80);
    if (m_world.chance(50)) connection.to_client.clear();
}

void Cluster::cut() {
    Connection* c = anyConnection();
    if (!c || !c->client_up) return;
    m_world.trace("connection %llu of client %d breaks", static_cast<unsigned long long>(c->id),
                  c->client);
    while (!c->to_relay.empty() && m_world.chance(50)) c->to_relay.pop_back();
    clientGone(*c, m_world.chance(40));
}

void Cluster::stall() {
    if (Connection* c = anyConnection()) c->stalled = !c->stalled;
}

void Cluster::slowPeer() {
    const Connection* c = anyConnection();
    if (!c || !c->relay_up) return;
    const std::size_t backlog = m_world.chance(50) ? std::size_t{300} << 10 : 0;
    m_relay.with([&](relay::RelayCore& core) { core.setPeerBacklog(c->id, backlog); });
}

bool Cluster::deliverOne(Connection& connection, bool to_relay) {
    const ConnectionId id = connection.id;
    if (to_relay) {
        if (!connection.relay_up) return false;
        if (!connection.to_relay.empty()) {
            const Bytes message = std::move(connection.to_relay.front());
            connection.to_relay.pop_front();
            m_relay.with([&](relay::RelayCore& core) { core.receive(id, message); });
            return true;
        }
        if (!connection.client_closes) return false;
        connection.relay_up = false;
        m_relay.with([id](relay::RelayCore& core) { core.peerClosed(id); });
        return true;
    }
    if (!connection.client_up) return false;
    SimClient& client = *m_clients[static_cast<std::size_t>(connection.client)];
    if (!connection.to_client.empty()) {
        const Bytes message = std::move(connection.to_client.front());
        connection.to_client.pop_front();
        client.with([&](sync::SyncEngine& engine) { engine.receive(message); });
        return true;
    }
    if (!connection.relay_closes) return false;
    connection.client_up = false;
    client.connectionLost();
    return true;
}

void Cluster::deliver() {
    Connection* c = anyConnection();
    if (c && !c->stalled) deliverOne(*c, m_world.chance(50));
}

void Cluster::deliverMany() {
    for (int i = 0; i < 12; ++i) deliver();
}

// Connections that neither side has any more.
void Cluster::forget() {
    std::erase_if(m_connections, [](const auto& entry) {
        return !entry.second.client_up && !entry.second.relay_up;
    });
}

// ---- healing ----

void Cluster::heal() {
    m_world.trace("everything heals");
    for (const auto& client : m_clients) client->setDiskFull(false);
    m_relay.disk().setFull(false);
    for (auto& [id, connection] : m_connections) {
        connection.stalled = false;
        connection.relay_closes = connection.relay_closes || !connection.relay_up;
        connection.client_closes = connection.client_closes || !connection.client_up;
        m_relay.with([peer = id](relay::RelayCore& core) { core.setPeerBacklog(peer, 0); });
    }
    for (const std::string& name : documentNames())
        m_relay.with([&](relay::RelayCore& core) {
            if (auto ok = core.setPermission("*", name, kAllRights); !ok)
                m_world.violate("permissions cannot be set: " + ok.error().message);
        });
}

// Rounds of: every disk syncs, every message arrives, time passes; until nothing moves any more.
void Cluster::settle() {
    int quiet_rounds = 0;
    for (int round = 0; round < kRoundsMax && !m_world.violation; ++round) {
        std::size_t messages = 0;
        for (bool moved = true; moved && messages < kMessagesPerRound;) {
            moved = false;
            m_relay.syncStore(true);
            for (const auto& client : m_clients) client->syncStore(true);
            for (auto& [id, connection] : m_connections)
                for (const bool to_relay : {true, false})
                    while (deliverOne(connection, to_relay)) moved = true, ++messages;
        }
        if (messages >= kMessagesPerRound) return m_world.violate("messages without end");
        forget();
        for (const auto& client : m_clients)
            if (!client->connected()) connectNow(*client);
        quiet_rounds = quiet() && messages == 0 ? quiet_rounds + 1 : 0;
        if (quiet_rounds == 3) return;
        m_world.clock.advance(std::chrono::milliseconds(round < 20 ? 100 : 500));
        for (const auto& client : m_clients)
            client->with([](sync::SyncEngine& engine) { engine.tick(); });
        m_relay.with([](relay::RelayCore& core) { core.tick(); });
    }
    if (!m_world.violation) m_world.violate("it does not come to rest: " + unquiet());
}

}  // namespace kimdb::sim
