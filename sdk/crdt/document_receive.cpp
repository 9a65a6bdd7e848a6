// SPDX-License-Identifier: MIT
// What others wrote: order of events, then operation by operation.
#include <algorithm>
#include <cassert>

#include "crdt/change_check.h"
#include "crdt/document_impl.h"

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
    if (stop({change.replica, change.first - 1}, false)) return;
    for (const OpId& dep : change.deps)
        if (stop(dep, false)) return;
    if (change.is_void) return;
    m_reader.begin(change);
    while (m_reader.next(m_op)) {
        const Op& op = m_op;
        bool stopped = false;
        forEachId(op, [&](OpId id) { stopped = stopped || stop(id, true); });
        for (const IdRun& run : op.runs)
            stopped = stopped || stop({run.replica, run.end() - 1}, true);
        if (stopped) return;
    }
}

OpId Document::Impl::firstMissing(const Change& change) {
    OpId missing;
    forEachMissing(change, [&](OpId id) {
        missing = id;
        return true;
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
    if (!change.is_void) ok = ChangeCheck(containers, graph.replicas(), change).run(m_reader, m_op);
    if (ok && !change.is_void) apply(change, lamport);
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
    const ReplicaIndex author = graph.replicas().intern(change.replica);
    m_reader.begin(change);
    while (m_reader.next(m_op)) {
        const Op& op = m_op;
        switch (op.kind) {
            case OpKind::Continue:
            case OpKind::Insert:
                applyInsert(op, author);
                break;
            case OpKind::Delete: {
                Container& text = containers.ensure(op.container);
                m_slots.clear();
                for (const IdRun& run : op.runs) text.text->appendSlots(run, &m_slots);
                const Rga::Listener listener = listenerOf(text);
                text.text->remove(author, op.counter, m_slots, orNone(listener));
                break;
            }
            case OpKind::Set:
                applySet(op, change, lamport + (op.counter - change.first));
                break;
            case OpKind::Increment:
            case OpKind::Clear:
                applyCount(op, change.replica);
                break;
            case OpKind::Toggle:
                applyToggle(op, author);
                break;
            default:
                break;  // ChangeCheck lets no other kind through
        }
    }
}

void Document::Impl::applyInsert(const Op& op, ReplicaIndex author) {
    Container& text = op.inherits ? *containers.textOf(op.left) : containers.ensure(op.container);
    Rga& rga = *text.text;
    const Slot left = *rga.slotOf(op.left);
    const Slot right = op.inherits ? rga.rightOf(left) : *rga.slotOf(op.right);
    const Rga::Listener listener = listenerOf(text);
    rga.integrate(author, op.counter, left, right, op.text, orNone(listener));
}

void Document::Impl::applySet(const Op& op, const Change& change, std::uint64_t lamport) {
    Register value;
    value.lamport = lamport;
    value.writer = {change.replica, op.counter};
    value.origin = op.origin;
    value.kind = op.value_kind;
    value.type = op.type;
    if (op.value_kind == ValueKind::Plain) {
        if (op.value.empty())
            value.kind = ValueKind::Absent;  // expunged
        else
            value.value = *Value::decode(op.value);
    }
    show(containers.ensure(op.container), std::string(op.key), std::move(value), &change);
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

void Document::Impl::applyToggle(const Op& op, ReplicaIndex author) {
    Container& container = containers.ensure(op.container);
    const Rga::Listener listener = listenerOf(container);
    for (const IdRun& run : op.runs) {
        if (container.text)
            container.text->toggle(author, run, op.on, orNone(listener));
        else
            container.counter->toggle(run, op.on);
    }
    if (container.counter) events.count(container);
}

}  // namespace kimdb::crdt
