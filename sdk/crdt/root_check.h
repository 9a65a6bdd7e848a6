// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "core/change.h"
#include "crdt/change_graph.h"
#include "crdt/container.h"
#include "crdt/op_codec.h"

namespace kimdb::crdt {

//! \brief Whether the operations of a change need what a shallow document has dropped. It is asked
//! before ChangeCheck, which would take what is gone for something that never was. What a shallow
//! document takes in it shows like a full one, whatever the author's intentions: the order of what
//! was typed at one place is decided by what is there, if nothing of the root stands between the
//! origins, and otherwise the change is refused.
//! REQUIRES: the change knows the root; deps, own previous counter and references are here.
class RootCheck {
 public:
    RootCheck(const ContainerTree& containers, const ChangeGraph& graph, const Change& change)
        : m_containers(containers), m_graph(graph), m_change(change) {}
    //! Uses the caller's reader and operation. Returns the first id it needs and that is gone.
    std::optional<OpId> firstDropped(OpReader& reader, Op& op) const;

 private:
    std::optional<OpId> check(const Op& op) const;
    std::optional<OpId> checkOrigins(const Rga& order, OpId left, OpId right) const;
    std::optional<OpId> checkInherited(const Op& op) const;
    std::optional<OpId> checkToggle(const Op& op, const Container& container) const;
    std::optional<OpId> checkRuns(const Op& op, const Rga& order) const;
    //! What an id is good for. Nothing: as what never was, which is another's to judge.
    enum class Role : std::uint8_t { RightOrigin, Place, Target };
    bool isGone(const Rga& order, OpId id, Role role) const;
    bool isNew(OpId id) const {
        return id.replica == m_change.replica && id.counter >= m_change.first;
    }

    const ContainerTree& m_containers;
    const ChangeGraph& m_graph;
    const Change& m_change;
};

}  // namespace kimdb::crdt
