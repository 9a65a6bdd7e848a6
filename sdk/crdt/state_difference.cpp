// SPDX-License-Identifier: MIT
#include "crdt/state_difference.h"

#include <algorithm>
#include <cassert>
#include <unordered_set>

#include "core/utf8.h"

namespace kimdb::crdt {

namespace {

using Attributes = std::map<std::string, Value>;

// What a text shows, character by character.
class Characters {
 public:
    explicit Characters(const Container* text) : m_text(text ? text->text.get() : nullptr) {
        if (!m_text) return;
        m_text->forEachVisible([&](Slot first, std::uint32_t n) {
            for (Slot slot = first; slot < first + n; ++slot) {
                m_slots.push_back(slot);
                m_ids.push_back(m_text->idOf(slot));
            }
        });
        m_set.insert(m_ids.begin(), m_ids.end());
    }
    bool atEnd() const { return m_at == m_ids.size(); }
    bool isIn(const Characters& other) const { return other.m_set.contains(m_ids[m_at]); }
    OpId id() const { return m_ids[m_at]; }
    //! Of the next one, which is passed.
    std::size_t units() { return m_text->unitsOf(m_slots[m_at++]); }
    void append(std::string& utf8) { m_text->appendText(m_slots[m_at++], 1, utf8); }

 private:
    const Rga* m_text = nullptr;
    std::vector<Slot> m_slots;
    std::vector<OpId> m_ids;
    std::unordered_set<OpId> m_set;
    std::size_t m_at = 0;
};

// Attributes of positions that ascend.
class SpanCursor {
 public:
    explicit SpanCursor(const std::vector<TextSpan>& spans) : m_spans(spans) {}
    //! And where they end.
    const Attributes& at(std::size_t position, std::size_t* end) {
        while (m_begin + m_spans[m_at].text.size() <= position)
            m_begin += m_spans[m_at++].text.size();
        *end = m_begin + m_spans[m_at].text.size();
        return m_spans[m_at].attributes;
    }

 private:
    const std::vector<TextSpan>& m_spans;
    std::size_t m_at = 0, m_begin = 0;
};

const Attributes& endOf(const std::vector<TextSpan>& spans) {
    static const Attributes none;
    return spans.empty() || !spans.back().text.empty() ? none : spans.back().attributes;
}

// Joins formats of neighbours.
class Formats {
 public:
    void add(std::size_t position, std::size_t length, const Attributes& from,
             const Attributes& to) {
        for (const auto& [key, value] : from)
            if (!to.contains(key)) add({position, length, key, std::nullopt});
        for (const auto& [key, value] : to)
            if (const auto old = from.find(key); old == from.end() || old->second != value)
                add({position, length, key, value});
    }
    std::vector<TextFormat> take() {
        for (auto& [key, format] : m_last) m_done.push_back(std::move(format));
        return std::move(m_done);
    }

 private:
    void add(TextFormat format) {
        const auto [last, is_new] = m_last.try_emplace(format.key, format);
        if (is_new) return;
        TextFormat& before = last->second;
        if (format.length > 0 && before.position + before.length == format.position &&
            before.value == format.value)
            before.length += format.length;
        else
            m_done.push_back(std::exchange(before, std::move(format)));
    }

    std::vector<TextFormat> m_done;
    std::map<std::string, TextFormat> m_last;
};

}  // namespace

std::vector<TextSplice> textSplices(const Container* from, const Container* to,
                                    std::vector<KeptRun>* kept) {
    std::vector<TextSplice> splices;
    Characters a(from), b(to);
    std::size_t position = 0, position_before = 0;
    while (!a.atEnd() || !b.atEnd()) {
        TextSplice splice{position, 0, {}};
        std::string inserted;
        while (!a.atEnd() && !a.isIn(b)) splice.removed += a.units();
        while (!b.atEnd() && !b.isIn(a)) b.append(inserted);
        splice.inserted = toUtf16(inserted);
        position += splice.inserted.size();
        position_before += splice.removed;
        if (splice.removed > 0 || !splice.inserted.empty()) splices.push_back(std::move(splice));
        KeptRun run{position_before, position, 0};
        while (!a.atEnd() && !b.atEnd() && a.isIn(b) && b.isIn(a)) {
            assert(a.id() == b.id());
            run.length += a.units();
            (void)b.units();
        }
        position += run.length;
        position_before += run.length;
        if (kept && run.length > 0) kept->push_back(run);
    }
    return splices;
}

std::vector<TextFormat> textFormats(const std::vector<TextSpan>& from,
                                    const std::vector<TextSpan>& to,
                                    const std::vector<KeptRun>& kept) {
    static const Attributes none;
    std::size_t length = 0;
    for (const TextSpan& span : to) length += span.text.size();
    Formats formats;
    SpanCursor before(from), after(to);
    std::size_t position = 0;
    // What follows a stretch that is kept is new up to the next one.
    const auto addNew = [&](std::size_t end) {
        for (std::size_t next = 0; position < end; position = next) {
            const Attributes& wanted = after.at(position, &next);
            next = std::min(next, end);
            formats.add(position, next - position, none, wanted);
        }
    };
    for (const KeptRun& run : kept) {
        addNew(run.to);
        for (std::size_t next = 0; position < run.to + run.length; position = next) {
            std::size_t next_before = 0;
            const Attributes& wanted = after.at(position, &next);
            const Attributes& had = before.at(run.from + position - run.to, &next_before);
            next = std::min({next, run.to + run.length, next_before - run.from + run.to});
            formats.add(position, next - position, had, wanted);
        }
    }
    addNew(length);
    formats.add(length, 0, endOf(from), endOf(to));
    return formats.take();
}

std::vector<TextSpan> spansOf(const Container* text) {
    if (!text || !text->text) return {};
    if (text->marks) return text->marks->spans();
    std::u16string plain = toUtf16(text->text->utf8());
    return plain.empty() ? std::vector<TextSpan>() : std::vector<TextSpan>{{std::move(plain), {}}};
}

}  // namespace kimdb::crdt
