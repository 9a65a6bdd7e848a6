// SPDX-License-Identifier: MIT
#include "crdt/marks.h"

#include <algorithm>

#include "core/utf8.h"

namespace kimdb::crdt {

std::size_t Marks::lowerBound(const Track& track, Point point) const {
    const auto at = std::partition_point(track.boundaries.begin(), track.boundaries.end(),
                                         [&](const Boundary& b) { return isBefore(b.at, point); });
    return static_cast<std::size_t>(at - track.boundaries.begin());
}

const Marks::Mark* Marks::winnerAt(const Track& track, Point point) const {
    std::size_t i = lowerBound(track, point);
    if (i < track.boundaries.size() && track.boundaries[i].at == point) ++i;
    return i == 0 ? nullptr : track.boundaries[i - 1].winner;
}

// Makes the point a boundary, if it is none, and returns which.
std::size_t Marks::cut(Track& track, Point point) {
    const std::size_t i = lowerBound(track, point);
    if (i < track.boundaries.size() && track.boundaries[i].at == point) return i;
    Mark* const winner = i == 0 ? nullptr : track.boundaries[i - 1].winner;
    if (winner) ++winner->stretches;
    track.boundaries.insert(track.boundaries.begin() + static_cast<std::ptrdiff_t>(i),
                            {point, winner, 0});
    return i;
}

void Marks::add(const MarkKey& key, Mark added,
                const std::function<void(Point from, Point to)>& changed) {
    if (!isBefore(added.from, added.to)) return;
    Track& track = m_tracks[key];
    track.marks.push_back(std::make_unique<Mark>(std::move(added)));
    Mark* const mark = track.marks.back().get();
    const std::size_t begin = cut(track, mark->from);
    const std::size_t end = cut(track, mark->to);
    ++track.boundaries[begin].anchors;
    ++track.boundaries[end].anchors;
    std::vector<Mark*> covered;
    for (std::size_t i = begin; i < end; ++i) {
        Boundary& stretch = track.boundaries[i];
        if (stretch.winner && !stretch.winner->losesTo(*mark)) continue;
        if (stretch.winner && --stretch.winner->stretches == 0) covered.push_back(stretch.winner);
        stretch.winner = mark;
        ++mark->stretches;
        changed(stretch.at, track.boundaries[i + 1].at);
    }
    if (mark->stretches == 0) covered.push_back(mark);
    for (Mark* const loser : covered) drop(track, loser);
    if (track.marks.empty()) m_tracks.erase(key);
}

void Marks::drop(Track& track, Mark* mark) {
    release(track, mark->from);
    release(track, mark->to);
    std::erase_if(track.marks, [&](const auto& m) { return m.get() == mark; });
}

// A boundary that is nobody's anchor has the same winner on both sides.
void Marks::release(Track& track, Point anchor) {
    const std::size_t i = lowerBound(track, anchor);
    Boundary& boundary = track.boundaries[i];
    if (--boundary.anchors > 0) return;
    if (boundary.winner) --boundary.winner->stretches;
    track.boundaries.erase(track.boundaries.begin() + static_cast<std::ptrdiff_t>(i));
}

// ---- reading ----

std::vector<Marks::Stretch> Marks::stretches(const MarkKey& key, Point from, Point to) const {
    std::vector<Stretch> out;
    if (!isBefore(from, to)) return out;
    const auto found = m_tracks.find(key);
    if (found == m_tracks.end()) return {{from, to, nullptr}};
    const Track& track = found->second;
    Stretch stretch{from, to, winnerAt(track, from)};
    for (std::size_t i = lowerBound(track, from); i < track.boundaries.size(); ++i) {
        const Boundary& boundary = track.boundaries[i];
        if (!isBefore(boundary.at, to)) break;
        if (boundary.at == from) continue;
        stretch.to = boundary.at;
        out.push_back(stretch);
        stretch = {boundary.at, to, boundary.winner};
    }
    stretch.to = to;
    out.push_back(stretch);
    return out;
}

const Marks::Mark* Marks::at(const MarkKey& key, Slot slot) const {
    const auto found = m_tracks.find(key);
    if (found == m_tracks.end()) return nullptr;
    const Mark* mark = winnerAt(found->second, {slot, false});
    return mark && mark->value ? mark : nullptr;
}

std::vector<MarkKey> Marks::keys() const {
    std::vector<MarkKey> keys;
    for (const auto& [key, track] : m_tracks)
        if (std::any_of(track.marks.begin(), track.marks.end(),
                        [](const auto& mark) { return mark->value.has_value(); }))
            keys.push_back(key);
    return keys;
}

std::optional<Slot> Marks::behind(const Rga::Neighbours& gap) const {
    std::optional<Slot> last;
    const auto consider = [&](Point anchor) {
        const bool is_inside = anchor.after && anchor.slot < kSlotMax &&
                               m_text.isBefore(gap.left, anchor.slot) &&
                               m_text.isBefore(anchor.slot, gap.right);
        if (is_inside && (!last || m_text.isBefore(*last, anchor.slot))) last = anchor.slot;
    };
    if (gap.left != kStartSlot)
        forEachAt(gap.left, [&](const MarkKey&, const Mark& mark) { consider(mark.to); });
    if (gap.right != kEndSlot)
        forEachAt(gap.right, [&](const MarkKey&, const Mark& mark) { consider(mark.from); });
    return last;
}

std::size_t Marks::positionOf(Point point) const {
    std::size_t position = m_text.positionOf(point.slot);
    if (point.after && m_text.isVisible(point.slot)) position += m_text.unitsOf(point.slot);
    return position;
}

std::vector<TextSpan> Marks::spans() const {
    // Where an attribute begins or ends, left to right.
    struct Turn {
        std::string key;
        const Mark* mark;
    };
    std::multimap<std::size_t, Turn> turns;
    std::map<std::string, Value> last;
    for (const auto& [key, track] : m_tracks) {
        const std::string name = key.isComment() ? commentKey(key.comment) : key.text;
        for (const Boundary& boundary : track.boundaries)
            turns.emplace(positionOf(boundary.at), Turn{name, boundary.winner});
        if (const Mark* mark = at(key, kEndSlot)) last.emplace(name, *mark->value);
    }
    const std::u16string text = toUtf16(m_text.utf8());
    std::vector<TextSpan> out;
    std::map<std::string, Value> attributes;
    std::size_t begin = 0;
    const auto close = [&](std::size_t end) {
        if (begin == end) return;
        std::u16string run = text.substr(begin, end - begin);
        if (!out.empty() && out.back().attributes == attributes)
            out.back().text += run;
        else
            out.push_back({std::move(run), attributes});
        begin = end;
    };
    for (const auto& [position, turn] : turns) {
        close(position);
        if (turn.mark && turn.mark->value)
            attributes.insert_or_assign(turn.key, *turn.mark->value);
        else
            attributes.erase(turn.key);
    }
    close(text.size());
    if (!last.empty()) out.push_back({{}, std::move(last)});
    return out;
}

void Marks::expunge(const std::function<bool(OpId origin)>& is_expunged,
                    const std::function<void(const MarkKey&, Point from, Point to)>& changed) {
    for (auto& [key, track] : m_tracks)
        for (const auto& mark : track.marks) {
            if (!mark->value || !is_expunged(mark->origin)) continue;
            mark->value.reset();
            changed(key, mark->from, mark->to);
        }
}

std::optional<std::string> Marks::checkInvariants() const {
    for (const auto& [key, track] : m_tracks) {
        std::map<const Mark*, std::size_t> wins;
        std::size_t anchors = 0;
        for (std::size_t i = 0; i < track.boundaries.size(); ++i) {
            const Boundary& boundary = track.boundaries[i];
            if (i > 0 && !isBefore(track.boundaries[i - 1].at, boundary.at))
                return "marks: boundaries are not in order";
            if (boundary.anchors == 0) return "marks: a boundary that is nobody's anchor";
            if (boundary.winner) ++wins[boundary.winner];
            anchors += boundary.anchors;
        }
        if (track.boundaries.back().winner) return "marks: a mark never ends";
        if (anchors != 2 * track.marks.size()) return "marks: the number of anchors";
        for (const auto& mark : track.marks)
            if (mark->stretches == 0 || mark->stretches != wins[mark.get()])
                return "marks: where a mark wins";
    }
    return std::nullopt;
}

}  // namespace kimdb::crdt
