// SPDX-License-Identifier: MIT
#include "simulation/sim_relay.h"

namespace kimdb::sim {
namespace {

SimStore::Lie lieOf(Mutation mutation) {
    return mutation == Mutation::AckBeforeDurable ? SimStore::Lie::DurableAtOnce
                                                  : SimStore::Lie::None;
}

}  // namespace

SimRelay::SimRelay(World& world, Send send, Close close)
    : m_world(world),
      m_random(world.random.next()),
      m_send(std::move(send)),
      m_close(std::move(close)),
      m_store(std::make_unique<SimStore>(test::MemoryLogStore::State{},
                                         lieOf(world.options.mutation))) {
    start(Start::Silent);
}

void SimRelay::start(Start start) {
    m_closed.clear();
    m_core = std::make_unique<relay::RelayCore>(*m_store, m_world.clock, m_random, *this,
                                                relay::RelayCore::Options{});
    m_store->onDurable(
        [this](store::SeqNo seq) { with([seq](relay::RelayCore& core) { core.durable(seq); }); });
    if (auto ok = m_core->open(start == Start::Restored); !ok)
        return m_world.violate("the relay does not open: " + ok.error().message);
    m_store->disk().sync();
}

void SimRelay::with(const std::function<void(relay::RelayCore&)>& call) {
    call(*m_core);
    m_core->endTurn();
    for (const relay::PeerId peer : std::exchange(m_closed, {})) m_close(peer);
}

void SimRelay::syncStore(bool all) {
    if (all)
        m_store->disk().sync();
    else
        m_store->disk().syncSome(1 + m_world.random.below(3));
}

void SimRelay::crash() {
    m_core.reset();
    m_store->disk().crash();
    m_store->disk().setFull(false);
    start(Start::Silent);
}

void SimRelay::restart(test::MemoryLogStore::State disk, Start begin) {
    m_core.reset();
    m_store = std::make_unique<SimStore>(std::move(disk), lieOf(m_world.options.mutation));
    start(begin);
}

void SimRelay::close(relay::PeerId peer, std::uint16_t code, const std::string& text) {
    m_world.trace("relay closes %llu: %d %s", static_cast<unsigned long long>(peer), code,
                  text.c_str());
    m_closed.push_back(peer);
}

}  // namespace kimdb::sim
