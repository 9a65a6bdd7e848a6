// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>
#include <queue>

#include "crdt/run_places.h"
#include "crdt/sequence_codec.h"
#include "crdt/sequence_format.h"
#include "crdt/sequence_walk.h"

namespace kimdb::crdt {

using Mark = SequenceWalk::Mark;

// What one replica did here behind the root, by counter: characters, or deletions.
struct SequenceWriter::Stream {
    struct Event {
        std::uint64_t counter = 0;
        std::uint64_t count = 0;
        Slot slot = 0;
        bool deletes = false;
    };
    ReplicaIndex replica = 0;
    std::uint32_t number = 0;  // in the file
    std::vector<Event> events;
    std::size_t at = 0;
    std::uint64_t offset = 0;
    std::uint64_t next_counter = 1;  // behind what was written

    bool atEnd() const { return at == events.size(); }
    std::uint64_t counter() const { return events[at].counter + offset; }
    Slot slot() const { return events[at].slot + static_cast<Slot>(offset); }
    bool deletes() const { return events[at].deletes; }
    bool continues() const { return !atEnd() && counter() == next_counter; }
    void advance() {
        next_counter = counter() + 1;
        if (++offset < events[at].count) return;
        ++at;
        offset = 0;
    }
};

struct SequenceWriter::State {
    explicit State(const Rga& s, std::size_t replicas) : sequence(s), walk(replicas) {}

    Mark markOf(Slot slot) const { return slot >= kSlotMax ? 0 : marks[slot]; }
    // Whether what stands behind `place` comes after the slot in the full order.
    bool fitsBehind(Mark place, Slot slot) const {
        const Mark next = walk.next(place);
        return next == 0 || order[slots[next]] > order[slot];
    }

    const Rga& sequence;
    SequenceWalk walk;
    std::vector<Slot> left, right;        // by slot
    std::vector<std::uint32_t> order;     // by slot
    std::vector<Mark> marks;              // by slot
    std::vector<Slot> slots{kStartSlot};  // by mark
    std::vector<Stream> streams;
    std::vector<SlotRun> targets;
    std::size_t runs = 0;
    std::uint32_t last_replica = 0;
    Bytes kinds, lengths, jumps, rest;
};

namespace {

void readSpans(const SpanTree& tree, auto& state) {
    const std::size_t n = tree.nextSlot();
    state.left.resize(n);
    state.right.resize(n);
    state.order.resize(n);
    state.marks.resize(n);
    state.slots.reserve(n + 1);
    state.walk.reserve(n);
    std::uint32_t at = 0;
    tree.forEach([&](const Span& span) {
        for (std::uint32_t i = 0; i < span.length; ++i) {
            state.left[span.slot + i] = i == 0 ? span.left : span.slot + i - 1;
            state.right[span.slot + i] = span.right;
            state.order[span.slot + i] = at++;
        }
    });
}

}  // namespace

// What the run in front of it says too is left out.
class RunHead {
 public:
    RunHead(auto& state, const auto& stream) {
        if (stream.number != state.last_replica) {
            m_bits |= kOtherReplica;
            ByteWriter(m_rest).varint(stream.number);
        }
        if (stream.counter() != stream.next_counter) {
            m_bits |= kCounterGap;
            ByteWriter(m_rest).varint(stream.counter() - stream.next_counter);
        }
        state.last_replica = stream.number;
    }
    void say(int bit, std::uint64_t value) {
        m_bits |= bit;
        ByteWriter(m_rest).varint(value);
    }
    void jump(auto& state, Mark from, Mark to) {
        if (from == to) return;
        m_bits |= kJump;
        ByteWriter(state.jumps)
            .zigzag(static_cast<std::int64_t>(to) - static_cast<std::int64_t>(from));
    }
    Bytes& rest() { return m_rest; }
    void end(auto& state, RunKind kind, std::uint64_t length) {
        ByteWriter(state.kinds).u8(static_cast<std::uint8_t>(static_cast<int>(kind) | m_bits));
        ByteWriter(state.lengths).varint(length);
        state.rest.append(m_rest);
        ++state.runs;
    }

 private:
    int m_bits = 0;
    Bytes m_rest;
};

void SequenceWriter::writeInsert(State& state, Stream& stream) {
    SequenceWalk& walk = state.walk;
    const Slot first = stream.slot();
    const Slot right = state.right[first];
    const Mark left = state.markOf(state.left[first]);
    RunHead head(state, stream);
    head.jump(state, walk.cursor(stream.number), left);
    if (state.markOf(right) != walk.next(left)) head.say(kRightSaid, state.markOf(right));
    Mark place = left;
    while (!state.fitsBehind(place, first)) place = walk.next(place);
    if (place != left) head.say(kPlaceSaid, place);
    std::uint32_t n = 0;
    for (Slot before = state.left[first];; before = stream.slot(), stream.advance(), ++n) {
        if (n > 0 && (!stream.continues() || stream.deletes())) break;
        const Slot slot = stream.slot();
        if (n > 0 && (state.left[slot] != before || state.right[slot] != right ||
                      !state.fitsBehind(place, slot)))
            break;
        state.marks[slot] = static_cast<Mark>(state.slots.size());
        state.slots.push_back(slot);
    }
    const Mark begin = walk.insert(left, place, n);
    walk.setCursor(stream.number, begin + n - 1);
    head.end(state, RunKind::Insert, n);
}

void SequenceWriter::writeDeletion(State& state, Stream& stream) {
    SequenceWalk& walk = state.walk;
    // The targets of a deletion as ranges of marks.
    std::vector<SlotRun> ranges;
    const auto read = [&] {
        ranges.clear();
        for (const SlotRun& run :
             state.sequence.deletions().targets(stream.replica, stream.counter()))
            for (Slot slot = run.first; slot < run.first + run.count; ++slot) {
                const Mark mark = state.marks[slot];
                if (!ranges.empty() && ranges.back().first + ranges.back().count == mark)
                    ++ranges.back().count;
                else
                    ranges.push_back({mark, 1});
            }
        return ranges.size() == 1 && ranges[0].count == 1;
    };
    RunHead head(state, stream);
    const Mark cursor = walk.cursor(stream.number);
    if (!read()) {
        head.jump(state, cursor, ranges[0].first);
        ByteWriter rest(head.rest());
        rest.varint(ranges.size() - 1);
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            if (i > 0) {
                const std::int64_t from = ranges[i - 1].first + ranges[i - 1].count;
                rest.zigzag(static_cast<std::int64_t>(ranges[i].first) - from);
                rest.varint(ranges[i].count);
            }
            walk.remove(ranges[i].first, ranges[i].count);
        }
        walk.setCursor(stream.number, ranges[0].first);
        stream.advance();
        return head.end(state, RunKind::Ranges, ranges[0].count);
    }
    Mark target = ranges[0].first;
    const Mark behind = walk.aliveBehind(cursor);
    walk.remove(target, 1);
    stream.advance();
    const auto goesOn = [&](Mark next) {
        return next != 0 && stream.continues() && stream.deletes() && read() &&
               ranges[0].first == next;
    };
    bool ahead = target != cursor && target == behind;
    const bool jumps = target != cursor && !ahead;
    if (jumps) {
        head.jump(state, cursor, target);
        ahead = !goesOn(walk.alive(target)) && goesOn(walk.aliveBehind(target));
    }
    if (ahead && !jumps)
        walk.setCursor(stream.number, cursor);
    else
        walk.setCursor(stream.number, target);
    std::uint64_t n = 1;
    for (;; ++n) {
        const Mark next = ahead ? walk.aliveBehind(target) : walk.alive(target);
        if (!goesOn(next)) break;
        target = next;
        walk.remove(target, 1);
        stream.advance();
    }
    if (!ahead) walk.setCursor(stream.number, target);
    head.end(state, ahead ? RunKind::Ahead : RunKind::Back, n);
}

void SequenceWriter::writeRuns(State& state) {
    const auto later = [&](const auto& a, const auto& b) { return a > b; };
    using Next = std::pair<std::uint64_t, std::uint32_t>;  // lamport, number in the file
    std::priority_queue<Next, std::vector<Next>, decltype(later)> queue(later);
    const auto push = [&](const Stream& stream) {
        if (stream.atEnd()) return;
        const OpId id{m_replicas.id(stream.replica), stream.counter()};
        queue.emplace(m_lamport_of(id), stream.number);
    };
    for (const Stream& stream : state.streams) push(stream);
    while (!queue.empty()) {
        Stream& stream = state.streams[queue.top().second];
        queue.pop();
        if (stream.deletes())
            writeDeletion(state, stream);
        else
            writeInsert(state, stream);
        push(stream);
    }
}

std::vector<Slot> SequenceWriter::write(const Rga& sequence, DeadText dead_text, Bytes& out,
                                        Bytes& live, Bytes& dead) {
    State state(sequence, m_numbers.engine.size());
    readSpans(sequence.tree(), state);
    Bytes root;
    if (!m_numbers.root.empty()) writeOldRoot(state, root);
    state.streams.resize(m_numbers.engine.size());
    for (std::uint32_t number = 0; number < m_numbers.engine.size(); ++number) {
        Stream& stream = state.streams[number];
        stream.number = number;
        stream.replica = m_numbers.engine[number];
        if (!m_numbers.root.empty()) stream.next_counter = m_numbers.root[number] + 1;
        sequence.forEachIds(stream.replica, [&](std::uint64_t counter, Slot slot, std::uint32_t n) {
            const Slot begin = std::max(slot, sequence.rootSlots());
            if (begin >= slot + n) return;
            stream.events.push_back({counter + (begin - slot), slot + n - begin, begin, false});
        });
        sequence.deletions().forEach(stream.replica, [&](std::uint64_t counter, std::uint32_t n) {
            stream.events.push_back({counter, n, 0, true});
        });
        std::sort(stream.events.begin(), stream.events.end(),
                  [](const auto& a, const auto& b) { return a.counter < b.counter; });
    }
    writeRuns(state);
    std::size_t dead_bytes = dead.size();
    sequence.tree().forEach([&](const Span& span) {
        if (span.expunged || span.dropped || (dead_text == DeadText::Drop && !span.isVisible()))
            dead.append(span.length, '\0');
        else
            (span.isVisible() ? live : dead).append(sequence.tree().utf8(span));
    });
    dead_bytes = dead.size() - dead_bytes;
    ByteWriter writer(out);
    writer.varint(dead_bytes);
    writer.raw(root);
    writer.varint(state.runs);
    for (const Bytes* column : {&state.kinds, &state.lengths, &state.jumps, &state.rest})
        writer.bytes(*column);
    writeRanges(sequence, dead_text, out, false);
    state.slots.erase(state.slots.begin());
    return std::move(state.slots);
}

void SequenceWriter::writeRanges(const Rga& sequence, DeadText dead_text, Bytes& out,
                                 bool is_root) const {
    struct Range {
        std::uint32_t number;
        std::uint64_t first, count;
    };
    const auto put = [&](std::vector<Range> ranges) {
        std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
            return a.number != b.number ? a.number < b.number : a.first < b.first;
        });
        std::size_t kept = 0;
        for (std::size_t i = 1; i < ranges.size(); ++i) {
            Range& last = ranges[kept];
            if (last.number == ranges[i].number && last.first + last.count == ranges[i].first)
                last.count += ranges[i].count;
            else
                ranges[++kept] = ranges[i];
        }
        if (!ranges.empty()) ranges.resize(kept + 1);
        ByteWriter writer(out);
        writer.varint(ranges.size());
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            const bool same = i > 0 && ranges[i - 1].number == ranges[i].number;
            writer.varint(ranges[i].number);
            writer.varint(ranges[i].first - (same ? ranges[i - 1].first + ranges[i - 1].count : 0));
            writer.varint(ranges[i].count - 1);
        }
    };
    const auto spansThat = [&](auto&& holds) {
        std::vector<Range> ranges;
        std::vector<IdRun> ids;
        sequence.tree().forEach([&](const Span& span) {
            if (!holds(span)) return;
            sequence.idsOf({{span.slot, span.length}}, &ids);
            for (const IdRun& run : ids)
                ranges.push_back(
                    {m_numbers.file[*m_replicas.find(run.replica)], run.first, run.count});
        });
        return ranges;
    };
    std::vector<Range> off;
    if (!is_root) off = spansThat([](const Span& s) { return s.off; });
    if (!is_root)
        for (const auto& [replica, counter] : sequence.deletions().off())
            off.push_back({m_numbers.file[replica], counter, 1});
    put(std::move(off));
    put(spansThat([is_root](const Span& s) { return s.expunged && !is_root; }));
    const bool drop = dead_text == DeadText::Drop;
    ByteWriter(out).u8(drop);
    put(spansThat(
        [&](const Span& s) { return s.dropped && !s.buried && (!drop || s.isVisible()); }));
}

// ---- the root ----

// Takes characters in document order and writes their runs in that of counters, each with its
// place among those before: people write where they wrote last, so that is mostly none.
class SequenceWriter::RootRuns {
 public:
    void add(std::uint32_t number, std::uint64_t counter, RootFate fate, bool is_behind_left,
             bool is_before_right) {
        const int kind = static_cast<int>(fate);
        Run* last = m_runs.empty() ? nullptr : &m_runs.back();
        const bool goes_on = last && number == last->number && is_behind_left &&
                             counter == last->counter + last->length &&
                             kind == (last->kind & kFate) && fate != RootFate::Drop;
        if (!goes_on) {
            m_runs.push_back({number, counter, 0, kind | (is_behind_left ? 0 : kApart)});
            last = &m_runs.back();
        }
        ++last->length;
        last->kind = (last->kind & ~kBefore) | (is_before_right ? kBefore : 0);
    }
    void write(std::size_t replicas, Bytes& out) const {
        std::vector<std::uint32_t> order(m_runs.size());
        std::iota(order.begin(), order.end(), 0U);
        std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
            const Run &x = m_runs[a], &y = m_runs[b];
            return x.number != y.number ? x.number < y.number : x.counter < y.counter;
        });
        std::vector<std::uint64_t> counts(replicas, 0), next(replicas, 1);
        for (const Run& run : m_runs) ++counts[run.number];
        Bytes kinds, lengths, skips, places;
        RunPlaces placed(m_runs.size());
        std::int64_t last = -1;
        for (const std::uint32_t index : order) {
            const Run& run = m_runs[index];
            int kind = run.kind;
            const std::uint64_t skip = run.counter - next[run.number];
            if (skip > 0) {
                kind |= kSkips;
                ByteWriter(skips).varint(skip - 1);
            }
            next[run.number] = run.counter + run.length;
            const std::int64_t place = placed.countBefore(index);
            placed.take(index);
            if (place != last + 1) {
                kind |= kPlaced;
                ByteWriter(places).zigzag(place - last - 1);
            }
            last = place;
            if ((kind & kFate) != static_cast<int>(RootFate::Drop))
                ByteWriter(lengths).varint(run.length - 1);
            ByteWriter(kinds).u8(static_cast<std::uint8_t>(kind));
        }
        ByteWriter writer(out);
        for (const std::uint64_t count : counts) writer.varint(count);
        for (const Bytes* column : {&kinds, &lengths, &skips, &places}) writer.bytes(*column);
    }

 private:
    struct Run {
        std::uint32_t number;
        std::uint64_t counter, length;
        int kind;
    };
    std::vector<Run> m_runs;
};

// The root that was read, or made, before.
void SequenceWriter::writeOldRoot(State& state, Bytes& out) const {
    const Rga& sequence = state.sequence;
    const Slot end = sequence.rootSlots();
    RootRuns runs;
    if (end > 0) (void)state.walk.insert(0, 0, end);
    for (Slot slot = 0; slot < end; ++slot) {
        const OpId id = sequence.idOf(slot);
        const auto fate = sequence.isStub(slot)     ? RootFate::Drop
                          : sequence.isBuried(slot) ? RootFate::Bury
                                                    : RootFate::Keep;
        const Slot front = slot == 0 ? kStartSlot : slot - 1;
        runs.add(m_numbers.file[*m_replicas.find(id.replica)], id.counter, fate,
                 state.left[slot] == front, slot + 1 < end && state.right[slot] == slot + 1);
        state.marks[slot] = static_cast<Mark>(state.slots.size());
        state.slots.push_back(slot);
        if (fate != RootFate::Keep) state.walk.remove(state.marks[slot], 1);
    }
    runs.write(m_numbers.engine.size(), out);
}

std::vector<Slot> SequenceWriter::writeRoot(const Rga& sequence, const std::vector<RootFate>& fates,
                                            Bytes& out, Bytes& live, Bytes* dead) {
    RootRuns runs;
    std::vector<Slot> kept;
    struct Last {
        Slot slot = kStartSlot;
        bool is_neighbour = true;  // of what comes next, and can be its left origin
        std::uint32_t number = 0;
        std::uint64_t counter = 0;
        RootFate fate = RootFate::Keep;
        Slot right = kEndSlot;
        bool is_behind_left = false;
    } last;
    std::size_t fillers = 0;
    const auto flush = [&](Slot next) {
        if (last.slot == kStartSlot) return;
        runs.add(last.number, last.counter, last.fate, last.is_behind_left,
                 last.is_neighbour && next != kEndSlot && last.right == next);
    };
    sequence.tree().forEach([&](const Span& span) {
        if (span.isVisible() && !span.dropped) live.append(sequence.tree().utf8(span));
        if (span.isVisible() && span.dropped) fillers += span.length;
        for (std::uint32_t i = 0; i < span.length; ++i) {
            const Slot slot = span.slot + i;
            const RootFate fate = fates[slot];
            if (fate == RootFate::Drop && last.slot != kStartSlot && last.fate == fate) continue;
            flush(slot);
            const OpId id = sequence.idOf(slot);
            const Slot left = i == 0 ? span.left : slot - 1;
            last.is_behind_left = last.is_neighbour && left == last.slot;
            last.slot = slot;
            last.is_neighbour = fate != RootFate::Drop;
            last.number = m_numbers.file[*m_replicas.find(id.replica)];
            last.counter = id.counter;
            last.fate = fate;
            last.right = span.right;
            fillers += fate == RootFate::Keep ? 0 : 1;
            kept.push_back(slot);
        }
    });
    flush(kEndSlot);
    if (!dead) fillers = 0;  // a list
    if (dead) dead->append(fillers, '\0');
    ByteWriter(out).varint(fillers);
    runs.write(m_numbers.engine.size(), out);
    ByteWriter(out).varint(0);
    for (int i = 0; i < 4; ++i) ByteWriter(out).bytes({});
    writeRanges(sequence, DeadText::Drop, out, true);
    return kept;
}

}  // namespace kimdb::crdt
