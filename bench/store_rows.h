// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

//! \brief The rows that every store of bench_store gets: keys of 23 bytes in random order, values
//! of 75 bytes that do not compress. Row n is the same in every run.
class Rows {
 public:
    static constexpr std::size_t kKeyBytes = 23;
    static constexpr std::size_t kValueBytes = 75;

    explicit Rows(std::size_t count);
    std::size_t count() const { return m_count; }
    std::size_t rawBytes() const { return m_count * (kKeyBytes + kValueBytes); }
    std::string_view key(std::size_t n) const { return {row(n), kKeyBytes}; }
    std::string_view value(std::size_t n) const { return {row(n) + kKeyBytes, kValueBytes}; }

 private:
    const char* row(std::size_t n) const { return m_bytes.data() + n * (kKeyBytes + kValueBytes); }
    std::size_t m_count;
    std::string m_bytes;
};

//! \brief \a count row numbers below \a rows, drawn at random.
std::vector<std::uint32_t> drawRows(std::size_t rows, std::size_t count);

}  // namespace bench
