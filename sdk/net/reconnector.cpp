// SPDX-License-Identifier: MIT
#include "net/reconnector.h"

#include <algorithm>

#include "core/limits.h"

namespace kimdb::net {

std::chrono::milliseconds Backoff::next() {
    using std::chrono::milliseconds;
    constexpr milliseconds kMin = limits::kReconnectDelayMin;
    constexpr milliseconds kMax = limits::kReconnectDelayMax;
    milliseconds bound = kMin;
    for (int i = 0; i < m_attempts && bound < kMax; ++i) bound *= 2;
    ++m_attempts;
    bound = std::min(bound, kMax);
    return milliseconds(m_random.below(static_cast<std::uint64_t>(bound.count()) + 1));
}

Reconnector::Reconnector(Random& random, const Clock& clock, QObject* parent)
    : QObject(parent), m_clock(clock), m_backoff(random) {
    m_timer.setSingleShot(true);
    connect(&m_timer, &QTimer::timeout, this, &Reconnector::due);
}

void Reconnector::schedule(std::chrono::milliseconds at_least) {
    if (m_timer.isActive()) return;
    const auto now = m_clock.steadyTime();
    if (m_established && now - *m_established >= limits::kSessionProvenAfter) m_backoff.reset();
    m_established.reset();
    m_timer.start(std::max(m_backoff.next(), at_least));
}

void Reconnector::hurry() {
    if (m_timer.isActive()) m_timer.start(0);
}

void Reconnector::established() {
    m_established = m_clock.steadyTime();
}

void Reconnector::reset() {
    m_established.reset();
    m_backoff.reset();
}

void Reconnector::stop() {
    m_timer.stop();
}

}  // namespace kimdb::net
