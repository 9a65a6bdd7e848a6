// SPDX-License-Identifier: MIT
#include "crdt/counter.h"

#include <algorithm>

namespace kimdb::crdt {

template <class F>
void Counter::change(Increment& increment, F&& f) {
    m_sum -= increment.counted();
    f(increment);
    m_sum += increment.counted();
}

void Counter::increment(OpId id, std::int64_t delta) {
    const auto amount = static_cast<std::uint64_t>(delta);
    m_increments[id.replica].push_back({id.counter, amount, 0, false});
    m_sum += amount;
}

void Counter::clear(OpId id, std::vector<OpId> seen) {
    const Clearing& clearing = m_clearings[id] = {std::move(seen), false};
    cover(clearing, true);
}

void Counter::setBase(Base base) {
    m_base = std::move(base);
    m_sum += m_base.sum;
}

bool Counter::coversBase(const std::vector<OpId>& seen) const {
    return std::all_of(m_base.seen.begin(), m_base.seen.end(), [&](OpId last) {
        return std::any_of(seen.begin(), seen.end(), [&](OpId id) {
            return id.replica == last.replica && id.counter >= last.counter;
        });
    });
}

void Counter::cover(const Clearing& clearing, bool on) {
    if (!m_base.seen.empty() && coversBase(clearing.seen)) {
        if (m_base_clearings == 0) m_sum -= m_base.sum;
        on ? ++m_base_clearings : --m_base_clearings;
        if (m_base_clearings == 0) m_sum += m_base.sum;
    }
    for (const OpId& last : clearing.seen) {
        const auto of = m_increments.find(last.replica);
        if (of == m_increments.end()) continue;
        for (Increment& i : of->second) {
            if (i.counter > last.counter) break;
            change(i, [on](Increment& x) { on ? ++x.clearings : --x.clearings; });
        }
    }
}

std::vector<OpId> Counter::seen() const {
    std::map<ReplicaId, std::uint64_t> last;
    for (const OpId& id : m_base.seen) last[id.replica] = id.counter;
    for (const auto& [replica, increments] : m_increments)
        last[replica] = increments.back().counter;
    std::vector<OpId> seen;
    seen.reserve(last.size());
    for (const auto& [replica, counter] : last) seen.push_back({replica, counter});
    return seen;
}

const Counter::Increment* Counter::find(OpId id) const {
    const auto of = m_increments.find(id.replica);
    if (of == m_increments.end()) return nullptr;
    const auto at = std::lower_bound(
        of->second.begin(), of->second.end(), id.counter,
        [](const Increment& i, std::uint64_t counter) { return i.counter < counter; });
    return at != of->second.end() && at->counter == id.counter ? &*at : nullptr;
}

bool Counter::canToggle(const IdRun& run) const {
    for (std::uint64_t c = run.first; c < run.end(); ++c) {
        const OpId id{run.replica, c};
        if (!find(id) && !m_clearings.count(id)) return false;
    }
    return true;
}

void Counter::toggle(const IdRun& run, bool on) {
    for (std::uint64_t c = run.first; c < run.end(); ++c) {
        const OpId id{run.replica, c};
        if (const Increment* found = find(id)) {
            change(const_cast<Increment&>(*found), [on](Increment& i) { i.off = !on; });
            continue;
        }
        Clearing& clearing = m_clearings.at(id);
        if (clearing.off != on) continue;
        clearing.off = !on;
        cover(clearing, on);
    }
}

bool Counter::isOff(OpId id) const {
    if (const Increment* found = find(id)) return found->off;
    const auto clearing = m_clearings.find(id);
    return clearing != m_clearings.end() && clearing->second.off;
}

}  // namespace kimdb::crdt
