// SPDX-License-Identifier: MIT
#include "crdt/rga.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/utf8.h"

namespace kimdb::crdt {

// ---- ids ----

std::uint32_t Rga::lengthOf(std::size_t run) const {
    const Slot end = run + 1 < m_runs.size() ? m_runs[run + 1].slot : m_tree.nextSlot();
    return end - m_runs[run].slot;
}

// The run that a slot's id is in.
std::size_t Rga::runOf(Slot slot) const {
    const std::size_t last = m_runs.size() - 1;
    if (slot >= m_runs[last].slot) return last;
    const std::size_t page = slot / kIdPageSlots;  // there is an entry: a run begins behind it
    const std::size_t end = page + 1 < m_run_at.size() ? m_run_at[page + 1] + 1 : last;
    const auto at = std::upper_bound(m_runs.begin() + m_run_at[page],
                                     m_runs.begin() + static_cast<std::ptrdiff_t>(end), slot,
                                     [](Slot s, const Ids& run) { return s < run.slot; });
    return static_cast<std::size_t>(at - m_runs.begin()) - 1;
}

// Behind the last slot whose id follows on that of `slot`.
Slot Rga::endOfIds(Slot slot) const {
    const std::size_t run = runOf(slot);
    return m_runs[run].slot + lengthOf(run);
}

void Rga::addIds(ReplicaIndex replica, std::uint64_t counter, Slot slot) {
    if (!m_runs.empty()) {
        const Ids& last = m_runs.back();
        if (last.replica == replica && last.counter + (slot - last.slot) == counter) return;
    }
    if (m_by_replica.size() <= replica) {
        m_by_replica.resize(replica + 1);
        m_found.resize(replica + 1);
    }
    const auto run = static_cast<std::uint32_t>(m_runs.size());
    m_by_replica[replica].push_back(run);
    while (m_run_at.size() * kIdPageSlots < slot) m_run_at.push_back(run - 1);
    m_runs.push_back({counter, slot, replica});
}

// Whether the newest slot has this id.
bool Rga::isNewest(ReplicaIndex replica, std::uint64_t counter) const {
    const Ids& last = m_runs.back();
    return last.replica == replica && last.counter + (m_tree.nextSlot() - 1 - last.slot) == counter;
}

std::optional<Slot> Rga::slotOf(ReplicaIndex replica, std::uint64_t counter) const {
    if (replica >= m_by_replica.size()) return std::nullopt;
    const std::vector<std::uint32_t>& runs = m_by_replica[replica];
    if (runs.empty()) return std::nullopt;
    const auto beginOf = [&](std::size_t i) { return m_runs[runs[i]].counter; };
    // Mostly it is the newest, or what was asked for last.
    std::size_t at = runs.size() - 1;
    if (counter < beginOf(at)) {
        at = m_found[replica];
        if (counter < beginOf(at) || counter >= beginOf(at + 1)) {
            const auto after = std::upper_bound(
                runs.begin(), runs.end(), counter,
                [&](std::uint64_t c, std::uint32_t run) { return c < m_runs[run].counter; });
            if (after == runs.begin()) return std::nullopt;
            at = static_cast<std::size_t>(after - runs.begin()) - 1;
            m_found[replica] = static_cast<std::uint32_t>(at);
        }
    }
    const std::uint32_t run = runs[at];
    const std::uint64_t offset = counter - m_runs[run].counter;
    if (offset >= lengthOf(run)) return std::nullopt;
    return m_runs[run].slot + static_cast<Slot>(offset);
}

std::optional<Slot> Rga::slotOf(OpId id) const {
    if (id.replica == 0) return id == kStartId ? kStartSlot : kEndSlot;
    for (const auto& [known, slot] : m_asked)
        if (known == id) return slot;
    const auto replica = m_replicas->find(id.replica);
    const auto slot = replica ? slotOf(*replica, id.counter) : std::nullopt;
    if (slot) m_asked[m_next_asked++ % m_asked.size()] = {id, *slot};
    return slot;
}

OpId Rga::idOf(Slot slot) const {
    if (slot >= kSlotMax) return slot == kStartSlot ? kStartId : kEndId;
    const Ids& run = m_runs[runOf(slot)];
    return {m_replicas->id(run.replica), run.counter + (slot - run.slot)};
}

bool Rga::appendSlots(const IdRun& run, std::vector<SlotRun>* slots) const {
    const auto replica = m_replicas->find(run.replica);
    if (!replica) return false;
    for (std::uint64_t done = 0; done < run.count;) {
        const auto slot = slotOf(*replica, run.first + done);
        if (!slot) return false;
        const auto n = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(endOfIds(*slot) - *slot, run.count - done));
        done += n;
        if (!slots) continue;
        if (!slots->empty() && slots->back().first + slots->back().count == *slot)
            slots->back().count += n;
        else
            slots->push_back({*slot, n});
    }
    return true;
}

std::vector<SlotRun> Rga::slotsIn(const IdRun& run) const {
    std::vector<SlotRun> found;
    const auto replica = m_replicas->find(run.replica);
    if (!replica || *replica >= m_by_replica.size()) return found;
    for (const std::uint32_t index : m_by_replica[*replica]) {
        const Ids& ids = m_runs[index];
        const std::uint64_t first = std::max(run.first, ids.counter);
        const std::uint64_t end = std::min(run.end(), ids.counter + lengthOf(index));
        if (first < end)
            found.push_back({ids.slot + static_cast<Slot>(first - ids.counter),
                             static_cast<std::uint32_t>(end - first)});
    }
    return found;
}

void Rga::idsOf(const std::vector<SlotRun>& slots, std::vector<IdRun>* out) const {
    std::vector<IdRun>& ids = *out;
    ids.clear();
    for (SlotRun run : slots) {
        while (run.count > 0) {
            const OpId id = idOf(run.first);
            const std::uint32_t n = std::min(run.count, endOfIds(run.first) - run.first);
            ids.push_back({id.replica, id.counter, n});
            run.first += n;
            run.count -= n;
        }
    }
    if (ids.size() > 1) std::sort(ids.begin(), ids.end());
    std::size_t kept = 0;
    for (std::size_t i = 1; i < ids.size(); ++i) {
        IdRun& last = ids[kept];
        if (last.replica == ids[i].replica && last.end() == ids[i].first)
            last.count += ids[i].count;
        else
            ids[++kept] = ids[i];
    }
    if (!ids.empty()) ids.resize(kept + 1);
}

bool Rga::isBefore(Slot a, Slot b) const {
    if (a == b) return false;
    if (a == kStartSlot || b == kEndSlot) return true;
    if (b == kStartSlot || a == kEndSlot) return false;
    return m_tree.before(m_tree.find(a), m_tree.find(b));
}

// ---- order ----

bool Rga::standsBefore(Slot sibling, Side side, Slot right, OpId id) const {
    const Slot other = m_tree.rightOf(sibling);
    if (side == Side::Right && other != right) return isBefore(right, other);
    return idOf(sibling) < id;
}

// Nobody wrote beside it, so it is the nearest in front that shares the left origin.
Slot Rga::onlyLeftChild(Slot parent) const {
    const Slot left = m_tree.leftOf(parent);
    Place at = m_tree.previousSpan(m_tree.find(parent));
    while (m_tree.span(at).left != left) at = m_tree.previousSpan(at);
    return m_tree.span(at).slot;
}

// The first behind the parent hangs somewhere to its left: climb.
Slot Rga::onlyRightChild(Slot parent) const {
    Slot at = m_tree.slotAt(m_tree.gapAfter(parent));
    for (;;) {
        const Slot right = m_tree.rightOf(at);
        if (right == kEndSlot || m_tree.leftOf(right) != parent) return at;
        at = right;
    }
}

// The known children of a parent on one side; nullptr when there are none.
std::vector<Slot>* Rga::siblings(Slot parent, Side side) {
    const std::uint64_t key = siblingKey(parent, side);
    const auto known = m_siblings.find(key);
    if (known != m_siblings.end()) return &known->second;
    if (side == Side::Left) {
        if (!m_tree.span(m_tree.find(parent)).has_left_child) return nullptr;
        return &(m_siblings[key] = {onlyLeftChild(parent)});
    }
    const Slot next = m_tree.slotAt(m_tree.gapAfter(parent));
    if (next == kEndSlot || m_tree.leftOf(next) != parent) return nullptr;
    return &(m_siblings[key] = {onlyRightChild(parent)});
}

Slot Rga::firstOfLeftSubtree(Slot slot) const {
    while (m_tree.span(m_tree.find(slot)).has_left_child && m_tree.find(slot).offset == 0) {
        const auto known = m_siblings.find(siblingKey(slot, Side::Left));
        slot = known != m_siblings.end() ? known->second.front() : onlyLeftChild(slot);
    }
    return slot;
}

// What hangs to the right of a character is what follows and has its left origin there.
Rga::Place Rga::endOfRightSubtree(Slot slot) const {
    const Place top = m_tree.find(slot);
    Place last = top;
    for (Place p = m_tree.nextSpan(top); p.leaf; p = m_tree.nextSpan(p)) {
        const Slot left = m_tree.span(p).left;
        if (left == kStartSlot || m_tree.before(m_tree.find(left), top)) break;
        last = p;
    }
    if (last.leaf == top.leaf && last.index == top.index &&
        m_tree.span(top).length > top.offset + 1)
        return {top.leaf, top.index + 1, 0};
    return {last.leaf, last.index + 1, 0};
}

Rga::Place Rga::place(Slot left, Slot right, OpId id) {
    const Place behind_left = m_tree.gapAfter(left);
    if (m_tree.slotAt(behind_left) == right) return behind_left;
    const bool is_left_child = right != kEndSlot && m_tree.leftOf(right) == left;
    const Side side = is_left_child ? Side::Left : Side::Right;
    std::vector<Slot>* beside = siblings(is_left_child ? right : left, side);
    if (!beside) return is_left_child ? m_tree.gapBefore(right) : behind_left;
    const auto at = std::partition_point(beside->begin(), beside->end(),
                                         [&](Slot s) { return standsBefore(s, side, right, id); });
    Place gap = behind_left;
    if (at != beside->begin())
        gap = endOfRightSubtree(*(at - 1));
    else if (is_left_child)
        gap = m_tree.gapBefore(firstOfLeftSubtree(*at));
    beside->insert(at, m_tree.nextSlot());
    return gap;
}

Slot Rga::addText(Place gap, Slot left, Slot right, std::string_view utf8, std::uint32_t scalars,
                  std::uint32_t units, bool expunged) {
    const bool is_left_child = right != kEndSlot && m_tree.leftOf(right) == left;
    const Slot slot = m_tree.insert(gap, left, right, utf8, scalars, units, expunged);
    if (is_left_child) m_tree.setHasLeftChild(right);
    return slot;
}

// ---- local edits ----

Rga::Inserted Rga::insert(std::size_t position, ReplicaIndex replica, std::uint64_t counter,
                          std::string_view utf8, std::uint32_t scalars,
                          std::optional<Slot> behind) {
    position = std::min(position, m_tree.units());
    Inserted done;
    Slot left = kStartSlot;
    std::optional<Slot> left_right;  // its right origin
    Place gap = m_tree.front();
    while (position > 0) {
        std::size_t first = 0;
        Place at = m_tree.atUnit(position - 1, &first);
        const Span& span = m_tree.span(at);
        const std::size_t width =
            span.units == span.length
                ? 1
                : m_tree.unitOffset({at.leaf, at.index, at.offset + 1}) - m_tree.unitOffset(at);
        if (first + width > position) {  // inside a pair: round down
            position = first;
            continue;
        }
        left = span.slot + at.offset;
        left_right = span.right;
        if (!behind && left + 1 == m_tree.nextSlot() && isNewest(replica, counter - 1) &&
            m_tree.extend(at, utf8, scalars)) {
            done.position = position;
            done.continues = true;
            return done;
        }
        if (++at.offset == span.length) at = {at.leaf, at.index + 1, 0};
        gap = at;
        break;
    }
    if (behind) {
        left = *behind;
        left_right = m_tree.rightOf(left);
        gap = m_tree.gapAfter(left);
    }
    const Slot right = m_tree.slotAt(gap);
    done.position = position;
    done.left = idOf(left);
    done.continues = counter > 1 && left_right == right &&
                     done.left == OpId{m_replicas->id(replica), counter - 1};
    if (!done.continues) done.right = idOf(right);
    const std::uint32_t units = unitsOf(utf8, scalars);
    // Neighbours: `right` hangs to the right of `left` iff it was written behind it.
    const bool is_left_child =
        right != kEndSlot && (gap.offset > 0 || m_tree.span(m_tree.normal(gap)).left == left);
    addIds(replica, counter,
           m_tree.insert(gap, left, right, utf8, scalars, units, false, is_left_child));
    return done;
}

std::size_t Rga::visible(std::size_t position, std::size_t length,
                         std::vector<SlotRun>* out) const {
    std::vector<SlotRun>& slots = *out;
    slots.clear();
    position = std::min(position, m_tree.units());
    const std::size_t end = position + std::min(length, m_tree.units() - position);
    if (position == end) return position;
    std::size_t first = 0;
    Place at = m_tree.atUnit(position, &first);
    for (std::size_t unit = first; unit < end; at = m_tree.nextSpan(at)) {
        const Span& span = m_tree.span(at);
        if (!span.isVisible()) continue;
        std::uint32_t n = span.length - at.offset;
        std::size_t units = span.units - m_tree.unitOffset(at);
        if (unit + units > end) {
            std::size_t begin_of_last = 0;
            const Place last = m_tree.atUnit(end - 1, &begin_of_last);
            n = last.offset + 1 - at.offset;
            units = end - unit;
        }
        const Slot slot = span.slot + at.offset;
        if (!slots.empty() && slots.back().first + slots.back().count == slot)
            slots.back().count += n;
        else
            slots.push_back({slot, n});
        unit += units;
    }
    return first;
}

// ---- operations of anyone ----

void Rga::integrate(ReplicaIndex replica, std::uint64_t counter, Slot left, Slot right,
                    const std::vector<TextPiece>& text, const Listener* listener) {
    if (left + 1 == m_tree.nextSlot() && text.size() == 1 && text[0].skipped == 0 &&
        isNewest(replica, counter - 1)) {
        const Place at = m_tree.find(left);
        if (m_tree.span(at).right == right && m_tree.extend(at, text[0].utf8, text[0].scalars)) {
            const std::size_t position = listener ? m_tree.unitsBefore(m_tree.find(left + 1)) : 0;
            if (listener) (*listener)({position, 0, text[0].utf8, left + 1, text[0].scalars});
            return;
        }
    }
    Place gap = place(left, right, {m_replicas->id(replica), counter});
    bool is_first = true;
    const auto add = [&](std::string_view utf8, std::uint32_t scalars, bool expunged) {
        if (scalars == 0) return;
        if (!std::exchange(is_first, false)) gap = m_tree.gapAfter(left);
        const std::uint32_t units = expunged ? 0 : unitsOf(utf8, scalars);
        const Slot slot = addText(gap, left, right, utf8, scalars, units, expunged);
        addIds(replica, counter, slot);
        if (listener && !expunged)
            (*listener)({m_tree.unitsBefore(m_tree.find(slot)), 0, utf8, slot, scalars});
        left = slot + scalars - 1;
        counter += scalars;
    };
    for (const TextPiece& piece : text) {
        add({}, piece.skipped, true);
        add(piece.utf8, piece.scalars, false);
    }
}

std::uint32_t Rga::unitsOf(std::string_view utf8, std::uint32_t scalars) {
    return utf8.size() == scalars || utf8.empty() ? scalars
                                                  : static_cast<std::uint32_t>(utf16Count(utf8));
}

template <class F>
void Rga::changeAt(const SlotRun& run, F&& f, const Listener* listener) {
    if (!listener) return m_tree.change(run.first, run.count, f, nullptr);
    const SpanTree::Changed changed = [&](std::size_t position, const Span& span,
                                          std::uint32_t before) {
        if (span.isVisible())
            (*listener)({position, 0, m_tree.utf8(span), span.slot, span.length});
        else
            (*listener)({position, before, {}, span.slot, 0});
    };
    m_tree.change(run.first, run.count, f, &changed);
}

template <class F>
void Rga::change(const SlotRun& run, F&& f, const Listener* listener) {
    changeAt(run, f, listener);
    forEachPlace(run, [&](Slot place) { changeAt({place, 1}, f, listener); });
}

// The further places of elements that were moved.
template <class F>
void Rga::forEachPlace(const SlotRun& run, F&& f) const {
    if (m_places.empty()) return;
    const auto end = m_places.lower_bound(run.first + run.count);
    for (auto at = m_places.lower_bound(run.first); at != end; ++at)
        for (const Slot place : at->second) f(place);
}

void Rga::addPlace(Slot home, Slot slot) {
    const Span like = m_tree.span(m_tree.find(home));
    const auto copy = [&](Span& s) {
        s.deletions = like.deletions;
        s.off = like.off;
        s.elsewhere = 1;
        if (like.expunged) s.expunged = 1, s.units = 0;
    };
    changeAt({slot, 1}, copy, nullptr);
    m_places[home].push_back(slot);
}

void Rga::setShown(Slot slot, bool shown, const Listener* listener) {
    changeAt(
        {slot, 1}, [shown](Span& s) { s.elsewhere = !shown; }, listener);
}

void Rga::expunge(const SlotRun& run, const Listener* listener) {
    const SpanTree::Changed changed = [&](std::size_t position, const Span& span,
                                          std::uint32_t before) {
        if (listener) (*listener)({position, before, {}, span.slot, 0});
    };
    m_tree.expunge(run.first, run.count, &changed);
    forEachPlace(run, [&](Slot place) { m_tree.expunge(place, 1, &changed); });
}

void Rga::remove(ReplicaIndex replica, std::uint64_t counter, const std::vector<SlotRun>& slots,
                 const Listener* listener) {
    m_deletions.add(replica, counter, slots);
    for (const SlotRun& run : slots)
        change(
            run, [](Span& s) { ++s.deletions; }, listener);
}

bool Rga::canToggle(ReplicaIndex author, const IdRun& run) const {
    for (std::uint64_t c = run.first; c < run.end(); ++c) {
        if (m_deletions.contains(author, c)) continue;
        const auto slot = slotOf(author, c);
        if (!slot) return false;
        c += endOfIds(*slot) - *slot - 1;
    }
    return true;
}

void Rga::toggle(ReplicaIndex author, const IdRun& run, bool on, const Listener* listener) {
    for (std::uint64_t c = run.first; c < run.end();) {
        if (const auto slot = slotOf(author, c)) {
            const auto n = static_cast<std::uint32_t>(
                std::min<std::uint64_t>(endOfIds(*slot) - *slot, run.end() - c));
            change(
                {*slot, n}, [on](Span& s) { s.off = !on; }, listener);
            c += n;
            continue;
        }
        if (m_deletions.isOff(author, c) == on) {
            m_deletions.setOff(author, c, !on);
            for (const SlotRun& target : m_deletions.targets(author, c))
                change(
                    target, [on](Span& s) { s.deletions += on ? 1U : -1U; }, listener);
        }
        ++c;
    }
}

bool Rga::isOff(ReplicaIndex author, std::uint64_t counter) const {
    if (const auto slot = slotOf(author, counter)) return m_tree.span(m_tree.find(*slot)).off;
    return m_deletions.isOff(author, counter);
}

std::vector<SlotRun> Rga::targetsOf(ReplicaIndex author, std::uint64_t counter) const {
    if (!m_deletions.contains(author, counter)) return {};
    return m_deletions.targets(author, counter);
}

std::uint64_t Rga::textOfToggle(ReplicaIndex author, const IdRun& run, bool on,
                                std::string* out) const {
    std::uint64_t scalars = 0;
    const auto take = [&](const SlotRun& slots) {
        scalars += slots.count;
        if (out) m_tree.appendText(slots.first, slots.count, *out);
    };
    for (std::uint64_t c = run.first; c < run.end(); ++c) {
        const auto slot = slotOf(author, c);
        if (slot && on) take({*slot, 1});
        if (!slot && !on)
            for (const SlotRun& target : m_deletions.targets(author, c)) take(target);
    }
    return scalars;
}

// ---- reading ----

std::string Rga::utf8() const {
    std::string out;
    out.reserve(m_tree.units());
    m_tree.forEach([&](const Span& span) {
        if (span.isVisible()) out.append(m_tree.utf8(span));
    });
    return out;
}

Cursor Rga::cursorAt(std::size_t position, Cursor::Side side) const {
    Cursor cursor;
    cursor.side = side;
    const bool after = side == Cursor::Side::After;
    const Neighbours beside = neighboursOf(position);
    const Slot slot = after ? beside.left : beside.right;
    cursor.anchor = slot < kSlotMax ? Cursor::Anchor::Character
                    : after         ? Cursor::Anchor::Start
                                    : Cursor::Anchor::End;
    if (slot < kSlotMax) cursor.id = idOf(slot);
    return cursor;
}

Rga::Neighbours Rga::neighboursOf(std::size_t position) const {
    Neighbours found;
    std::size_t first = std::min(position, m_tree.units());
    if (position < m_tree.units()) {
        const Place at = m_tree.atUnit(position, &first);  // rounds down
        found.right = m_tree.span(at).slot + at.offset;
    }
    if (first > 0) {
        const Place at = m_tree.atUnit(first - 1);
        found.left = m_tree.span(at).slot + at.offset;
    }
    return found;
}

Slot Rga::newlineFrom(std::size_t position) const {
    if (position >= m_tree.units()) return kEndSlot;
    for (Place at = m_tree.atUnit(position); at.leaf; at = m_tree.nextSpan(at)) {
        const Span& span = m_tree.span(at);
        if (!span.isVisible()) continue;
        std::uint32_t scalar = 0;
        for (const char c : m_tree.utf8(span)) {
            if ((static_cast<std::uint8_t>(c) & 0xC0) == 0x80) continue;
            if (c == '\n' && scalar >= at.offset) return span.slot + scalar;
            ++scalar;
        }
    }
    return kEndSlot;
}

std::size_t Rga::positionOf(Slot slot) const {
    if (slot >= kSlotMax) return slot == kStartSlot ? 0 : m_tree.units();
    return m_tree.unitsBefore(m_tree.find(slot));
}

std::size_t Rga::unitsOf(Slot slot) const {
    Place at = m_tree.find(slot);
    const std::size_t begin = m_tree.unitOffset(at);
    ++at.offset;
    return m_tree.unitOffset(at) - begin;
}

std::optional<std::size_t> Rga::resolve(const Cursor& cursor) const {
    if (cursor.anchor == Cursor::Anchor::Start) return 0;
    if (cursor.anchor == Cursor::Anchor::End) return m_tree.units();
    const auto slot = slotOf(cursor.id);
    if (!slot || *slot >= kSlotMax) return std::nullopt;
    const Place at = m_tree.find(*slot);
    std::size_t position = m_tree.unitsBefore(at);
    if (cursor.side == Cursor::Side::After && m_tree.span(at).isVisible())
        position += unitsOf(*slot);
    return position;
}

std::optional<std::string> Rga::checkInvariants() const {
    if (auto bad = m_tree.checkInvariants()) return "text: " + *bad;
    for (Slot slot = 0; slot < m_tree.nextSlot(); ++slot) {
        const auto found = slotOf(idOf(slot));
        if (!found || *found != slot) return "text: an id does not lead to its slot";
        if (!isBefore(m_tree.leftOf(slot), slot)) return "text: a left origin stands behind";
    }
    for (const auto& [key, children] : m_siblings)
        for (std::size_t i = 1; i < children.size(); ++i)
            if (!isBefore(children[i - 1], children[i])) return "text: siblings are not in order";
    return std::nullopt;
}

}  // namespace kimdb::crdt
