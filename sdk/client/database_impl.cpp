// SPDX-License-Identifier: MIT
#include "client/database_impl.h"

#include "client/document_impl.h"
#include "client/fingerprint.h"
#include "client/variant_value.h"
#include "core/limits.h"

namespace kimdb {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kTickInterval = 50ms;     // presence goes out at up to 20 Hz
constexpr auto kIntegrationSlice = 4ms;  // of a turn, so that typing and scrolling stay smooth
constexpr std::size_t kSmallBufferBytes = 4 << 20;

}  // namespace

Result<std::unique_ptr<Database::Impl>> Database::Impl::open(const QString& path,
                                                             const DatabaseOptions& options) {
    if (path.isEmpty()) return Error{ErrorCode::InvalidArgument, "the path of a database is empty"};
    store::EngineOptions store_options;
    store_options.path = path.toStdString();
    store_options.shard_count = options.shard_count;
    if (options.small_profile) store_options.buffer_bytes = kSmallBufferBytes;
    auto store = store::Engine::open(store_options);
    if (!store) return store.error();
    std::unique_ptr<Impl> impl(new Impl(path, options, std::move(store).value()));
    if (auto opened = impl->m_engine->open(); !opened) return opened.error();
    impl->refreshDatabaseStatus();
    return impl;
}

Database::Impl::Impl(QString path, const DatabaseOptions& options,
                     std::unique_ptr<store::Engine> store)
    : m_path(std::move(path)), m_store(std::move(store)) {
    sync::SyncEngine::Options engine_options;
    engine_options.agent = "kimdb-sdk";
    engine_options.fingerprint = installationFingerprint(m_path);
    engine_options.token = options.token.toStdString();
    watchStore();
    m_engine = std::make_unique<sync::SyncEngine>(*m_store, m_clock, m_random, *this,
                                                  std::move(engine_options));
    watchConnection();
    m_tick.setInterval(kTickInterval);
    connect(&m_tick, &QTimer::timeout, this, [this] { tick(); });
    m_storage_retry.setInterval(limits::kStorageRetryInterval);
    connect(&m_storage_retry, &QTimer::timeout, this, [this] { retryStorage(); });
}

Database::Impl::~Impl() {
    disconnectFromRelay();
    for (auto& [name, document] : m_documents) (void)document->m_impl->journalWaiting();
    m_documents.clear();
    m_engine.reset();
    (void)m_store->close();
}

void Database::Impl::watchStore() {
    m_store->onDurable([this](store::SeqNo) {
        // One message in the event loop is enough, however fast the disk is.
        if (m_durable_posted.exchange(true)) return;
        QMetaObject::invokeMethod(
            this,
            [this] {
                m_durable_posted = false;
                m_engine->durable(m_store->durableSeq());
                if (!m_store->health() || m_storage_failed) retryStorage();
                pump();
            },
            Qt::QueuedConnection);
    });
}

void Database::Impl::watchConnection() {
    m_connection = std::make_unique<Connection>(m_random, m_clock);
    connect(m_connection.get(), &Connection::opened, this, [this] {
        m_engine->connectionOpened();
        pump();
    });
    connect(m_connection.get(), &Connection::received, this, [this](const QByteArray& message) {
        m_engine->receive({message.constData(), static_cast<std::size_t>(message.size())});
        pump();
    });
    connect(m_connection.get(), &Connection::closed, this, [this](const QString& reason) {
        m_engine->connectionClosed();
        if (!reason.isEmpty()) noteProblem({ErrorCode::Offline, utf8Of(reason), true});
        pump();
    });
}

// ---- documents ----

Document::Impl* Database::Impl::find(const std::string& name) const {
    const auto it = m_documents.find(name);
    return it == m_documents.end() ? nullptr : it->second->m_impl.get();
}

Result<Document*> Database::Impl::document(const DocumentName& name) {
    if (const auto it = m_documents.find(name.text()); it != m_documents.end())
        return it->second.get();
    auto impl = std::make_unique<Document::Impl>(*this, name);
    if (auto loaded = impl->load(); !loaded) return loaded.error();
    std::unique_ptr<Document> document(new Document(m_q, std::move(impl)));
    Document* const raw = document.get();
    m_documents.emplace(name.text(), std::move(document));
    raw->m_impl->refreshStatus();
    schedulePump();
    return raw;
}

Result<bool> Database::Impl::exists(const DocumentName& name) const {
    if (m_documents.contains(name.text())) return true;
    const auto last = m_store->lastPosition(name.text());
    if (!last) return last.error();
    return *last > 0;
}

Result<QStringList> Database::Impl::documents() const {
    const auto names = m_store->documents();
    if (!names) return names.error();
    QStringList out;
    for (const std::string& name : *names) out.append(stringOf(name));
    return out;
}

Result<> Database::Impl::flush() {
    Result<> outcome;
    for (auto& [name, document] : m_documents) {
        (void)document->m_impl->journalWaiting();
        if (document->m_impl->waiting() > 0)
            outcome = Error{ErrorCode::StorageFull, "the disk is full; free some space", true};
    }
    auto durable = m_store->whenDurable(m_store->lastSeq());
    while (durable.wait_for(limits::kStorageRetryInterval) != std::future_status::ready)
        if (auto health = m_store->health(); !health) return health;
    if (auto done = durable.get(); !done) return done;
    m_engine->durable(m_store->durableSeq());
    m_status_due = true;
    pumpStatus();
    return outcome;
}

// ---- the rejected list ----

Result<std::vector<sync::Rejected>> Database::Impl::rejectedList(const QString& document) const {
    auto all = m_engine->rejectedList();
    if (!all || document.isEmpty()) return all;
    const auto name = DocumentName::parse(utf8Of(document));
    if (!name) return name.error();
    std::erase_if(*all, [&](const sync::Rejected& e) { return e.document != name->text(); });
    return all;
}

// Edits that wait for space have their numbers already: nothing may come in front of them.
Result<int> Database::Impl::retryRejected(const DocumentName& name) {
    Document::Impl* open = find(name.text());
    if (open && open->waiting() > 0) (void)open->journalWaiting();
    if (open && open->waiting() > 0)
        return Error{ErrorCode::StorageFull, "edits wait for space on the disk; free some", true};
    auto done = m_engine->retryRejected(name);
    if (!done) return done.error();
    m_status_due = true;
    schedulePump();
    return static_cast<int>(*done);
}

Result<> Database::Impl::discardRejected(std::uint64_t id) {
    auto discarded = m_engine->discardRejected(id);
    m_status_due = true;
    schedulePump();
    return discarded;
}

// ---- connection ----

QFuture<Result<Session>> Database::Impl::connectTo(const QUrl& url) {
    disconnectFromRelay();
    m_connecting.emplace();
    m_connecting->start();
    const auto future = m_connecting->future();
    if (!url.isValid() || (url.scheme() != u"ws" && url.scheme() != u"wss") ||
        url.host().isEmpty()) {
        finishConnecting(Error{ErrorCode::InvalidArgument,
                               "the address of a relay looks like ws://host:port or wss://host"});
        return future;
    }
    m_url = url;
    m_wanted = true;
    m_refused = false;
    m_tick.start();
    m_connection->start(url);
    schedulePump();
    return future;
}

void Database::Impl::disconnectFromRelay() {
    m_connection->stop();
    m_engine->connectionClosed();
    m_tick.stop();
    finishConnecting(Error{ErrorCode::Offline, "disconnected before the relay had answered"});
    schedulePump();
}

void Database::Impl::finishConnecting(Result<Session> outcome) {
    if (!m_connecting) return;
    Promise promise = std::move(*m_connecting);
    m_connecting.reset();
    promise.addResult(std::move(outcome));
    promise.finish();
}

// ---- sync::SyncDelegate: note only ----

void Database::Impl::sendMessage(Bytes message) {
    m_connection->send(message);
}

void Database::Impl::closeConnection(std::uint16_t code, const std::string& text, bool retry) {
    if (!retry) {
        m_refused = true;
        const bool denied = code == static_cast<std::uint16_t>(wire::CloseCode::Denied);
        m_connected = Error{denied ? ErrorCode::NotAllowed : ErrorCode::AuthFailed, text};
    }
    m_connection->close(code, stringOf(text),
                        retry ? Connection::Then::Retry : Connection::Then::StayAway);
    schedulePump();
}

void Database::Impl::remoteChanges(const std::string& document,
                                   const std::vector<Change>& changes) {
    if (Document::Impl* open = find(document)) open->enqueue(changes);
    schedulePump();
}

void Database::Impl::documentRebuilt(const std::string& document) {
    if (Document::Impl* open = find(document)) open->scheduleRebuild();
    schedulePump();
}

void Database::Impl::statusChanged(const std::string&) {
    m_status_due = true;
    schedulePump();
}

void Database::Impl::linkStateChanged(sync::LinkState state) {
    m_link = state;
    if (state == sync::LinkState::Online) {
        m_connection->established();
        m_connected = Session{stringOf(m_engine->user()), m_url};
        m_last_error.clear();
    }
    if (state != sync::LinkState::Online) m_presence_lost = true;
    m_status_due = true;
    schedulePump();
}

void Database::Impl::presence(const std::string& document, std::uint64_t session,
                              std::uint64_t clock, std::chrono::milliseconds ttl, ByteView state) {
    m_presence_news.push_back({document, session, clock, ttl, m_clock.steadyTime(), Bytes(state)});
    schedulePump();
}

void Database::Impl::rejected(const sync::Rejected& entry) {
    m_rejected.push_back(entry);
    schedulePump();
}

void Database::Impl::accepted(const sync::Rejected&) {
    m_status_due = true;
    schedulePump();
}

void Database::Impl::problem(const Error& error) {
    noteProblem(error);
}

void Database::Impl::noteProblem(const Error& error) {
    m_last_error = stringOf(error.message);
    m_status_due = true;
    schedulePump();
}

void Database::Impl::noteStorageError(const Error& error) {
    m_storage_failed = true;
    if (!m_storage_retry.isActive()) m_storage_retry.start();
    noteProblem(error);
}

// ---- the pump ----

void Database::Impl::schedulePump() {
    if (m_pump_scheduled) return;
    m_pump_scheduled = true;
    QMetaObject::invokeMethod(
        this,
        [this] {
            m_pump_scheduled = false;
            pump();
        },
        Qt::QueuedConnection);
}

void Database::Impl::tick() {
    m_engine->tick();
    for (auto& [name, document] : m_documents)
        document->m_impl->presence->m_impl->expire(*document->m_impl->presence,
                                                   m_clock.steadyTime());
    pump();
}

void Database::Impl::pump() {
    if (m_pumping) return schedulePump();
    m_pumping = true;
    const QPointer<Impl> alive(this);
    for (const auto step :
         {&Impl::pumpDocuments, &Impl::pumpPresence, &Impl::pumpRejected, &Impl::pumpStatus}) {
        (this->*step)();
        if (!alive) return;
    }
    m_pumping = false;
}

void Database::Impl::pumpDocuments() {
    const QPointer<Impl> alive(this);
    const auto deadline = SteadyClock::now() + kIntegrationSlice;
    std::vector<Document::Impl*> open;
    for (auto& [name, document] : m_documents) open.push_back(document->m_impl.get());
    for (Document::Impl* document : open) {
        if (document->integrateUntil(deadline)) schedulePump();
        document->announce();
        if (!alive) return;
    }
}

void Database::Impl::pumpPresence() {
    const QPointer<Impl> alive(this);
    if (std::exchange(m_presence_lost, false))
        for (auto& [name, document] : m_documents) {
            Presence& presence = *document->m_impl->presence;
            presence.m_impl->clear(presence);
            if (!alive) return;
        }
    for (const PresenceNews& news : std::exchange(m_presence_news, {})) {
        Document::Impl* open = find(news.document);
        if (open) open->presence->m_impl->receive(*open->presence, news);
        if (!alive) return;
    }
}

void Database::Impl::pumpRejected() {
    const QPointer<Impl> alive(this);
    for (const sync::Rejected& entry : std::exchange(m_rejected, {})) {
        emit m_q->rejected(stringOf(entry.document),
                           Error{entry.code, "the relay did not accept a change; it is kept here"});
        if (!alive) return;
        m_status_due = true;
    }
    if (const auto outcome = std::exchange(m_connected, std::nullopt)) finishConnecting(*outcome);
}

void Database::Impl::pumpStatus() {
    if (!std::exchange(m_status_due, false)) return;
    const QPointer<Impl> alive(this);
    std::vector<Document::Impl*> open;
    for (auto& [name, document] : m_documents) open.push_back(document->m_impl.get());
    for (Document::Impl* document : open) {
        document->refreshStatus();
        if (!alive) return;
    }
    refreshDatabaseStatus();
}

void Database::Impl::retryStorage() {
    bool waiting = false;
    for (auto& [name, document] : m_documents) {
        (void)document->m_impl->journalWaiting();
        waiting |= document->m_impl->waiting() > 0;
    }
    const Result<> health = m_store->health();
    if (!health) noteStorageError(health.error());
    if (waiting || !health) return;
    m_storage_retry.stop();
    m_storage_failed = false;
    m_last_error.clear();
    m_status_due = true;
    schedulePump();
}

// ---- status ----

SyncStatus::State Database::Impl::stateOf(const sync::DocumentStatus& facts, bool unsaved) const {
    using State = SyncStatus::State;
    if (unsaved || m_storage_failed) return State::Failed;
    if ((facts.permissions & kWriteBit) == 0) return State::NotAllowed;
    if (!facts.saved) return State::Saving;
    if (!isOnline()) return m_wanted ? State::Offline : State::Saved;
    return facts.live && facts.queued == 0 ? State::Synced : State::Saved;
}

void Database::Impl::refreshStatus(Document::Impl& document) {
    document.refreshStatus();
    refreshDatabaseStatus();
}

void Database::Impl::refreshDatabaseStatus() {
    sync::DocumentStatus all;
    all.permissions = m_refused ? 0 : kWriteBit;
    all.live = true;
    bool unsaved = false;
    for (const std::string& name : m_engine->documentsWithQueue()) {
        if (m_documents.contains(name)) continue;
        const auto parsed = DocumentName::parse(name);
        if (parsed) all.queued += m_engine->status(*parsed).queued;
    }
    for (auto& [name, document] : m_documents) {
        const sync::DocumentStatus one = m_engine->status(document->m_impl->name());
        all.queued += one.queued + document->m_impl->waiting();
        all.saved = all.saved && one.saved;
        all.live = all.live && one.live;
        unsaved = unsaved || document->m_impl->waiting() > 0;
    }
    m_status.update(stateOf(all, unsaved), isOnline(), static_cast<int>(all.queued),
                    static_cast<int>(m_engine->rejectedCount()), m_last_error);
}

}  // namespace kimdb
