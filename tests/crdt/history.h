// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

#include "core/change.h"
#include "crdt/naive_document.h"

namespace kimdb::test {

//! \brief One random history of a few replicas that edit, undo, exchange changes in any order,
//! twice or late, and are started again from their log; all from one seed.
class History {
 public:
    explicit History(std::uint64_t seed);
    //! The first thing that was not as it has to be.
    std::optional<std::string> run();

 private:
    using Texts = std::map<crdt::ContainerId, std::u16string>;
    using Maps = std::map<crdt::ContainerId, std::map<std::string, Value>>;
    struct Replica {
        crdt::Document doc;
        NaiveDocument naive;
        std::vector<Change> log;  // applied or waiting, in order of arrival
        std::vector<Change> inbox;
        Texts texts;  // kept up to date by events alone
        Maps maps;
        std::map<crdt::ContainerId, std::int64_t> counters;  // read again only when told
        std::string event_error;
    };

    std::size_t below(std::size_t n) { return static_cast<std::size_t>(m_random() % n); }
    void listen(Replica& replica);
    void step(Replica& replica);
    void edit(Replica& replica);
    void editText(crdt::Document& doc, const crdt::ContainerId& text);
    void editMap(crdt::Document& doc);
    void deliver(Replica& replica);
    void restart(Replica& replica);
    void send(Replica& from, const std::optional<Change>& change);
    std::optional<std::string> undoIsReversible(Replica& replica);
    std::optional<std::string> check(const Replica& replica) const;
    static void apply(Replica& replica, const std::vector<crdt::Event>& events);

    std::mt19937_64 m_random;
    std::vector<std::unique_ptr<Replica>> m_replicas;
    std::int64_t m_time_ms = 1;
    std::optional<std::string> m_bad;
};

}  // namespace kimdb::test
