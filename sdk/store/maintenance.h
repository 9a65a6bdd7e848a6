// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace kimdb::store {

class Engine;

//! \brief The thread that does what nobody waits for: every interval it removes expired records and
//! scrubs the next shard, little by little. What it finds is in Engine::statistics().
class Maintenance {
 public:
    //! REQUIRES: \a engine outlives it.
    Maintenance(Engine& engine, std::chrono::milliseconds interval);
    ~Maintenance();
    Maintenance(const Maintenance&) = delete;
    Maintenance& operator=(const Maintenance&) = delete;

 private:
    void run();
    //! True: the end has come.
    bool waitFor(std::chrono::milliseconds duration);

    Engine& m_engine;
    const std::chrono::milliseconds m_interval;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    bool m_stop = false;
    std::thread m_thread;
};

}  // namespace kimdb::store
