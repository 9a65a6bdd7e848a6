// SPDX-License-Identifier: MIT
#pragma once

#include <kimdb/value.h>

#include "core/clock.h"

namespace kimdb::test {

//! \brief Any kind of value, nested at most that deep.
Value sampleValue(Random& random, int depth);

}  // namespace kimdb::test
