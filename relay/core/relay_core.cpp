// SPDX-License-Identifier: MIT
#include "relay/core/relay_core.h"

#include <algorithm>
#include <utility>

#include "core/bytes.h"
#include "relay/core/catch_up.h"
#include "relay/core/relay_core_impl.h"

namespace kimdb::relay {
namespace {

using namespace std::chrono_literals;
using wire::CloseCode;

constexpr auto kRetryLater = 1000ms;

CloseCode closeCodeOf(const Error& error) {
    switch (error.code) {
        case ErrorCode::TooLarge:
            return CloseCode::TooBig;
        case ErrorCode::AuthFailed:
            return CloseCode::Auth;
        case ErrorCode::NotAllowed:
            return CloseCode::Denied;
        case ErrorCode::RateLimited:
            return CloseCode::Rate;
        case ErrorCode::Malformed:
        case ErrorCode::Unsupported:
        case ErrorCode::ProtocolViolation:
            return CloseCode::Protocol;
        default:
            return CloseCode::GoingAway;  // the store failed: come back later
    }
}

//! What the store says names files and folders of this machine: that is for the operator's log.
std::string textFor(const Error& error) {
    const bool of_store = closeCodeOf(error) == CloseCode::GoingAway;
    return of_store ? "the relay cannot use its store now; try again later" : error.message;
}

std::uint16_t number(CloseCode code) {
    return static_cast<std::uint16_t>(code);
}

Error violation(const char* what) {
    return {ErrorCode::ProtocolViolation, what};
}

}  // namespace

Result<> RelayCore::Impl::open(bool restored) {
    store::LogStore& store = m_commits.store();
    m_commits.durableReached(store.durableSeq());
    auto id = store.get("", "store_id");
    if (!id.ok()) return id.error();
    auto epoch = store.get("", "epoch");
    if (!epoch.ok()) return epoch.error();
    const bool known = id->has_value() && (*id)->size() == 16;
    const bool same_epoch = !restored && epoch->has_value() && (*epoch)->size() == 16;
    m_store_id = Hash16::from(known ? **id : m_random.bytes(16));
    m_epoch = Hash16::from(same_epoch ? **epoch : m_random.bytes(16));
    m_certificates.setStore(m_store_id);
    m_time_base_ms = m_clock.wallTime();
    Bytes started;
    ByteWriter(started).zigzag(m_time_base_ms);
    store::Batch batch;
    batch.put("", "store_id", Bytes(m_store_id.view()));
    batch.put("", "epoch", Bytes(m_epoch.view()));
    batch.put("", "started_ms", std::move(started));
    auto seq = m_commits.commit(std::move(batch));
    if (!seq.ok()) return seq.error();
    return m_permissions.load();
}

// ---- connections ----

void RelayCore::Impl::peerOpened(PeerId peer, bool loopback) {
    m_sessions[peer] =
        std::make_unique<Session>(peer, loopback, m_clock.steadyTime(), m_delegate, m_wrote);
}

void RelayCore::Impl::receive(PeerId peer, ByteView message) {
    const auto found = m_sessions.find(peer);
    if (found == m_sessions.end()) return;
    Session& session = *found->second;
    session.heard(m_clock.steadyTime());
    const std::size_t bytes_max =
        session.greeted() ? limits::kMessageBytesMax : limits::kFirstMessageBytesMax;
    if (message.size() > bytes_max) return end(peer, CloseCode::TooBig, "the message is too long");
    const auto records = wire::decodeMessage(message);
    if (!records.ok()) return end(peer, closeCodeOf(records.error()), records.error().message);
    for (const wire::Record& record : *records)
        if (const auto ok = handle(session, record); !ok)
            return end(peer, closeCodeOf(ok.error()), textFor(ok.error()));
}

Result<> RelayCore::Impl::handle(Session& session, const wire::Record& record) {
    if (session.greeted() == std::holds_alternative<wire::Hello>(record))
        return violation("HELLO comes first and once");
    return std::visit([&](const auto& r) { return on(session, r); }, record);
}

void RelayCore::Impl::setPeerBacklog(PeerId peer, std::size_t bytes) {
    const auto found = m_sessions.find(peer);
    if (found != m_sessions.end()) found->second->setBacklog(bytes, m_clock.steadyTime());
}

Result<> RelayCore::Impl::problem(Session& session, wire::Alias alias, CloseCode code,
                                  const std::string& text) {
    session.send(wire::ErrorRecord{number(code), true, alias, 0, text});
    return {};
}

void RelayCore::Impl::end(PeerId peer, CloseCode code, const std::string& text,
                          std::chrono::milliseconds retry) {
    const auto found = m_sessions.find(peer);
    if (found == m_sessions.end()) return;
    const auto retry_ms = static_cast<std::uint32_t>(retry.count());
    const std::string shown = text.substr(0, limits::kErrorTextBytesMax);
    found->second->send(wire::ErrorRecord{number(code), false, 0, retry_ms, shown});
    found->second->flush();
    forget(peer);
    m_delegate.close(peer, number(code), shown);
}

void RelayCore::Impl::forget(PeerId peer) {
    const auto found = m_sessions.find(peer);
    if (found == m_sessions.end()) return;
    Session& session = *found->second;
    while (!session.subscriptions().empty())
        unsubscribe(session, session.subscriptions().begin()->first);
    const auto replica = m_peer_of_replica.find(session.replica());
    if (replica != m_peer_of_replica.end() && replica->second == peer)
        m_peer_of_replica.erase(replica);
    m_answering.erase(peer);
    m_sessions.erase(found);
}

void RelayCore::Impl::closeAll() {
    while (!m_sessions.empty())
        end(m_sessions.begin()->first, CloseCode::GoingAway, "the relay goes away", kRetryLater);
}

// ---- permissions ----

Result<> RelayCore::Impl::setPermission(const std::string& user, const std::string& document,
                                        std::uint8_t bits) {
    if (auto ok = m_permissions.set(user, document, bits); !ok) return ok;
    for (const auto& [peer, session] : m_sessions)
        for (const auto& [alias, member] : session->subscriptions()) applyPermissions(*member);
    endTurn();
    return {};
}

//! Nothing of the document goes to the peer any more from this moment; PERM itself waits for the
//! disk. A peer that may read again subscribes again.
void RelayCore::Impl::applyPermissions(Subscription& member) {
    Session& session = member.session;
    const std::uint8_t bits = m_permissions.of(session.identity(), member.room.name());
    if (bits == member.permissions) return;
    member.permissions = bits;
    if (!mayRead(bits)) {
        member.room.endPresence(member);
        member.stage = Stage::Denied;
    }
    answer(session, {m_commits.last(), wire::Perm{member.alias, bits}});
}

void RelayCore::Impl::endSessionsOf(const std::function<bool(const Identity&)>& unwanted) {
    std::vector<PeerId> peers;
    for (const auto& [peer, session] : m_sessions)
        if (session->greeted() && unwanted(session->identity())) peers.push_back(peer);
    for (const PeerId peer : peers) end(peer, CloseCode::Auth, "the token is not taken any more");
    endTurn();
}

// ---- the end of a turn ----

void RelayCore::Impl::answer(Session& session, Answer answer) {
    session.answer(std::move(answer));
    m_answering.insert(session.peer());
}

//! What an answer means for the session at the moment it leaves.
void RelayCore::Impl::deliver(Session& session, Answer& answer) {
    if (const auto* subscribed = std::get_if<wire::SubOk>(&answer.record)) {
        Subscription* member = session.find(subscribed->alias);
        if (!member) return;
        if (member->stage == Stage::Answering) {
            member->stage = member->final_chunk_due ? Stage::Chunks : Stage::Log;
            m_catching_up.emplace(session.peer(), member->alias);
        }
    }
    if (const auto* ack = std::get_if<wire::Ack>(&answer.record))
        if (Subscription* member = session.find(ack->alias))
            for (const std::uint64_t position : answer.positions)
                if (position > member->sent) member->own.insert(position);
    session.send(answer.record);
}

void RelayCore::Impl::endTurn() {
    sendAnswers();
    sendDurable();
    sendCatchUps();
    sendPresence();
    for (const PeerId peer : std::exchange(m_wrote, {})) {
        const auto found = m_sessions.find(peer);
        if (found != m_sessions.end()) found->second->endTurn();
    }
}

void RelayCore::Impl::sendAnswers() {
    for (auto peer = m_answering.begin(); peer != m_answering.end();) {
        Session& session = *m_sessions.at(*peer);
        Answer answer;
        while (session.takeAnswer(m_commits.durable(), answer)) deliver(session, answer);
        peer = session.hasAnswers() ? std::next(peer) : m_answering.erase(peer);
    }
}

void RelayCore::Impl::sendDurable() {
    for (auto name = m_unsettled.begin(); name != m_unsettled.end();) {
        Room& room = *m_rooms.at(*name);
        if (room.log().durableReached(m_commits.durable()))
            for (const Subscription* slow : room.deliverLive())
                m_catching_up.emplace(slow->session.peer(), slow->alias);
        if (!room.log().settled()) {
            ++name;
            continue;
        }
        collect(*name);
        name = m_unsettled.erase(name);
    }
}

void RelayCore::Impl::sendCatchUps() {
    const std::vector<std::pair<PeerId, wire::Alias>> all(m_catching_up.begin(),
                                                          m_catching_up.end());
    for (const auto& [peer, alias] : all) {
        const auto session = m_sessions.find(peer);
        Subscription* member = session == m_sessions.end() ? nullptr : session->second->find(alias);
        if (member && (member->stage == Stage::Chunks || member->stage == Stage::Log)) {
            const auto ok = catchUp(*member);
            if (ok.ok() && member->stage != Stage::Live) continue;
            if (!ok) end(peer, closeCodeOf(ok.error()), "the relay cannot read this document");
        }
        m_catching_up.erase({peer, alias});
    }
}

void RelayCore::Impl::sendPresence() {
    for (auto name = m_presences.begin(); name != m_presences.end();) {
        const auto room = m_rooms.find(*name);
        const bool waits = room != m_rooms.end() && room->second->tellPresence();
        name = waits ? std::next(name) : m_presences.erase(name);
    }
}

void RelayCore::Impl::tick() {
    const auto now = m_clock.steadyTime();
    const std::int64_t wall_ms = m_clock.wallTime();
    std::vector<PeerId> peers;
    for (const auto& [peer, session] : m_sessions) peers.push_back(peer);
    for (const PeerId peer : peers) {
        Session& session = *m_sessions.at(peer);
        const auto silence = session.silence(now);
        if (!session.greeted() && silence > limits::kHelloWaitMax)
            end(peer, CloseCode::Protocol, "no HELLO within 5 s");
        else if (wall_ms >= session.identity().expires_ms)
            end(peer, CloseCode::Auth, "the token has expired: connect with a new one");
        else if (silence > limits::kPeerSilenceMax)
            end(peer, CloseCode::Slow, "nothing heard for 45 s");
        else if (session.stuck(now))
            end(peer, CloseCode::Slow, "the connection is too slow", kRetryLater);
        else if (session.pingDue(now))
            session.send(wire::Ping{m_random.next()});
    }
    endTurn();
}

RelayCore::Stats RelayCore::Impl::stats() const {
    return {m_sessions.size(), m_rooms.size(), m_accepted, m_refused};
}

// ---- the face ----

RelayCore::RelayCore(store::LogStore& store, const Clock& clock, Random& random,
                     CoreDelegate& delegate, Options options)
    : m_impl(std::make_unique<Impl>(store, clock, random, delegate, std::move(options))) {}
RelayCore::~RelayCore() = default;

Result<> RelayCore::open(bool restored) {
    return m_impl->open(restored);
}
void RelayCore::peerOpened(PeerId peer, bool loopback) {
    m_impl->peerOpened(peer, loopback);
}
void RelayCore::peerClosed(PeerId peer) {
    m_impl->peerClosed(peer);
}
void RelayCore::receive(PeerId peer, ByteView message) {
    m_impl->receive(peer, message);
}
void RelayCore::violated(PeerId peer, const std::string& what) {
    m_impl->violated(peer, what);
}
void RelayCore::setPeerBacklog(PeerId peer, std::size_t bytes) {
    m_impl->setPeerBacklog(peer, bytes);
}
void RelayCore::durable(store::SeqNo seq) {
    m_impl->durable(seq);
}
void RelayCore::endTurn() {
    m_impl->endTurn();
}
void RelayCore::tick() {
    m_impl->tick();
}
void RelayCore::closeAll() {
    m_impl->closeAll();
}
Result<> RelayCore::setPermission(const std::string& user, const std::string& document,
                                  std::uint8_t permissions) {
    return m_impl->setPermission(user, document, permissions);
}
void RelayCore::endSessionsOf(const std::function<bool(const Identity&)>& unwanted) {
    m_impl->endSessionsOf(unwanted);
}
RelayCore::Stats RelayCore::stats() const {
    return m_impl->stats();
}
Hash16 RelayCore::epoch() const {
    return m_impl->epoch();
}

}  // namespace kimdb::relay
