// SPDX-License-Identifier: MIT
#pragma once

#include <QPointF>
#include <chrono>
#include <deque>

namespace kimdb::game {

//! \brief The path of another player from up to 20 positions a second, drawn smoothly: shown a
//! little in the past, between two positions that are known. A value; time is passed in.
class Track {
 public:
    //! The position known at \a now.
    void add(QPointF position, std::chrono::milliseconds now);
    //! Where to draw the player at \a now. REQUIRES: something was added.
    QPointF at(std::chrono::milliseconds now) const;
    bool isEmpty() const { return m_samples.empty(); }

 private:
    struct Sample {
        std::chrono::milliseconds time;
        QPointF position;
    };
    std::deque<Sample> m_samples;
};

}  // namespace kimdb::game
