// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

#include "core/change.h"

namespace kimdb::test {

//! \brief A few replicas that write at random into containers of every type, undo, redo and
//! expunge, and hear of each other now and then: a source of histories with everything in them.
//! One seed, one history.
class Crowd {
 public:
    Crowd(std::uint64_t seed, std::size_t replicas);
    void run(std::size_t steps);
    void meet();  //!< everybody hears of everything
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random() % n); }
    //! Lets a document that is nobody's write something. Returns what it wrote.
    std::vector<Change> writes(crdt::Document& doc, std::size_t steps);

    std::mt19937_64 random;
    std::vector<Change> changes;  //!< of all, each behind what it depends on
    std::vector<bool> reverts;    //!< of each change: whether it is an undo or redo

 private:
    struct Member {
        crdt::Document doc;
        std::size_t heard = 0;  // of `changes`
    };
    std::optional<Change> write(crdt::Document& doc);
    void edit(crdt::Document& doc);
    void editText(crdt::Document& doc, const crdt::ContainerId& text);
    void editList(crdt::Document& doc, const crdt::ContainerId& list);
    void editMarks(crdt::Document& doc, const crdt::ContainerId& text);
    std::u16string words();
    bool m_reverted = false;  // the last write

    std::vector<std::unique_ptr<Member>> m_members;
    std::int64_t m_time_ms = 1'700'000'000'000;
};

}  // namespace kimdb::test
