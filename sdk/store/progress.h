// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>

namespace kimdb::store {

//! \brief Hears how far something long has come; \a total is an estimate and may be 0. Called from
//! the thread that does it. False: stop, with the error Closed.
using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

}  // namespace kimdb::store
