// SPDX-License-Identifier: MIT
#include <algorithm>
#include <queue>

#include "crdt/sequence_codec.h"
#include "crdt/sequence_format.h"
#include "crdt/sequence_walk.h"

namespace kimdb::crdt {

using Mark = SequenceWalk::Mark;

// What one replica did here, by counter: characters, or deletions.
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
    state.streams.resize(m_numbers.engine.size());
    for (std::uint32_t number = 0; number < m_numbers.engine.size(); ++number) {
        Stream& stream = state.streams[number];
        stream.number = number;
        stream.replica = m_numbers.engine[number];
        sequence.forEachIds(stream.replica, [&](std::uint64_t counter, Slot slot, std::uint32_t n) {
            stream.events.push_back({counter, n, slot, false});
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
        if (span.expunged || span.dropped) return;
        if (span.isVisible())
            live.append(sequence.tree().utf8(span));
        else if (dead_text == DeadText::Keep)
            dead.append(sequence.tree().utf8(span));
    });
    dead_bytes = dead.size() - dead_bytes;
    ByteWriter writer(out);
    writer.varint(dead_bytes);
    writer.varint(state.runs);
    for (const Bytes* column : {&state.kinds, &state.lengths, &state.jumps, &state.rest})
        writer.bytes(*column);
    writeRanges(sequence, dead_text, out);
    state.slots.erase(state.slots.begin());
    return std::move(state.slots);
}

void SequenceWriter::writeRanges(const Rga& sequence, DeadText dead_text, Bytes& out) const {
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
    std::vector<Range> off = spansThat([](const Span& s) { return s.off; });
    for (const auto& [replica, counter] : sequence.deletions().off())
        off.push_back({m_numbers.file[replica], counter, 1});
    put(std::move(off));
    put(spansThat([](const Span& s) { return s.expunged; }));
    const bool drop = dead_text == DeadText::Drop;
    ByteWriter(out).u8(drop);
    put(spansThat([&](const Span& s) { return s.dropped && (!drop || s.isVisible()); }));
}

}  // namespace kimdb::crdt
