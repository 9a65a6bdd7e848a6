// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crdt/twin.h"

namespace kimdb::test {

//! \brief One random history of 2–6 replicas that edit, undo, exchange changes in any order, twice
//! or late, lose them, are started again and are refused; all from one seed. It is a list of
//! actions that mean something in any state, so that actions can be taken out: that is how a
//! failing one is made short.
class History {
 public:
    explicit History(std::uint64_t seed, Mistake mistake = Mistake::None);

    //! The first thing that was not as it has to be. \a words gets a line for each action.
    std::optional<std::string> run(std::string* words = nullptr) const;
    //! A shorter one that fails too, of which no action can be taken out. REQUIRES: this one fails.
    History shrunk() const;
    std::size_t size() const { return m_actions.size(); }

 private:
    struct Edit {
        int kind = 0;
        std::uint64_t a = 0, b = 0, c = 0;
    };
    struct Action {
        int kind = 0;
        std::size_t who = 0;
        std::uint64_t pick = 0;
        std::vector<Edit> edits;
    };
    struct Replica {
        explicit Replica(ReplicaId id, Mistake mistake) : twin(id, mistake) {}
        Twin twin;
        std::vector<TwinChange> log;     // applied or waiting, in order of arrival
        std::vector<TwinChange> outbox;  // not sent: only these may be refused
        std::vector<TwinChange> inbox;
    };
    class Run;

    std::vector<ReplicaId> m_ids;
    std::vector<Action> m_actions;
    Mistake m_mistake;
};

}  // namespace kimdb::test
