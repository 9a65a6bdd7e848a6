// SPDX-License-Identifier: MIT
// What this replica writes: every edit is applied at once and appended to the open change.
#include <algorithm>
#include <cassert>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/document_impl.h"

namespace kimdb::crdt {

void Document::Impl::begin(std::string_view tag) {
    assert(!is_open && self_id != 0);
    is_open = true;
    undo_manager.begin(tag);
    m_self = graph.replicas().intern(self_id);
    m_first = graph.head(self_id) + 1;
    m_deps.clear();
    if (graph.hasDepsFor(self_id)) m_deps = graph.depsFor(self_id);
    m_lamport = graph.lamportMax() + 1;
    m_writer.begin(self_id, m_first, m_deps);
    events.begin(Origin::Local);
}

std::optional<Change> Document::Impl::commit(std::int64_t time_ms, bool undoable) {
    assert(is_open);
    is_open = false;
    std::optional<Change> change;
    if (m_writer.empty()) return change;
    finish(time_ms, change.emplace());
    if (undoable)
        undo_manager.keep(time_ms);
    else
        undo_manager.forget();
    events.deliver();
    return change;
}

Change Document::Impl::finish(std::int64_t time_ms) {
    Change change;
    finish(time_ms, change);
    return change;
}

void Document::Impl::finish(std::int64_t time_ms, Change& change) {
    change.replica = self_id;
    change.first = m_first;
    change.count = m_writer.counter() - m_first;
    change.incarnation = incarnation;
    change.deps = std::move(m_deps);
    change.time_ms = std::clamp<std::int64_t>(time_ms, 0, limits::kCounterMax);
    change.op_class = m_writer.opClass();
    change.structure = std::move(m_writer.structure());
    if (change.first == 1) change.salt_key = salt_key;
    change.content = std::move(m_writer.content());
    graph.add(change, m_lamport);
}

// ---- registers ----

Register Document::Impl::written(ValueKind kind, const Value& value, ContainerType type) const {
    Register r;
    r.lamport = lamportNow();
    r.writer = r.origin = {self_id, m_writer.counter()};
    r.kind = kind;
    r.type = type;
    r.value = value;
    return r;
}

// `change`: where a remote write comes from; it may be concurrent with what it meets.
void Document::Impl::show(Container& map, const std::string& key, Register value,
                          const Change* change) {
    const Register* old = map.map.find(key);
    if (!events.isListening()) {
        map.map.write(key, std::move(value));
        return;
    }
    const bool wins = !old || old->losesTo(value);
    if (map.type == ContainerType::Set) {
        const bool was_present = old && old->kind == ValueKind::Plain;
        const bool is_present = value.kind == ValueKind::Plain;
        if (wins && was_present != is_present)
            events.update(map, SetUpdate{is_present ? value.value : old->value, is_present});
        map.map.write(key, std::move(value));
        return;
    }
    MapUpdate update;
    update.key = key;
    const bool concurrent = change && old && !graph.isInPast(old->writer, *change);
    if (old) update.before = old->plain();
    update.after = wins ? value.plain() : update.before;
    if (concurrent) update.overwritten = wins ? update.before : value.plain();
    const Register& shown = wins ? value : *old;
    if (shown.kind == ValueKind::Container)
        update.container = ContainerId::child(map.id, key, shown.type);
    const bool tells = wins || update.overwritten;
    map.map.write(key, std::move(value));
    if (tells) events.update(map, std::move(update));
}

void Document::Impl::write(Container& map, const std::string& key, Register value,
                           OriginKind origin) {
    const Register* old = map.map.find(key);
    undo_manager.capture(map, UndoWrite{key, {}, old ? *old : Register{}, value});
    const Bytes bytes = value.kind == ValueKind::Plain ? value.value.encode() : Bytes();
    m_writer.set(map.id, key, {value.kind, bytes, value.type, origin, value.origin});
    show(map, key, std::move(value), nullptr);
}

void Document::Impl::set(Container& map, const std::string& key, ValueKind kind, const Value& value,
                         ContainerType type) {
    assert(is_open && map.type == ContainerType::Map);
    if (Container* child = map.shownChild(key)) {
        if (kind == ValueKind::Container && child->type == type) return;
        clear(*child);
    }
    const Register* old = map.map.find(key);
    const bool is_shown = old && old->kind != ValueKind::Absent;
    const bool same_child =
        is_shown && kind == ValueKind::Container && old->kind == kind && old->type == type;
    if (same_child || (kind == ValueKind::Absent && !is_shown)) return;
    write(map, key, written(kind, value, type), OriginKind::Self);
}

// Deletes what this replica sees in a container; what others add meanwhile stays (DECISIONS B2).
void Document::Impl::clear(Container& container) {
    if (container.type == ContainerType::Map || container.type == ContainerType::Set) {
        std::vector<std::string> keys;
        for (const auto& [key, shown] : container.map.registers())
            if (shown.kind != ValueKind::Absent) keys.push_back(key);
        for (const std::string& key : keys) {
            if (container.type == ContainerType::Map)
                set(container, key, ValueKind::Absent, {}, ContainerType::Map);
            else
                write(container, key, written(ValueKind::Absent, {}, ContainerType::Map),
                      OriginKind::Self);
        }
    }
    if (container.text) removeText(container, 0, container.text->length());
    if (container.list) removeElements(container, 0, container.list->length());
    if (container.marks)
        for (const MarkKey& key : container.marks->keys()) markAll(container, key);
    if (container.counter && !container.counter->isUntouched()) {
        const std::vector<OpId> seen = container.counter->seen();
        const OpId id{self_id, m_writer.counter()};
        m_writer.clear(container.id, seen);
        container.counter->clear(id, seen);
        undo_manager.captureToggle(container, {id.replica, id.counter}, true, {});
        events.count(container);
    }
}

// ---- text and counters ----

Rga::Listener Document::Impl::listenerOf(Container& sequence) {
    if (sequence.text)
        return [this, &sequence](const Rga::Splice& s) { events.splice(sequence, s); };
    return [this, &sequence](const Rga::Splice& s) {
        ListSplice splice{s.position, s.removed, {}};
        for (std::uint32_t i = 0; i < s.inserted; ++i)
            splice.inserted.push_back(itemOf(sequence.list->of(s.slot + i).value));
        events.splice(sequence, std::move(splice));
    };
}

void Document::Impl::insertText(Container& text, std::size_t position,
                                std::u16string_view inserted) {
    assert(is_open && text.text);
    if (inserted.empty()) return;
    m_text.clear();
    const auto n = static_cast<std::uint32_t>(appendUtf8(m_text, inserted));
    const std::string_view utf8 = m_text;
    const std::uint64_t counter = m_writer.counter();
    std::optional<Slot> behind;
    if (text.marks && !text.marks->isEmpty())
        behind = text.marks->behind(text.text->neighboursOf(position));
    const Rga::Inserted done = text.text->insert(position, m_self, counter, utf8, n, behind);
    if (done.continues)
        m_writer.proceed(n);
    else
        m_writer.insert(text.id, done.left, done.right, n);
    m_writer.text(utf8);
    undo_manager.captureToggle(text, {self_id, counter, n}, true, utf8);
    events.splice(text, {done.position, 0, utf8, text.text->nextSlot() - n, n});
}

// One deletion is toggled whole and its text has to fit into a change then.
void Document::Impl::removeText(Container& text, std::size_t position, std::size_t length) {
    assert(is_open && text.text);
    constexpr std::size_t kDeletionUnitsMax = limits::kChangeBytesMax / 8;
    while (length > 0) {
        const std::size_t before = text.text->length();
        const std::size_t begin =
            text.text->visible(position, std::min(length, kDeletionUnitsMax), &m_slots);
        if (m_slots.empty()) return;
        removeSlots(text, begin);
        const std::size_t removed = before - text.text->length();
        // A pair may have been rounded outward at both ends.
        const std::size_t done = std::min(length, removed - std::min(removed, position - begin));
        length -= done;
        position = begin;
    }
}

// Deletes m_slots, which are visible from position `begin` on.
void Document::Impl::removeSlots(Container& text, std::size_t begin) {
    Rga& rga = *text.text;
    rga.idsOf(m_slots, &m_ids);
    // A deletion names its targets in the order of ids; one run of slots may be several of ids.
    if (m_slots.size() > 1 || m_ids.size() > 1) {
        m_slots.clear();
        for (const IdRun& run : m_ids) rga.appendSlots(run, &m_slots);
    }
    m_text.clear();
    for (const SlotRun& run : m_slots) rga.appendText(run.first, run.count, m_text);
    const std::uint64_t counter = m_writer.counter();
    m_writer.remove(text.id, m_ids);
    undo_manager.captureToggle(text, {self_id, counter}, false, m_text);
    const std::size_t before = rga.length();
    rga.remove(m_self, counter, m_slots, nullptr);
    events.splice(text, {begin, before - rga.length(), {}, 0, 0});
}

void Document::Impl::increment(Container& counter, std::int64_t delta) {
    assert(is_open && counter.counter);
    if (delta == 0) return;
    const OpId id{self_id, m_writer.counter()};
    m_writer.increment(counter.id, delta);
    counter.counter->increment(id, delta);
    undo_manager.captureToggle(counter, {id.replica, id.counter}, true, {});
    events.count(counter);
}

}  // namespace kimdb::crdt
