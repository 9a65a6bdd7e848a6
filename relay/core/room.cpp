// SPDX-License-Identifier: MIT
#include "relay/core/room.h"

#include <algorithm>
#include <cassert>

namespace kimdb::relay {

//! Changes (prev, last] that travel in one record.
struct Room::Piece {
    std::uint64_t prev = 0;
    std::vector<Placed> changes;
    Hash16 mac;

    std::uint64_t last() const { return prev + changes.size(); }
};

void Room::join(Subscription& member) {
    assert(!m_members.contains(member.session.peer()));
    m_members.emplace(member.session.peer(), &member);
}

void Room::leave(Subscription& member) {
    endPresence(member);
    m_members.erase(member.session.peer());
}

// ---- changes ----

void Room::enqueue(std::vector<Placed> placed) {
    for (Placed& change : placed) m_tail.push_back(std::move(change));
}

std::vector<Room::Placed> Room::takeDurable() {
    std::vector<Placed> out;
    std::size_t bytes = 0;
    while (!m_tail.empty() && m_tail.front().position <= m_log->durableHead()) {
        const Change& change = m_tail.front().change;
        bytes += change.structure.size() + change.content.size() + 8 * change.deps.size() + 16;
        if (!out.empty() && bytes > limits::kChunkBytesMax) break;
        out.push_back(std::move(m_tail.front()));
        m_tail.pop_front();
    }
    return out;
}

std::vector<Subscription*> Room::deliverLive() {
    std::vector<Subscription*> slow;
    for (auto placed = takeDurable(); !placed.empty(); placed = takeDurable()) {
        Piece piece;
        piece.prev = placed.front().position - 1;
        piece.mac = m_certificates.of(name(), placed.back().position, placed.back().log_hash);
        piece.changes = std::move(placed);
        deliverPiece(piece, slow);
    }
    return slow;
}

void Room::deliverPiece(const Piece& piece, std::vector<Subscription*>& slow) {
    std::map<std::size_t, Bytes> shared;  // by how many replica ids the receiver knows
    for (const auto& [peer, member] : m_members) {
        if (member->stage != Stage::Live) continue;
        assert(member->sent == piece.prev);
        if (member->session.slow()) {
            member->stage = Stage::Log;
            slow.push_back(member);
            continue;
        }
        const auto mine = member->own.lower_bound(piece.prev + 1);
        if (mine != member->own.end() && *mine <= piece.last()) {
            send(piece, *member, encode(piece, *member));
            continue;
        }
        Bytes& batch = shared[member->ids_known];
        if (batch.empty()) batch = encode(piece, *member);
        send(piece, *member, batch);
    }
}

Result<> Room::deliverFromLog(Subscription& member, const std::vector<store::LogEntry>& entries) {
    assert(!entries.empty() && entries.front().position == member.sent + 1);
    Piece piece;
    piece.prev = member.sent;
    for (const store::LogEntry& entry : entries) {
        auto change = decodeChange(entry.change);
        if (!change.ok()) return change.error();
        piece.changes.push_back({entry.position, std::move(*change), entry.log_hash});
    }
    piece.mac = m_certificates.of(name(), piece.last(), entries.back().log_hash);
    send(piece, member, encode(piece, member));
    return {};
}

Result<> Room::deliverEnd(Subscription& member) {
    auto hash = m_log->hashAt(member.sent);
    if (!hash.ok()) return hash.error();
    Piece piece;
    piece.prev = member.sent;
    piece.mac = m_certificates.of(name(), member.sent, *hash);
    send(piece, member, encode(piece, member));
    return {};
}

Bytes Room::encode(const Piece& piece, const Subscription& member) {
    wire::BatchEncoder batch(m_ids, member.ids_known, m_time_base_ms);
    for (const Placed& placed : piece.changes) {
        const Change& change = placed.change;
        if (member.own.contains(placed.position))
            batch.addMark({change.replica, change.first, change.count});
        else
            batch.add(change);
    }
    return batch.finish();
}

void Room::send(const Piece& piece, Subscription& member, Bytes batch) {
    member.sent = piece.last();
    member.ids_known = m_ids.size();
    member.own.erase(member.own.begin(), member.own.upper_bound(member.sent));
    if (member.stage != Stage::Chunks) {
        member.session.send(
            wire::Ops{member.alias, piece.prev, piece.last(), piece.mac, std::move(batch)});
        return;
    }
    const bool final = member.sent == m_log->durableHead();
    ++member.chunks_outstanding;
    member.final_chunk_due = !final;
    member.session.send(wire::Chunk{member.alias, wire::ChunkKind::Changes, final, piece.prev,
                                    piece.last(), piece.mac, std::move(batch)});
}

void Room::becomesLive(Subscription& member) {
    assert(member.sent == m_log->durableHead());
    member.stage = Stage::Live;
    for (const auto& [peer, other] : m_members)
        if (other != &member && other->presence) tell(*other, member);
}

// ---- presence ----

void Room::announce(Subscription& member, const wire::Presence& presence) {
    if (!member.presence) {
        if (presence.state.empty()) return;
        member.presence.emplace();
        member.presence->told = m_clock.steadyTime() - limits::kPresenceInterval;
    }
    PresenceState& state = *member.presence;
    m_presences_due += !state.due;
    state.due = true;
    state.clock = presence.clock;
    state.ttl_ms = std::min<std::uint32_t>(presence.ttl_ms,
                                           std::chrono::milliseconds(limits::kPresenceTtl).count());
    state.state = presence.state;
    state.heard = m_clock.steadyTime();
}

bool Room::tellPresence() {
    if (m_presences_due == 0) return false;
    const auto now = m_clock.steadyTime();
    for (const auto& [peer, about] : m_members) {
        if (!about->presence || !about->presence->due) continue;
        if (now - about->presence->told < limits::kPresenceInterval) continue;
        about->presence->told = now;
        about->presence->due = false;
        --m_presences_due;
        for (const auto& [other, member] : m_members)
            if (member != about) tell(*about, *member);
        if (about->presence->state.empty()) about->presence.reset();
    }
    return m_presences_due > 0;
}

void Room::tell(const Subscription& about, Subscription& member) const {
    // The first thing a slow peer has to do without; it hears all of it again when it is live.
    if (member.stage != Stage::Live || member.session.slow()) return;
    const PresenceState& state = *about.presence;
    const auto age = (m_clock.steadyTime() - state.heard).count();
    if (!state.state.empty() && age >= state.ttl_ms) return;
    const auto rest_ms = state.state.empty() ? 0 : state.ttl_ms - static_cast<std::uint32_t>(age);
    member.session.send(
        wire::Presence{member.alias, about.session.number(), state.clock, rest_ms, state.state});
}

void Room::endPresence(Subscription& member) {
    if (!member.presence) return;
    m_presences_due -= member.presence->due;
    ++member.presence->clock;
    member.presence->state.clear();
    for (const auto& [peer, other] : m_members)
        if (other != &member) tell(member, *other);
    member.presence.reset();
}

}  // namespace kimdb::relay
