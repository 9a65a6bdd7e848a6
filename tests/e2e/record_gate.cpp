// SPDX-License-Identifier: MIT
#include "e2e/record_gate.h"

#include <QtGlobal>

#include "wire/codec.h"

namespace kimdb::test {

void RecordGate::reset() {
    m_subscriptions.clear();
    m_held.clear();
}

void RecordGate::incoming(ByteView message) {
    const auto records = wire::decodeMessage(message);
    if (!records) qFatal("the relay sent what is not KRP/1: %s", records.error().message.c_str());
    for (const wire::Record& record : *records) {
        if (const auto* ops = std::get_if<wire::Ops>(&record)) {
            hold({ops->alias, false, false, ops->prev, ops->last, ops->mac, {}}, ops->batch);
        } else if (const auto* chunk = std::get_if<wire::Chunk>(&record)) {
            hold({chunk->alias, true, chunk->final, chunk->prev, chunk->last, chunk->mac, {}},
                 chunk->batch);
        } else {
            if (const auto* subscribed = std::get_if<wire::SubOk>(&record)) {
                // A new subscription starts where the client is: what was held for the old one
                // comes again.
                m_held.clear();
                m_subscriptions[subscribed->alias] = {.time_base_ms = subscribed->time_base_ms};
            }
            m_to_client(wire::encodeMessage(record));
        }
    }
    release();
}

void RecordGate::hold(const Piece& part, const Bytes& batch) {
    const auto it = m_subscriptions.find(part.alias);
    if (it == m_subscriptions.end()) return;  // given up meanwhile
    Subscription& subscription = it->second;
    const auto items = wire::decodeBatch(batch, subscription.from_relay, subscription.time_base_ms);
    if (!items) qFatal("the relay sent a bad batch: %s", items.error().message.c_str());
    if (items->size() != part.last - part.prev) qFatal("positions and items differ");
    if (items->empty()) return m_held.push_back(part);
    for (std::size_t i = 0; i < items->size(); ++i) {
        Piece piece = part;
        piece.final = part.final && i + 1 == items->size();
        piece.prev = part.prev + i;
        piece.last = piece.prev + 1;
        piece.item = (*items)[i];
        m_held.push_back(std::move(piece));
    }
    if (part.chunk) subscription.credits_owed += static_cast<std::uint32_t>(items->size() - 1);
}

Bytes RecordGate::outgoing(ByteView message) {
    const auto records = wire::decodeMessage(message);
    if (!records) qFatal("the client sent what is not KRP/1: %s", records.error().message.c_str());
    Bytes out;
    for (wire::Record record : *records) {
        if (const auto* hello = std::get_if<wire::Hello>(&record)) m_own.insert(hello->replica);
        if (auto* credit = std::get_if<wire::Credit>(&record)) {
            std::uint32_t& owed = m_subscriptions[credit->alias].credits_owed;
            const std::uint32_t kept = std::min(owed, credit->chunks);
            owed -= kept;
            credit->chunks -= kept;
            if (credit->chunks == 0) continue;
        }
        wire::appendRecord(out, record);
    }
    return out;
}

void RecordGate::allow(std::size_t changes) {
    m_allowed = std::max(m_allowed, changes);
    release();
}

bool RecordGate::isNew(const Piece& piece) const {
    const auto* change = piece.item ? std::get_if<Change>(&*piece.item) : nullptr;
    if (!change || m_own.contains(change->replica)) return false;
    const auto head = m_heads.find(change->replica);
    return head == m_heads.end() || change->last() > head->second;
}

void RecordGate::release() {
    if (m_releasing) return;
    m_releasing = true;
    while (!m_held.empty()) {
        const bool counts = isNew(m_held.front());
        if (counts && m_passed >= m_allowed) break;
        const Piece piece = std::move(m_held.front());
        m_held.pop_front();
        if (counts) {
            const auto& change = std::get<Change>(*piece.item);
            m_heads[change.replica] = change.last();
            ++m_passed;
        }
        deliver(piece);
    }
    m_releasing = false;
}

void RecordGate::deliver(const Piece& piece) {
    Subscription& subscription = m_subscriptions[piece.alias];
    wire::BatchEncoder encoder(subscription.to_client, subscription.to_client.size(),
                               subscription.time_base_ms);
    if (piece.item) {
        if (const auto* change = std::get_if<Change>(&*piece.item))
            encoder.add(*change);
        else
            encoder.addMark(std::get<wire::Mark>(*piece.item));
    }
    if (piece.chunk) {
        m_to_client(wire::encodeMessage(wire::Chunk{.alias = piece.alias,
                                                    .final = piece.final,
                                                    .prev = piece.prev,
                                                    .last = piece.last,
                                                    .mac = piece.mac,
                                                    .batch = encoder.finish()}));
    } else {
        m_to_client(wire::encodeMessage(wire::Ops{.alias = piece.alias,
                                                  .prev = piece.prev,
                                                  .last = piece.last,
                                                  .mac = piece.mac,
                                                  .batch = encoder.finish()}));
    }
}

}  // namespace kimdb::test
