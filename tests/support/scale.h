// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace kimdb::test {

//! \brief KIMDB_SCALE: how much of the usual numbers of seeds, faults, cuts and kills a run takes;
//! 0.1 under sanitizers, 10 at night, 1 without.
inline double scale() {
    const char* given = std::getenv("KIMDB_SCALE");
    const double factor = given ? std::atof(given) : 1;
    return factor > 0 ? factor : 1;
}

inline std::uint64_t scaled(std::uint64_t usual) {
    return std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(static_cast<double>(usual) * scale() + 0.5));
}

//! Of a loop that usually takes each \a usual -th turn.
inline std::uint64_t scaledStride(std::uint64_t usual) {
    return std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(static_cast<double>(usual) / scale() + 0.5));
}

}  // namespace kimdb::test
