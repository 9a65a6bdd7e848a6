// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <vector>

#include <kimdb/crdt/document.h>

namespace kimdb::crdt {

//! \brief A counter: the sum, modulo 2^64, of the enabled increments that no enabled clearing
//! covers. A clearing covers, per replica, all increments up to the last it had seen; later ones
//! count.
class Counter {
 public:
    std::int64_t value() const { return static_cast<std::int64_t>(m_sum); }
    bool isUntouched() const { return m_increments.empty() && m_base.seen.empty(); }
    bool isEmpty() const { return isUntouched() && m_clearings.empty(); }

    //! What a shallow document still knows of the increments in front of its root: their sum, and
    //! the last one of each replica, ascending.
    struct Base {
        std::uint64_t sum = 0;
        std::vector<OpId> seen;
    };
    const Base& base() const { return m_base; }
    void setBase(Base base);
    //! Whether a clearing covers all of the base.
    bool coversBase(const std::vector<OpId>& seen) const;

    //! REQUIRES: ids of one replica arrive in ascending order.
    void increment(OpId id, std::int64_t delta);
    void clear(OpId id, std::vector<OpId> seen);
    //! The last increment of each replica, ascending.
    std::vector<OpId> seen() const;

    bool canToggle(const IdRun& run) const;
    void toggle(const IdRun& run, bool on);
    bool isOff(OpId id) const;

    // ---- files: what increment(), clear() and toggle() were told ----
    template <class F>
    void forEachIncrement(F&& f) const {  // f(id, delta, off), ascending
        for (const auto& [replica, increments] : m_increments)
            for (const Increment& i : increments)
                f(OpId{replica, i.counter}, static_cast<std::int64_t>(i.delta), i.off);
    }
    template <class F>
    void forEachClearing(F&& f) const {  // f(id, seen, off), ascending
        for (const auto& [id, clearing] : m_clearings) f(id, clearing.seen, clearing.off);
    }

 private:
    struct Increment {
        std::uint64_t counter = 0;
        std::uint64_t delta = 0;
        std::uint32_t clearings = 0;  // enabled ones that cover it
        bool off = false;

        std::uint64_t counted() const { return clearings == 0 && !off ? delta : 0; }
    };
    struct Clearing {
        std::vector<OpId> seen;
        bool off = false;
    };
    const Increment* find(OpId id) const;
    template <class F>
    void change(Increment& increment, F&& f);
    void cover(const Clearing& clearing, bool on);

    Base m_base;
    std::uint32_t m_base_clearings = 0;  // enabled ones that cover it
    std::map<ReplicaId, std::vector<Increment>> m_increments;
    std::map<OpId, Clearing> m_clearings;
    std::uint64_t m_sum = 0;
};

}  // namespace kimdb::crdt
