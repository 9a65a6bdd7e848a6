// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <map>
#include <set>

#include "core/hash.h"
#include "wire/change_batch.h"
#include "wire/codec.h"

namespace kimdb::sim {

using ConnectionId = std::uint64_t;

//! \brief One WebSocket: two ordered ways, each of which ends on its own. What is on its way when
//! an end is cut is lost; an end whose other side is gone may not hear of it for long (half open).
struct Connection {
    ConnectionId id = 0;
    int client = 0;
    bool client_up = true;
    bool relay_up = true;
    bool relay_closes = false;   //!< the client hears of it behind what is on its way
    bool client_closes = false;  //!< the same the other way
    bool stalled = false;        //!< partition: nothing moves, nobody is told
    std::deque<Bytes> to_relay;
    std::deque<Bytes> to_client;
    // What the session's aliases stand for, as read off the wire.
    std::map<wire::Alias, std::string> documents;
    std::map<wire::Alias, wire::ReplicaTable> push_tables;
    std::map<wire::Alias, wire::ReplicaTable> log_tables;
    std::map<wire::Alias, wire::ReplicaTable> rewritten_tables;
    std::map<wire::Alias, std::set<ReplicaId>> own;
    std::map<wire::Alias, std::int64_t> time_bases;
};

}  // namespace kimdb::sim
