// SPDX-License-Identifier: MIT
#include "crdt/element_list.h"

namespace kimdb::crdt {

const ElementList::Element& ElementList::at(std::size_t index) const {
    return of(m_order.neighboursOf(index).right);
}

const ElementList::Element* ElementList::find(OpId id) const {
    const auto slot = m_order.slotOf(id);
    if (!slot || *slot >= kSlotMax || of(*slot).home != *slot) return nullptr;
    return &of(*slot);
}

bool ElementList::areElements(const IdRun& run) const {
    std::vector<SlotRun> slots;
    if (!m_order.appendSlots(run, &slots)) return false;
    for (const SlotRun& r : slots)
        for (Slot s = r.first; s < r.first + r.count; ++s)
            if (of(s).home != s) return false;
    return true;
}

bool ElementList::canToggle(ReplicaIndex author, const IdRun& run) const {
    if (!m_order.canToggle(author, run)) return false;
    for (std::uint64_t c = run.first; c < run.end(); ++c)
        if (const auto slot = m_order.slotOf(author, c); slot && of(*slot).home != *slot)
            return false;
    return true;
}

void ElementList::willInsert(Register value) {
    const auto slot = static_cast<Slot>(m_element_of.size());
    m_element_of.push_back(static_cast<std::uint32_t>(m_elements.size()));
    const Position here{value.lamport, value.writer.replica, slot};
    m_elements.push_back({slot, here, std::move(value)});
}

bool ElementList::write(const Element& element, Register value) {
    Register& shown = m_elements[indexOf(element)].value;
    if (!shown.losesTo(value)) return false;
    shown = std::move(value);
    return true;
}

void ElementList::move(const Element& element, Position to, const Rga::Listener* listener) {
    m_order.addPlace(element.home, to.slot);
    position(element, to, listener);
}

void ElementList::position(const Element& element, Position to, const Rga::Listener* listener) {
    Position& shown = m_elements[indexOf(element)].position;
    if (!shown.losesTo(to)) return;
    if (shown.slot != to.slot) {
        m_order.setShown(shown.slot, false, listener);
        m_order.setShown(to.slot, true, listener);
    }
    shown = to;
}

void ElementList::restore(std::vector<Element> elements, const std::vector<Slot>& homes) {
    m_elements = std::move(elements);
    m_element_of.resize(homes.size());
    for (std::size_t i = 0; i < m_elements.size(); ++i)
        m_element_of[m_elements[i].home] = static_cast<std::uint32_t>(i);
    for (Slot slot = 0; slot < homes.size(); ++slot) {
        if (homes[slot] == slot) continue;
        m_element_of[slot] = m_element_of[homes[slot]];
        m_order.addPlace(homes[slot], slot);
    }
    for (const Element& element : m_elements) {
        if (element.position.slot == element.home) continue;
        m_order.setShown(element.home, false, nullptr);
        m_order.setShown(element.position.slot, true, nullptr);
    }
}

std::optional<std::string> ElementList::checkInvariants() const {
    if (auto bad = m_order.checkInvariants()) return "list: " + *bad;
    if (m_element_of.size() != m_order.nextSlot()) return "list: a slot without element";
    std::size_t alive = 0;
    for (Slot slot = 0; slot < m_order.nextSlot(); ++slot) {
        const Element& element = of(slot);
        const bool is_shown = element.position.slot == slot;
        if (m_order.isElsewhere(slot) == is_shown) return "list: an element is twice or nowhere";
        if (m_order.isVisible(slot)) ++alive;
    }
    if (alive != length()) return "list: its length";
    return std::nullopt;
}

}  // namespace kimdb::crdt
