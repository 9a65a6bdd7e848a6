// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "crdt/register.h"

namespace kimdb::crdt {

//! \brief Last-writer-wins registers by key; losers are not kept. A removed key stays as Absent. A
//! set is one too: memberName() is the key, the member the value.
class LwwMap {
 public:
    using Registers = std::map<std::string, Register, std::less<>>;

    const Register* find(std::string_view key) const {
        const auto at = m_registers.find(key);
        return at == m_registers.end() ? nullptr : &at->second;
    }
    const Registers& registers() const { return m_registers; }
    //! Gives each register whose content is to be erased to \a f(key, register).
    template <class Pred, class F>
    void expunge(Pred&& is_expunged, F&& f) {
        for (auto& [key, shown] : m_registers)
            if (shown.kind != ValueKind::Absent && is_expunged(shown.origin)) f(key, shown);
    }
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
