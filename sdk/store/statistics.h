// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>

#include <kimdb/result.h>
#include <kimdb/store_statistics.h>

namespace kimdb::store {

//! \brief Counts durations from several threads.
class DurationCounter {
 public:
    void add(std::chrono::nanoseconds duration);
    DurationHistogram histogram() const;

 private:
    std::array<std::atomic<std::uint64_t>, 32> m_buckets{};
};

//! \brief Adds the time from its making to its end to a counter.
class Stopwatch {
 public:
    explicit Stopwatch(DurationCounter& counter) : m_counter(counter) {}
    ~Stopwatch() { m_counter.add(std::chrono::steady_clock::now() - m_begin); }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

 private:
    DurationCounter& m_counter;
    const std::chrono::steady_clock::time_point m_begin = std::chrono::steady_clock::now();
};

//! \brief How often something happened, in all and over the last ten seconds. Thread: any.
class RateCounter {
 public:
    //! \a now: a steady time.
    void add(std::uint64_t count, std::chrono::milliseconds now);
    std::uint64_t total() const { return m_total; }
    double perSecond(std::chrono::milliseconds now) const;

 private:
    static constexpr std::int64_t kSeconds = 10;
    struct Second {
        std::atomic<std::int64_t> number = -1;
        std::atomic<std::uint64_t> count = 0;
    };
    std::atomic<std::uint64_t> m_total = 0;
    std::array<Second, kSeconds + 1> m_seconds;  // a ring; the present one is not complete
};

//! \brief The last errors. Thread: any.
class ErrorList {
 public:
    void add(const Error& error);
    std::vector<std::string> messages() const;

 private:
    static constexpr std::size_t kKept = 8;
    mutable std::mutex m_mutex;
    std::deque<std::string> m_messages;
};

//! \brief What the threads of an engine count. Thread: any.
struct Counters {
    RateCounter writes;
    DurationCounter flushes;
    DurationCounter fsyncs;
    std::atomic<std::uint64_t> retries = 0;
    std::atomic<std::uint64_t> scrubbed = 0;
    ErrorList errors;
};

}  // namespace kimdb::store
