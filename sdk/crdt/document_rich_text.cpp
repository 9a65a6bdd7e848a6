// SPDX-License-Identifier: MIT
// What this replica writes about texts: marks, comments, attributes of paragraphs; and expunging.
#include <algorithm>
#include <cassert>

#include "crdt/document_impl.h"

namespace kimdb::crdt {

namespace {

constexpr Anchor kStart{kStartId, true};
constexpr Anchor kEnd{kEndId, true};

}  // namespace

Marks::Mark Document::Impl::markOf(const Container& text, Anchor from, Anchor to,
                                   const std::optional<Value>& value, OpId origin) const {
    Marks::Mark mark;
    mark.from = {*text.text->slotOf(from.id), from.after};
    mark.to = {*text.text->slotOf(to.id), to.after};
    mark.origin = origin;
    if (!isErased(origin)) mark.value = value;
    return mark;
}

void Document::Impl::showMark(Container& text, const MarkKey& key, Marks::Mark mark) {
    text.ensureMarks().add(key, std::move(mark), [&](Marks::Point from, Marks::Point to) {
        events.mark(text, key, from, to);
    });
}

void Document::Impl::mark(Container& text, const MarkKey& given, Anchor from, Anchor to,
                          const std::optional<Value>& value, OriginKind origin_kind, OpId origin) {
    assert(is_open && text.text);
    MarkKey key = given;
    const OpId id{self_id, m_writer.counter()};
    if (key.text.empty() && !key.isComment()) key.comment = id;
    if (origin_kind == OriginKind::Self) origin = id;
    Marks::Mark made = markOf(text, from, to, value, origin);
    made.lamport = lamportNow();
    made.replica = self_id;
    UndoMark undo{key, {}, {value, origin}};
    for (const Marks::Stretch& s : text.ensureMarks().stretches(key, made.from, made.to))
        undo.stretches.push_back({{text.text->idOf(s.from.slot), s.from.after},
                                  {text.text->idOf(s.to.slot), s.to.after},
                                  s.winner ? UndoMark::Content{s.winner->value, s.winner->origin}
                                           : UndoMark::Content{}});
    undo_manager.capture(text, std::move(undo));
    const Bytes bytes = value ? value->encode() : Bytes();
    m_writer.mark(text.id, given, from, to,
                  {value ? ValueKind::Plain : ValueKind::Absent, bytes, ContainerType::Map,
                   origin_kind, origin});
    showMark(text, key, std::move(made));
}

void Document::Impl::mark(Container& text, std::size_t position, std::size_t length,
                          const MarkKey& key, const std::optional<Value>& value, Expand expand) {
    Rga& rga = *text.text;
    rga.visible(position, length, &m_slots);
    if (m_slots.empty()) return;
    const SlotRun& last_run = m_slots.back();
    const Slot first = m_slots.front().first;
    const Slot last = last_run.first + last_run.count - 1;
    const std::size_t begin = rga.positionOf(first);
    const std::size_t end = rga.positionOf(last) + rga.unitsOf(last);
    const bool expands_front = expand == Expand::Before || expand == Expand::Both;
    const bool expands_back = expand == Expand::After || expand == Expand::Both;
    const Anchor from = expands_front ? Anchor{rga.idOf(rga.neighboursOf(begin).left), true}
                                      : Anchor{rga.idOf(first), false};
    const Anchor to = expands_back ? Anchor{rga.idOf(rga.neighboursOf(end).right), false}
                                   : Anchor{rga.idOf(last), true};
    mark(text, key, from, to, value, OriginKind::Self, {});
}

void Document::Impl::markAll(Container& text, const MarkKey& key) {
    mark(text, key, kStart, kEnd, std::nullopt, OriginKind::Self, {});
}

void Document::Impl::setBlock(Container& text, std::size_t position, const std::string& key,
                              const std::optional<Value>& value) {
    Rga& rga = *text.text;
    OpId holder = kEndId;
    const Slot newline = rga.newlineFrom(position);
    if (newline != kEndSlot) holder = rga.idOf(newline);
    mark(text, {key, {}}, {holder, false}, {holder, true}, value, OriginKind::Self, {});
}

// ---- expunge ----

Change Document::Impl::expunge(const std::vector<IdRun>& ids, std::int64_t time_ms) {
    IdSet targets;
    for (const IdRun& run : ids) targets.add(run);
    begin({});
    events.begin(Origin::Local);
    m_writer.expunge(targets.runs());
    is_open = false;
    undo_manager.forget();
    Change change = finish(time_ms);
    erase(targets.runs());
    events.deliver();
    return change;
}

void Document::Impl::erase(const std::vector<IdRun>& ids) {
    IdSet targets;
    for (const IdRun& run : ids) targets.add(run);
    undo_manager.forEachStep([&](UndoStep& step) { eraseFrom(step, targets); });
    for (const IdRun& run : ids) expunged.add(run);
    containers.forEach([&](Container& container) { erase(container, ids); });
}

// In a list only elements can be erased, not where they were moved to.
void Document::Impl::eraseSlots(Container& container, const SlotRun& slots,
                                const Rga::Listener* listener) {
    if (container.text) return container.text->expunge(slots, listener);
    for (Slot slot = slots.first; slot < slots.first + slots.count; ++slot)
        if (container.list->of(slot).home == slot)
            container.list->order().expunge({slot, 1}, listener);
}

void Document::Impl::erase(Container& container, const std::vector<IdRun>& ids) {
    const auto isGone = [this](OpId origin) { return expunged.contains(origin); };
    if (Rga* sequence = container.sequence()) {
        const Rga::Listener listener = listenerOf(container);
        for (const IdRun& run : ids)
            for (const SlotRun& slots : sequence->slotsIn(run))
                eraseSlots(container, slots, orNone(listener));
    }
    if (container.list)
        container.list->expungeValues(isGone, [&](const ElementList::Element& element) {
            const Rga& order = container.list->order();
            const Slot slot = element.position.slot;
            if (order.isVisible(slot))
                events.splice(container,
                              ListSplice{order.positionOf(slot), 1, {itemOf(element.value)}});
        });
    container.map.expunge(isGone, [&](const std::string& key, Register& shown) {
        if (container.type == ContainerType::Set)
            events.update(container, SetUpdate{shown.value, false});
        else
            events.update(container, MapUpdate{key, shown.plain(), {}, {}, {}});
        shown.expunge();
    });
    if (container.marks)
        container.marks->expunge(isGone,
                                 [&](const MarkKey& key, Marks::Point from, Marks::Point to) {
                                     events.mark(container, key, from, to);
                                 });
}

}  // namespace kimdb::crdt
