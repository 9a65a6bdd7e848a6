// SPDX-License-Identifier: MIT
#include "crdt/naive_document.h"

#include <algorithm>
#include <cassert>
#include <tuple>

namespace kimdb::test {

using crdt::ContainerType;
using What = Shown::What;

namespace {

NaiveOp operation(NaiveKind kind, const crdt::ContainerId& box) {
    NaiveOp op;
    op.kind = kind;
    op.box = box;
    return op;
}

}  // namespace

void NaiveDocument::begin() {
    m_ops.clear();
    m_steps.clear();
    m_deps.assign(m_state.heads.begin(), m_state.heads.end());
    m_first = orNone(m_state.version, m_replica) + 1;
    m_width = 0;
    m_lamport = lamportOf(NaiveChange{m_replica, m_first, 0, m_deps, {}, false, 0});
}

std::optional<NaiveChange> NaiveDocument::commit(bool undoable) {
    static std::uint64_t signatures = 0;
    if (m_ops.empty()) return std::nullopt;
    const NaiveChange change{m_replica, m_first, m_width, m_deps, m_ops, false, ++signatures};
    finish(change, m_lamport);
    if (undoable && !m_steps.empty()) {
        m_undos.push_back(m_steps);
        m_redos.clear();
    }
    return change;
}

OpId NaiveDocument::append(NaiveOp op) {
    const OpId id = nextId();
    capture(op, id);
    const bool right = apply(op, id, m_lamport + m_width);
    assert(right);
    (void)right;
    m_width += op.width();
    m_ops.push_back(std::move(op));
    return id;
}

void NaiveDocument::capture(const NaiveOp& op, OpId id) {
    Step step;
    step.box = op.box;
    step.name = op.name;
    step.key = op.key;
    step.after = {op.value, op.origin.value_or(id)};
    step.inserts = op.kind != NaiveKind::Delete;
    step.targets = {id};
    switch (op.kind) {
        case NaiveKind::Insert:
            step.targets.clear();
            for (std::size_t i = 0; i < op.text.size(); ++i)
                step.targets.push_back({id.replica, id.counter + i});
            for (std::size_t i = 0; i < op.text.size(); ++i)
                step.text[step.targets[i]] = op.text[i];
            break;
        case NaiveKind::Delete:
            for (const OpId& e : op.targets)
                if (m_state.chars.count(e)) step.text[e] = m_state.chars.at(e);
            break;
        case NaiveKind::Set:
            step.what = 'r';
            step.before = get(op.box, op.name);
            break;
        case NaiveKind::Move:
        case NaiveKind::Place:
            step.what = 'p';
            step.before = get(op.box, {'p', {}, op.name.element});
            step.after.value = Shown::at(op.kind == NaiveKind::Move ? id : op.left);
            break;
        case NaiveKind::Mark:
            step.what = 'm';
            for (const Stretch& s : stretches(op.box, op.key, op.from, op.to))
                step.runs.push_back(
                    {s.from, s.to,
                     s.winner ? Written{s.winner->value, s.winner->origin} : Written{}});
            break;
        case NaiveKind::Toggle:
        case NaiveKind::Expunge:
            return;
        default:
            break;
    }
    keep(std::move(step));
}

// Neighbouring toggles of one container are one step, so that undoing them is one operation.
void NaiveDocument::keep(Step step) {
    Step* last = m_steps.empty() ? nullptr : &m_steps.back();
    const bool joins = step.what == 't' && last && last->what == 't' && last->box == step.box &&
                       last->inserts == step.inserts;
    if (!joins) return m_steps.push_back(std::move(step));
    last->targets.insert(last->targets.end(), step.targets.begin(), step.targets.end());
    last->text.merge(step.text);
}

// Origins for an insertion at a visible position: directly behind the visible left neighbour, in
// front of tombstones; but behind the last tombstone where a mark that wins on the left neighbour
// ends, or one that wins on the right neighbour begins, with an `after` anchor.
std::pair<OpId, OpId> NaiveDocument::gap(const Box& box, std::size_t position,
                                         std::optional<OpId> without) const {
    const std::vector<OpId>& all = order(box);
    const std::vector<OpId> visible = shown(box, without);
    OpId left = position ? visible[position - 1] : kNaiveStart;
    const OpId stop = position < visible.size() ? visible[position] : kNaiveEnd;
    long i = indexOf(box, left) + 1;
    const long j = indexOf(box, stop);
    std::set<NaiveAnchor> edges;
    if (position)
        for (const auto& [key, mark] : attributes(box, i - 1)) edges.insert(mark->to);
    if (stop != kNaiveEnd)
        for (const auto& [key, mark] : attributes(box, j)) edges.insert(mark->from);
    for (long k = i; k < j; ++k)
        if (edges.count({all[static_cast<std::size_t>(k)], true})) {
            left = all[static_cast<std::size_t>(k)];
            i = k + 1;
        }
    return {left, i < static_cast<long>(all.size()) ? all[static_cast<std::size_t>(i)] : kNaiveEnd};
}

void NaiveDocument::insert(const Box& box, std::size_t position, const std::u32string& inserted) {
    if (inserted.empty()) return;
    NaiveOp op = operation(NaiveKind::Insert, box);
    std::tie(op.left, op.right) = gap(box, position);
    op.text = inserted;
    append(op);
}

void NaiveDocument::remove(const Box& box, std::size_t position, std::size_t n) {
    NaiveOp op = operation(NaiveKind::Delete, box);
    const std::vector<OpId> visible = shown(box);
    for (std::size_t i = position; i < visible.size() && i - position < n; ++i)
        op.targets.push_back(m_state.places.at(box).at(visible[i]).element);
    if (!op.targets.empty()) append(op);
}

void NaiveDocument::insertItem(const Box& box, std::size_t position, Shown value) {
    NaiveOp op = operation(NaiveKind::InsertItem, box);
    std::tie(op.left, op.right) = gap(box, position);
    op.value = std::move(value);
    append(op);
}

OpId NaiveDocument::elementAt(const Box& box, std::size_t position) const {
    return m_state.places.at(box).at(shown(box)[position]).element;
}

void NaiveDocument::setItem(const Box& box, std::size_t position, Shown value) {
    NaiveOp op = operation(NaiveKind::Set, box);
    op.name = {'v', {}, elementAt(box, position)};
    op.value = std::move(value);
    append(op);
}

void NaiveDocument::moveItem(const Box& box, std::size_t from, std::size_t to) {
    if (from == to) return;
    NaiveOp op = operation(NaiveKind::Move, box);
    op.name = {'p', {}, elementAt(box, from)};
    std::tie(op.left, op.right) = gap(box, to, op.name.element);
    append(op);
}

// A container that stops being shown is cleared first.
NaiveDocument::Box NaiveDocument::setKey(const Box& map, const std::string& key, Shown value) {
    const RegisterName name{'k', key, {}};
    const auto kid = child(map, name);
    if (kid && value == Shown::container(kid->type())) return *kid;
    if (kid) clear(*kid);
    NaiveOp op = operation(NaiveKind::Set, map);
    op.name = name;
    op.value = value;
    if (value.what != What::Absent || get(map, name).value.what != What::Absent) append(op);
    return value.what == What::Container ? Box::child(map, key, value.type) : map;
}

void NaiveDocument::putMember(const Box& set, const Value& member, bool present) {
    NaiveOp op = operation(NaiveKind::Set, set);
    op.name = {'m', member.encode(), {}};
    if (present) op.value = Shown::plain(true);
    if ((get(set, op.name).value.what != What::Absent) != present) append(op);
}

void NaiveDocument::increment(const Box& counter, std::int64_t delta) {
    NaiveOp op = operation(NaiveKind::Add, counter);
    op.delta = delta;
    if (delta) append(op);
}

// Deletes what this replica sees in a container; what others add meanwhile stays.
void NaiveDocument::clear(const Box& box) {
    const auto registers = orNone(m_state.registers, box);
    if (box.type() == ContainerType::Map)
        for (const auto& [name, shown] : registers) setKey(box, name.key, {});
    if (box.type() == ContainerType::Set)
        for (const auto& [name, shown] : registers) putMember(box, *Value::decode(name.key), false);
    if (box.type() == ContainerType::Text || box.type() == ContainerType::List)
        remove(box, 0, SIZE_MAX);
    std::set<std::string> keys;
    for (const Mark& m : marks(box))
        if (m.value.what != What::Absent) keys.insert(m.key);
    for (const std::string& key : keys) unmarkAll(box, key);
    if (box.type() != ContainerType::Counter || !m_state.increments.count(box)) return;
    NaiveOp op = operation(NaiveKind::Clear, box);
    for (const auto& [id, delta] : m_state.increments.at(box))
        op.seen[id.replica] = std::max(op.seen[id.replica], id.counter);
    append(op);
}

void NaiveDocument::mark(const Box& box, std::size_t from, std::size_t to, const std::string& key,
                         Shown value, const std::string& expand) {
    const std::vector<OpId> visible = shown(box);
    if (from >= to || to > visible.size()) return;
    NaiveOp op = operation(NaiveKind::Mark, box);
    op.from = {visible[from], false};
    if (expand == "before" || expand == "both")
        op.from = {from ? visible[from - 1] : kNaiveStart, true};
    op.to = {visible[to - 1], true};
    if (expand == "after" || expand == "both")
        op.to = {to < visible.size() ? visible[to] : kNaiveEnd, false};
    op.key = key;
    op.value = std::move(value);
    append(op);
}

void NaiveDocument::unmarkAll(const Box& box, const std::string& key) {
    NaiveOp op = operation(NaiveKind::Mark, box);
    op.from = {kNaiveStart, true};
    op.to = {kNaiveEnd, true};
    op.key = key;
    append(op);
}

// Held by the paragraph's newline, or by the end for the last one.
void NaiveDocument::block(const Box& box, std::size_t position, const std::string& key,
                          Shown value) {
    NaiveOp op = operation(NaiveKind::Mark, box);
    const std::vector<OpId> visible = shown(box);
    OpId holder = kNaiveEnd;
    for (std::size_t i = position; i < visible.size() && holder == kNaiveEnd; ++i)
        if (m_state.chars.at(visible[i]) == U'\n') holder = visible[i];
    op.from = {holder, false};
    op.to = {holder, true};
    op.key = key;
    op.value = std::move(value);
    append(op);
}

void NaiveDocument::expunge(std::vector<OpId> ids) {
    NaiveOp op = operation(NaiveKind::Expunge, Box::root());
    op.targets = std::move(ids);
    append(op);
}

// ---- undo: toggles and re-writes of this replica's own operations ----

// Only what was really done goes to the other stack: a step that is skipped because another
// replica has overwritten it is not tried again.
std::optional<NaiveChange> NaiveDocument::revert(std::vector<Item>& source,
                                                 std::vector<Item>& target, bool redo) {
    if (source.empty()) return std::nullopt;
    Item item = std::move(source.back());
    source.pop_back();
    begin();
    if (!redo) std::reverse(item.begin(), item.end());
    std::erase_if(item, [&](Step& step) { return !revert(step, redo); });
    if (!redo) std::reverse(item.begin(), item.end());
    if (!item.empty()) target.push_back(std::move(item));
    return commit(false);
}

bool NaiveDocument::revert(Step& step, bool redo) {
    if (step.what == 'm') return revertMark(step, redo);
    NaiveOp op = operation(NaiveKind::Toggle, step.box);
    if (step.what == 't') {
        std::erase_if(step.targets, [&](OpId t) { return (m_state.off.count(t) > 0) != redo; });
        op.on = redo;
        op.targets = step.targets;
        if (redo == step.inserts) op.carried = step.text;
        if (!step.targets.empty()) append(op);
        return !step.targets.empty();
    }
    const Written& now = redo ? step.before : step.after;
    const Written& then = redo ? step.after : step.before;
    op.name = step.name;
    if (step.what == 'p') {
        op.kind = NaiveKind::Place;
        op.left = then.value.slot;
        if (get(step.box, step.name).value != now.value) return false;
    } else {
        op.kind = NaiveKind::Set;
        op.value = then.value;
        op.origin = then.origin;
        const bool is_ours = get(step.box, step.name).origin == now.origin;
        if ((!is_ours && !errs(Mistake::UndoTakesOverwritten)) || m_state.gone.count(then.origin))
            return false;
    }
    append(op);
    return true;
}

bool NaiveDocument::revertMark(Step& step, bool redo) {
    std::vector<Run> runs;
    for (const Run& run : step.runs) {
        const OpId now = redo ? run.before.origin : step.after.origin;
        for (const Stretch& s : stretches(step.box, step.key, run.from, run.to))
            if ((s.winner ? s.winner->origin : OpId{}) == now)
                runs.push_back({s.from, s.to, run.before});
    }
    for (const Run& run : runs) {
        const Written& then = redo ? step.after : run.before;
        NaiveOp op = operation(NaiveKind::Mark, step.box);
        op.key = step.key;
        op.from = run.from;
        op.to = run.to;
        op.value = then.value;
        op.origin = then.origin;
        append(op);
    }
    step.runs = runs;
    return !runs.empty();
}

// ---- refusal ----

std::map<std::uint64_t, NaiveChange> NaiveDocument::refuse(std::uint64_t first) {
    std::set<OpId> bad;
    std::set<Box> made;
    std::map<std::uint64_t, NaiveChange> out;
    const auto makes = [](const NaiveOp& op) {
        return op.kind == NaiveKind::Set && op.name.what == 'k' && op.value.what == What::Container;
    };
    const auto isOrphan = [&](const Box& box) {  // it or one of its parents was made by a bad one
        return std::any_of(made.begin(), made.end(), [&](const Box& m) {
            return m.origin() == box.origin() && m.path().size() <= box.path().size() &&
                   std::equal(m.path().begin(), m.path().end(), box.path().begin());
        });
    };
    const auto needsBad = [&](const NaiveOp& op) {
        const std::vector<OpId> ids = referencesOf(op);
        return isOrphan(op.box) ||
               std::any_of(ids.begin(), ids.end(), [&](OpId id) { return bad.count(id) > 0; });
    };
    for (NaiveChange& change : m_log) {
        const bool later = change.replica == m_replica && change.first > first &&
                           std::any_of(change.ops.begin(), change.ops.end(), needsBad);
        if (later || (change.replica == m_replica && change.first == first)) {
            for (std::uint64_t i = 0; i < change.count; ++i)
                bad.insert({m_replica, change.first + i});
            for (const NaiveOp& op : change.ops)
                if (makes(op)) made.insert(Box::child(op.box, op.name.key, op.value.type));
            change.ops.clear();
            change.is_void = true;
            change.signature = ~change.signature;
            out[change.first] = change;
        }
        for (const NaiveOp& op : change.ops)  // one that stands made it too
            if (makes(op)) made.erase(Box::child(op.box, op.name.key, op.value.type));
    }
    forgetUndo();
    rebuild();
    return out;
}

void NaiveDocument::forgetUndo() {
    m_undos.clear();
    m_redos.clear();
}

}  // namespace kimdb::test
