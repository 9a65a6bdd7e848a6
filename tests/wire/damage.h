// SPDX-License-Identifier: MIT
#pragma once

#include <kimdb/ids.h>

namespace kimdb::wire {

//! \brief Calls \a check with every truncation of \a bytes.
template <class Check>
void forEachTruncation(const Bytes& bytes, Check check) {
    for (std::size_t n = 0; n < bytes.size(); ++n) check(ByteView(bytes).substr(0, n));
}

//! \brief Calls \a check with every change of a single byte of \a bytes.
template <class Check>
void forEachChangedByte(const Bytes& bytes, Check check) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
        for (int delta = 1; delta < 256; ++delta) {
            Bytes damaged = bytes;
            damaged[i] = static_cast<char>(damaged[i] + delta);
            check(damaged);
        }
}

}  // namespace kimdb::wire
