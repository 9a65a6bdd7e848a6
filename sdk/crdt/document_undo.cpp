// SPDX-License-Identifier: MIT
// Undo and redo: toggles and re-writes of this replica's own operations.
#include <algorithm>
#include <cassert>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/document_impl.h"

namespace kimdb::crdt {

namespace {

constexpr std::size_t kUndoBytesMax = limits::kChangeBytesMax / 4 * 3;  // of one change's content

// The bytes of `scalars` scalars from `at` on.
std::size_t bytesOf(ByteView utf8, std::size_t at, std::uint64_t scalars) {
    std::size_t end = at;
    for (; end < utf8.size(); ++end) {
        const bool starts = (static_cast<std::uint8_t>(utf8[end]) & 0xC0) != 0x80;
        if (starts && scalars-- == 0) break;
    }
    return end - at;
}

void expungeContent(UndoMark::Content& content, const IdSet& expunged) {
    if (expunged.contains(content.origin)) content.value.reset();
}

}  // namespace

// The text of one step that a toggle carries: what it has of each target, without what is expunged.
class Document::Impl::Carried {
 public:
    Carried(const Impl& impl, const UndoStep& step) : m_impl(impl), m_step(step) {}

    //! Bytes that the next target has, and how many of its scalars they are.
    std::size_t lookAt(std::uint64_t counter) {
        m_ids.clear();
        m_impl.forEachRevivable(m_step, counter, [&](OpId id) { m_ids.push_back(id); });
        const auto kept = std::count_if(m_ids.begin(), m_ids.end(),
                                        [&](OpId id) { return !m_impl.isErased(id); });
        return m_bytes = bytesOf(m_step.text, m_at, static_cast<std::uint64_t>(kept));
    }
    void skip() { m_at += m_bytes; }
    void take() {
        for (const OpId id : m_ids) {
            ++scalars;
            if (m_impl.isErased(id)) {
                ++m_gap;
                continue;
            }
            if (ranges.empty() || m_gap > 0) {
                ranges.push_back({std::exchange(m_gap, 0), 0});
                texts.emplace_back();
            }
            const std::size_t n = bytesOf(m_step.text, m_at, 1);
            texts.back().append(m_step.text, m_at, n);
            ++ranges.back().length;
            m_at += n;
        }
    }
    Bytes rest() const { return m_step.text.substr(m_at); }
    Bytes all() const {
        Bytes all;
        for (const Bytes& text : texts) all += text;
        return all;
    }

    Bytes padded() const {  //!< with a place for what is expunged
        Bytes all;
        for (std::size_t i = 0; i < texts.size(); ++i)
            all.append(ranges[i].skipped, '\0') += texts[i];
        return all;
    }

    std::uint64_t scalars = 0;  //!< of all targets taken, expunged ones too
    std::vector<TextRange> ranges;
    std::vector<Bytes> texts;  //!< of each range

 private:
    const Impl& m_impl;
    const UndoStep& m_step;
    std::vector<OpId> m_ids;
    std::size_t m_at = 0;
    std::size_t m_bytes = 0;
    std::uint64_t m_gap = 0;
};

std::optional<Change> Document::Impl::undo(std::int64_t time_ms) {
    return revert(Direction::Undo, time_ms);
}

std::optional<Change> Document::Impl::redo(std::int64_t time_ms) {
    return revert(Direction::Redo, time_ms);
}

// Takes the last item back. Only what was really done goes to the other stack: a step that is
// skipped because another replica has overwritten it is not tried again. What does not fit into one
// change stays behind as an item.
std::optional<Change> Document::Impl::revert(Direction direction, std::int64_t time_ms) {
    const bool redo = direction == Direction::Redo;
    UndoItem item = redo ? undo_manager.takeRedo() : undo_manager.takeUndo();
    if (item.steps.empty()) return std::nullopt;
    begin({});
    events.begin(Origin::Undo);
    UndoItem done{{}, item.before, item.after};
    UndoItem rest = done;
    if (!redo) std::reverse(item.steps.begin(), item.steps.end());
    for (UndoStep& step : item.steps) {
        if (!rest.steps.empty())
            rest.steps.push_back(std::move(step));
        else if (revert(step, direction, &rest.steps))
            done.steps.push_back(std::move(step));
    }
    if (!redo) std::reverse(done.steps.begin(), done.steps.end());
    if (!redo) std::reverse(rest.steps.begin(), rest.steps.end());
    is_open = false;
    undo_manager.forget();
    restored_selection = redo ? item.after : item.before;
    if (redo) {
        undo_manager.pushRedo(rest);
        undo_manager.pushUndo(done);
    } else {
        undo_manager.pushUndo(rest);
        undo_manager.pushRedo(done);
    }
    if (m_writer.empty()) return std::nullopt;
    Change change = finish(time_ms);
    events.deliver();
    return change;
}

// Whether anything was done; what does not fit goes to `rest`.
bool Document::Impl::revert(UndoStep& step, Direction direction, std::vector<UndoStep>* rest) {
    if (step.isToggle()) return revertToggle(step, direction, rest);
    if (m_writer.content().size() > kUndoBytesMax) {
        rest->push_back(std::move(step));
        return false;
    }
    Container& container = *step.container;
    return std::visit([&](auto& what) { return revertRewrite(container, what, direction); },
                      *step.rewrite);
}

// Gives f the characters that toggling this target of a step can make visible.
template <class F>
void Document::Impl::forEachRevivable(const UndoStep& step, std::uint64_t counter, F&& f) const {
    if (!step.container->text) return;
    if (step.inserts) return f(OpId{self_id, counter});
    const Rga& rga = *step.container->text;
    const auto self = graph.replicas().find(self_id);
    for (const SlotRun& run : rga.targetsOf(*self, counter))
        for (Slot slot = run.first; slot < run.first + run.count; ++slot) f(rga.idOf(slot));
}

bool Document::Impl::revertToggle(UndoStep& step, Direction direction,
                                  std::vector<UndoStep>* rest) {
    const bool on = direction == Direction::Redo;
    Container& container = *step.container;
    const bool carries = container.text && on == step.inserts;
    const std::size_t used = m_writer.content().size();
    const auto isOff = [&](std::uint64_t c) {
        const Rga* sequence = container.sequence();
        return sequence ? sequence->isOff(m_self, c) : container.counter->isOff({self_id, c});
    };
    Carried carried(*this, step);
    std::vector<IdRun> targets;
    UndoStep later;
    std::size_t bytes = used;
    for (const IdRun& run : step.targets)
        for (std::uint64_t c = run.first; c < run.end() && later.targets.empty(); ++c) {
            const std::size_t more = carried.lookAt(c);
            if (isOff(c) != on) {
                carried.skip();
                continue;
            }
            if (carries && bytes > 0 && bytes + more > kUndoBytesMax) {
                later.targets.push_back({self_id, c, run.end() - c});
                break;
            }
            bytes += more;
            carried.take();
            if (!targets.empty() && targets.back().end() == c)
                ++targets.back().count;
            else
                targets.push_back({self_id, c, 1});
        }
    if (!later.targets.empty()) {
        const std::uint64_t from = later.targets.front().first;
        for (const IdRun& run : step.targets)
            if (run.first > from) later.targets.push_back(run);
        later.container = &container;
        later.inserts = step.inserts;
        later.text = carried.rest();
        rest->push_back(std::move(later));
    }
    if (targets.empty()) return false;
    const bool whole = carried.ranges.size() == 1 && carried.ranges[0].length == carried.scalars;
    if (!carries || carried.ranges.empty())
        m_writer.toggle(container.id, on, targets, 0);
    else if (whole)
        m_writer.toggle(container.id, on, targets, carried.scalars);
    else
        m_writer.togglePartly(container.id, on, targets, carried.scalars, carried.ranges);
    if (carries)
        for (const Bytes& text : carried.texts) m_writer.text(text);
    Bytes text = carried.all();
    if (carries && detail != Detail::Full) restoreText(container, targets, on, carried.padded());
    toggle(container, targets, on);
    step.targets = std::move(targets);
    step.text = std::move(text);
    return true;
}

void Document::Impl::toggle(Container& container, const std::vector<IdRun>& targets, bool on) {
    const Rga::Listener listener = listenerOf(container);
    for (const IdRun& run : targets) {
        if (Rga* sequence = container.sequence())
            sequence->toggle(graph.replicas().intern(run.replica), run, on, orNone(listener));
        else
            container.counter->toggle(run, on);
    }
    if (container.counter) events.count(container);
}

// ---- rewrites ----

bool Document::Impl::revertRewrite(Container& container, UndoWrite& write, Direction direction) {
    const bool redo = direction == Direction::Redo;
    const Register& replaced = redo ? write.before : write.after;
    Register value = redo ? write.after : write.before;
    const ElementList::Element* element =
        container.list ? container.list->find(write.element) : nullptr;
    const Register* shown = element ? &element->value : container.map.find(write.key);
    if (!shown || shown->origin != replaced.origin || isErased(value.origin)) return false;
    const Register fresh = written(value.kind, value.value, value.type);
    value.lamport = fresh.lamport;
    value.writer = fresh.writer;
    const auto origin = value.origin.isNull() ? OriginKind::None : OriginKind::Named;
    if (element)
        this->write(container, *element, std::move(value), origin);
    else
        this->write(container, write.key, std::move(value), origin);
    return true;
}

bool Document::Impl::revertRewrite(Container& list, UndoMove& move, Direction direction) {
    const bool redo = direction == Direction::Redo;
    const ElementList::Element& element = *list.list->find(move.element);
    const OpId now = list.list->order().idOf(element.position.slot);
    if (now != (redo ? move.before : move.after)) return false;
    place(list, element, redo ? move.after : move.before);
    return true;
}

// Writes what won before where what this wrote still wins; boundaries are anchors, so text that was
// typed there later is treated alike.
bool Document::Impl::revertRewrite(Container& text, UndoMark& mark, Direction direction) {
    const bool redo = direction == Direction::Redo;
    std::vector<UndoMark::Stretch> done;
    const auto anchor = [&](Marks::Point point) {
        return Anchor{text.text->idOf(point.slot), point.after};
    };
    const auto point = [&](Anchor at) { return Marks::Point{*text.text->slotOf(at.id), at.after}; };
    for (const UndoMark::Stretch& s : mark.stretches) {
        const OpId replaced = redo ? s.before.origin : mark.after.origin;
        for (const Marks::Stretch& now :
             text.ensureMarks().stretches(mark.key, point(s.from), point(s.to)))
            if ((now.winner ? now.winner->origin : OpId{}) == replaced)
                done.push_back({anchor(now.from), anchor(now.to), s.before});
    }
    for (const UndoMark::Stretch& s : done) {
        const UndoMark::Content& content = redo ? mark.after : s.before;
        const auto origin = content.origin.isNull() ? OriginKind::None : OriginKind::Named;
        this->mark(text, mark.key, s.from, s.to, content.value, origin, content.origin);
    }
    mark.stretches = std::move(done);
    return !mark.stretches.empty();
}

// ---- expunge ----

// Takes what `ids` name out of a step, which has nothing any more of what was expunged before.
void Document::Impl::eraseFrom(UndoStep& step, const IdSet& ids) {
    if (step.rewrite) {
        // Items share what they copied: this is the only place that changes it.
        if (auto* write = std::get_if<UndoWrite>(step.rewrite.get())) {
            if (ids.contains(write->before.origin)) write->before.expunge();
            if (ids.contains(write->after.origin)) write->after.expunge();
        }
        if (auto* mark = std::get_if<UndoMark>(step.rewrite.get())) {
            expungeContent(mark->after, ids);
            for (UndoMark::Stretch& s : mark->stretches) expungeContent(s.before, ids);
        }
        return;
    }
    Bytes kept;
    std::size_t at = 0;
    for (const IdRun& run : step.targets)
        for (std::uint64_t c = run.first; c < run.end(); ++c)
            forEachRevivable(step, c, [&](OpId id) {
                if (isErased(id)) return;
                const std::size_t n = bytesOf(step.text, at, 1);
                if (!ids.contains(id)) kept.append(step.text, at, n);
                at += n;
            });
    step.text = std::move(kept);
}

// ---- steps from a file ----

namespace {

// An element, or a place of one.
bool isHere(const Container& list, OpId id) {
    const auto slot = list.list->order().slotOf(id);
    return slot && !list.list->order().isBuried(*slot);
}

}  // namespace

bool Document::Impl::canRevert(const UndoStep& step) const {
    if (!step.rewrite) return canToggle(step);
    return std::visit([&](const auto& what) { return canRevert(*step.container, what); },
                      *step.rewrite);
}

bool Document::Impl::canToggle(const UndoStep& step) const {
    const Container& container = *step.container;
    const Rga* sequence = container.sequence();
    if (!sequence && !step.inserts) return false;
    for (const IdRun& run : step.targets) {
        if (!container.canToggle(graph.replicas(), run)) return false;
        for (std::uint64_t c = run.first; c < run.end() && sequence; ++c) {
            const auto slot = sequence->slotOf(OpId{self_id, c});
            if (slot.has_value() != step.inserts || (slot && sequence->isBuried(*slot)))
                return false;
        }
    }
    std::uint64_t scalars = 0;
    for (const IdRun& run : step.targets)
        for (std::uint64_t c = run.first; c < run.end(); ++c)
            forEachRevivable(step, c, [&](OpId id) { scalars += isErased(id) ? 0 : 1; });
    return scalarCount(step.text) == scalars;
}

bool Document::Impl::canRevert(const Container& container, const UndoWrite& write) const {
    if (container.list
            ? !isHere(container, write.element) || !container.list->find(write.element)
            : container.type != ContainerType::Map && container.type != ContainerType::Set)
        return false;
    for (const Register* content : {&write.before, &write.after}) {
        const ValueKind kind = content->kind;
        if (container.list &&
            (content->origin.isNull() || (kind == ValueKind::Absent && !isErased(content->origin))))
            return false;
        if (container.list && kind == ValueKind::Container && graph.isRoot(content->origin) &&
            !containers.hasElement(content->origin, content->type))
            return false;
        if (container.type != ContainerType::Set) continue;
        if (kind == ValueKind::Container) return false;
        if (kind == ValueKind::Plain && memberName(content->value.encode()).view() != write.key)
            return false;
    }
    if (container.type == ContainerType::Set) return write.key.size() == sizeof(Hash16);
    return isValidUtf8(write.key);
}

bool Document::Impl::canRevert(const Container& container, const UndoMove& move) const {
    if (!container.list || !isHere(container, move.element)) return false;
    const ElementList& list = *container.list;
    const auto isPlace = [&](OpId id) {
        return isHere(container, id) &&
               list.idOf(list.of(*list.order().slotOf(id))) == move.element;
    };
    return isPlace(move.element) && isPlace(move.before) && isPlace(move.after);
}

bool Document::Impl::canRevert(const Container& container, const UndoMark& mark) const {
    if (!container.text ||
        (!mark.key.isComment() &&
         (mark.key.text.empty() || mark.key.text[0] == '#' || !isValidUtf8(mark.key.text))))
        return false;
    const auto isHere = [&](const Anchor& anchor) {
        const auto slot = container.text->slotOf(anchor.id);
        return slot && !container.text->isStub(*slot);
    };
    return std::all_of(mark.stretches.begin(), mark.stretches.end(),
                       [&](const UndoMark::Stretch& s) { return isHere(s.from) && isHere(s.to); });
}

// Whether what a step takes back is still here.
bool Document::Impl::rebind(UndoStep& step) {
    step.container = containers.find(step.container->id);
    if (!step.container) return false;
    if (step.rewrite)
        return std::visit([&](auto& what) { return rebind(*step.container, what); }, *step.rewrite);
    const Rga* sequence = step.container->sequence();
    if (!sequence || !step.inserts) return false;  // deletions and sums of then are gone
    std::vector<IdRun> targets;
    Bytes text;
    std::size_t at = 0;
    for (const IdRun& run : step.targets)
        for (std::uint64_t c = run.first; c < run.end(); ++c) {
            const OpId id{run.replica, c};
            const std::size_t n =
                step.container->text && !isErased(id) ? bytesOf(step.text, at, 1) : 0;
            const auto slot = sequence->slotOf(id);
            if (slot && !sequence->isBuried(*slot)) {
                if (!targets.empty() && targets.back().end() == c)
                    ++targets.back().count;
                else
                    targets.push_back({run.replica, c, 1});
                text.append(step.text, at, n);
            }
            at += n;
        }
    step.targets = std::move(targets);
    step.text = std::move(text);
    return !step.targets.empty();
}

bool Document::Impl::rebind(Container& container, UndoWrite& write) const {
    for (const Register* content : {&write.before, &write.after}) {
        const bool is_dropped = content->kind == ValueKind::Container && container.list &&
                                !containers.hasElement(content->origin, content->type);
        if (is_dropped) return false;
    }
    if (container.list) return isHere(container, write.element);
    return container.map.find(write.key) != nullptr;
}

bool Document::Impl::rebind(Container& container, UndoMove& move) const {
    return isHere(container, move.element) && isHere(container, move.before) &&
           isHere(container, move.after);
}

bool Document::Impl::rebind(Container& container, UndoMark& mark) const {
    const auto isHere = [&](const Anchor& anchor) {
        const auto slot = container.text->slotOf(anchor.id);
        return slot && !container.text->isStub(*slot);
    };
    std::erase_if(mark.stretches,
                  [&](const UndoMark::Stretch& s) { return !isHere(s.from) || !isHere(s.to); });
    return !mark.stretches.empty();
}

}  // namespace kimdb::crdt
