// SPDX-License-Identifier: MIT
#include "crdt/naive_state.h"

#include <algorithm>

#include "core/utf8.h"

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;
using What = Shown::What;

namespace {

bool isEnd(OpId id) {
    return id.replica == 0;
}

std::string utf8Of(char32_t c) {
    const char16_t units[] = {
        static_cast<char16_t>(c >= 0x10000 ? 0xD800 + ((c - 0x10000) >> 10) : c),
        static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF))};
    return toUtf8({units, c >= 0x10000 ? 2U : 1U});
}

std::vector<OpId> idsFrom(OpId first, std::size_t n) {
    std::vector<OpId> ids;
    for (std::size_t i = 0; i < n; ++i) ids.push_back({first.replica, first.counter + i});
    return ids;
}

}  // namespace

OpId commentOf(const std::string& key) {
    const std::size_t dot = key.find('.');
    if (key[0] != '#' || dot == std::string::npos) return {};
    return {std::stoull(key.substr(1)), std::stoull(key.substr(dot + 1))};
}

std::vector<OpId> referencesOf(const NaiveOp& op) {
    std::vector<OpId> ids = op.targets;
    ids.insert(ids.end(), {op.left, op.right, op.name.element, op.from.id, op.to.id});
    ids.push_back(op.origin.value_or(OpId{}));
    ids.push_back(op.box.origin());
    ids.push_back(commentOf(op.key));
    for (const auto& [replica, counter] : op.seen) ids.push_back({replica, counter});
    std::erase_if(ids, [](OpId id) { return isEnd(id); });
    return ids;
}

// ---- changes: order of events, buffering, duplicates ----

bool NaiveState::has(OpId id) const {
    return orNone(m_state.version, id.replica) >= id.counter;
}

// Of any operation: it grows by one per counter.
std::uint64_t NaiveState::lamportOf(OpId id) const {
    if (!has(id) || id.counter == 0) return 0;
    const auto end = m_state.ends.lower_bound(id);
    return end->second - (end->first.counter - id.counter);
}

std::uint64_t NaiveState::lamportOf(const NaiveChange& change) const {
    std::uint64_t before = lamportOf(OpId{change.replica, change.first - 1});
    for (const OpId& dep : change.deps) before = std::max(before, lamportOf(dep));
    for (const auto& [id, lamport] : m_state.ends)
        if (errs(Mistake::LamportsByArrival)) before = std::max(before, lamport);
    return before + 1;
}

std::set<OpId> NaiveState::missing(const NaiveChange& change) const {
    std::set<OpId> need(change.deps.begin(), change.deps.end());
    need.insert({change.replica, change.first - 1});
    if (errs(Mistake::ReferencesNotWaitedFor)) need.clear();
    for (const NaiveOp& op : change.ops)
        for (const OpId& id : referencesOf(op)) need.insert(id);
    std::erase_if(need, [&](OpId id) {
        const bool own = id.replica == change.replica && id.counter >= change.first;
        return has(id) || (own && id.counter <= change.lastId().counter);
    });
    return need;
}

std::set<OpId> NaiveState::missing() const {
    std::set<OpId> ids;
    for (const auto& [id, change] : m_pending) ids.merge(missing(change));
    return ids;
}

bool NaiveState::receive(const NaiveChange& change) {
    const OpId id{change.replica, change.first};
    if (has(id)) {
        for (const NaiveChange& old : m_log)
            if (old.replica == id.replica && old.first < id.counter + change.count &&
                id.counter < old.first + old.count && old.signature != change.signature)
                return false;
        return true;
    }
    const auto [pending, fresh] = m_pending.try_emplace(id, change);
    if (!fresh && pending->second.signature != change.signature) return false;
    for (bool again = true; again;) {
        again = false;
        for (auto i = m_pending.begin(); i != m_pending.end(); ++i) {
            if (!missing(i->second).empty()) continue;
            NaiveChange next = i->second;
            m_pending.erase(i);
            integrate(std::move(next));
            again = true;
            break;
        }
    }
    return true;
}

void NaiveState::integrate(NaiveChange change) {
    const std::uint64_t lamport = lamportOf(change);
    std::uint64_t n = 0;
    for (const NaiveOp& op : change.ops) {
        if (!apply(op, {change.replica, change.first + n}, lamport + n)) {
            // Only facts in the change's past decide, so it is VOID everywhere.
            ++m_reports;
            change.ops.clear();
            change.is_void = true;
            m_log.push_back(std::move(change));
            return rebuild();
        }
        n += op.width();
    }
    finish(std::move(change), lamport);
}

void NaiveState::finish(NaiveChange change, std::uint64_t lamport) {
    m_state.version[change.replica] = change.lastId().counter;
    m_state.ends[change.lastId()] = lamport + change.count - 1;
    for (const OpId& dep : change.deps) m_state.heads.erase(dep);
    m_state.heads.erase({change.replica, change.first - 1});
    m_state.heads.insert(change.lastId());
    scrub(change);
    m_log.push_back(std::move(change));
}

void NaiveState::rebuild() {
    const std::vector<NaiveChange> log = std::exchange(m_log, {});
    m_state = {};
    m_index.clear();
    for (const NaiveChange& change : log) integrate(change);
}

// ---- applying one operation ----

bool NaiveState::isElement(const Box& box, OpId id) const {
    const auto& places = orNone(m_state.places, box);
    const auto slot = places.find(id);
    return slot != places.end() && slot->second.element == id;
}

bool NaiveState::apply(const NaiveOp& op, OpId id, std::uint64_t lamport) {
    State& s = m_state;
    const auto& places = orNone(s.places, op.box);
    const OpId origin = op.origin.value_or(id);
    const auto known = [&](OpId i) { return places.count(i) > 0; };
    switch (op.kind) {
        case NaiveKind::Insert: {
            const std::vector<OpId> ids = idsFrom(id, op.text.size());
            if (!place(op.box, ids, op.left, op.right, {})) return false;
            for (std::size_t i = 0; i < ids.size(); ++i) {
                if (op.text[i] == kGone) s.gone.insert(ids[i]);  // before it reached us
                s.chars[ids[i]] = s.gone.count(ids[i]) ? kGone : op.text[i];
            }
            return true;
        }
        case NaiveKind::InsertItem:
            if (!place(op.box, {id}, op.left, op.right, id)) return false;
            write(op.box, {'v', {}, id}, lamport, id.replica, op.value, id);
            write(op.box, {'p', {}, id}, lamport, id.replica, Shown::at(id), {});
            return true;
        case NaiveKind::Delete:
            if (!std::all_of(op.targets.begin(), op.targets.end(), known)) return false;
            for (const OpId& target : op.targets) s.deletions[target].insert(id);
            return true;
        case NaiveKind::Set:
            if (op.name.what == 'v' && !known(op.name.element)) return false;
            write(op.box, op.name, lamport, id.replica, op.value, origin);
            return true;
        case NaiveKind::Move:
        case NaiveKind::Place: {
            const OpId element = op.name.element;
            const bool moves = op.kind == NaiveKind::Move;
            if (!isElement(op.box, element)) return false;
            if (moves && !place(op.box, {id}, op.left, op.right, element)) return false;
            if (!moves && (!known(op.left) || places.at(op.left).element != element)) return false;
            write(op.box, {'p', {}, element}, lamport, id.replica, Shown::at(moves ? id : op.left),
                  {});
            return true;
        }
        case NaiveKind::Add:
            s.increments[op.box].emplace_back(id, op.delta);
            return true;
        case NaiveKind::Clear:
            s.clearings[op.box].emplace_back(id, op.seen);
            return true;
        case NaiveKind::Mark:
            for (const NaiveAnchor& a : {op.from, op.to})
                if (!isEnd(a.id) && !known(a.id)) return false;
            s.marks[op.box].push_back({lamport, id.replica, op.key, op.from, op.to,
                                       s.gone.count(origin) ? Shown{} : op.value, origin});
            pruneMarks(op.box);
            return true;
        case NaiveKind::Toggle:
            for (const OpId& target : op.targets)
                if (target.replica != id.replica) return false;
            for (const OpId& target : op.targets)
                op.on ? (void)s.off.erase(target) : (void)s.off.insert(target);
            for (const auto& [element, c] : op.carried)
                if (s.chars.count(element) && !s.gone.count(element)) s.chars[element] = c;
            return true;
        case NaiveKind::Expunge:
            expunge(op.targets);
            return true;
    }
    return false;
}

void NaiveState::write(const Box& box, const RegisterName& name, std::uint64_t lamport,
                       ReplicaId replica, const Shown& value, OpId origin) {
    auto& registers = m_state.registers[box];
    const auto old = registers.find(name);
    if (old != registers.end() && !errs(Mistake::WritesByArrival) &&
        std::pair(old->second.lamport, old->second.replica) > std::pair(lamport, replica))
        return;
    registers[name] = {lamport, replica, m_state.gone.count(origin) ? Shown{} : value, origin};
}

// FugueMax as a scan: between its origins, among concurrent runs with the same left origin those
// with the further right origin first, equals by id. The characters of one run follow each other,
// so only the first needs the scan. False: the origins are not there or not in order.
bool NaiveState::place(const Box& box, const std::vector<OpId>& ids, OpId left, OpId right,
                       OpId element) {
    auto& places = m_state.places[box];
    for (const OpId& id : {left, right})
        if (!isEnd(id) && !places.count(id)) return false;
    const long l = indexOf(box, left), r = indexOf(box, right);
    if (l >= r) return false;
    std::vector<OpId>& order = m_state.order[box];
    long place = l + 1;
    bool scanning = false;
    for (long i = l + 1;; ++i) {
        if (!scanning) place = i;
        if (i == r) break;
        const OpId other = order[static_cast<std::size_t>(i)];
        const long other_left = indexOf(box, places[other].left);
        const long other_right = indexOf(box, places[other].right);
        const bool goes_first = (ids[0] < other) != errs(Mistake::SiblingsByGreaterId);
        if (other_left < l || (other_left == l && other_right == r && goes_first)) break;
        if (other_left == l) scanning = other_right < r && !errs(Mistake::RightOriginsIgnored);
    }
    order.insert(order.begin() + place, ids.begin(), ids.end());
    for (const OpId& id : ids) {
        places[id] = {left, right, element.isNull() ? id : element};
        left = id;
    }
    return true;
}

void NaiveState::expunge(const std::vector<OpId>& ids) {
    State& s = m_state;
    s.gone.insert(ids.begin(), ids.end());
    for (const OpId& id : ids)
        if (s.chars.count(id)) s.chars[id] = kGone;
    for (auto& [box, registers] : s.registers)
        for (auto& [name, shown] : registers)
            if (s.gone.count(shown.origin)) shown.value = {};
    for (auto& [box, marks] : s.marks)
        for (Mark& mark : marks)
            if (s.gone.count(mark.origin)) mark.value = {};
    for (NaiveChange& change : m_log) scrub(change);
    for (auto& [id, change] : m_pending) scrub(change);
}

// Structure, counters and signature stay.
void NaiveState::scrub(NaiveChange& change) const {
    OpId id{change.replica, change.first};
    for (NaiveOp& op : change.ops) {
        for (std::size_t i = 0; i < op.text.size(); ++i)
            if (m_state.gone.count({id.replica, id.counter + i})) op.text[i] = kGone;
        std::erase_if(op.carried, [&](const auto& c) { return m_state.gone.count(c.first) > 0; });
        if (m_state.gone.count(op.origin.value_or(id))) op.value = {};
        id.counter += op.width();
    }
}

// ---- reading ----

bool NaiveState::isAlive(OpId id) const {
    const State& s = m_state;
    const auto& deletions = orNone(s.deletions, id);
    return !s.off.count(id) && !s.gone.count(id) &&
           std::all_of(deletions.begin(), deletions.end(),
                       [&](OpId d) { return s.off.count(d) && !errs(Mistake::DeletionsStay); });
}

const std::vector<OpId>& NaiveState::order(const Box& box) const {
    return orNone(m_state.order, box);
}

// Slots that show an element, in order.
std::vector<OpId> NaiveState::shown(const Box& box, std::optional<OpId> without) const {
    std::vector<OpId> out;
    for (const OpId& slot : order(box)) {
        const OpId element = m_state.places.at(box).at(slot).element;
        if (!isAlive(element) || element == without) continue;
        if (box.type() == ContainerType::List && !errs(Mistake::MovesCopy) &&
            get(box, {'p', {}, element}).value.slot != slot)
            continue;
        out.push_back(slot);
    }
    return out;
}

std::u32string NaiveState::text(const Box& box) const {
    std::u32string text;
    for (const OpId& id : shown(box)) text += m_state.chars.at(id);
    return text;
}

NaiveState::Written NaiveState::get(const Box& box, const RegisterName& name) const {
    const auto& registers = orNone(m_state.registers, box);
    const auto found = registers.find(name);
    return found == registers.end() ? Written{}
                                    : Written{found->second.value, found->second.origin};
}

std::optional<NaiveState::Box> NaiveState::child(const Box& box, const RegisterName& name) const {
    const Written shown = get(box, name);
    if (shown.value.what != What::Container) return std::nullopt;
    if (name.what == 'k') return Box::child(box, name.key, shown.value.type);
    return Box::element(shown.origin, shown.value.type);
}

std::optional<NaiveState::Box> NaiveState::childAt(const Box& box, std::size_t index) const {
    return child(box, {'v', {}, m_state.places.at(box).at(shown(box)[index]).element});
}

std::int64_t NaiveState::count(const Box& box) const {
    std::uint64_t sum = 0;  // wraps: addition has to stay associative
    for (const auto& [id, delta] : orNone(m_state.increments, box)) {
        bool counts = !m_state.off.count(id);
        for (const auto& [clearing, seen] : orNone(m_state.clearings, box))
            if (!m_state.off.count(clearing) &&
                orNone(seen, id.replica) >= id.counter + errs(Mistake::ClearingsForgetOne))
                counts = false;
        if (counts) sum += static_cast<std::uint64_t>(delta);
    }
    return static_cast<std::int64_t>(sum);
}

Value NaiveState::valueOf(const Box& box, const RegisterName& name) const {
    if (const auto kid = child(box, name)) return toValue(*kid);
    return get(box, name).value.value;
}

Value NaiveState::toValue(const Box& box) const {
    const auto& registers = orNone(m_state.registers, box);
    if (box.type() == ContainerType::Counter) return count(box);
    if (box.type() == ContainerType::Map) {
        Value::Object object;
        for (const auto& [name, shown] : registers)
            if (shown.value.what != What::Absent) object[name.key] = valueOf(box, name);
        return object;
    }
    Value::Array array;
    std::string text;
    if (box.type() == ContainerType::Set) {
        for (const auto& [name, shown] : registers)
            if (shown.value.what != What::Absent) array.push_back(*Value::decode(name.key));
    } else if (box.type() == ContainerType::List) {
        for (const OpId& slot : shown(box))
            array.push_back(valueOf(box, {'v', {}, m_state.places.at(box).at(slot).element}));
    } else {
        for (const char32_t c : this->text(box)) text += utf8Of(c);
        return text;
    }
    return array;
}

// Ids, origins and registers stay.
void NaiveState::trim() {
    for (auto& [id, c] : m_state.chars)
        if (!isAlive(id)) c = kGone;
}

// ---- marks: ranges between anchors, per key the greatest (lamport, replica) wins ----

const std::vector<NaiveState::Mark>& NaiveState::marks(const Box& box) const {
    return orNone(m_state.marks, box);
}

long NaiveState::indexOf(const Box& box, OpId id) const {
    const std::vector<OpId>& all = order(box);
    if (isEnd(id)) return id == kNaiveStart ? -1 : static_cast<long>(all.size());
    auto& index = m_index[box];
    if (index.size() != all.size())
        for (std::size_t i = 0; i < all.size(); ++i) index[all[i]] = static_cast<long>(i);
    return index.at(id);
}

long NaiveState::where(const Box& box, const NaiveAnchor& anchor) const {
    return 2 * indexOf(box, anchor.id) + anchor.after;
}

// The winning mark of a key on a stretch of anchor positions.
const NaiveState::Mark* NaiveState::winner(const Box& box, const std::string& key, long from,
                                           long to) const {
    const Mark* best = nullptr;
    for (const Mark& m : marks(box)) {
        if (m.key != key || where(box, m.from) > from || where(box, m.to) < to) continue;
        if (!best || errs(Mistake::MarksByArrival) ||
            std::pair(m.lamport, m.replica) > std::pair(best->lamport, best->replica))
            best = &m;
    }
    return best;
}

// A range cut at every anchor of the key's marks, left to right.
std::vector<NaiveState::Stretch> NaiveState::stretches(const Box& box, const std::string& key,
                                                       NaiveAnchor from, NaiveAnchor to) const {
    std::map<long, NaiveAnchor> cuts;
    for (const Mark& m : marks(box))
        if (m.key == key)
            for (const NaiveAnchor& a : {m.from, m.to}) cuts[where(box, a)] = a;
    cuts[where(box, from)] = from;
    cuts[where(box, to)] = to;
    std::vector<Stretch> out;
    for (auto i = cuts.find(where(box, from)); i != cuts.end() && i->first < where(box, to); ++i) {
        const auto next = std::next(i);
        out.push_back({i->second, next->second, winner(box, key, i->first, next->first)});
    }
    return out;
}

// Drops marks that win nowhere: what covers them never goes away.
void NaiveState::pruneMarks(const Box& box) {
    std::vector<Mark> kept;
    for (const Mark& m : marks(box))
        for (const Stretch& stretch : stretches(box, m.key, m.from, m.to))
            if (stretch.winner == &m) {
                kept.push_back(m);
                break;
            }
    m_state.marks[box] = kept;
}

// Winning marks of the element (or the end) at an index of the full order.
std::map<std::string, const NaiveState::Mark*> NaiveState::attributes(const Box& box,
                                                                      long index) const {
    std::map<std::string, const Mark*> out;
    for (const Mark& m : marks(box)) out[m.key] = winner(box, m.key, 2 * index, 2 * index + 1);
    std::erase_if(out,
                  [](const auto& a) { return !a.second || a.second->value.what == What::Absent; });
    return out;
}

NaiveState::Spans NaiveState::spans(const Box& box) const {
    Spans out;
    const auto values = [&](long index) {
        std::map<std::string, Value> attributes_;
        for (const auto& [key, mark] : attributes(box, index)) attributes_[key] = mark->value.value;
        return attributes_;
    };
    for (const OpId& id : shown(box)) {
        const auto now = values(indexOf(box, id));
        if (out.empty() || out.back().second != now) out.push_back({{}, now});
        out.back().first += utf8Of(m_state.chars.at(id));
    }
    if (const auto last = values(indexOf(box, kNaiveEnd)); !last.empty()) out.push_back({{}, last});
    return out;
}

// ---- cursors ----

NaiveAnchor NaiveState::cursor(const Box& box, std::size_t position, bool after) const {
    const std::vector<OpId> visible = shown(box);
    if (after) return {position ? visible[position - 1] : kNaiveStart, true};
    return {position < visible.size() ? visible[position] : kNaiveEnd, false};
}

// A cursor on a character that is not visible stands in the gap where it would be.
std::size_t NaiveState::resolve(const Box& box, const NaiveAnchor& cursor) const {
    const long index = indexOf(box, cursor.id);
    std::size_t n = 0;
    for (const OpId& id : shown(box))
        n += indexOf(box, id) < index || (id == cursor.id && cursor.after);
    return n;
}

}  // namespace kimdb::test
