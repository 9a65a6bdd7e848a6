// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "core/clock.h"
#include "wire/change_batch.h"
#include "wire/records.h"

//! Values drawn from one seed, over all that the protocol allows.
namespace kimdb::wire {

std::uint64_t randomNumber(Random& random, std::uint64_t max);  //!< all lengths alike
Record randomRecord(Random& random);
Change randomChange(Random& random, const std::vector<ReplicaId>& replicas);
BatchItem randomItem(Random& random, const std::vector<ReplicaId>& replicas,
                     const std::vector<BatchItem>& before);

//! \brief Runs the body of a test with a seed: KIMDB_SEED, or a random one that is printed.
std::uint64_t chosenSeed();

}  // namespace kimdb::wire
