// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace kimdb::test::allocation {

//! \brief How many bytes more than at its creation were allocated at once. Counts every new of the
//! program (allocation.cpp replaces it). One at a time, one thread.
class Peak {
 public:
    Peak();
    std::size_t bytes() const;
};

}  // namespace kimdb::test::allocation
