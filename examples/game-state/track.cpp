// SPDX-License-Identifier: MIT
#include "track.h"

namespace kimdb::game {
namespace {

// Two updates at 20 Hz and some room for jitter.
constexpr std::chrono::milliseconds kDelay{120};
constexpr std::size_t kSamplesMax = 8;

}  // namespace

void Track::add(QPointF position, std::chrono::milliseconds now) {
    // After a pause the player starts now, not when it stopped.
    if (!m_samples.empty() && now - m_samples.back().time > kDelay) {
        m_samples.push_back({now - kDelay / 2, m_samples.back().position});
    }
    m_samples.push_back({now, position});
    if (m_samples.size() > kSamplesMax) m_samples.pop_front();
}

QPointF Track::at(std::chrono::milliseconds now) const {
    const auto shown = now - kDelay;
    if (shown <= m_samples.front().time) return m_samples.front().position;
    for (std::size_t i = 1; i < m_samples.size(); ++i) {
        const Sample& from = m_samples[i - 1];
        const Sample& to = m_samples[i];
        if (shown >= to.time) continue;
        const qreal part = qreal((shown - from.time).count()) / (to.time - from.time).count();
        return from.position + (to.position - from.position) * part;
    }
    return m_samples.back().position;
}

}  // namespace kimdb::game
