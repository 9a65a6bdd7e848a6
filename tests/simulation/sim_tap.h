// SPDX-License-Identifier: MIT
#pragma once

#include "simulation/sim_client.h"
#include "simulation/sim_network.h"
#include "simulation/sim_relay.h"

namespace kimdb::sim {

//! \brief Reads along on every connection: checks the rules that one message can break (nothing
//! leaves a house before it is durable there), and applies those mutations that are changes to a
//! message.
class Tap {
 public:
    Tap(World& world, const SimRelay& relay) : m_world(world), m_relay(relay) {}

    //! What really goes onto the wire.
    Bytes fromClient(Connection& connection, const SimClient& client, const Bytes& message);
    Bytes fromRelay(Connection& connection, const Bytes& message);

 private:
    void traceRecord(const Connection& connection, const wire::Record& record) const;
    void subscribed(Connection& connection, wire::Sub& sub);
    void pushed(Connection& connection, const SimClient& client, const wire::Push& push);
    void acknowledged(const Connection& connection, const wire::Ack& ack);
    void delivered(Connection& connection, wire::Alias alias, std::uint64_t last, Bytes& batch);
    void markById(Connection& connection, wire::Alias alias, Bytes& batch);
    std::uint64_t durableHead(const std::string& document) const;

    World& m_world;
    const SimRelay& m_relay;
    std::map<std::pair<int, std::string>, std::uint64_t> m_received;  // client, document
};

}  // namespace kimdb::sim
