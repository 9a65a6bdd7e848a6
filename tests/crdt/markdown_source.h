// SPDX-License-Identifier: MIT
#pragma once

#include <random>

#include <kimdb/value.h>

namespace kimdb::test {

//! \brief Random Deltas of whole texts that Markdown can say, full of characters that mean
//! something in Markdown. One seed, one row of them.
class MarkdownSource {
 public:
    explicit MarkdownSource(std::uint64_t seed) : m_random(seed) {}
    Value document();
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(m_random() % n); }

 private:
    std::u16string words();
    Value::Object inlineAttributes();
    Value::Object lineAttributes();

    std::mt19937_64 m_random;
};

}  // namespace kimdb::test
