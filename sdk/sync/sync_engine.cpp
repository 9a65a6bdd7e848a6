// SPDX-License-Identifier: MIT
#include "sync/sync_engine.h"

#include <map>

#include "core/limits.h"
#include "sync/document_sync.h"
#include "wire/codec.h"

namespace kimdb::sync {
namespace {

constexpr char kQueuePrefix[] = "sync/queue/";

// Whether to come back by itself after the relay ended the session, and what to call it.
struct Ending {
    ErrorCode code;
    bool retry;
};

Ending endingOf(wire::CloseCode code) {
    switch (code) {
        case wire::CloseCode::Denied:
            return {ErrorCode::NotAllowed, false};
        case wire::CloseCode::Auth:
            return {ErrorCode::AuthFailed, false};
        case wire::CloseCode::Replaced:
            return {ErrorCode::Replaced, true};
        case wire::CloseCode::Rate:
            return {ErrorCode::RateLimited, true};
        case wire::CloseCode::GoingAway:
            return {ErrorCode::GoingAway, true};
        case wire::CloseCode::EpochChanged:
            return {ErrorCode::EpochChanged, true};
        case wire::CloseCode::TooBig:
            return {ErrorCode::TooLarge, true};
        case wire::CloseCode::Slow:
            return {ErrorCode::Timeout, true};
        default:
            return {ErrorCode::ProtocolViolation, true};
    }
}

template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // Clang 14 deduces no aggregate

}  // namespace

class SyncEngine::Impl {
 public:
    Impl(store::LogStore& store, const Clock& clock, Random& random, SyncDelegate& delegate,
         Options options)
        : m_delegate(delegate),
          m_options(std::move(options)),
          m_shared{store, clock, random, {}, RejectedList(store), {}} {}

    Result<> open();
    Result<Loaded> loadDocument(const DocumentName& name);
    void closeDocument(const DocumentName& name);
    Result<> appendLocal(const DocumentName& name, const Change& change);
    Result<> discardRejected(std::uint64_t id);
    Result<std::size_t> retryRejected(const DocumentName& name);
    void connectionOpened();
    void connectionClosed();
    void receive(ByteView message);
    void tick();
    void durable();
    void setToken(Bytes token);
    void setPresence(const DocumentName& name, Bytes state);

    const DocumentSync* find(const DocumentName& name) const {
        const auto it = m_documents.find(name.text());
        return it == m_documents.end() ? nullptr : it->second.get();
    }
    const Shared& shared() const { return m_shared; }
    Shared& shared() { return m_shared; }
    LinkState linkState() const { return m_link; }
    const auto& documents() const { return m_documents; }
    //! End of every call: what is due goes out, the delegate hears, forgotten documents go.
    void finish();

 private:
    Result<DocumentSync*> documentOf(const std::string& name);
    void setLink(LinkState state);
    DocumentSync* withAlias(wire::Alias alias);
    void handle(const wire::Record& record);
    void welcomed(const wire::Welcome& welcome);
    void failed(const wire::ErrorRecord& error);
    void replaced();
    void push();
    void heartbeat();

    SyncDelegate& m_delegate;
    Options m_options;
    Shared m_shared;
    std::map<std::string, std::unique_ptr<DocumentSync>> m_documents;
    LinkState m_link = LinkState::Offline;
    std::string m_pushed_last;  // document: the next one has its turn
    std::uint64_t m_ping = 0;
    std::chrono::milliseconds m_heard_at{};
    std::chrono::milliseconds m_pinged_at{};
};

Result<> SyncEngine::Impl::open() {
    auto identity = Identity::load(m_shared.store, m_options.fingerprint, m_shared.random);
    if (!identity) return identity.error();
    m_shared.identity = std::move(*identity);
    if (auto ok = m_shared.rejected.load(); !ok) return ok;
    const auto queues = m_shared.store.scan("", kQueuePrefix);
    if (!queues) return queues.error();
    for (const auto& [key, value] : *queues)
        if (auto document = documentOf(key.substr(sizeof kQueuePrefix - 1)); !document)
            return document.error();
    return {};
}

Result<DocumentSync*> SyncEngine::Impl::documentOf(const std::string& name) {
    auto& document = m_documents[name];
    if (document) return document.get();
    auto opened = DocumentSync::open(m_shared, name);
    if (!opened) {
        m_documents.erase(name);
        return opened.error();
    }
    document = std::move(*opened);
    return document.get();
}

Result<SyncEngine::Loaded> SyncEngine::Impl::loadDocument(const DocumentName& name) {
    const auto document = documentOf(name.text());
    if (!document) return document.error();
    return (*document)->load();
}

void SyncEngine::Impl::closeDocument(const DocumentName& name) {
    if (const auto it = m_documents.find(name.text()); it != m_documents.end()) it->second->close();
}

Result<> SyncEngine::Impl::appendLocal(const DocumentName& name, const Change& change) {
    const auto document = documentOf(name.text());
    if (!document) return document.error();
    return (*document)->appendLocal(change);
}

void SyncEngine::Impl::setPresence(const DocumentName& name, Bytes state) {
    if (const auto it = m_documents.find(name.text()); it != m_documents.end())
        it->second->setPresence(std::move(state));
}

Result<> SyncEngine::Impl::discardRejected(std::uint64_t id) {
    const auto entry = m_shared.rejected.read(id);
    if (auto discarded = m_shared.rejected.discard(id); !discarded) return discarded;
    if (entry) m_shared.outbox.statusChanged(entry->document);
    return {};
}

Result<std::size_t> SyncEngine::Impl::retryRejected(const DocumentName& name) {
    const auto document = documentOf(name.text());
    if (!document) return document.error();
    return (*document)->retryRejected();
}

// ---- the session ----

void SyncEngine::Impl::setLink(LinkState state) {
    if (m_link == state) return;
    m_link = state;
    m_shared.outbox.notify([state](SyncDelegate& delegate) { delegate.linkStateChanged(state); });
}

void SyncEngine::Impl::connectionOpened() {
    connectionClosed();
    m_shared.session = m_shared.random.next();
    m_heard_at = m_pinged_at = m_shared.clock.steadyTime();
    wire::Hello hello;
    hello.replica = m_shared.identity.current();
    hello.session = m_shared.session;
    hello.agent = m_options.agent;
    hello.token = m_options.token;
    setLink(LinkState::Connecting);
    m_shared.outbox.send(hello);
}

void SyncEngine::Impl::connectionClosed() {
    m_shared.online = false;
    m_shared.next_alias = 2;
    m_shared.outbox.dropRecords();
    for (const auto& [name, document] : m_documents) document->connectionLost();
    setLink(LinkState::Offline);
}

void SyncEngine::Impl::setToken(Bytes token) {
    m_options.token = std::move(token);
    if (m_link != LinkState::Offline) m_shared.outbox.send(wire::Auth{m_options.token});
}

void SyncEngine::Impl::receive(ByteView message) {
    if (m_link == LinkState::Offline) return;  // of a connection that is no more (SYNC rule 8)
    m_heard_at = m_shared.clock.steadyTime();
    const auto records = wire::decodeMessage(message);
    if (!records) {
        m_shared.outbox.problem(records.error());
        return m_shared.endSession(static_cast<std::uint16_t>(wire::CloseCode::Protocol),
                                   "message");
    }
    for (const wire::Record& record : *records) {
        const bool opening = std::holds_alternative<wire::Welcome>(record) ||
                             std::holds_alternative<wire::ErrorRecord>(record);
        if (m_shared.online || opening) handle(record);
    }
}

DocumentSync* SyncEngine::Impl::withAlias(wire::Alias alias) {
    const auto it = m_shared.aliases.find(alias);
    return it == m_shared.aliases.end() ? nullptr : it->second;
}

void SyncEngine::Impl::handle(const wire::Record& record) {
    const auto toDocument = [&](const auto& r) {
        // Records for an alias given up meanwhile are on their way for a while.
        if (DocumentSync* document = withAlias(r.alias)) document->receive(r);
    };
    std::visit(Overloaded{
                   [&](const wire::Welcome& r) { welcomed(r); },
                   [&](const wire::ErrorRecord& r) { r.has_alias ? toDocument(r) : failed(r); },
                   [&](const wire::Ping& r) { m_shared.outbox.send(wire::Pong{r.nonce}); },
                   [&](const wire::SubOk& r) { toDocument(r); },
                   [&](const wire::Chunk& r) { toDocument(r); },
                   [&](const wire::Ops& r) { toDocument(r); },
                   [&](const wire::Ack& r) { toDocument(r); },
                   [&](const wire::Nack& r) { toDocument(r); },
                   [&](const wire::Perm& r) { toDocument(r); },
                   [&](const wire::Presence& r) { toDocument(r); },
                   // Nothing to do (AuthOk, Pong), behaviour of later versions (Compact, Labels,
                   // Doc), or a client's own record, which a relay does not send.
                   [](const auto&) {},
               },
               record);
}

void SyncEngine::Impl::welcomed(const wire::Welcome& welcome) {
    if (m_shared.online) return;
    m_shared.online = true;
    m_shared.user = welcome.user;
    m_shared.epoch = welcome.epoch;
    m_shared.push_bytes_max = limits::kPushBytesMax;
    if (welcome.push_bytes_max > 0)
        m_shared.push_bytes_max =
            std::min<std::size_t>(limits::kPushBytesMax, welcome.push_bytes_max);
    setLink(LinkState::Online);
    for (const auto& [name, document] : m_documents) document->subscribe();
}

void SyncEngine::Impl::failed(const wire::ErrorRecord& error) {
    const auto code = static_cast<wire::CloseCode>(error.code);
    if (code == wire::CloseCode::Unsupported || code == wire::CloseCode::UnknownAlias ||
        code == wire::CloseCode::InvalidName)
        return m_shared.outbox.problem({ErrorCode::Unsupported, error.text});
    const Ending ending = endingOf(code);
    if (code == wire::CloseCode::Replaced) replaced();
    m_shared.outbox.problem({ending.code, error.text, ending.retry});
    m_shared.online = false;
    m_shared.outbox.notify([error, ending](SyncDelegate& delegate) {
        delegate.closeConnection(error.code, error.text, ending.retry);
    });
}

// Another session took over under our id and this engine did not open it: a copy of the folder.
// With a new id for new edits the two do not replace each other in turn, so reconnecting is no
// fight (SYNC rule 5).
void SyncEngine::Impl::replaced() {
    if (auto ok = m_shared.mint(); !ok) m_shared.outbox.problem(ok.error());
}

void SyncEngine::Impl::tick() {
    if (m_link != LinkState::Offline) heartbeat();
    if (m_shared.online)
        for (const auto& [name, document] : m_documents) document->tick();
    std::erase_if(m_documents, [](const auto& entry) { return entry.second->forgotten(); });
}

void SyncEngine::Impl::heartbeat() {
    const auto now = m_shared.clock.steadyTime();
    if (now - m_heard_at > limits::kPeerSilenceMax) {
        m_shared.outbox.problem(
            {ErrorCode::Timeout, "the relay is silent; connecting again", true});
        return m_shared.endSession(static_cast<std::uint16_t>(wire::CloseCode::Normal), "silence");
    }
    if (!m_shared.online || now - std::max(m_heard_at, m_pinged_at) < limits::kPingInterval) return;
    m_pinged_at = now;
    m_shared.outbox.send(wire::Ping{++m_ping});
}

void SyncEngine::Impl::durable() {
    for (auto it = m_shared.busy.begin(); it != m_shared.busy.end();) {
        DocumentSync* document = it->second;
        document->durable();
        it = document->busy() ? std::next(it) : m_shared.busy.erase(it);
    }
}

// Documents take turns, one PUSH each, while the session's window is open.
void SyncEngine::Impl::push() {
    std::map<std::string, DocumentSync*>& busy = m_shared.busy;
    std::size_t outstanding = 0;
    for (const auto& [name, document] : busy) outstanding += document->outstandingPushes();
    auto it = busy.upper_bound(m_pushed_last);
    for (std::size_t quiet = 0; quiet < busy.size(); ++it) {
        if (outstanding >= limits::kPushesOutstandingMax) return;
        if (it == busy.end()) it = busy.begin();
        if (!it->second->push()) {
            ++quiet;
            continue;
        }
        quiet = 0;
        ++outstanding;
        m_pushed_last = it->first;
    }
}

void SyncEngine::Impl::finish() {
    if (m_shared.online) push();
    if (std::exchange(m_shared.minted, false))
        for (const auto& [name, document] : m_documents) document->replicaChanged();
    m_shared.outbox.flush(m_delegate);
}

// ---- the face ----

SyncEngine::SyncEngine(store::LogStore& store, const Clock& clock, Random& random,
                       SyncDelegate& delegate, Options options)
    : m_impl(std::make_unique<Impl>(store, clock, random, delegate, std::move(options))) {}
SyncEngine::~SyncEngine() = default;

Result<> SyncEngine::open() {
    return m_impl->open();
}

Result<SyncEngine::Loaded> SyncEngine::loadDocument(const DocumentName& name) {
    auto loaded = m_impl->loadDocument(name);
    m_impl->finish();
    return loaded;
}

void SyncEngine::closeDocument(const DocumentName& name) {
    m_impl->closeDocument(name);
    m_impl->finish();
}

Result<> SyncEngine::appendLocal(const DocumentName& name, const Change& change) {
    auto appended = m_impl->appendLocal(name, change);
    m_impl->finish();
    return appended;
}

DocumentStatus SyncEngine::status(const DocumentName& name) const {
    const DocumentSync* document = m_impl->find(name);
    return document ? document->status() : DocumentStatus{.permissions = 0xFF};
}

std::vector<std::string> SyncEngine::documentsWithQueue() const {
    std::vector<std::string> names;
    for (const auto& [name, document] : m_impl->documents())
        if (document->hasQueue()) names.push_back(name);
    return names;
}

ReplicaId SyncEngine::replica() const {
    return m_impl->shared().identity.current();
}

Result<std::vector<Rejected>> SyncEngine::rejectedList() const {
    return m_impl->shared().rejected.entries();
}

Result<> SyncEngine::discardRejected(std::uint64_t id) {
    auto discarded = m_impl->discardRejected(id);
    m_impl->finish();
    return discarded;
}

std::uint64_t SyncEngine::rejectedCount() const {
    return m_impl->shared().rejected.size();
}

Result<std::size_t> SyncEngine::retryRejected(const DocumentName& name) {
    auto retried = m_impl->retryRejected(name);
    m_impl->finish();
    return retried;
}

void SyncEngine::connectionOpened() {
    m_impl->connectionOpened();
    m_impl->finish();
}

void SyncEngine::connectionClosed() {
    m_impl->connectionClosed();
    m_impl->finish();
}

void SyncEngine::receive(ByteView message) {
    m_impl->receive(message);
    m_impl->finish();
}

void SyncEngine::tick() {
    m_impl->tick();
    m_impl->finish();
}

void SyncEngine::durable(store::SeqNo) {
    m_impl->durable();
    m_impl->finish();
}

LinkState SyncEngine::linkState() const {
    return m_impl->linkState();
}

const std::string& SyncEngine::user() const {
    return m_impl->shared().user;
}

void SyncEngine::setToken(Bytes token) {
    m_impl->setToken(std::move(token));
    m_impl->finish();
}

void SyncEngine::setPresence(const DocumentName& name, Bytes state) {
    m_impl->setPresence(name, std::move(state));
    m_impl->finish();
}

}  // namespace kimdb::sync
