// SPDX-License-Identifier: MIT
// What others wrote: order of events, then operation by operation.
#include <algorithm>
#include <cassert>
#include <utility>

#include "crdt/change_check.h"
#include "crdt/document_impl.h"
#include "crdt/root_check.h"

namespace kimdb::crdt {

namespace {

Error equivocation(const Change& change) {
    return {ErrorCode::Equivocation, "replica " + std::to_string(change.replica) +
                                         " wrote two changes with counter " +
                                         std::to_string(change.first)};
}

}  // namespace

Result<Received> Document::Impl::receive(const Change& change) {
    assert(!is_open);
    if (auto ok = validateChange(change); !ok) return ok.error();
    switch (graph.compare(change)) {
        case ChangeGraph::Known::Same:
            return Received::Duplicate;
        case ChangeGraph::Known::Different:
            return equivocation(change);
        case ChangeGraph::Known::New:
            break;
    }
    if (auto ok = checkRefused(change); !ok) return refuse(change, ok.error());
    if (const OpId missing = firstMissing(change); !missing.isNull()) {
        switch (buffer.hold(change, missing)) {
            case CausalBuffer::Held::New:
                return Received::Waiting;
            case CausalBuffer::Held::Same:
                return Received::Duplicate;
            case CausalBuffer::Held::Different:
                return equivocation(change);
        }
    }
    if (auto ok = checkRoot(change); !ok) return refuse(change, ok.error());
    integrate(change);
    // What waited for it, and what waited for that, breadth first.
    std::vector<Change> ready = buffer.release(change.replica, change.last());
    for (std::size_t i = 0; i < ready.size(); ++i) {
        const Change next = std::move(ready[i]);
        if (const OpId missing = firstMissing(next); !missing.isNull()) {
            (void)buffer.hold(next, missing);
        } else if (next.first != graph.head(next.replica) + 1) {
            if (graph.compare(next) == ChangeGraph::Known::Different)
                report(equivocation(next).message);
        } else if (auto ok = checkRoot(next); !ok) {
            report(refuse(next, ok.error()).message);
        } else {
            integrate(next);
            for (Change& more : buffer.release(next.replica, next.last()))
                ready.push_back(std::move(more));
        }
    }
    return Received::Applied;
}

// Gives f every id that is not here: deps, the own previous counter, references; until f says stop.
// What cannot be read refers to nothing: it will be VOID.
template <class F>
void Document::Impl::forEachMissing(const Change& change, F&& f) {
    const auto stop = [&](OpId id, bool in_change) {
        if (id.replica == 0 || (in_change && id.replica == change.replica)) return false;
        return !graph.has(id) && f(id);
    };
    m_single = nullptr;
    if (stop({change.replica, change.first - 1}, false)) return;
    for (const OpId& dep : change.deps)
        if (stop(dep, false)) return;
    if (change.is_void) return;
    m_reader.begin(change);
    std::size_t operations = 0;
    while (m_reader.next(m_op)) {
        ++operations;
        const Op& op = m_op;
        bool stopped = false;
        forEachId(op, [&](OpId id) { stopped = stopped || stop(id, true); });
        for (const IdRun& run : op.runs)
            stopped = stopped || stop({run.replica, run.end() - 1}, true);
        if (stopped) return;
    }
    if (operations == 1 && m_reader.status()) m_single = &change;
}

OpId Document::Impl::firstMissing(const Change& change) {
    OpId missing;
    forEachMissing(change, [&](OpId id) {
        missing = id;
        return true;
    });
    return missing;
}

OpId Document::Impl::firstRefused(const Change& change) {
    OpId missing;
    forEachMissing(change, [&](OpId id) {
        const auto from = refused.find(id.replica);
        const bool is_refused = from != refused.end() && id.counter >= from->second;
        if (is_refused) missing = id;
        return is_refused;
    });
    return missing;
}

std::vector<OpId> Document::Impl::missing() {
    std::vector<OpId> missing;
    buffer.forEach([&](const Change& change) {
        forEachMissing(change, [&](OpId id) {
            missing.push_back(id);
            return false;
        });
    });
    std::sort(missing.begin(), missing.end());
    missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
    return missing;
}

void Document::Impl::integrate(const Change& change) {
    const std::uint64_t lamport = graph.lamportOf(change);
    graph.replicas().intern(change.replica);
    Result<> ok;
    if (!change.is_void) {
        ChangeCheck check(containers, graph.replicas(), change);
        const bool is_single = std::exchange(m_single, nullptr) == &change;
        assert(!is_single || (m_op.counter == change.first && m_op.width == change.count));
        ok = is_single ? check.only(m_op) : check.run(m_reader, m_op);
        if (ok && is_single) applyOp(m_op, change, lamport);
        if (ok && !is_single) apply(change, lamport);
    }
    if (!ok)
        report("change " + std::to_string(change.first) + " of replica " +
               std::to_string(change.replica) + " has no effect: " + ok.error().message);
    graph.add(change, lamport);
}

// The oldest tell where it began; a flood must not fill the memory.
void Document::Impl::report(std::string what) {
    constexpr std::size_t kReportsMax = 100;
    if (reports.size() < kReportsMax) reports.push_back(std::move(what));
}

void Document::Impl::apply(const Change& change, std::uint64_t lamport) {
    m_reader.begin(change);
    while (m_reader.next(m_op)) applyOp(m_op, change, lamport + (m_op.counter - change.first));
}

void Document::Impl::applyOp(const Op& op, const Change& change, std::uint64_t lamport) {
    const ReplicaIndex author = graph.replicas().intern(change.replica);
    switch (op.kind) {
        case OpKind::Continue:
        case OpKind::Insert:
            return applyInsert(op, author);
        case OpKind::InsertElement:
            return applyElement(op, change, lamport);
        case OpKind::Delete:
            return applyDelete(op, author);
        case OpKind::Move:
        case OpKind::Position:
            return applyMove(op, change, lamport);
        case OpKind::Set:
            return applySet(op, change, lamport);
        case OpKind::Increment:
        case OpKind::Clear:
            return applyCount(op, change.replica);
        case OpKind::Mark:
            return applyMark(op, change, lamport);
        case OpKind::Toggle:
            restoreText(op);
            return toggle(containers.ensure(op.container), op.runs, op.on);
        case OpKind::Expunge:
            return erase(op.runs);
    }
}

// What a toggle carries is needed where it was trimmed.
void Document::Impl::restoreText(const Op& op) {
    Container& container = containers.ensure(op.container);
    if (detail == Detail::Full || !container.text) return;
    std::string text;
    for (const TextPiece& piece : op.text)  // what was expunged only keeps its place
        text.append(piece.skipped, '\0').append(piece.utf8);
    restoreText(container, op.runs, op.on, text);
}

void Document::Impl::restoreText(Container& container, const std::vector<IdRun>& targets, bool on,
                                 std::string_view text) {
    if (text.empty()) return;
    for (const IdRun& run : targets)
        container.text->restoreText(graph.replicas().intern(run.replica), run, on, text);
}

void Document::Impl::applyInsert(const Op& op, ReplicaIndex author) {
    Container& text = op.inherits ? *containers.textOf(op.left) : containers.ensure(op.container);
    Rga& rga = *text.text;
    const Slot left = *rga.slotOf(op.left);
    const Slot right = op.inherits ? rga.rightOf(left) : *rga.slotOf(op.right);
    const Rga::Listener listener = listenerOf(text);
    rga.integrate(author, op.counter, left, right, op.text, orNone(listener));
    // What was expunged before it came, or came without its text, is gone for good.
    const ReplicaId replica = graph.replicas().id(author);
    if (op.expunged) {
        std::uint64_t counter = op.counter;
        for (const TextPiece& piece : op.text) {
            if (piece.skipped > 0) expunged.add({replica, counter, piece.skipped});
            counter += piece.skipped + piece.scalars;
        }
    }
    if (expunged.isEmpty()) return;
    expunged.forEachPart({replica, op.counter, op.width},
                         [&](std::uint64_t first, std::uint64_t n, bool is_expunged) {
                             if (!is_expunged) return;
                             for (const SlotRun& slots : rga.slotsIn({replica, first, n}))
                                 rga.expunge(slots, orNone(listener));
                         });
}

void Document::Impl::applyDelete(const Op& op, ReplicaIndex author) {
    Container& container = containers.ensure(op.container);
    Rga& sequence = *container.sequence();
    m_slots.clear();
    for (const IdRun& run : op.runs) sequence.appendSlots(run, &m_slots);
    const Rga::Listener listener = listenerOf(container);
    sequence.remove(author, op.counter, m_slots, orNone(listener));
}

// ---- registers, elements, marks ----

Register Document::Impl::registerOf(const Op& op, const Change& change,
                                    std::uint64_t lamport) const {
    Register value;
    value.lamport = lamport;
    value.writer = {change.replica, op.counter};
    value.origin = op.origin;
    value.kind = op.value_kind;
    value.type = op.type;
    if (op.expunged || isErased(op.origin))
        value.expunge();
    else if (op.value_kind == ValueKind::Plain)
        value.value = *Value::decode(op.value);
    return value;
}

void Document::Impl::applyElement(const Op& op, const Change& change, std::uint64_t lamport) {
    Container& container = containers.ensure(op.container);
    Rga& order = container.list->order();
    container.list->willInsert(registerOf(op, change, lamport));
    const Slot slot = order.nextSlot();
    const Rga::Listener listener = listenerOf(container);
    order.integrate(graph.replicas().intern(change.replica), op.counter, *order.slotOf(op.left),
                    *order.slotOf(op.right), {{{}, 1, 0}}, orNone(listener));
    if (op.expunged) expunged.add({op.origin.replica, op.origin.counter});
    if (isErased(op.origin)) order.expunge({slot, 1}, orNone(listener));
}

void Document::Impl::applyMove(const Op& op, const Change& change, std::uint64_t lamport) {
    Container& container = containers.ensure(op.container);
    ElementList& list = *container.list;
    Rga& order = list.order();
    const ElementList::Element& element = *list.find(op.element);
    const Rga::Listener listener = listenerOf(container);
    if (op.kind == OpKind::Position) {
        const Slot slot = *order.slotOf(op.slot);
        return list.position(element, {lamport, change.replica, slot}, orNone(listener));
    }
    const Slot slot = order.nextSlot();
    list.willMove(element);
    order.integrate(graph.replicas().intern(change.replica), op.counter, *order.slotOf(op.left),
                    *order.slotOf(op.right), {{{}, 1, 0}}, nullptr);
    list.move(element, {lamport, change.replica, slot}, orNone(listener));
}

void Document::Impl::applySet(const Op& op, const Change& change, std::uint64_t lamport) {
    Register value = registerOf(op, change, lamport);
    if (op.expunged) expunged.add({op.origin.replica, op.origin.counter});
    Container& container = containers.ensure(op.container);
    if (container.list)
        showElement(container, *container.list->find(op.element), std::move(value));
    else
        show(container, std::string(op.key), std::move(value), &change);
}

void Document::Impl::applyMark(const Op& op, const Change& change, std::uint64_t lamport) {
    Container& text = containers.ensure(op.container);
    if (op.expunged) expunged.add({op.origin.replica, op.origin.counter});
    std::optional<Value> value;
    if (op.value_kind == ValueKind::Plain && !op.expunged) value = *Value::decode(op.value);
    Marks::Mark mark = markOf(text, op.from, op.to, value, op.origin);
    mark.lamport = lamport;
    mark.replica = change.replica;
    const MarkKey key{std::string(op.key), op.is_comment ? op.comment : OpId{}};
    showMark(text, key, std::move(mark));
}

void Document::Impl::applyCount(const Op& op, ReplicaId author) {
    Container& container = containers.ensure(op.container);
    const OpId id{author, op.counter};
    if (op.kind == OpKind::Increment) {
        container.counter->increment(id, op.delta);
    } else {
        std::vector<OpId> seen;
        for (const IdRun& run : op.runs) seen.push_back({run.replica, run.first});
        container.counter->clear(id, std::move(seen));
    }
    events.count(container);
}

}  // namespace kimdb::crdt
