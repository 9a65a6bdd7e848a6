// SPDX-License-Identifier: MIT
#include "simulation/sim_tap.h"

#include <algorithm>

namespace kimdb::sim {
namespace {

const test::MemoryLogStore::Document* durableDocument(const test::MemoryLogStore& disk,
                                                      const std::string& name) {
    const auto it = disk.durable().documents.find(name);
    return it == disk.durable().documents.end() ? nullptr : &it->second;
}

bool holdsDurably(const test::MemoryLogStore& disk, const std::string& name, ReplicaId replica,
                  std::uint64_t counter) {
    const auto* document = durableDocument(disk, name);
    return document && std::ranges::any_of(document->log, [&](const store::LogEntry& e) {
               return e.replica == replica && e.first <= counter && counter < e.first + e.count;
           });
}

}  // namespace

// The lines of --verbose: what decides the course of a session.
void Tap::traceRecord(const Connection& c, const wire::Record& record) const {
    const auto id = [](ReplicaId replica) { return static_cast<unsigned long long>(replica); };
    const auto n = [](std::uint64_t number) { return static_cast<unsigned long long>(number); };
    if (const auto* sub = std::get_if<wire::Sub>(&record))
        m_world.trace("  client %d SUB %u %s at %llu", c.client, sub->alias, sub->name.c_str(),
                      n(sub->position));
    if (const auto* ok = std::get_if<wire::SubOk>(&record)) {
        m_world.trace("  to client %d SUBOK %u head %llu plan %d permissions %d", c.client,
                      ok->alias, n(ok->head), static_cast<int>(ok->plan), ok->permissions);
        for (const wire::StreamState& s : ok->streams)
            m_world.trace("    %016llx holds %llu", id(s.replica), n(s.head));
    }
    if (const auto* ack = std::get_if<wire::Ack>(&record))
        m_world.trace("  to client %d ACK %u %016llx:%llu", c.client, ack->alias, id(ack->replica),
                      n(ack->counter));
    if (const auto* nack = std::get_if<wire::Nack>(&record))
        m_world.trace("  to client %d NACK %u push %llu %016llx:%llu code %d%s", c.client,
                      nack->alias, n(nack->number), id(nack->replica), n(nack->first), nack->code,
                      nack->permanent ? " for good" : "");
    if (const auto* ops = std::get_if<wire::Ops>(&record))
        m_world.trace("  to client %d OPS %u (%llu, %llu]", c.client, ops->alias, n(ops->prev),
                      n(ops->last));
    if (const auto* chunk = std::get_if<wire::Chunk>(&record))
        m_world.trace("  to client %d CHUNK %u (%llu, %llu]%s", c.client, chunk->alias,
                      n(chunk->prev), n(chunk->last), chunk->final ? " final" : "");
    if (const auto* perm = std::get_if<wire::Perm>(&record))
        m_world.trace("  to client %d PERM %u %d", c.client, perm->alias, perm->permissions);
}

std::uint64_t Tap::durableHead(const std::string& document) const {
    const auto* d = durableDocument(m_relay.disk(), document);
    return d ? d->log.size() : 0;
}

Bytes Tap::fromClient(Connection& connection, const SimClient& client, const Bytes& message) {
    auto records = wire::decodeMessage(message);
    if (!records) {
        m_world.violate("a client sent what cannot be read: " + records.error().message);
        return message;
    }
    Bytes out;
    for (wire::Record& record : *records) {
        traceRecord(connection, record);
        if (auto* sub = std::get_if<wire::Sub>(&record)) subscribed(connection, *sub);
        if (const auto* push = std::get_if<wire::Push>(&record)) pushed(connection, client, *push);
        wire::appendRecord(out, record);
    }
    return out;
}

void Tap::subscribed(Connection& connection, wire::Sub& sub) {
    connection.documents[sub.alias] = sub.name;
    connection.own[sub.alias] = {sub.own.begin(), sub.own.end()};
    const auto hashAt = [&](std::uint64_t position) {
        return position == 0
                   ? Hash16{}
                   : durableDocument(m_relay.disk(), sub.name)->log[position - 1].log_hash;
    };
    const std::uint64_t head = durableHead(sub.name);
    if (m_world.options.mutation == Mutation::CursorAtReceive) {
        sub.position = std::max(sub.position, m_received[{connection.client, sub.name}]);
        if (sub.position <= head) sub.log_hash = hashAt(sub.position);
    }
    if (m_world.options.mutation == Mutation::NoReconcile) {
        sub.epoch = m_relay.epoch();
        sub.position = std::min(sub.position, head);
        sub.log_hash = hashAt(sub.position);
    }
}

void Tap::pushed(Connection& connection, const SimClient& client, const wire::Push& push) {
    const std::string& name = connection.documents[push.alias];
    const auto items = wire::decodeBatch(push.batch, connection.push_tables[push.alias],
                                         connection.time_bases[push.alias]);
    if (!items) return m_world.violate("a PUSH cannot be read: " + items.error().message);
    for (const wire::BatchItem& item : *items) {
        const auto* change = std::get_if<Change>(&item);
        if (!change) return m_world.violate("a client pushed a mark");
        m_world.trace("  client %d PUSH %llu on %u: %s", client.index(),
                      static_cast<unsigned long long>(push.number), push.alias,
                      m_world.label(*change).c_str());
        if (!holdsDurably(client.disk(), name, change->replica, change->first))
            return m_world.violate("a change was pushed before it was journalled");
    }
}

Bytes Tap::fromRelay(Connection& connection, const Bytes& message) {
    auto records = wire::decodeMessage(message);
    if (!records) {
        m_world.violate("the relay sent what cannot be read: " + records.error().message);
        return message;
    }
    Bytes out;
    for (wire::Record& record : *records) {
        traceRecord(connection, record);
        if (const auto* ok = std::get_if<wire::SubOk>(&record)) {
            connection.time_bases[ok->alias] = ok->time_base_ms;
            if (ok->head > durableHead(connection.documents[ok->alias]))
                m_world.violate("SUBOK tells what is not durable");
        }
        if (auto* ack = std::get_if<wire::Ack>(&record)) {
            acknowledged(connection, *ack);
            if (m_world.options.mutation == Mutation::AckCoversQueue) ack->counter += 1000;
        }
        if (auto* ops = std::get_if<wire::Ops>(&record))
            delivered(connection, ops->alias, ops->last, ops->batch);
        if (auto* chunk = std::get_if<wire::Chunk>(&record))
            delivered(connection, chunk->alias, chunk->last, chunk->batch);
        wire::appendRecord(out, record);
    }
    return out;
}

void Tap::acknowledged(const Connection& connection, const wire::Ack& ack) {
    const std::string& name = connection.documents.at(ack.alias);
    if ((ack.flags & wire::kDurable) &&
        !holdsDurably(m_relay.disk(), name, ack.replica, ack.counter))
        m_world.violate("a change was acknowledged before it was durable");
}

void Tap::delivered(Connection& connection, wire::Alias alias, std::uint64_t last, Bytes& batch) {
    const std::string& name = connection.documents[alias];
    if (last > durableHead(name)) m_world.violate("a change was shown before it was durable");
    auto& received = m_received[{connection.client, name}];
    received = std::max(received, last);
    if (m_world.options.mutation == Mutation::MarksById) markById(connection, alias, batch);
}

void Tap::markById(Connection& connection, wire::Alias alias, Bytes& batch) {
    const std::int64_t time_base = connection.time_bases[alias];
    const auto items = wire::decodeBatch(batch, connection.log_tables[alias], time_base);
    if (!items) return m_world.violate("a batch cannot be read: " + items.error().message);
    wire::ReplicaTable& table = connection.rewritten_tables[alias];
    wire::BatchEncoder rewritten(table, table.size(), time_base);
    for (const wire::BatchItem& item : *items) {
        const auto* change = std::get_if<Change>(&item);
        if (!change)
            rewritten.addMark(std::get<wire::Mark>(item));
        else if (connection.own[alias].contains(change->replica))
            rewritten.addMark({change->replica, change->first, change->count});
        else
            rewritten.add(*change);
    }
    batch = rewritten.finish();
}

}  // namespace kimdb::sim
