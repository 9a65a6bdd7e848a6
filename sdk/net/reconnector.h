// SPDX-License-Identifier: MIT
#pragma once

#include <QObject>
#include <QTimer>
#include <chrono>
#include <optional>

#include "core/clock.h"

namespace kimdb::net {

//! \brief The waits between attempts: uniformly random between 0 and a bound that doubles from
//! limits::kReconnectDelayMin to kReconnectDelayMax. ("Full jitter", Brooker 2015: a crowd that
//! lost one relay does not come back at once.)
class Backoff {
 public:
    explicit Backoff(Random& random) : m_random(random) {}
    std::chrono::milliseconds next();
    void reset() { m_attempts = 0; }

 private:
    Random& m_random;
    int m_attempts = 0;
};

//! \brief The one place that decides when to connect again. Thread: that of the object. Owner of
//! \a random and \a clock: the caller, outlive this.
class Reconnector : public QObject {
    Q_OBJECT
 public:
    Reconnector(Random& random, const Clock& clock, QObject* parent = nullptr);

    //! \brief A connection failed or ended: due() follows after the next wait, or after \a at_least
    //! if that is longer (what the relay asked for). Does nothing when a wait is already under way,
    //! so every symptom of one failure may call it.
    void schedule(std::chrono::milliseconds at_least = std::chrono::milliseconds(0));
    //! \brief due() now instead of at the end of the wait (the network is back, the user asks).
    //! Does nothing when there is no wait.
    void hurry();
    //! A session was established (not merely a socket). When it has lived for
    //! limits::kSessionProvenAfter, waits begin small again; one that ends at once, each time, is
    //! one more failure.
    void established();
    //! Waits begin small again (the user asks for a connection).
    void reset();
    //! No due() until the next schedule().
    void stop();
    bool isWaiting() const { return m_timer.isActive(); }
    std::chrono::milliseconds remaining() const { return m_timer.remainingTimeAsDuration(); }

 signals:
    void due();

 private:
    const Clock& m_clock;
    Backoff m_backoff;
    std::optional<std::chrono::milliseconds> m_established;  // steady time
    QTimer m_timer;
};

}  // namespace kimdb::net
