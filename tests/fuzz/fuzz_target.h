// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <kimdb/ids.h>

// What a fuzz_x.cpp defines. Any input is fine as long as nothing crashes, no assertion fails, no
// sanitizer complains, and what decodes encodes to the same bytes again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

//! \brief Valid inputs to start from.
std::vector<kimdb::Bytes> fuzzSeeds();

//! \brief Stops the run at the input that broke a rule; not an assert, so it is never compiled out.
inline void fuzzRequire(bool holds) {
    if (!holds) __builtin_trap();
}
