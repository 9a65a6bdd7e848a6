// SPDX-License-Identifier: MIT
#include "relay/core/session.h"

#include <algorithm>
#include <cassert>

namespace kimdb::relay {
namespace {

// A turn's message is handed over early when it gets longer than this: frames stay small.
constexpr std::size_t kTurnBytesMax = limits::kPeerQueueBytesSlow;

//! Lets \a first say what \a second says too, when both acknowledge one stream in the same way.
bool merge(Answer& first, Answer& second) {
    auto* ack = std::get_if<wire::Ack>(&first.record);
    const auto* next = std::get_if<wire::Ack>(&second.record);
    if (!ack || !next || ack->alias != next->alias || ack->replica != next->replica ||
        ack->flags != next->flags)
        return false;
    ack->counter = std::max(ack->counter, next->counter);
    first.positions.insert(first.positions.end(), second.positions.begin(), second.positions.end());
    return true;
}

}  // namespace

void Session::greet(ReplicaId replica, std::uint64_t number, Identity who) {
    assert(!greeted() && replica != 0);
    m_replica = replica;
    m_number = number;
    m_identity = std::move(who);
}

bool Session::mayOpen(wire::Alias alias) const {
    return alias % 2 == 0 && alias >= m_alias_min;
}

Subscription& Session::open(wire::Alias alias, Room& room) {
    assert(mayOpen(alias));
    m_alias_min = std::uint64_t{alias} + 2;
    auto made = std::make_unique<Subscription>(Subscription{*this, room, alias});
    return *m_subscriptions.emplace(alias, std::move(made)).first->second;
}

void Session::drop(wire::Alias alias) {
    const auto waiting = std::find_if(m_answers.begin(), m_answers.end(), [&](const Answer& a) {
        const auto* subscribed = std::get_if<wire::SubOk>(&a.record);
        return subscribed && subscribed->alias == alias;
    });
    if (waiting != m_answers.end()) m_answers.erase(waiting);
    m_subscriptions.erase(alias);
}

Subscription* Session::find(wire::Alias alias) {
    const auto found = m_subscriptions.find(alias);
    return found == m_subscriptions.end() ? nullptr : found->second.get();
}

bool Session::retired(wire::Alias alias) const {
    return alias % 2 == 0 && alias < m_alias_min && !m_subscriptions.contains(alias);
}

void Session::send(const wire::Record& record) {
    if (m_out.empty() && m_turn_bytes == 0) m_wrote.push_back(m_peer);
    wire::appendRecord(m_out, record);
    if (m_out.size() > kTurnBytesMax || ++m_out_records == limits::kMessageRecordsMax) flush();
}

bool Session::takeAnswer(store::SeqNo durable, Answer& answer) {
    if (m_answers.empty() || m_answers.front().seq > durable) return false;
    answer = std::move(m_answers.front());
    m_answers.pop_front();
    m_pushes_outstanding -= answer.ends_push;
    while (!m_answers.empty() && m_answers.front().seq <= durable &&
           merge(answer, m_answers.front())) {
        m_pushes_outstanding -= m_answers.front().ends_push;
        m_answers.pop_front();
    }
    return true;
}

void Session::flush() {
    if (m_out.empty()) return;
    const std::size_t bytes = m_out.size();
    if (bytes > limits::kPeerQueueBytesSlow) m_large_bytes = std::max(m_large_bytes, bytes);
    m_handed_out += bytes;
    m_turn_bytes += bytes;
    Bytes message = std::move(m_out);
    m_out.clear();
    m_out_records = 0;
    m_delegate.send(m_peer, std::move(message));
}

void Session::endTurn() {
    flush();
    m_turn_bytes = 0;
}

void Session::setBacklog(std::size_t bytes, std::chrono::milliseconds now) {
    const std::uint64_t taken = m_handed_out > bytes ? m_handed_out - bytes : 0;
    if (taken > m_taken || m_backlog == 0) m_progress = now;
    m_backlog = bytes;
    m_turn_bytes = 0;
    m_taken = std::max(m_taken, taken);
    if (bytes <= limits::kPeerQueueBytesSlow) m_large_bytes = 0;
}

bool Session::stuck(std::chrono::milliseconds now) const {
    if (queued() > limits::kPeerQueueBytesMax + m_large_bytes) return true;
    if (m_answers.size() > limits::kMessageRecordsMax) return true;
    return m_backlog > 0 && now - m_progress > limits::kPeerStallMax;
}

void Session::heard(std::chrono::milliseconds now) {
    m_heard = now;
    m_pinged = false;
}

bool Session::pingDue(std::chrono::milliseconds now) {
    if (m_pinged || silence(now) < limits::kPingInterval) return false;
    m_pinged = true;
    return true;
}

}  // namespace kimdb::relay
