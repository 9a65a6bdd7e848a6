// SPDX-License-Identifier: MIT
#include <algorithm>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/run_places.h"
#include "crdt/sequence_codec.h"
#include "crdt/sequence_format.h"
#include "crdt/sequence_walk.h"

namespace kimdb::crdt {

namespace {

using Mark = SequenceWalk::Mark;

Error malformed(const char* what) {
    return {ErrorCode::Malformed, std::string("document file: ") + what};
}

struct IdRange {
    std::uint32_t number = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;

    bool operator<(const IdRange& o) const {
        return number != o.number ? number < o.number : first < o.first;
    }
};

// Characters of one insertion run, by mark.
struct CharacterRun {
    Mark first = 0;
    std::uint32_t number = 0;
    std::uint64_t counter = 0;
    Mark left = 0;
    Mark right = 0;
};

enum Flag : std::uint8_t { kOff = 1, kExpunged = 2, kDropped = 4, kBuried = 8, kStub = 16 };

class SequenceReader {
 public:
    SequenceReader(ByteReader& in, const FileReplicas& numbers,
                   const std::vector<std::uint64_t>& heads)
        : m_in(in),
          m_numbers(numbers),
          m_heads(heads),
          m_walk(numbers.engine.size()),
          m_next_counters(numbers.engine.size(), 1) {
        for (std::size_t i = 0; i < numbers.root.size(); ++i)
            m_next_counters[i] = numbers.root[i] + 1;
    }

    Result<Rga::Parts> read(const SequenceText& text) {
        m_is_text = text.dead != nullptr;
        const std::uint64_t dead_bytes = m_in.varint(m_is_text ? text.dead->size() : 0);
        readHead(text.live.size() + dead_bytes + text.elements);
        if (m_ok && m_in.ok()) readRoot();
        if (m_ok && m_in.ok()) readRuns();
        if (!m_ok || !m_in.ok()) return malformed("the order of a sequence is damaged");
        putFlags(m_expunged, kExpunged);
        putFlags(m_dropped, kDropped);
        putFlags(m_off, kOff);
        m_walk.forgetOrigins();
        if (!putOrder()) return malformed("a character does not stand between its origins");
        ByteView own;
        if (m_is_text) {
            own = text.dead->substr(0, static_cast<std::size_t>(dead_bytes));
            text.dead->remove_prefix(own.size());
        }
        if (!putSpans(text.live, own)) return malformed("text does not fit its sequence");
        putIds();
        return std::move(m_parts);
    }

 private:
    bool fail() { return m_ok = false; }

    void readHead(std::uint64_t characters_max) {
        if (!m_numbers.root.empty()) {
            for (std::size_t i = 0; i < m_heads.size() && m_in.ok(); ++i) {
                const std::uint64_t runs = m_in.varint(limits::kFileChunkBytesMax);
                if (runs > 0) m_root_counts.emplace_back(static_cast<std::uint32_t>(i), runs);
                m_root_runs += runs;
            }
            for (ByteReader* column :
                 {&m_root_kinds, &m_root_lengths, &m_root_skips, &m_root_places})
                *column = ByteReader(m_in.bytes(m_in.remaining()));
            if (m_root_kinds.remaining() != m_root_runs) return void(fail());
        }
        m_runs = m_in.varint();
        m_kinds = m_in.bytes(m_in.remaining());
        m_lengths = ByteReader(m_in.bytes(m_in.remaining()));
        m_jumps = ByteReader(m_in.bytes(m_in.remaining()));
        m_rest = ByteReader(m_in.bytes(m_in.remaining()));
        if (m_kinds.size() != m_runs) fail();
        readRanges(m_off);
        readRanges(m_expunged);
        m_all_dropped = m_in.u8() == 1;
        readRanges(m_dropped);
        // All characters have text, or are few: what follows takes memory for each.
        std::uint64_t characters = 0;
        std::uint64_t stubs = 0;  // one run each
        ByteReader root_kinds = m_root_kinds;
        ByteReader root_lengths = m_root_lengths;
        for (std::uint64_t i = 0; i < m_root_runs; ++i) {
            const bool is_stub = (root_kinds.u8() & kFate) == static_cast<int>(RootFate::Drop);
            if (is_stub)
                ++stubs;
            else
                characters += root_lengths.varint(limits::kCounterMax) + 1;
            if (characters > characters_max) return void(fail());
        }
        ByteReader lengths = m_lengths;
        for (const char kind : m_kinds) {
            const std::uint64_t n = lengths.varint(limits::kCounterMax);
            if ((kind & 3) == 0) characters += n;
            if (n == 0 || characters > characters_max) return void(fail());
        }
        characters += stubs;
        const auto inserts = std::count_if(m_kinds.begin(), m_kinds.end(),
                                           [](char kind) { return (kind & 3) == 0; });
        m_characters.reserve(static_cast<std::size_t>(m_root_runs) +
                             static_cast<std::size_t>(inserts));
        m_walk.reserve(static_cast<std::size_t>(characters));
        m_changes.resize(static_cast<std::size_t>(characters) + 2, 0);
    }

    void readRanges(std::vector<IdRange>& ranges) {
        const std::size_t n = m_in.count(UINT32_MAX, 3);
        ranges.reserve(n);
        for (std::size_t i = 0; i < n && m_in.ok(); ++i) {
            IdRange range;
            range.number = readNumber(m_in);
            const bool same = i > 0 && ranges.back().number == range.number;
            if (i > 0 && ranges.back().number > range.number) fail();
            range.first = m_in.varint(limits::kCounterMax) + (same ? ranges.back().last + 1 : 0);
            range.last = range.first + m_in.varint(limits::kCounterMax);
            if (!m_ok || !m_in.ok() || range.first == 0 || range.last > m_heads[range.number])
                return void(fail());
            ranges.push_back(range);
        }
    }

    std::uint32_t readNumber(ByteReader& in) {
        const std::uint64_t number = in.varint();
        if (number >= m_heads.size()) return fail(), 0;
        return static_cast<std::uint32_t>(number);
    }

    struct RootRun {
        std::uint32_t number = 0;
        std::uint8_t kind = 0;
        std::uint32_t length = 1;
        std::uint64_t counter = 0;
    };

    // What was there at the root, by replica and counter.
    void readRoot() {
        if (m_root_runs == 0) return;
        std::vector<RootRun> runs;
        std::vector<std::uint32_t> places;
        runs.reserve(static_cast<std::size_t>(m_root_runs));
        places.reserve(static_cast<std::size_t>(m_root_runs));
        std::int64_t last = -1;
        for (const auto& [number, count] : m_root_counts) {
            std::uint64_t next = 1;
            const std::uint64_t root = m_numbers.root[number];
            for (std::uint64_t i = 0; i < count; ++i) {
                RootRun run;
                run.number = number;
                run.kind = m_root_kinds.u8();
                const int fate = run.kind & kFate;
                std::uint64_t n = 1;
                if (fate != static_cast<int>(RootFate::Drop))
                    n += m_root_lengths.varint(UINT32_MAX - 1);
                if (run.kind & kSkips) next += m_root_skips.varint(limits::kCounterMax) + 1;
                if (run.kind & kPlaced) last += m_root_places.zigzag();
                ++last;
                const auto placed = static_cast<std::int64_t>(places.size());
                if (run.kind >= 64 || fate > static_cast<int>(RootFate::Drop) || next > root ||
                    n > root - next + 1 || last < 0 || last > placed)
                    return void(fail());
                run.length = static_cast<std::uint32_t>(n);
                run.counter = next;
                next += n;
                runs.push_back(run);
                places.push_back(static_cast<std::uint32_t>(last));
            }
        }
        if (!m_root_kinds.done() || !m_root_lengths.done() || !m_root_skips.done() ||
            !m_root_places.done())
            return void(fail());
        // From the last one back each knows how many of those before it are in front of it.
        RunPlaces taken(runs.size());
        std::vector<std::uint32_t> order(runs.size());
        for (std::size_t i = runs.size(); i > 0; --i)
            order[taken.takeFree(places[i - 1])] = static_cast<std::uint32_t>(i - 1);
        for (const std::uint32_t i : order) addRoot(runs[i]);
        if (m_characters.back().right == m_walk.end()) fail();
        m_parts.root_slots = m_walk.end() - 1;
    }

    void addRoot(const RootRun& root) {
        const std::uint8_t kind = root.kind;
        const std::uint32_t length = root.length;
        CharacterRun run;
        run.number = root.number;
        run.counter = root.counter;
        const Mark front = m_walk.end() - 1;
        run.first = m_walk.insert(front, front, length);
        run.left = kind & kApart ? 0 : front;
        run.right = kind & kBefore ? m_walk.end() : 0;
        m_characters.push_back(run);
        if ((kind & kFate) == 0) return;
        const bool is_stub = (kind & kFate) == static_cast<int>(RootFate::Drop);
        if (m_flags.empty()) m_flags.resize(m_changes.size(), 0);
        std::fill_n(m_flags.begin() + run.first, length,
                    static_cast<std::uint8_t>(is_stub ? kBuried | kStub : kBuried));
        remove(run.first, length, true);
    }

    void readRuns() {
        for (const char kind : m_kinds) {
            m_bits = static_cast<std::uint8_t>(kind);
            if (m_bits & 0x80) return void(fail());
            if (m_bits & kOtherReplica) m_number = readNumber(m_rest);
            if (!m_ok || m_number >= m_heads.size()) return void(fail());
            std::uint64_t& next = m_next_counters[m_number];
            const std::uint64_t gap = m_bits & kCounterGap ? m_rest.varint(limits::kCounterMax) : 0;
            const std::uint64_t n = m_lengths.varint(limits::kCounterMax);
            const auto run = static_cast<RunKind>(m_bits & 3);
            const std::uint64_t counters = run == RunKind::Ranges ? 1 : n;
            m_counter = next + gap;
            if (m_counter > m_heads[m_number] || counters > m_heads[m_number] - m_counter + 1)
                return void(fail());
            next = m_counter + counters;
            if (run == RunKind::Insert)
                readInsert(n);
            else if (run == RunKind::Ranges)
                readTargets(n);
            else
                readDeletions(run, n);
            if (!m_ok || !m_lengths.ok() || !m_jumps.ok() || !m_rest.ok()) return void(fail());
        }
        if (!m_lengths.done() || !m_jumps.done() || !m_rest.done()) fail();
    }

    // Where the cursor and a jump lead to.
    Mark readJump(Mark from) {
        if (!(m_bits & kJump)) return from;
        const std::int64_t to = static_cast<std::int64_t>(from) + m_jumps.zigzag();
        if (to < 0 || to >= static_cast<std::int64_t>(m_walk.end())) return fail(), 0;
        return static_cast<Mark>(to);
    }
    Mark readMark() {
        const std::uint64_t mark = m_rest.varint();
        if (mark >= m_walk.end()) return fail(), 0;
        return static_cast<Mark>(mark);
    }

    void readInsert(std::uint64_t n) {
        CharacterRun run;
        run.number = m_number;
        run.counter = m_counter;
        run.left = readJump(m_walk.cursor(m_number));
        run.right = m_bits & kRightSaid ? readMark() : m_walk.next(run.left);
        const Mark place = m_bits & kPlaceSaid ? readMark() : run.left;
        if (!m_ok) return;
        run.first = m_walk.insert(run.left, place, static_cast<std::uint32_t>(n));
        m_walk.setCursor(m_number, m_walk.end() - 1);
        m_characters.push_back(run);
    }

    void remove(Mark first, std::uint32_t n, bool counts) {
        m_walk.remove(first, n);
        if (!counts) return;
        ++m_changes[first];
        --m_changes[first + n];
    }

    void readTargets(std::uint64_t n) {
        if (m_bits & (kRightSaid | kPlaceSaid)) return void(fail());
        const bool counts = !isOff(m_counter);
        m_targets.clear();
        Mark first = readJump(m_walk.cursor(m_number));
        const Mark cursor = first;
        const std::size_t more = m_rest.count(UINT32_MAX, 2);
        for (std::size_t i = 0;; ++i) {
            if (!m_ok || first == 0 || n == 0 || n > m_walk.end() - first) return void(fail());
            remove(first, static_cast<std::uint32_t>(n), counts);
            m_targets.push_back({first - 1, static_cast<std::uint32_t>(n)});
            if (i == more) break;
            const std::int64_t next = static_cast<std::int64_t>(first + n) + m_rest.zigzag();
            n = m_rest.varint(UINT32_MAX);
            if (next <= 0 || next >= static_cast<std::int64_t>(m_walk.end())) return void(fail());
            first = static_cast<Mark>(next);
        }
        m_walk.setCursor(m_number, cursor);
        m_parts.deletions.add(m_numbers.engine[m_number], m_counter, m_targets);
    }

    void readDeletions(RunKind kind, std::uint64_t n) {
        if (m_bits & (kRightSaid | kPlaceSaid)) return void(fail());
        const bool ahead = kind == RunKind::Ahead;
        const Mark cursor = m_walk.cursor(m_number);
        const bool foretold = ahead && !(m_bits & kJump);
        Mark target = foretold ? m_walk.aliveBehind(cursor) : readJump(cursor);
        m_walk.setCursor(m_number, foretold ? cursor : target);
        for (std::uint64_t i = 0; i < n; ++i) {
            if (i > 0) target = ahead ? m_walk.aliveBehind(target) : m_walk.alive(target);
            if (!m_ok || target == 0) return void(fail());
            remove(target, 1, !isOff(m_counter + i));
            m_targets.assign(1, {target - 1, 1});
            m_parts.deletions.add(m_numbers.engine[m_number], m_counter + i, m_targets);
        }
        if (!ahead) m_walk.setCursor(m_number, target);
    }

    bool isOff(std::uint64_t counter) {
        if (m_off.empty()) return false;
        auto at = std::upper_bound(m_off.begin(), m_off.end(), IdRange{m_number, counter, 0});
        if (at == m_off.begin()) return false;
        --at;
        if (at->number != m_number || at->last < counter) return false;
        m_parts.deletions.setOff(m_numbers.engine[m_number], counter, true);
        return true;
    }

    // ---- from runs to spans ----

    // Gives f every (first mark, n) of the characters with these ids.
    template <class F>
    void forEachMark(const std::vector<IdRange>& ranges, F&& f) {
        if (ranges.empty()) return;
        const Mark end = m_walk.end();
        for (std::size_t i = 0; i < m_characters.size(); ++i) {
            const CharacterRun& run = m_characters[i];
            const Mark stop = i + 1 < m_characters.size() ? m_characters[i + 1].first : end;
            const std::uint64_t last = run.counter + (stop - run.first) - 1;
            auto range = std::lower_bound(
                ranges.begin(), ranges.end(), run, [](const IdRange& r, const CharacterRun& c) {
                    return r.number != c.number ? r.number < c.number : r.last < c.counter;
                });
            for (; range != ranges.end() && range->number == run.number && range->first <= last;
                 ++range) {
                const std::uint64_t a = std::max(range->first, run.counter);
                const std::uint64_t b = std::min(range->last, last);
                f(run.first + static_cast<Mark>(a - run.counter), static_cast<Mark>(b - a + 1));
            }
        }
    }
    void putFlags(const std::vector<IdRange>& ranges, Flag flag) {
        if (!ranges.empty() && m_flags.empty()) m_flags.resize(m_changes.size(), 0);
        forEachMark(ranges, [&](Mark first, Mark n) {
            for (Mark m = first; m < first + n; ++m) m_flags[m] |= flag;
        });
    }
    std::uint8_t flagsOf(Mark mark) const { return m_flags.empty() ? 0 : m_flags[mark]; }

    std::size_t runOf(Mark mark) const {
        return static_cast<std::size_t>(
                   std::upper_bound(m_characters.begin(), m_characters.end(), mark,
                                    [](Mark m, const CharacterRun& r) { return m < r.first; }) -
                   m_characters.begin()) -
               1;
    }
    // Numbers the characters from left to right and checks the origins of every run.
    bool putOrder() {
        m_order.assign(m_walk.end(), 0);
        std::uint32_t at = 0;
        for (Mark m = m_walk.next(0); m != 0; m = m_walk.next(m)) m_order[m] = ++at;
        for (const CharacterRun& run : m_characters) {
            if (run.left != 0 && m_order[run.left] >= m_order[run.first]) return false;
            if (run.right != 0 && m_order[run.right] <= m_order[run.first]) return false;
        }
        // Changes of the number of deletions become numbers.
        for (std::size_t m = 1; m < m_changes.size(); ++m) m_changes[m] += m_changes[m - 1];
        std::vector<std::uint32_t>().swap(m_order);
        return true;
    }

    bool putSpans(ByteView live, ByteView dead) {
        m_parts.text.reserve(live.size() + dead.size());
        for (Mark m = m_walk.next(0); m != 0;) {
            std::size_t index = runOf(m);
            const CharacterRun& run = m_characters[index];
            Span span;
            span.slot = m - 1;
            span.left = m == run.first ? slotOf(run.left, kStartSlot) : m - 2;
            span.right = slotOf(run.right, kEndSlot);
            span.deletions = static_cast<std::uint32_t>(m_changes[m]);
            const std::uint8_t flags = flagsOf(m);
            span.off = (flags & kOff) != 0;
            span.expunged = (flags & kExpunged) != 0;
            span.buried = (flags & kBuried) != 0;
            span.stub = (flags & kStub) != 0;
            span.dropped = m_is_text &&
                           ((flags & (kDropped | kBuried)) || (m_all_dropped && !span.isVisible()));
            if (span.expunged) span.dropped = 0;
            for (span.length = 1;; ++span.length) {
                const Mark next = m_walk.next(m);
                const bool goes_on = next == m + 1 && m_changes[next] == m_changes[m] &&
                                     flagsOf(next) == flags && isChained(next, &index);
                m = next;
                if (!goes_on) break;
            }
            if (!putText(span, live, dead)) return false;
        }
        return live.empty() && dead.empty();
    }
    // Whether the character has the one in front of it as left origin and the same right origin.
    bool isChained(Mark mark, std::size_t* index) const {
        if (*index + 1 == m_characters.size() || m_characters[*index + 1].first != mark)
            return true;
        const CharacterRun& before = m_characters[(*index)++];
        const CharacterRun& run = m_characters[*index];
        return run.left == mark - 1 && run.right == before.right;
    }
    static Slot slotOf(Mark mark, Slot end) { return mark == 0 ? end : mark - 1; }

    // Appends the span, in pieces where its text is long and has wide characters.
    bool putText(Span span, ByteView& live, ByteView& dead) {
        const bool has_text = m_is_text && !span.expunged && !span.dropped;
        ByteView& text = has_text && span.isVisible() ? live : dead;
        if (m_is_text && !has_text) {
            const ByteView filler = dead.substr(0, span.length);
            if (filler.size() < span.length || filler.find_first_not_of('\0') != ByteView::npos)
                return false;
            dead.remove_prefix(span.length);
        }
        if (!m_is_text && !span.expunged) span.units = span.length;
        for (std::uint32_t rest = span.length; rest > 0;) {
            span.length = rest;
            span.text = static_cast<std::uint32_t>(m_parts.text.size());
            if (has_text && !takeText(span, text)) return false;
            m_parts.spans.push_back(span);
            rest -= span.length;
            span.slot += span.length;
            span.left = span.slot - 1;
        }
        return true;
    }
    bool takeText(Span& span, ByteView& text) {
        std::size_t bytes = 0;
        std::uint32_t units = 0;
        std::uint32_t n = 0;
        for (; n < span.length; ++n) {
            if (bytes >= text.size()) return false;
            const std::size_t width = scalarBytes(text, bytes);
            if (n >= kMixedLengthMax && (bytes + width != n + 1)) break;
            bytes += width;
            units += width == 4 ? 2 : 1;
        }
        span.length = n;
        span.bytes = static_cast<std::uint32_t>(bytes);
        span.units = units;
        m_parts.text.append(text.substr(0, bytes));
        text.remove_prefix(bytes);
        return true;
    }

    void putIds() {
        m_parts.ids.reserve(m_characters.size());
        for (const CharacterRun& run : m_characters)
            m_parts.ids.push_back({run.counter, run.first - 1, m_numbers.engine[run.number]});
        m_parts.characters = m_walk.end() - 1;
    }

    ByteReader& m_in;
    const FileReplicas& m_numbers;
    const std::vector<std::uint64_t>& m_heads;
    SequenceWalk m_walk;
    std::vector<std::uint64_t> m_next_counters;
    std::uint64_t m_root_runs = 0;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> m_root_counts;  // replica, runs
    ByteReader m_root_kinds{{}}, m_root_lengths{{}}, m_root_skips{{}}, m_root_places{{}};
    std::uint64_t m_runs = 0;
    ByteView m_kinds;
    ByteReader m_lengths{{}}, m_jumps{{}}, m_rest{{}};
    std::vector<IdRange> m_off, m_expunged, m_dropped;
    bool m_all_dropped = false;
    bool m_is_text = true;
    bool m_ok = true;
    // of the run that is read
    int m_bits = 0;
    std::uint32_t m_number = 0;
    std::uint64_t m_counter = 0;
    std::vector<SlotRun> m_targets;
    // what was read
    std::vector<CharacterRun> m_characters;
    std::vector<std::int32_t> m_changes;  // of the number of enabled deletions, by mark
    std::vector<std::uint8_t> m_flags;    // by mark; empty: none
    std::vector<std::uint32_t> m_order;   // by mark
    Rga::Parts m_parts;
};

}  // namespace

Result<Rga::Parts> readSequence(ByteReader& in, const FileReplicas& numbers,
                                const std::vector<std::uint64_t>& heads, SequenceText text) {
    return SequenceReader(in, numbers, heads).read(text);
}

}  // namespace kimdb::crdt
