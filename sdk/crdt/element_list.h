// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "crdt/register.h"
#include "crdt/rga.h"

namespace kimdb::crdt {

//! \brief A list: elements with a value each, in the order of an Rga, that can be moved.
//!
//!   slots      a   b   c   a'      every insertion and every move makes a slot
//!   elements   a ──┼───┼───┘       a was moved: shown at a', `elsewhere` at a
//!
//! An element is named by the operation that inserted it, and its first slot is its *home*. Its
//! value is a register; so is its position: the slot with the greatest (lamport, replica) shows it,
//! so that two who move it never double it. What is deleted or toggled is the element: all of its
//! slots share that state (Rga::addPlace). Value, position and deletion do not know of each other.
//! Invariant: of the slots of an element all but one are `elsewhere`. Thread: one at a time.
class ElementList {
 public:
    struct Position {
        std::uint64_t lamport = 0;
        ReplicaId replica = 0;
        Slot slot = 0;

        bool losesTo(const Position& other) const {
            return lamport != other.lamport ? lamport < other.lamport : replica < other.replica;
        }
    };
    struct Element {
        Slot home = 0;
        Position position;
        Register value;
    };

    explicit ElementList(const ReplicaTable& replicas) : m_order(replicas) {}

    Rga& order() { return m_order; }
    const Rga& order() const { return m_order; }
    std::size_t length() const { return m_order.length(); }
    //! The visible element at an index. REQUIRES: index < length().
    const Element& at(std::size_t index) const;
    //! The element that a slot belongs to.
    const Element& of(Slot slot) const { return m_elements[m_element_of[slot]]; }
    //! The element of this name; nullptr when there is none.
    const Element* find(OpId id) const;
    OpId idOf(const Element& element) const { return m_order.idOf(element.home); }
    //! Whether all ids are elements.
    bool areElements(const IdRun& run) const;
    bool canToggle(ReplicaIndex author, const IdRun& run) const;
    template <class F>
    void forEach(F&& f) const {
        m_order.forEachVisible([&](Slot slot, std::uint32_t n) {
            for (std::uint32_t i = 0; i < n; ++i) f(of(slot + i));
        });
    }

    // ---- to be called before the order gets the slot ----
    void willInsert(Register value);
    void willMove(const Element& element) { m_element_of.push_back(indexOf(element)); }

    //! Keeps the winner; whether that is the new one.
    bool write(const Element& element, Register value);
    //! The slot that the order got for willMove().
    void move(const Element& element, Position to, const Rga::Listener* listener);
    void position(const Element& element, Position to, const Rga::Listener* listener);
    template <class Pred, class F>
    void expungeValues(Pred&& is_expunged, F&& f) {
        for (Element& e : m_elements)
            if (e.value.kind != ValueKind::Absent && is_expunged(e.value.origin)) {
                e.value.expunge();
                f(e);
            }
    }

    // ---- files ----
    //! Whether a slot is where its element was inserted.
    bool isHome(Slot slot) const { return of(slot).home == slot; }
    //! What a file said of an empty list's elements. \a homes: of each slot's element, by slot.
    //! REQUIRES: the order is built; an element per slot that is its own home, ascending; positions
    //! are slots of it. A stub is an element without value.
    void restore(std::vector<Element> elements, const std::vector<Slot>& homes);

    std::optional<std::string> checkInvariants() const;

 private:
    std::uint32_t indexOf(const Element& element) const {
        return static_cast<std::uint32_t>(&element - m_elements.data());
    }

    Rga m_order;
    std::vector<Element> m_elements;
    std::vector<std::uint32_t> m_element_of;  // by slot
};

}  // namespace kimdb::crdt
