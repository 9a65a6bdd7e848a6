// SPDX-License-Identifier: MIT
#include <kimdb/relay/server.h>

#include <QDir>
#include <QHash>
#include <QPointer>
#include <QTimer>

#include <atomic>
#include <future>

#include "relay/connection.h"
#include "relay/core/relay_core.h"
#include "relay/front_door.h"
#include "relay/gatekeeper.h"
#include "relay/mac_key.h"
#include "store/engine.h"

namespace kimdb::relay {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 50ms;          // presence is due every 50 ms
constexpr auto kDurableWaitMax = 5s;  // at the end: how long the disk may take

Result<QString> folderOf(const QString& storage) {
    const QString scheme = "sqlite:";
    if (storage.startsWith(scheme) && storage.size() > scheme.size())
        return QDir::cleanPath(QDir::current().absoluteFilePath(storage.mid(scheme.size())));
    return Error{ErrorCode::InvalidArgument,
                 "storage \"" + storage.toStdString() + "\" is not of the form sqlite:FOLDER"};
}

}  // namespace

//! What runs between start() and stop(): store, core, listener, connections. One loop turn reads
//! what is ready, then ends the core's turn once.
class Server::Impl final : public QObject, public CoreDelegate {
 public:
    Impl(Server& server, ServerOptions options)
        : m_server(server),
          m_options(std::move(options)),
          m_gate(m_options.key_set, m_options.deny_list, m_options.audience) {
        m_turn.setSingleShot(true);
        m_turn.setInterval(0);
        m_tick.setInterval(kTick);
        connect(&m_turn, &QTimer::timeout, this, [this] { m_core->endTurn(); });
        connect(&m_tick, &QTimer::timeout, this, [this] { m_core->tick(); });
        connect(&m_door, &FrontDoor::entered, this, &Impl::enter);
        connect(&m_door, &FrontDoor::failed, this, [this](const QString& what) {
            emit m_server.errorOccurred({ErrorCode::InvalidArgument, what.toStdString(), true});
        });
    }

    //! The sockets under the connections belong to the door: they go first.
    ~Impl() override { qDeleteAll(findChildren<Connection*>(Qt::FindDirectChildrenOnly)); }

    Result<> start();
    void stop();
    Result<> reload();
    bool isRunning() const { return m_core != nullptr; }
    quint16 port() const { return m_door.serverPort(); }
    const ServerOptions& options() const { return m_options; }
    const QString& folder() const { return m_folder; }
    Result<> setPermission(const std::string& user, const std::string& document, std::uint8_t bits);

    void send(PeerId peer, Bytes message) override;
    void close(PeerId peer, std::uint16_t code, const std::string& text) override;

 private:
    Result<> openStore();
    std::function<Result<Identity>(ByteView token)> authenticator();
    void tellRefused(const QString& why);
    void watchStore();
    void storeMoved();
    void enter(QWebSocket* socket);
    void leave(Connection* connection);
    void goes(Connection* connection);

    Server& m_server;
    ServerOptions m_options;
    QString m_folder;
    SystemClock m_clock;
    SystemRandom m_random;
    Gatekeeper m_gate;
    FrontDoor m_door;
    QTimer m_turn;
    QTimer m_tick;
    std::unique_ptr<store::Engine> m_store;
    std::unique_ptr<RelayCore> m_core;
    std::atomic<bool> m_moved_posted = false;
    bool m_failure_told = false;
    PeerId m_last_peer = 0;
    QHash<PeerId, Connection*> m_connections;
    int m_leaving = 0;  // closed by us, on their way out
};

// ---- start and stop ----

Result<> Server::Impl::start() {
    auto folder = folderOf(m_options.storage);
    if (!folder.ok()) return folder.error();
    m_folder = *folder;
    if (auto ok = m_gate.load(); !ok) return ok;
    // The port first: a relay that cannot listen leaves no folder behind.
    if (auto ok = m_door.open(m_options.listen, m_options.port); !ok) return ok;
    if (auto ok = openStore(); !ok) {
        m_core.reset();
        m_store.reset();
        m_door.shut();
        return ok;
    }
    m_tick.start();
    emit m_server.started();
    return {};
}

Result<> Server::Impl::openStore() {
    store::EngineOptions engine;
    engine.path = m_folder.toStdString();
    auto store = store::Engine::open(engine);
    if (!store.ok()) return store.error();
    m_store = std::move(*store);
    auto key = readOrMakeMacKey(m_folder);
    if (!key.ok()) return key.error();
    watchStore();
    RelayCore::Options options;
    options.anonymous_from_loopback_only = !m_options.anonymous_from_anywhere;
    options.allow_anonymous = !m_gate.isConfigured();
    if (m_gate.isConfigured()) options.default_permissions = 0;
    options.authenticate = authenticator();
    options.mac_key = std::move(*key);
    m_core = std::make_unique<RelayCore>(*m_store, m_clock, m_random, *this, std::move(options));
    return m_core->open(m_options.restored);
}

std::function<Result<Identity>(ByteView token)> Server::Impl::authenticator() {
    if (m_gate.isConfigured())
        return [this](ByteView token) -> Result<Identity> {
            std::string why;
            auto who = m_gate.admit(token, m_clock.wallTime(), why);
            if (!who) tellRefused(QString::fromStdString(why));
            return who;
        };
    if (!m_options.authenticate) return {};
    return [this](ByteView token) -> Result<Identity> {
        const QByteArray bytes(token.data(), static_cast<qsizetype>(token.size()));
        auto user = m_options.authenticate(bytes);
        if (!user.ok()) return user.error();
        Identity who;
        who.user = user->toStdString();
        return who;
    };
}

// Later: who hears of it may stop the server, and the core is in the middle of something.
void Server::Impl::tellRefused(const QString& why) {
    QMetaObject::invokeMethod(
        this, [this, why] { emit m_server.tokenRefused(why); }, Qt::QueuedConnection);
}

Result<> Server::Impl::reload() {
    if (auto ok = m_gate.load(); !ok) return ok;
    if (m_gate.isConfigured())
        m_core->endSessionsOf([this](const Identity& who) { return m_gate.isUnwanted(who); });
    return {};
}

// Who takes a right from somebody has to know that it stays taken.
Result<> Server::Impl::setPermission(const std::string& user, const std::string& document,
                                     std::uint8_t bits) {
    if (auto ok = m_core->setPermission(user, document, bits); !ok) return ok;
    auto durable = m_store->whenDurable(m_store->lastSeq());
    if (durable.wait_for(kDurableWaitMax) != std::future_status::ready)
        return Error{ErrorCode::Timeout, "the permission holds, but the disk has not taken it yet"};
    return durable.get();
}

// The journal's thread posts at most one event at a time to ours.
void Server::Impl::watchStore() {
    m_failure_told = false;
    m_store->onDurable([this](store::SeqNo) {
        if (!m_moved_posted.exchange(true))
            QMetaObject::invokeMethod(
                this, [this] { storeMoved(); }, Qt::QueuedConnection);
    });
}

void Server::Impl::storeMoved() {
    m_moved_posted = false;
    if (!m_core) return;
    m_core->durable(m_store->durableSeq());
    m_core->endTurn();
    const auto health = m_store->health();
    if (!health && !m_failure_told) emit m_server.errorOccurred(health.error());
    m_failure_told = !health;
}

void Server::Impl::stop() {
    if (!m_core) return;
    m_tick.stop();
    m_turn.stop();
    m_door.shut();
    // What was pushed is acknowledged if the disk still takes it; else the clients push it again.
    auto durable = m_store->whenDurable(m_store->lastSeq());
    if (durable.wait_for(kDurableWaitMax) == std::future_status::ready) {
        m_core->durable(m_store->durableSeq());
        m_core->endTurn();
    }
    m_core->closeAll();
    m_core.reset();
    const auto closed = m_store->close();
    m_store.reset();
    if (!closed) emit m_server.errorOccurred(closed.error());
    if (m_leaving == 0) emit m_server.stopped();
}

// ---- connections ----

void Server::Impl::enter(QWebSocket* socket) {
    auto* connection = new Connection(++m_last_peer, socket, this);
    m_connections.insert(connection->peer(), connection);
    connect(connection, &Connection::received, this, [this](Connection* c, const QByteArray& m) {
        m_core->receive(c->peer(), {m.constData(), static_cast<std::size_t>(m.size())});
        m_turn.start();
    });
    connect(connection, &Connection::receivedText, this,
            [this](Connection* c) { m_core->violated(c->peer(), "messages are binary"); });
    connect(connection, &Connection::written, this, [this](Connection* c) {
        m_core->setPeerBacklog(c->peer(), c->backlogBytes());
        m_turn.start();
    });
    connect(connection, &Connection::closed, this, &Impl::leave);
    m_core->peerOpened(connection->peer(), connection->fromLoopback());
    emit m_server.peerConnected(connection->peer());
}

//! The peer went away by itself.
void Server::Impl::leave(Connection* connection) {
    m_connections.remove(connection->peer());
    m_core->peerClosed(connection->peer());
    m_turn.start();
    connection->deleteLater();
    emit m_server.peerDisconnected(connection->peer());
}

void Server::Impl::send(PeerId peer, Bytes message) {
    Connection* connection = m_connections.value(peer);
    if (!connection) return;
    connection->send(message);
    m_core->setPeerBacklog(peer, connection->backlogBytes());
}

void Server::Impl::close(PeerId peer, std::uint16_t code, const std::string& text) {
    Connection* connection = m_connections.take(peer);
    if (!connection) return;
    ++m_leaving;
    connect(connection, &QObject::destroyed, this, [this, peer] {
        --m_leaving;
        emit m_server.peerDisconnected(peer);
        if (m_leaving == 0 && !m_core) emit m_server.stopped();
    });
    connection->close(code, text);
}

// ---- the face ----

Server::Server(ServerOptions options, QObject* parent)
    : QObject(parent), m_impl(std::make_unique<Impl>(*this, std::move(options))) {}

Server::~Server() {
    m_impl->stop();
}

Result<> Server::start() {
    Q_ASSERT(!isRunning());
    return m_impl->start();
}
void Server::stop() {
    m_impl->stop();
}
bool Server::isRunning() const {
    return m_impl->isRunning();
}
std::uint16_t Server::port() const {
    return isRunning() ? m_impl->port() : 0;
}
QString Server::folder() const {
    return m_impl->folder();
}

QUrl Server::url() const {
    QUrl url;
    url.setScheme("ws");
    url.setHost(m_impl->options().listen);
    url.setPort(port());
    return url;
}

Result<> Server::setPermission(const QString& user, const QString& document, std::uint8_t bits) {
    if (!isRunning()) return Error{ErrorCode::Closed, "the relay is not running"};
    return m_impl->setPermission(user.toStdString(), document.toStdString(), bits);
}

Result<> Server::reload() {
    if (!isRunning()) return Error{ErrorCode::Closed, "the relay is not running"};
    return m_impl->reload();
}

QString Server::version() {
    return QStringLiteral(KIMDB_VERSION);
}

}  // namespace kimdb::relay
