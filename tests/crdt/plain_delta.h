// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include <kimdb/value.h>

namespace kimdb::test {

//! \brief A text as an editor of Deltas has it: a row of units and embeds with attributes, the last
//! one a "\n". Naive on purpose.
class PlainDelta {
 public:
    PlainDelta() { end(); }

    //! REQUIRES: a Delta that fits.
    void apply(const Value& delta);
    //! In its shortest form.
    Value delta() const;

 private:
    struct Cell {
        char16_t unit = 0;  // 0: an embed
        Value embed;
        Value::Object attributes;
        bool operator==(const Cell&) const = default;
    };
    friend class DeltaSource;
    void end() {
        if (m_cells.empty() || m_cells.back().unit != u'\n') m_cells.push_back({u'\n', {}, {}});
    }

    std::vector<Cell> m_cells;
};

//! \brief Random Deltas in the shortest form. One seed, one row of them.
class DeltaSource {
 public:
    explicit DeltaSource(std::uint64_t seed) : m_random(seed) {}

    //! A whole text.
    Value document();
    //! Something that can be done to a text.
    Value change(const PlainDelta& text);
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(m_random() % n); }

 private:
    std::string words();
    Value::Object attributes();
    Value::Object inserted();

    std::mt19937_64 m_random;
};

}  // namespace kimdb::test
