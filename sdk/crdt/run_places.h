// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace kimdb::crdt {

//! \brief Counts which of n places are taken: a binary indexed tree (Fenwick 1994). All in
//! O(log n).
class RunPlaces {
 public:
    explicit RunPlaces(std::size_t n) : m_counts(n + 1, 0) {}

    //! How many in front of a place are taken.
    std::uint32_t countBefore(std::uint32_t place) const {
        std::uint32_t count = 0;
        for (std::uint32_t i = place; i > 0; i &= i - 1) count += m_counts[i];
        return count;
    }
    void take(std::uint32_t place) {
        for (std::size_t i = place + 1; i < m_counts.size(); i += i & (~i + 1)) ++m_counts[i];
    }
    //! Takes the free place that has \a count free ones in front of it. REQUIRES: there is one.
    std::uint32_t takeFree(std::uint32_t count) {
        std::uint32_t at = 0;
        for (std::uint32_t step = std::bit_floor(static_cast<std::uint32_t>(m_counts.size()));
             step > 0; step /= 2) {
            const std::uint32_t next = at + step;
            if (next >= m_counts.size() || step - m_counts[next] > count) continue;
            count -= step - m_counts[next];
            at = next;
        }
        take(at);
        return at;
    }

 private:
    std::vector<std::uint32_t> m_counts;
};

}  // namespace kimdb::crdt
