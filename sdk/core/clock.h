// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#include <kimdb/ids.h>

namespace kimdb {

//! \brief Time as the layers below net see it. Injected, so that a simulation owns it.
//! Thread: implementations are safe from any thread.
class Clock {
 public:
    virtual ~Clock() = default;
    //! Milliseconds since the Unix epoch. Metadata only: never decides an order.
    virtual std::int64_t wallTime() const = 0;
    //! Grows steadily; for time-outs and intervals.
    virtual std::chrono::milliseconds steadyTime() const = 0;
};

//! \brief The operating system's clocks.
class SystemClock final : public Clock {
 public:
    std::int64_t wallTime() const override;
    std::chrono::milliseconds steadyTime() const override;
};

//! \brief Randomness as the layers below net see it. Injected, so that a seed replays a run.
class Random {
 public:
    virtual ~Random() = default;
    virtual std::uint64_t next() = 0;
    //! A uniform number in [0, n). REQUIRES: n > 0.
    std::uint64_t below(std::uint64_t n) { return next() % n; }
    //! A replica id: random and not 0 (SYNC rule 5).
    ReplicaId replicaId();
    //! \a n random bytes.
    Bytes bytes(std::size_t n);
};

//! \brief The operating system's generator (OpenSSL RAND_bytes). Thread: any.
class SystemRandom final : public Random {
 public:
    std::uint64_t next() override;
};

//! \brief SplitMix64 (Steele, Lea, Flood 2014): small, fast, reproducible; for tests.
class SeededRandom final : public Random {
 public:
    explicit SeededRandom(std::uint64_t seed) : m_state(seed) {}
    std::uint64_t next() override {
        std::uint64_t z = (m_state += 0x9E3779B97F4A7C15ULL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }

 private:
    std::uint64_t m_state;
};

}  // namespace kimdb
