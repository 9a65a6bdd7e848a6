// SPDX-License-Identifier: MIT
#include "crdt/sequence_walk.h"

#include <algorithm>

namespace kimdb::crdt {

SequenceWalk::Mark SequenceWalk::insert(Mark left, Mark place, std::uint32_t n) {
    const Mark first = end();
    for (std::uint32_t i = 0; i < n; ++i) {
        m_next.push_back(first + i + 1);
        m_up.push_back(i == 0 ? left : first + i - 1);
    }
    m_next.back() = m_next[place];
    m_next[place] = first;
    m_deleted.resize(m_next.size() / 64 + 1, 0);
    return first;
}

void SequenceWalk::remove(Mark first, std::uint32_t n) {
    const Mark stop = first + n;
    for (first = std::max<Mark>(first, 1); first < stop;) {  // the start stays
        const Mark word_end = std::min<Mark>(stop, (first / 64 + 1) * 64);
        const std::uint64_t bits = word_end - first == 64
                                       ? ~std::uint64_t{0}
                                       : (std::uint64_t{1} << (word_end - first)) - 1;
        m_deleted[first / 64] |= bits << first % 64;
        first = word_end;
    }
}

SequenceWalk::Mark SequenceWalk::alive(Mark at) {
    Mark found = at;
    while (isDeleted(found)) found = m_up[found];
    while (isDeleted(at)) {
        const Mark up = m_up[at];
        m_up[at] = found;
        at = up;
    }
    return found;
}

SequenceWalk::Mark SequenceWalk::aliveBehind(Mark at) const {
    constexpr int kStepsMax = 32;
    for (int i = 0; i < kStepsMax; ++i) {
        at = m_next[at];
        if (at == 0 || !isDeleted(at)) return at;
    }
    return 0;
}

}  // namespace kimdb::crdt
