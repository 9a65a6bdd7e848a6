// SPDX-License-Identifier: MIT
#include "arena.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace kimdb::game::arena {
namespace {

//! SplitMix64: the same numbers on every machine.
std::uint64_t scrambled(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

qreal fraction(std::uint64_t bits) {
    return static_cast<qreal>(bits >> 11) / (1ULL << 53);
}

}  // namespace

QPointF itemPosition(int round, int index) {
    // One item in each field of a 4 × 2 grid, anywhere inside it: never two on one spot.
    constexpr int kColumns = 4;
    constexpr int kRows = kItemsPerRound / kColumns;
    constexpr qreal kMargin = 36;
    constexpr qreal kScores = 120;  // the scores hang in the upper right corner
    const qreal field_width = kWidth / kColumns;
    const qreal field_height = kHeight / kRows;
    const auto seed = static_cast<std::uint64_t>(round) * kItemsPerRound + index;
    const qreal x = kMargin + fraction(scrambled(2 * seed)) * (field_width - 2 * kMargin);
    const qreal top = index == kColumns - 1 ? kScores : kMargin;
    const qreal y = top + fraction(scrambled(2 * seed + 1)) * (field_height - kMargin - top);
    const int column = index % kColumns;
    const int row = index / kColumns;
    return {column * field_width + x, row * field_height + y};
}

QString itemKey(int round, int index) {
    return QStringLiteral("%1.%2").arg(round).arg(index);
}

bool touches(QPointF player, QPointF item) {
    const QPointF between = player - item;
    return std::hypot(between.x(), between.y()) < kPlayerRadius + kItemRadius;
}

QPointF moved(QPointF position, QPointF direction, qreal seconds) {
    const qreal length = std::hypot(direction.x(), direction.y());
    if (length > 1) direction /= length;
    position += direction * kSpeedPerSecond * seconds;
    return {std::clamp(position.x(), kPlayerRadius, kWidth - kPlayerRadius),
            std::clamp(position.y(), kPlayerRadius, kHeight - kPlayerRadius)};
}

}  // namespace kimdb::game::arena
