// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <kimdb/crdt/document.h>

#include "crdt/op_codec.h"

namespace kimdb::crdt {

//! \brief What one key of a map shows: the write with the greatest (lamport, replica). `origin` is
//! the operation whose content this is: an undo writes old content under a new id but with the old
//! origin, so "overwritten since?" is a question about origins.
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
};

//! \brief Last-writer-wins registers by key; losers are not kept. A removed key stays as Absent.
class LwwMap {
 public:
    using Registers = std::map<std::string, Register, std::less<>>;

    const Register* find(std::string_view key) const {
        const auto at = m_registers.find(key);
        return at == m_registers.end() ? nullptr : &at->second;
    }
    const Registers& registers() const { return m_registers; }
    //! Keeps the winner. Returns whether that is \a written.
    bool write(std::string_view key, Register written) {
        const auto at = m_registers.find(key);
        if (at == m_registers.end()) {
            m_registers.emplace(std::string(key), std::move(written));
            return true;
        }
        if (!at->second.losesTo(written)) return false;
        at->second = std::move(written);
        return true;
    }

 private:
    Registers m_registers;
};

}  // namespace kimdb::crdt
