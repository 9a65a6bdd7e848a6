// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "core/change.h"

namespace kimdb::test {

//! \brief Changes of three replicas that wrote at random and saw some of each other's, in causal
//! order. The same seed gives the same ones.
std::vector<Change> sampleChanges(std::uint64_t seed, std::size_t count);

//! \brief A few large changes of one replica, each behind the one before: a long paste, a deletion
//! of hundreds of runs, a toggle that carries their text, deep and wide values, hundreds of mixed
//! operations.
std::vector<Change> largeChanges();

}  // namespace kimdb::test
