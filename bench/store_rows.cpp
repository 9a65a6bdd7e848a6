// SPDX-License-Identifier: MIT
#include "bench/store_rows.h"

#include <cstring>

namespace bench {
namespace {

// SplitMix64: every n has its own value, and all look random.
std::uint64_t mix(std::uint64_t n) {
    n += 0x9E3779B97F4A7C15;
    n = (n ^ (n >> 30)) * 0xBF58476D1CE4E5B9;
    n = (n ^ (n >> 27)) * 0x94D049BB133111EB;
    return n ^ (n >> 31);
}

}  // namespace

Rows::Rows(std::size_t count) : m_count(count), m_bytes(count * (kKeyBytes + kValueBytes), '\0') {
    for (std::size_t n = 0; n < count; ++n) {
        char* out = m_bytes.data() + n * (kKeyBytes + kValueBytes);
        std::memcpy(out, "key-", 4);
        std::uint64_t bits = mix(n);
        for (std::size_t i = 4; i < kKeyBytes; ++i, bits = i == 20 ? n : bits >> 4)
            out[i] = "0123456789abcdef"[bits & 15];
        for (std::size_t i = 0; i < kValueBytes; ++i)
            out[kKeyBytes + i] = static_cast<char>(mix(n * 16 + i / 8) >> (i % 8 * 8));
    }
}

std::vector<std::uint32_t> drawRows(std::size_t rows, std::size_t count) {
    std::vector<std::uint32_t> out(count);
    for (std::size_t i = 0; i < count; ++i)
        out[i] = static_cast<std::uint32_t>(mix(i ^ 0xABCDEF) % rows);
    return out;
}

}  // namespace bench
