// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/change.h"
#include "crdt/container.h"
#include "crdt/op_codec.h"

namespace kimdb::crdt {

//! \brief Judges the operations of one change before any is applied: a change that breaks a rule is
//! VOID as a whole, on every replica alike, so only facts that never change count: what the change
//! says, what exists in which container, in what order. Applying a change that passed cannot fail.
//!
//! Origins that the same change inserted are judged without placing them: they have to be
//! neighbours in the list of what the change itself has put around them, as for every author they
//! are (docs/decisions/0010-rules-of-operations.md).
//! REQUIRES: deps, own previous counter and references are here.
class ChangeCheck {
 public:
    ChangeCheck(ContainerTree& containers, const ReplicaTable& replicas, const Change& change)
        : m_containers(containers), m_replicas(replicas), m_change(change) {}
    //! Uses the caller's reader and operation. Errors: Malformed, Unsupported.
    Result<> run(OpReader& reader, Op& op);
    //! The same for a change that is this one operation.
    Result<> only(const Op& op) { return check(op); }

 private:
    using Ids = std::map<std::pair<const Container*, OpId>, OpId>;
    struct NewOp {
        OpKind kind;
        const Container* container;
        std::uint64_t first, count;
        std::uint64_t scalars;  // inserted or deleted
        OpId right;
        OpId element;  // of a slot: what it shows
    };

    Error broken(const Op& op, const char* rule) const;
    Result<> check(const Op& op);
    Result<> checkClass(const Op& op) const;
    Result<> checkInsert(const Op& op);
    Result<> checkElement(const Op& op, const Container& list);
    Result<> checkMove(const Op& op, const Container& list);
    Result<> checkSet(const Op& op, const Container& container) const;
    Result<> checkMark(const Op& op, const Container& text) const;
    Result<> checkOrder(const Op& op, const Container& sequence, OpId left, OpId right) const;
    Result<> checkDelete(const Op& op, const Container& sequence);
    Result<> checkToggle(const Op& op, const Container& container) const;
    bool isElement(const Container& list, OpId id) const;
    void connect(const Container* sequence, OpId left, OpId first, OpId last, OpId right);
    bool isNew(OpId id) const {
        return id.replica == m_change.replica && id.counter >= m_change.first;
    }
    bool exists(const Container& sequence, OpId id) const;
    const NewOp* newOp(const Container* container, std::uint64_t counter) const;
    std::optional<OpId> behind(const Container* text, OpId id) const;
    std::optional<OpId> inFront(const Container* text, OpId id) const;
    void remember(const Op& op, const Container* container, std::uint64_t scalars, OpId right,
                  OpId element = {});

    ContainerTree& m_containers;
    const ReplicaTable& m_replicas;
    const Change& m_change;
    std::map<std::uint64_t, NewOp> m_new;  // by first counter
    Ids m_next, m_previous;                // neighbours that the change made
};

}  // namespace kimdb::crdt
