// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace kimdb::crdt {

//! \brief A sequence as it grows while its file is written or read: both sides keep the same one,
//! so what it foretells need not be said. Characters are numbered from 1 in the order of the file;
//! 0 is the start as a left neighbour and the end as a right one.
//!
//! What is deleted here is what some deletion named, whether that is enabled or not. Whoever
//! deletes backwards goes from a character to its left origin; those that are gone are skipped
//! with path compression, so a file cannot make the walk long.
class SequenceWalk {
 public:
    using Mark = std::uint32_t;

    explicit SequenceWalk(std::size_t replicas) : m_cursors(replicas, 0) {
        m_next.push_back(0);
        m_up.push_back(0);
    }
    void reserve(std::size_t characters) {
        m_next.reserve(characters + 1);
        m_up.reserve(characters + 1);
        m_deleted.reserve(characters / 64 + 1);
    }
    //! Only next() is asked from now on.
    void forgetOrigins() {
        std::vector<Mark>().swap(m_up);
        std::vector<std::uint64_t>().swap(m_deleted);
    }
    Mark end() const { return static_cast<Mark>(m_next.size()); }
    Mark next(Mark at) const { return m_next[at]; }
    bool isDeleted(Mark at) const { return m_deleted[at / 64] >> at % 64 & 1; }

    //! \a n characters behind \a place, the first with left origin \a left. Returns the first.
    Mark insert(Mark left, Mark place, std::uint32_t n);
    void remove(Mark first, std::uint32_t n);
    //! \a at, or where its left origins lead to; the start when all of them are gone.
    Mark alive(Mark at);
    //! What follows and is not deleted, if it is near; else 0.
    Mark aliveBehind(Mark at) const;

    //! Where a replica was last active.
    Mark cursor(std::uint32_t replica) { return alive(m_cursors[replica]); }
    void setCursor(std::uint32_t replica, Mark at) { m_cursors[replica] = at; }

 private:
    std::vector<Mark> m_next;
    std::vector<Mark> m_up;  // left origin, or further up
    std::vector<std::uint64_t> m_deleted{0};
    std::vector<Mark> m_cursors;
};

}  // namespace kimdb::crdt
