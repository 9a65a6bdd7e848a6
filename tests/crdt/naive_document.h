// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

#include "core/change.h"
#include "crdt/op_codec.h"

namespace kimdb::test {

//! \brief The semantics once more, as slow and plain as can be: every text is a list with
//! tombstones, an insertion scans it as YATA does, what is toggled off is in a set. It shares only
//! the codec with the engine.
class NaiveDocument {
 public:
    void receive(const Change& change);
    Value toValue() const { return show(crdt::ContainerId::root()); }

 private:
    struct Element {
        OpId id, left, right;
        std::string utf8;
    };
    struct Register {
        std::uint64_t lamport = 0;
        ReplicaId replica = 0;
        crdt::ValueKind kind = crdt::ValueKind::Absent;
        crdt::ContainerType type = crdt::ContainerType::Map;
        Value value;
    };
    struct Clearing {
        OpId id;
        std::map<ReplicaId, std::uint64_t> seen;
    };
    struct Increment {
        OpId id;
        std::int64_t delta;
    };
    using Sequence = std::vector<Element>;

    bool has(OpId id) const;
    bool isReady(const Change& change) const;
    void apply(const Change& change);
    void applyInsert(const crdt::Op& op, ReplicaId author);
    static long indexOf(const Sequence& order, OpId id);
    static long placeOf(const Sequence& order, OpId left, OpId right, OpId id);
    bool isVisible(OpId id) const;
    Value show(const crdt::ContainerId& container) const;
    std::int64_t count(const crdt::ContainerId& container) const;

    std::vector<Change> m_waiting;
    std::map<ReplicaId, std::uint64_t> m_heads;
    std::map<OpId, std::uint64_t> m_lamports;
    std::map<crdt::ContainerId, Sequence> m_texts;
    std::map<crdt::ContainerId, std::map<std::string, Register>> m_maps;
    std::map<crdt::ContainerId, std::vector<Increment>> m_increments;
    std::map<crdt::ContainerId, std::vector<Clearing>> m_clearings;
    std::map<OpId, std::set<OpId>> m_deletions;  // of an element
    std::set<OpId> m_off;
};

}  // namespace kimdb::test
