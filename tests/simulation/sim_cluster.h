// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "simulation/sim_client.h"
#include "simulation/sim_network.h"
#include "simulation/sim_relay.h"
#include "simulation/sim_tap.h"

namespace kimdb::sim {

//! \brief One run: three installations and a relay in one thread, everything decided by one seed.
//! run() makes trouble for some steps, then heals everything, waits until nothing moves, and checks
//! (sim_checks.cpp):
//! - every replica shows what a model built from the relay's log shows, and holds the same changes;
//! - nothing that was alive when the trouble ended is lost: it is in the relay's log or was
//! refused;
//! - nothing has its effect twice;
//! - what is on a rejected list is not in the relay's log;
//! - counters are dense per stream.
//! What one message can break is checked on the way (sim_tap.h).
class Cluster {
 public:
    explicit Cluster(const Options& options);

    //! The first violation, if there is one.
    std::optional<std::string> run();
    //! The run met what decision 0042 leaves open: an edit that is in both branches of a fork.
    bool metForkLimit() const { return m_world.met_fork_limit; }

 private:
    // sim_cluster.cpp: what can happen
    struct Action {
        const char* name;
        unsigned weight;
        void (Cluster::*act)();
    };
    void chooseActions();
    void step();
    SimClient& anyClient();
    Connection* anyConnection();
    Connection* connectionOf(int client);
    void edit();
    void syncClient();
    void syncRelay();
    void deliver();
    void deliverMany();
    void advance();
    void connect();
    void connectNow(SimClient& client);
    void cut();
    void stall();
    void crashClient();
    void crashRelay();
    void saveFolder();
    void rollFolderBack();
    void copyFolder();
    void backUpRelay();
    void restoreRelay();
    void changePermissions();
    void fillDisk();
    void slowPeer();

    bool deliverOne(Connection& connection, bool to_relay);
    void clientGone(Connection& connection, bool cleanly);
    void relayGone(Connection& connection);
    void forget();
    void afterRelayStart();

    // sim_checks.cpp: how it must end
    void heal();
    bool quiet() const;
    std::string unquiet() const;
    void settle();
    std::set<Token> alive(const std::string& document) const;
    void check();
    void checkDocument(const std::string& name, const std::set<Token>& alive_before);
    void checkSameChanges(const SimClient& client, const std::string& name);

    Options m_options;
    World m_world;
    SimRelay m_relay;
    Tap m_tap;
    std::vector<std::unique_ptr<SimClient>> m_clients;
    std::map<ConnectionId, Connection> m_connections;
    ConnectionId m_next_connection = 1;
    std::vector<Action> m_actions;
    unsigned m_weight_sum = 0;
    int m_machines = 0;
    std::map<int, std::vector<test::MemoryLogStore::State>> m_saved;  // of clients' folders
    std::vector<test::MemoryLogStore::State> m_backups;
};

}  // namespace kimdb::sim
