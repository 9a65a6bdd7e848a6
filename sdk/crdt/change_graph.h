// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include <kimdb/crdt/vector_clock.h>
#include <kimdb/ids.h>

#include "core/change.h"
#include "crdt/replica_table.h"

namespace kimdb::crdt {

//! \brief The applied changes without their operations: who wrote how many, what was known, and the
//! lamport of every counter (docs/CRDT.md "Order of events").
//!
//! Lamport of a change = 1 + the greatest lamport among its deps and the own previous counter; its
//! operations count up from there. Kept as runs: counters that count in step with lamports.
class ChangeGraph {
 public:
    enum class Known { New, Same, Different };

    ReplicaTable& replicas() { return m_table; }
    const ReplicaTable& replicas() const { return m_table; }

    std::uint64_t head(ReplicaId replica) const {
        const Replica* r = find(replica);
        return r ? r->head : 0;
    }
    bool has(OpId id) const { return id.counter <= head(id.replica); }
    //! REQUIRES: has(id).
    std::uint64_t lamportOf(OpId id) const;
    std::uint64_t lamportMax() const { return m_lamport_max; }
    //! REQUIRES: deps and the own previous counter are here.
    std::uint64_t lamportOf(const Change& change) const;
    //! Whether the change, or another with its counters, is here.
    Known compare(const Change& change) const;
    //! Appends to its replica's changes. REQUIRES: first = head + 1; deps are here.
    void add(const Change& change, std::uint64_t lamport);

    std::vector<OpId> heads() const;                    //!< ascending
    std::vector<OpId> depsFor(ReplicaId author) const;  //!< heads of the others
    bool hasDepsFor(ReplicaId author) const {
        const Replica* own = find(author);
        return m_heads > (own && own->is_head ? 1U : 0U);
    }
    std::vector<std::pair<ReplicaId, std::uint64_t>> version() const;
    //! Whether \a id happened before \a change (or in an earlier change of its author).
    bool isInPast(OpId id, const Change& change) const;

    // ---- files ----
    //! Whether no other replica's change depends on the replica's last.
    bool isHead(ReplicaIndex replica) const { return m_replicas[replica].is_head; }
    //! Gives f(counter, lamport) where the lamports of a replica begin to count anew, ascending.
    template <class F>
    void forEachLamport(ReplicaIndex replica, F&& f) const {
        for (const LamportRun& run : m_replicas[replica].lamports) f(run.counter, run.lamport);
    }
    //! Gives f(first counter, deps, their number) for the changes of a replica that have deps.
    template <class F>
    void forEachDeps(ReplicaIndex replica, F&& f) const {
        for (const Deps& d : m_replicas[replica].deps) f(d.first, m_deps.data() + d.begin, d.count);
    }
    // ---- the root of a shallow document: what is older has lost its structure ----
    bool hasRoot() const { return m_root_lamport > 0; }
    bool isRoot(OpId id) const {
        const Replica* r = find(id.replica);
        return r && id.counter <= r->root;
    }
    //! The greatest lamport of the root. Whoever knows the root has a greater one, so it stands for
    //! all of them.
    std::uint64_t rootLamport() const { return m_root_lamport; }
    std::uint64_t rootOf(ReplicaIndex replica) const { return m_replicas[replica].root; }
    bool isRootHead(ReplicaIndex replica) const { return m_replicas[replica].is_root_head; }
    //! What the author of a change did not know of the root; nullopt: all of it was known. Looks at
    //! the heads of the root only: every change behind the root that is here knows it.
    std::optional<IdRun> unknownRoot(const Change& change) const;

    //! What a file says of a replica, in this order. Its changes are known, but not told apart from
    //! others with their counters. REQUIRES: counter 1 has a lamport; both ascend; deps are known.
    ReplicaIndex restore(ReplicaId replica, std::uint64_t head, bool is_head);
    void restoreRoot(ReplicaIndex replica, std::uint64_t root, bool is_root_head);
    void restoreRootLamport(std::uint64_t lamport);
    void restoreLamport(ReplicaIndex replica, std::uint64_t counter, std::uint64_t lamport);
    void restoreDeps(ReplicaIndex replica, std::uint64_t first, const std::vector<OpId>& deps);

    //! Tells changes with equal counters apart; not a hash to trust against an attacker. The lower
    //! bits are of the content, 0 when some of it was expunged: that compares equal to any.
    static std::uint32_t fingerprint(const Change& change);
    static bool areSame(std::uint32_t a, std::uint32_t b);

 private:
    struct LamportRun {
        std::uint64_t counter = 0;
        std::uint64_t lamport = 0;
    };
    struct ChangeRun {  // changes of equal width, one after the other
        std::uint64_t first = 0;
        std::uint64_t width = 0;
        std::size_t fingerprint = 0;  // index of the first one's
    };
    struct Deps {
        std::uint64_t first = 0;  // of the change that has them
        std::size_t begin = 0;    // in m_deps
        std::size_t count = 0;
    };
    struct Replica {
        std::uint64_t head = 0;
        std::uint64_t base = 0;  // up to here it came from a file
        bool is_head = false;
        std::uint64_t root = 0;
        bool is_root_head = false;
        std::vector<LamportRun> lamports;  // behind the root
        std::vector<ChangeRun> changes;
        std::vector<std::uint32_t> fingerprints;
        std::vector<Deps> deps;
    };
    const Replica* find(ReplicaId id) const {
        const auto index = m_table.find(id);
        return index && *index < m_replicas.size() ? &m_replicas[*index] : nullptr;
    }

    ReplicaTable m_table;
    std::vector<Replica> m_replicas;
    std::vector<OpId> m_deps;
    std::size_t m_heads = 0;
    std::uint64_t m_lamport_max = 0;
    std::uint64_t m_root_lamport = 0;
};

}  // namespace kimdb::crdt
