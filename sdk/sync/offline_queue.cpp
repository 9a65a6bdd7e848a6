// SPDX-License-Identifier: MIT
#include "sync/offline_queue.h"

#include <algorithm>

namespace kimdb::sync {

void OfflineQueue::clear() {
    const std::uint64_t last_number = m_last_number;
    *this = {};
    restart(last_number);
}

void OfflineQueue::add(Queued change) {
    m_first_of.emplace(change.replica, end());
    ++m_live;
    if (change.own) ++m_live_own;
    m_entries.push_back(change);
}

const Queued* OfflineQueue::find(ReplicaId replica, std::uint64_t first) const {
    const Queued* found = nullptr;
    forEach(replica, [&](const Queued& q) {
        if (q.first == first) found = &q;
        return q.first < first;
    });
    return found;
}

std::size_t OfflineQueue::firstOf(ReplicaId replica) {
    const auto known = m_first_of.find(replica);
    if (known == m_first_of.end()) return end();
    std::size_t& i = known->second;
    i = std::max(i, m_popped);
    while (i < end() && (at(i).replica != replica || at(i).acked)) ++i;
    return i;
}

void OfflineQueue::leave(Queued& q, std::size_t index) {
    q.acked = true;
    if (index >= m_next) m_chains.erase(q.replica);  // the next push starts behind it
    --m_live;
    if (q.own) --m_live_own;
}

void OfflineQueue::answered(ReplicaId replica, std::uint64_t counter) {
    std::erase_if(m_sent, [&](const Sent& s) { return s.replica == replica && s.last <= counter; });
}

void OfflineQueue::popAcked() {
    while (!m_entries.empty() && m_entries.front().acked) {
        m_entries.pop_front();
        ++m_popped;
    }
    m_next = std::max(m_next, m_popped);
}

std::size_t OfflineQueue::skipAcked(std::size_t i) const {
    while (i < end() && at(i).acked) ++i;
    return i;
}

std::optional<OfflineQueue::Next> OfflineQueue::next(store::SeqNo durable) const {
    const std::size_t i = skipAcked(m_next);
    if (i == end() || at(i).seq > durable) return std::nullopt;
    const Queued& q = at(i);
    if (!m_sent.empty() && m_sent.back().own && m_sent.back().replica != q.replica)
        return std::nullopt;
    const auto chain = m_chains.find(q.replica);
    return Next{&q, chain == m_chains.end() ? Hash16{} : chain->second.hash};
}

const Queued* OfflineQueue::continuation(store::SeqNo durable) const {
    const std::size_t i = skipAcked(m_next);
    if (i == end() || m_next == m_popped || at(i).seq > durable) return nullptr;
    const Queued& before = at(m_next - 1);
    const Queued& q = at(i);
    return q.replica == before.replica && q.first == before.last() + 1 ? &q : nullptr;
}

void OfflineQueue::take() {
    m_next = skipAcked(m_next);
    const Queued& q = at(m_next++);
    ChainEnd& chain = m_chains[q.replica];
    chain = {q.last(), rollingHash(chain.hash, q.hash)};
}

void OfflineQueue::pushed(std::uint64_t number) {
    const Queued& q = at(m_next - 1);
    m_sent.push_back({number, q.replica, q.last(), q.own});
    m_last_number = number;
}

bool OfflineQueue::rewind(std::uint64_t number) {
    if (number <= m_rewound_at) return false;
    restart(m_last_number);
    return true;
}

void OfflineQueue::restart(std::uint64_t last_number) {
    m_next = m_popped;
    m_chains.clear();
    m_sent.clear();
    m_last_number = last_number;
    m_rewound_at = last_number;
}

}  // namespace kimdb::sync
