// SPDX-License-Identifier: MIT
#include "store/maintenance.h"

#include "store/engine.h"

namespace kimdb::store {
namespace {

constexpr std::size_t kSweepMax = 10'000;                    // records, each time
constexpr auto kScrubPause = std::chrono::milliseconds(20);  // after each few thousand rows

}  // namespace

Maintenance::Maintenance(Engine& engine, std::chrono::milliseconds interval)
    : m_engine(engine), m_interval(interval), m_thread([this] { run(); }) {}

Maintenance::~Maintenance() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
    }
    m_wake.notify_all();
    m_thread.join();
}

bool Maintenance::waitFor(std::chrono::milliseconds duration) {
    std::unique_lock lock(m_mutex);
    return m_wake.wait_for(lock, duration, [this] { return m_stop; });
}

// Errors are not lost: a shard's are in the statistics, and whoever writes or reads meets them.
void Maintenance::run() {
    for (int shard = 0; !waitFor(m_interval); shard = (shard + 1) % m_engine.shardCount()) {
        (void)m_engine.sweepExpired(kSweepMax);
        (void)m_engine.scrub(shard, [this](auto, auto) { return !waitFor(kScrubPause); });
    }
}

}  // namespace kimdb::store
