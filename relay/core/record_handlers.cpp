// SPDX-License-Identifier: MIT
// What each record of KRP/1 does. A handler's error ends the session;
// a problem of one document is answered with ERROR and the session goes on.
#include <algorithm>

#include "core/bytes.h"
#include "relay/core/catch_up.h"
#include "relay/core/relay_core_impl.h"
#include "relay/core/replica_key.h"

namespace kimdb::relay {
namespace {

using namespace std::chrono_literals;
using wire::CloseCode;

constexpr char kAnonymous[] = "anonymous";
constexpr auto kRetryPushWindow = 100ms;
constexpr auto kSeenIntervalMin = 1000ms;  // SEEN more often than this is not worth a write

Error violation(const char* what) {
    return {ErrorCode::ProtocolViolation, what};
}

}  // namespace

Result<Identity> RelayCore::Impl::identityOf(const Session& session, ByteView token) const {
    if (token.empty()) {
        if (!m_options.allow_anonymous)
            return Error{ErrorCode::AuthFailed, "this relay wants a token"};
        if (m_options.anonymous_from_loopback_only && !session.fromLoopback())
            return Error{ErrorCode::AuthFailed,
                         "without a token only clients on the relay's own machine are taken"};
        Identity anonymous;
        anonymous.user = kAnonymous;
        return anonymous;
    }
    if (!m_options.authenticate)
        return Error{ErrorCode::AuthFailed, "this relay has no key set: connect without a token"};
    return m_options.authenticate(token);
}

Result<> RelayCore::Impl::on(Session& session, const wire::Hello& hello) {
    if (hello.version_min > wire::kProtocolVersion || hello.version_max < wire::kProtocolVersion)
        return violation("this relay speaks KRP version 1");
    if (hello.replica == 0) return violation("replica id 0 is nobody");
    auto who = identityOf(session, hello.token);
    if (!who.ok()) return who.error();
    auto mine = m_owners.claim(hello.replica, who->user);
    if (!mine.ok()) return mine.error();
    if (!*mine) return Error{ErrorCode::NotAllowed, "this replica id belongs to another user"};
    const auto older = m_peer_of_replica.find(hello.replica);
    if (older != m_peer_of_replica.end())
        end(older->second, CloseCode::Replaced, "a newer session of this replica took over");
    m_peer_of_replica[hello.replica] = session.peer();
    session.greet(hello.replica, hello.session, std::move(*who));
    wire::Welcome welcome;
    welcome.store_id = m_store_id;
    welcome.epoch = m_epoch;
    welcome.message_bytes_max = limits::kMessageBytesMax;
    welcome.push_bytes_max = limits::kPushBytesMax;
    welcome.presence_interval_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(limits::kPresenceInterval).count();
    welcome.relay_time_ms = m_clock.wallTime();
    welcome.user = session.user();
    answer(session, {m_commits.last(), std::move(welcome)});
    return {};
}

Result<> RelayCore::Impl::on(Session& session, const wire::Auth& auth) {
    auto who = identityOf(session, auth.token);
    if (!who.ok()) return who.error();
    if (who->user != session.user())
        return Error{ErrorCode::AuthFailed, "the token is another user's: open a new connection"};
    session.renew(std::move(*who));
    for (const auto& [alias, member] : session.subscriptions()) applyPermissions(*member);
    const std::int64_t expires = session.identity().expires_ms;
    answer(session, {m_commits.last(), wire::AuthOk{expires == Identity::kForEver ? 0 : expires}});
    return {};
}

// ---- documents ----

Result<Room*> RelayCore::Impl::roomOf(const std::string& name) {
    const auto found = m_rooms.find(name);
    if (found != m_rooms.end()) return found->second.get();
    auto log = DocumentLog::load(m_commits, name);
    if (!log.ok()) return log.error();
    if (!(*log)->settled()) m_unsettled.insert(name);
    auto room = std::make_unique<Room>(std::move(*log), m_certificates, m_clock, m_time_base_ms);
    return m_rooms.emplace(name, std::move(room)).first->second.get();
}

void RelayCore::Impl::collect(const std::string& room) {
    const auto found = m_rooms.find(room);
    if (found != m_rooms.end() && found->second->idle()) m_rooms.erase(found);
}

//! The ids named in \a sub that are this user's; of others nothing is told.
Result<std::vector<ReplicaId>> RelayCore::Impl::ownIds(const Session& session,
                                                       const wire::Sub& sub) {
    std::vector<ReplicaId> out;
    for (const ReplicaId id : sub.own) {
        auto owner = m_owners.ownerOf(id);
        if (!owner.ok()) return owner.error();
        if (owner->empty() || *owner == session.user()) out.push_back(id);
    }
    return out;
}

Result<> RelayCore::Impl::on(Session& session, const wire::Sub& sub) {
    if (!session.mayOpen(sub.alias))
        return violation("a client's aliases are even and grow within a session");
    if (sub.kind == wire::SubKind::Feed) return later(session, sub.alias);
    const auto name = DocumentName::parse(sub.name);
    if (!name.ok())
        return problem(session, sub.alias, CloseCode::InvalidName, name.error().message);
    if (session.subscriptions().size() >= limits::kSubscriptionsMax)
        return problem(session, sub.alias, CloseCode::Rate, "too many documents on one connection");
    auto room = roomOf(name->text());
    if (!room.ok()) return room.error();
    auto own = ownIds(session, sub);
    if (!own.ok()) return own.error();
    const std::uint8_t permissions = m_permissions.of(session.identity(), name->text());
    auto plan = planCatchUp((*room)->log(), sub, *own, permissions, m_epoch);
    if (!plan.ok()) return plan.error();

    const auto before = (*room)->members().find(session.peer());
    if (before != (*room)->members().end()) {
        Subscription& old = *before->second;
        (*room)->leave(old);
        session.drop(old.alias);
    }
    Subscription& member = session.open(sub.alias, **room);
    member.permissions = permissions;
    member.stage = mayRead(permissions) ? Stage::Answering : Stage::Denied;
    member.sent = plan->from;
    member.final_chunk_due = plan->by_chunks;
    (*room)->join(member);
    plan->answer.time_base_ms = m_time_base_ms;
    answer(session, {m_commits.last(), std::move(plan->answer)});
    return {};
}

Result<> RelayCore::Impl::on(Session& session, const wire::Unsub& unsub) {
    if (!session.find(unsub.alias)) return unknown(session, unsub.alias);
    unsubscribe(session, unsub.alias);
    return {};
}

void RelayCore::Impl::unsubscribe(Session& session, wire::Alias alias) {
    Subscription& member = *session.find(alias);
    const std::string room = member.room.name();
    member.room.leave(member);
    session.drop(alias);
    collect(room);
}

Result<> RelayCore::Impl::on(Session& session, const wire::Credit& credit) {
    Subscription* member = session.find(credit.alias);
    if (!member) return unknown(session, credit.alias);
    const auto chunks = std::min<std::uint32_t>(credit.chunks, limits::kChunksOutstandingMax);
    member->chunks_outstanding = std::max(0, member->chunks_outstanding - static_cast<int>(chunks));
    return {};
}

Result<> RelayCore::Impl::on(Session& session, const wire::Seen& seen) {
    Subscription* member = session.find(seen.alias);
    if (!member) return unknown(session, seen.alias);
    const auto now = m_clock.steadyTime();
    if (member->stage == Stage::Denied || seen.position > member->sent) return {};
    if (member->seen_at && now - *member->seen_at < kSeenIntervalMin) return {};
    member->seen_at = now;
    Bytes value;
    ByteWriter writer(value);
    writer.varint(seen.position);
    writer.varint(seen.undo_horizon);
    writer.zigzag(m_clock.wallTime());
    store::Batch batch;
    batch.put(member->room.name(), "seen/" + replicaKey(session.replica()), std::move(value));
    // Only a hint for compaction: when the store is full, the next SEEN tells it again.
    (void)m_commits.commit(std::move(batch));
    return {};
}

Result<> RelayCore::Impl::on(Session& session, const wire::Presence& presence) {
    Subscription* member = session.find(presence.alias);
    if (!member) return unknown(session, presence.alias);
    if (presence.state.size() > limits::kPresenceBytesMax)
        return Error{ErrorCode::TooLarge, "a presence state has at most 1 KiB"};
    if (!mayRead(member->permissions)) return {};
    member->room.announce(*member, presence);
    m_presences.insert(member->room.name());
    return {};
}

Result<> RelayCore::Impl::on(Session& session, const wire::Ping& ping) {
    session.send(wire::Pong{ping.nonce});
    return {};
}

// ---- changes ----

Result<RelayCore::Impl::Pushed> RelayCore::Impl::changesOf(Subscription& member,
                                                           const wire::Push& push) const {
    auto items = wire::decodeBatch(push.batch, member.push_ids, m_time_base_ms);
    if (!items.ok()) return items.error();
    if (items->empty()) return violation("a PUSH carries at least one change");
    if (items->size() > 1 && push.batch.size() > limits::kPushBytesMax)
        return Error{ErrorCode::TooLarge, "a PUSH of several changes has at most 256 KiB"};
    Pushed pushed;
    std::vector<Change>& changes = pushed.changes;
    for (wire::BatchItem& item : *items) {
        auto* sealed = std::get_if<wire::Sealed>(&item);
        auto* change = sealed ? &sealed->head : std::get_if<Change>(&item);
        if (!change) return violation("a PUSH carries changes, not marks");
        if (!changes.empty() && (changes.back().replica != change->replica ||
                                 changes.back().last() + 1 != change->first))
            return violation("a PUSH carries consecutive changes of one stream");
        changes.push_back(std::move(*change));
        pushed.last_is_sealed = sealed != nullptr;
        if (pushed.last_is_sealed) break;  // it is refused, and what stands behind it is a gap
    }
    return pushed;
}

Result<> RelayCore::Impl::on(Session& session, const wire::Push& push) {
    Subscription* member = session.find(push.alias);
    if (!member) return unknown(session, push.alias);
    const auto pushed = changesOf(*member, push);
    if (!pushed.ok()) return pushed.error();
    const std::vector<Change>& changes = pushed->changes;
    const ReplicaId replica = changes.front().replica;
    if (session.pushesOutstanding() >= limits::kPushesOutstandingMax) {
        Decision wait;
        wait.seq = m_commits.last();
        wait.refusal = Decision::Refusal{changes.front().first, ErrorCode::RateLimited, false,
                                         kRetryPushWindow};
        answerPush(*member, push, replica, std::move(wait));
        return {};
    }
    auto mine = m_owners.claim(replica, session.user());
    if (!mine.ok()) return mine.error();
    if (!*mine) return Error{ErrorCode::NotAllowed, "this replica id belongs to another user"};
    const Submission submission{session.user(), member->permissions, push.hash_before, changes,
                                pushed->last_is_sealed};
    auto decision = m_sequencer.decide(member->room.log(), submission);
    if (!decision.ok()) return decision.error();
    m_accepted += decision->placed.size();
    m_refused += decision->refusal && decision->refusal->permanent;
    member->room.enqueue(std::move(decision->placed));
    if (!member->room.log().settled()) m_unsettled.insert(member->room.name());
    answerPush(*member, push, replica, std::move(*decision));
    return {};
}

void RelayCore::Impl::answerPush(Subscription& member, const wire::Push& push, ReplicaId replica,
                                 Decision decision) {
    Session& session = member.session;
    session.pushReceived();
    if (decision.acknowledged > 0) {
        std::uint8_t flags = wire::kDurable;
        if (decision.duplicate) flags |= wire::kDuplicate;
        answer(session,
               {decision.seq, wire::Ack{member.alias, replica, decision.acknowledged, flags},
                std::move(decision.positions), !decision.refusal});
    }
    if (!decision.refusal) return;
    const Decision::Refusal& refusal = *decision.refusal;
    wire::Nack nack;
    nack.alias = member.alias;
    nack.number = push.number;
    nack.replica = replica;
    nack.first = refusal.first;
    nack.code = static_cast<std::uint16_t>(refusal.code);
    nack.permanent = refusal.permanent;
    nack.retry_ms = static_cast<std::uint32_t>(refusal.retry.count());
    answer(session, {decision.seq, nack, {}, true});
}

}  // namespace kimdb::relay
