// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace kimdb::crdt {

//! Bits of a run's kind (sequence_codec.h).
enum class RunKind : std::uint8_t { Insert = 0, Back = 1, Ahead = 2, Ranges = 3 };
enum RunBit : int {
    kJump = 1 << 2,
    kCounterGap = 1 << 3,
    kOtherReplica = 1 << 4,
    kRightSaid = 1 << 5,
    kPlaceSaid = 1 << 6,
};

//! Bits of a run of the root.
enum RootBit : int {
    kFate = 3,
    kApart = 1 << 2,
    kBefore = 1 << 3,
    kSkips = 1 << 4,
    kPlaced = 1 << 5,
};

}  // namespace kimdb::crdt
