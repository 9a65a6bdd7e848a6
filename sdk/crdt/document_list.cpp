// SPDX-License-Identifier: MIT
// What this replica writes into lists and sets.
#include <algorithm>
#include <cassert>

#include "crdt/document_impl.h"

namespace kimdb::crdt {

Item Document::Impl::itemOf(const Register& element) const {
    Item item{element.plain(), std::nullopt};
    if (element.kind == ValueKind::Container)
        item.container = ContainerId::element(element.origin, element.type);
    else if (!item.value)
        item.value = Value();  // expunged
    return item;
}

// ---- elements ----

// Their origins chain them: each but the first stands behind the one in front of it.
void Document::Impl::addElements(Container& list, std::size_t position,
                                 const std::vector<Register>& values) {
    assert(is_open && list.list);
    if (values.empty()) return;
    position = std::min(position, list.list->length());
    Rga& order = list.list->order();
    ListSplice splice{position, 0, {}};
    for (const Register& value : values) {
        if (events.isListening()) splice.inserted.push_back(itemOf(value));
        list.list->willInsert(value);
    }
    const std::uint64_t counter = m_writer.counter();
    const auto n = static_cast<std::uint32_t>(values.size());
    const Rga::Inserted done = order.insert(position, m_self, counter, {}, n);
    const OpId right =
        done.continues ? order.idOf(order.rightOf(*order.slotOf(done.left))) : done.right;
    OpId left = done.left;
    for (const Register& value : values) {
        const Bytes bytes = value.kind == ValueKind::Plain ? value.value.encode() : Bytes();
        const OpId id{self_id, m_writer.counter()};
        m_writer.insertElement(list.id, left, right, {value.kind, bytes, value.type});
        left = id;
    }
    undo_manager.captureToggle(list, {self_id, counter, n}, true, {});
    events.splice(list, std::move(splice));
}

void Document::Impl::insertElements(Container& list, std::size_t position,
                                    const std::vector<Value>& values) {
    std::vector<Register> registers;
    registers.reserve(values.size());
    for (const Value& value : values) {
        registers.push_back(written(ValueKind::Plain, value, ContainerType::Map));
        Register& last = registers.back();
        last.lamport += registers.size() - 1;
        last.writer.counter += registers.size() - 1;
        last.origin = last.writer;
    }
    addElements(list, position, registers);
}

OpId Document::Impl::insertChild(Container& list, std::size_t position, ContainerType type) {
    const OpId id{self_id, m_writer.counter()};
    addElements(list, position, {written(ValueKind::Container, {}, type)});
    return id;
}

void Document::Impl::showElement(Container& list, const ElementList::Element& element,
                                 Register value) {
    const Rga& order = list.list->order();
    const Slot slot = element.position.slot;
    if (!list.list->write(element, std::move(value)) || !events.isListening()) return;
    if (order.isVisible(slot))
        events.splice(list, ListSplice{order.positionOf(slot), 1, {itemOf(element.value)}});
}

void Document::Impl::write(Container& list, const ElementList::Element& element, Register value,
                           OriginKind origin) {
    const OpId id = list.list->idOf(element);
    undo_manager.capture(list, UndoWrite{{}, id, element.value, value});
    const Bytes bytes = value.kind == ValueKind::Plain ? value.value.encode() : Bytes();
    m_writer.setElement(list.id, id, {value.kind, bytes, value.type, origin, value.origin});
    showElement(list, element, std::move(value));
}

OpId Document::Impl::setElement(Container& list, std::size_t index, ValueKind kind,
                                const Value& value, ContainerType type) {
    assert(is_open && list.list && index < list.list->length());
    const OpId id{self_id, m_writer.counter()};
    write(list, list.list->at(index), written(kind, value, type), OriginKind::Self);
    return id;
}

void Document::Impl::removeElements(Container& list, std::size_t position, std::size_t count) {
    assert(is_open && list.list);
    Rga& order = list.list->order();
    const std::size_t begin = order.visible(position, count, &m_slots);
    if (m_slots.empty()) return;
    std::vector<SlotRun> homes;  // an element that was moved is named by where it came from
    for (const SlotRun& run : m_slots)
        for (Slot slot = run.first; slot < run.first + run.count; ++slot)
            homes.push_back({list.list->of(slot).home, 1});
    order.idsOf(homes, &m_ids);
    m_slots.clear();
    for (const IdRun& run : m_ids) order.appendSlots(run, &m_slots);
    const std::uint64_t counter = m_writer.counter();
    m_writer.remove(list.id, m_ids);
    undo_manager.captureToggle(list, {self_id, counter}, false, {});
    const std::size_t before = order.length();
    order.remove(m_self, counter, m_slots, nullptr);
    events.splice(list, ListSplice{begin, before - order.length(), {}});
}

// The new slot goes where the element will stand once it is gone from where it is.
void Document::Impl::moveElement(Container& list, std::size_t from, std::size_t to) {
    assert(is_open && list.list && std::max(from, to) < list.list->length());
    if (from == to) return;
    Rga& order = list.list->order();
    const ElementList::Element& element = list.list->at(from);
    const OpId id{self_id, m_writer.counter()};
    const OpId before = order.idOf(element.position.slot);
    const std::uint64_t lamport = lamportNow();
    list.list->willMove(element);
    const Rga::Inserted done = order.insert(to < from ? to : to + 1, m_self, id.counter, {}, 1);
    const OpId right =
        done.continues ? order.idOf(order.rightOf(*order.slotOf(done.left))) : done.right;
    m_writer.move(list.id, list.list->idOf(element), done.left, right);
    undo_manager.capture(list, UndoMove{list.list->idOf(element), before, id});
    const Rga::Listener listener = listenerOf(list);
    list.list->move(element, {lamport, self_id, *order.slotOf(id)}, orNone(listener));
}

// Back to a slot that the element had before.
void Document::Impl::place(Container& list, const ElementList::Element& element, OpId slot) {
    const Rga& order = list.list->order();
    const OpId id = list.list->idOf(element);
    undo_manager.capture(list, UndoMove{id, order.idOf(element.position.slot), slot});
    const std::uint64_t lamport = lamportNow();
    m_writer.position(list.id, id, slot);
    const Rga::Listener listener = listenerOf(list);
    list.list->position(element, {lamport, self_id, *order.slotOf(slot)}, orNone(listener));
}

// ---- members ----

void Document::Impl::setMember(Container& set, const Value& member, bool present) {
    assert(is_open && set.type == ContainerType::Set);
    const std::string name(memberName(member.encode()).view());
    const Register* old = set.map.find(name);
    const bool is_present = old && old->kind == ValueKind::Plain;
    if (is_present == present) return;
    const ValueKind kind = present ? ValueKind::Plain : ValueKind::Absent;
    write(set, name, written(kind, present ? member : Value(), ContainerType::Map),
          OriginKind::Self);
}

}  // namespace kimdb::crdt
