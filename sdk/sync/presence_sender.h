// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "core/limits.h"
#include "wire/records.h"

namespace kimdb::sync {

//! \brief What this replica shows of itself in one document: the last state wins, at most one
//! record every limits::kPresenceInterval, said again before it times out. Never stored. Time is
//! passed in.
class PresenceSender {
 public:
    void set(Bytes state) {
        m_due = m_due || state != m_state;
        m_state = std::move(state);
    }
    //! A room was entered: it has not heard of us.
    void announceAgain() { m_due = !m_state.empty(); }
    //! The record to send now, without alias and session.
    std::optional<wire::Presence> due(std::chrono::milliseconds now) {
        const bool stale = !m_state.empty() && now - m_sent_at > limits::kPresenceTtl / 3;
        if (!m_due && !stale) return std::nullopt;
        if (m_clock > 0 && now - m_sent_at < limits::kPresenceInterval) return std::nullopt;
        m_due = false;
        m_sent_at = now;
        wire::Presence record;
        record.clock = ++m_clock;
        record.ttl_ms =
            static_cast<std::uint32_t>(std::chrono::milliseconds(limits::kPresenceTtl).count());
        record.state = m_state;
        return record;
    }

 private:
    Bytes m_state;
    bool m_due = false;
    std::uint64_t m_clock = 0;
    std::chrono::milliseconds m_sent_at{};
};

}  // namespace kimdb::sync
