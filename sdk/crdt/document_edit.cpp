// SPDX-License-Identifier: MIT
// What this replica writes: every edit is applied at once and appended to the open change.
#include <algorithm>
#include <cassert>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/document_impl.h"

namespace kimdb::crdt {

void Document::Impl::begin() {
    assert(!is_open && self_id != 0);
    is_open = true;
    m_self = graph.replicas().intern(self_id);
    m_first = graph.head(self_id) + 1;
    m_deps = graph.depsFor(self_id);
    m_lamport = graph.lamportMax() + 1;
    m_writer.begin(self_id, m_first, m_deps);
    events.begin(Origin::Local);
}

std::optional<Change> Document::Impl::commit(std::int64_t time_ms, bool undoable) {
    assert(is_open);
    is_open = false;
    if (m_writer.empty()) return std::nullopt;
    Change change = finish(time_ms);
    if (undoable)
        undo_manager.keep(time_ms);
    else
        undo_manager.forget();
    events.deliver();
    return change;
}

Change Document::Impl::finish(std::int64_t time_ms) {
    Change change;
    change.replica = self_id;
    change.first = m_first;
    change.count = m_writer.counter() - m_first;
    change.incarnation = incarnation;
    change.deps = m_deps;
    change.time_ms = std::clamp<std::int64_t>(time_ms, 0, limits::kCounterMax);
    change.structure = m_writer.structure();
    if (change.first == 1) change.salt_key = salt_key;
    change.content = m_writer.content();
    graph.add(change, m_lamport);
    return change;
}

// ---- registers ----

Register Document::Impl::written(ValueKind kind, const Value& value, ContainerType type) const {
    Register r;
    r.lamport = m_lamport + (m_writer.counter() - m_first);
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
    MapUpdate update;
    update.key = key;
    const bool concurrent = change && old && !graph.isInPast(old->writer, *change);
    if (old) update.before = old->plain();
    const bool wins = !old || old->losesTo(value);
    update.after = wins ? value.plain() : update.before;
    if (concurrent) update.overwritten = wins ? update.before : value.plain();
    const bool tells = wins || update.overwritten;
    map.map.write(key, std::move(value));
    if (tells) events.update(map, std::move(update));
}

void Document::Impl::write(Container& map, const std::string& key, Register value,
                           OriginKind origin) {
    const Register* old = map.map.find(key);
    undo_manager.captureWrite(map, {key, old ? *old : Register{}, value});
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
    if (container.type == ContainerType::Map) {
        std::vector<std::string> keys;
        for (const auto& [key, shown] : container.map.registers()) keys.push_back(key);
        for (const std::string& key : keys)
            set(container, key, ValueKind::Absent, {}, ContainerType::Map);
    }
    if (container.text) removeText(container, 0, container.text->length());
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

Rga::Listener Document::Impl::listenerOf(Container& text) {
    return [this, &text](std::size_t position, std::size_t removed, std::string_view inserted) {
        events.splice(text, position, removed, inserted);
    };
}

void Document::Impl::insertText(Container& text, std::size_t position,
                                std::u16string_view inserted) {
    assert(is_open && text.text);
    if (inserted.empty()) return;
    const std::string utf8 = toUtf8(inserted);
    const auto n = static_cast<std::uint32_t>(scalarCount(utf8));
    const std::uint64_t counter = m_writer.counter();
    const Rga::Inserted done = text.text->insert(position, m_self, counter, utf8, n);
    if (done.continues)
        m_writer.proceed(n);
    else
        m_writer.insert(text.id, done.left, done.right, n);
    m_writer.text(utf8);
    undo_manager.captureToggle(text, {self_id, counter, n}, true, utf8);
    events.splice(text, done.position, 0, utf8);
}

void Document::Impl::removeText(Container& text, std::size_t position, std::size_t length) {
    assert(is_open && text.text);
    Rga& rga = *text.text;
    const std::size_t begin = rga.visible(position, length, &m_slots);
    if (m_slots.empty()) return;
    rga.idsOf(m_slots, &m_ids);
    if (m_slots.size() > 1) {  // a deletion names its targets in the order of ids
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
    events.splice(text, begin, before - rga.length(), {});
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

// ---- undo: toggles and re-writes of own operations ----

std::optional<Change> Document::Impl::undo(std::int64_t time_ms) {
    return revert(Direction::Undo, time_ms);
}

std::optional<Change> Document::Impl::redo(std::int64_t time_ms) {
    return revert(Direction::Redo, time_ms);
}

// Takes the last item back. Only what was really done goes to the other stack: a step that is
// skipped because another replica has overwritten it is not tried again.
std::optional<Change> Document::Impl::revert(Direction direction, std::int64_t time_ms) {
    const bool redo = direction == Direction::Redo;
    UndoItem item = redo ? undo_manager.takeRedo() : undo_manager.takeUndo();
    if (item.empty()) return std::nullopt;
    begin();
    events.begin(Origin::Undo);
    if (!redo) std::reverse(item.begin(), item.end());
    std::erase_if(item, [&](UndoStep& step) { return !revert(step, direction); });
    if (!redo) std::reverse(item.begin(), item.end());
    is_open = false;
    undo_manager.forget();
    if (redo)
        undo_manager.pushUndo(std::move(item));
    else
        undo_manager.pushRedo(std::move(item));
    if (m_writer.empty()) return std::nullopt;
    Change change = finish(time_ms);
    events.deliver();
    return change;
}

bool Document::Impl::revert(UndoStep& step, Direction direction) {
    return step.isToggle() ? revertToggle(step, direction) : revertWrite(step, direction);
}

bool Document::Impl::revertToggle(UndoStep& step, Direction direction) {
    const bool on = direction == Direction::Redo;
    Container& container = *step.container;
    const auto isOff = [&](std::uint64_t c) {
        return container.text ? container.text->isOff(m_self, c)
                              : container.counter->isOff({self_id, c});
    };
    std::vector<IdRun> targets;
    for (const IdRun& run : step.targets)
        for (std::uint64_t c = run.first; c < run.end(); ++c) {
            if (isOff(c) != on) continue;
            if (!targets.empty() && targets.back().end() == c)
                ++targets.back().count;
            else
                targets.push_back({self_id, c, 1});
        }
    if (targets.empty()) return false;
    // A deletion is toggled whole: where its text does not fit into a change, none is carried.
    const bool fits =
        m_writer.content().size() + step.text.size() <= limits::kChangeBytesMax / 4 * 3;
    const bool carries = container.text && on == step.inserts && fits;
    if (carries && targets != step.targets) {
        step.text.clear();
        for (const IdRun& run : targets) container.text->textOfToggle(m_self, run, on, &step.text);
    }
    m_writer.toggle(container.id, on, targets, carries ? scalarCount(step.text) : 0);
    if (carries) m_writer.text(step.text);
    const Rga::Listener listener = listenerOf(container);
    for (const IdRun& run : targets) {
        if (container.text)
            container.text->toggle(m_self, run, on, orNone(listener));
        else
            container.counter->toggle(run, on);
    }
    if (container.counter) events.count(container);
    step.targets = std::move(targets);
    return true;
}

bool Document::Impl::revertWrite(const UndoStep& step, Direction direction) {
    const bool redo = direction == Direction::Redo;
    const Register& replaced = redo ? step.write->before : step.write->after;
    Register value = redo ? step.write->after : step.write->before;
    const std::string key = step.write->key;
    const Register* shown = step.container->map.find(key);
    if (!shown || shown->origin != replaced.origin) return false;
    const Register fresh = written(value.kind, value.value, value.type);
    value.lamport = fresh.lamport;
    value.writer = fresh.writer;
    const auto origin = value.origin.isNull() ? OriginKind::None : OriginKind::Named;
    write(*step.container, key, std::move(value), origin);
    return true;
}

}  // namespace kimdb::crdt
