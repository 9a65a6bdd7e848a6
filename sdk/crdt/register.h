// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include <kimdb/crdt/document.h>

#include "crdt/op_codec.h"

namespace kimdb::crdt {

//! \brief What one key of a map, member of a set or element of a list shows: the write with the
//! greatest (lamport, replica). `origin` is the operation whose content this is: an undo writes old
//! content under a new id but with the old origin, so "overwritten since?" is a question about
//! origins.
struct Register {
    std::uint64_t lamport = 0;
    OpId writer;
    OpId origin;  //!< null: absent before anyone wrote
    ValueKind kind = ValueKind::Absent;
    ContainerType type = ContainerType::Map;  //!< Container
    Value value;                              //!< Plain

    bool losesTo(const Register& other) const {
        return lamport != other.lamport ? lamport < other.lamport
                                        : writer.replica < other.writer.replica;
    }
    std::optional<Value> plain() const {
        return kind == ValueKind::Plain ? std::optional(value) : std::nullopt;
    }
    void expunge() {
        kind = ValueKind::Absent;
        value = {};
    }
};

}  // namespace kimdb::crdt
