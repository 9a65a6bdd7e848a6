// SPDX-License-Identifier: MIT
#pragma once

#include <QPointF>
#include <QString>

namespace kimdb::game {

//! The rules that every player computes alike: no message says where an item lies.
namespace arena {

constexpr qreal kWidth = 800;  // arena units; the window scales them
constexpr qreal kHeight = 500;
constexpr qreal kPlayerRadius = 18;
constexpr qreal kItemRadius = 9;
constexpr qreal kSpeedPerSecond = 260;
constexpr int kItemsPerRound = 8;
constexpr int kPlayersMax = 4;

//! Where item \a index of \a round lies.
QPointF itemPosition(int round, int index);
//! The key of an item in the map of taken items, e.g. "3.5".
QString itemKey(int round, int index);
//! Whether a player at \a player touches an item at \a item.
bool touches(QPointF player, QPointF item);
//! \a position moved by \a direction (each axis -1..1) for \a seconds, kept inside.
QPointF moved(QPointF position, QPointF direction, qreal seconds);

}  // namespace arena
}  // namespace kimdb::game
