// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>

#include "relay/core/relay_core.h"
#include "simulation/sim_store.h"
#include "simulation/sim_world.h"

namespace kimdb::sim {

//! \brief The real relay core over a memory store.
class SimRelay final : public relay::CoreDelegate {
 public:
    using Send = std::function<void(relay::PeerId, Bytes)>;
    using Close = std::function<void(relay::PeerId)>;
    SimRelay(World& world, Send send, Close close);

    relay::RelayCore& core() { return *m_core; }
    Hash16 epoch() const { return m_core->epoch(); }
    test::MemoryLogStore& disk() { return m_store->disk(); }
    const test::MemoryLogStore& disk() const { return m_store->disk(); }

    //! Runs \a call and ends the turn; closes the core asked for meanwhile happen after it.
    void with(const std::function<void(relay::RelayCore&)>& call);
    void syncStore(bool all);
    //! Power loss and start.
    void crash();
    enum class Start : std::uint8_t { Restored, Silent };
    //! Another disk, of whatever time: from a backup with a new epoch, or a virtual machine put
    //! back.
    void restart(test::MemoryLogStore::State disk, Start start);

    void send(relay::PeerId peer, Bytes message) override { m_send(peer, std::move(message)); }
    void close(relay::PeerId peer, std::uint16_t code, const std::string& text) override;

 private:
    void start(Start start);

    World& m_world;
    SeededRandom m_random;
    Send m_send;
    Close m_close;
    std::unique_ptr<SimStore> m_store;
    std::unique_ptr<relay::RelayCore> m_core;
    std::vector<relay::PeerId> m_closed;
};

}  // namespace kimdb::sim
