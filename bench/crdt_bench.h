// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

#include "bench/measure.h"
#include "bench/peers.h"
#include "core/change.h"

//! The parts of bench_crdt: how a case is measured beside its peers, and edits in short.
namespace bench {

inline const kimdb::crdt::ContainerId kText = kimdb::crdt::ContainerId::child(
    kimdb::crdt::ContainerId::root(), "t", kimdb::crdt::ContainerType::Text);

struct Patch {
    std::size_t position = 0;
    std::size_t removed = 0;
    std::u16string inserted;
};

//! \brief One patch as one transaction.
std::optional<kimdb::Change> write(kimdb::crdt::Document& doc, const Patch& patch,
                                   std::int64_t time_ms);

//! \brief Decodes all and integrates them at once, as a peer's applyMany does.
void receiveBatch(kimdb::crdt::Document& doc, const std::vector<kimdb::Bytes>& updates);

//! \brief Measures cases and prints them beside the peers' answers.
class Crdt {
 public:
    Crdt(const Options& options, Peers& peers) : m_options(options), m_peers(peers) {}

    const Options& options() const { return m_options; }
    Peers& peers() { return m_peers; }
    bool wantsAny(std::initializer_list<const char*> metrics) const;

    //! \a work is done also when nobody wants its metric: cases build on what it leaves.
    void time(const std::string& metric, const std::string& peer_run, const Peers::Reading& read,
              const std::function<void()>& prepare, const std::function<void()>& work);
    void value(const std::string& metric, double ours, const char* unit,
               const std::string& peer_run, const Peers::Reading& read);

 private:
    const Options& m_options;
    Peers& m_peers;
};

//! \brief The document in a file, and read from one (crdt_files.cpp).
void files(Crdt& run, const kimdb::crdt::Document& doc);

//! \brief The cases B1–B3 of the crdt-benchmarks suite, N = 6,000 (crdt_suite.cpp).
void suite(Crdt& run);

}  // namespace bench
