// SPDX-License-Identifier: MIT
#include "store/statistics.h"

#include <algorithm>
#include <bit>

namespace kimdb {

std::uint64_t DurationHistogram::count() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t n : buckets) sum += n;
    return sum;
}

std::chrono::microseconds DurationHistogram::percentile(double share) const {
    const auto wanted = static_cast<double>(count()) * share;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        seen += buckets[i];
        if (seen > 0 && static_cast<double>(seen) >= wanted)
            return std::chrono::microseconds(std::int64_t{1} << i);
    }
    return std::chrono::microseconds(0);
}

namespace store {

void DurationCounter::add(std::chrono::nanoseconds duration) {
    const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)) / 1000;
    const auto bucket = std::min<std::size_t>(std::bit_width(us), m_buckets.size() - 1);
    m_buckets[bucket].fetch_add(1, std::memory_order_relaxed);
}

DurationHistogram DurationCounter::histogram() const {
    DurationHistogram out;
    for (std::size_t i = 0; i < m_buckets.size(); ++i) out.buckets[i] = m_buckets[i];
    return out;
}

// Two threads that enter a new second together may lose each other's first counts: it is a rate.
void RateCounter::add(std::uint64_t count, std::chrono::milliseconds now) {
    m_total.fetch_add(count, std::memory_order_relaxed);
    const std::int64_t number = now.count() / 1000;
    Second& second = m_seconds[static_cast<std::size_t>(number % (kSeconds + 1))];
    if (second.number.exchange(number) != number) second.count = 0;
    second.count.fetch_add(count, std::memory_order_relaxed);
}

double RateCounter::perSecond(std::chrono::milliseconds now) const {
    const std::int64_t number = now.count() / 1000;
    std::uint64_t sum = 0;
    for (const Second& second : m_seconds)
        if (second.number < number && second.number >= number - kSeconds) sum += second.count;
    return static_cast<double>(sum) / kSeconds;
}

void ErrorList::add(const Error& error) {
    const std::lock_guard lock(m_mutex);
    if (!m_messages.empty() && m_messages.back() == error.message) return;
    m_messages.push_back(error.message);
    if (m_messages.size() > kKept) m_messages.pop_front();
}

std::vector<std::string> ErrorList::messages() const {
    const std::lock_guard lock(m_mutex);
    return {m_messages.begin(), m_messages.end()};
}

}  // namespace store
}  // namespace kimdb
