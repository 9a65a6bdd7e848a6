// SPDX-License-Identifier: MIT
// What a text is and what an event did, as Deltas.
#include <kimdb/crdt/delta.h>

#include <set>

#include "crdt/delta_steps.h"

namespace kimdb::crdt {

namespace {

using Attributes = std::map<std::string, Value>;

// From here an event is told as one replacement: joining n splices takes n² steps at worst.
constexpr std::size_t kSplicesMax = 2'000;

void keep(Comments comments, Attributes& attributes) {
    if (comments == Comments::LeaveOut)
        std::erase_if(attributes, [](const auto& item) { return isCommentKey(item.first); });
}

// The text and what is at its end.
void insertAll(const Document& doc, const ContainerId& text, Comments comments, DeltaWriter& out,
               Attributes* end) {
    for (TextSpan& span : doc.spans(text)) {
        keep(comments, span.attributes);
        if (span.text.empty())
            *end = std::move(span.attributes);
        else
            out.insertRun(span.text, std::move(span.attributes));
    }
}

// What the splices of an event did, as stretches of the text behind them.
class Pieces {
 public:
    enum class Kind : std::uint8_t { Kept, Inserted, Removed };
    struct Piece {
        Kind kind = Kind::Kept;
        std::size_t length = 0;
        std::u16string text;  // Inserted
    };

    explicit Pieces(std::size_t length_after) : m_pieces{{Kind::Kept, length_after, {}}} {}

    void splice(const TextSplice& s) {
        std::size_t at = cut(s.position);
        if (!s.inserted.empty()) {
            m_pieces.insert(iterator(at), {Kind::Inserted, s.inserted.size(), s.inserted});
            ++at;
        }
        for (std::size_t left = s.removed; left > 0 && at < m_pieces.size();) {
            Piece& piece = m_pieces[at];
            if (piece.kind == Kind::Removed) {
                ++at;
                continue;
            }
            if (piece.length > left) split(at, left);
            left -= m_pieces[at].length;
            if (m_pieces[at].kind == Kind::Inserted)
                m_pieces.erase(iterator(at));
            else
                m_pieces[at++].kind = Kind::Removed;
        }
    }
    const std::vector<Piece>& all() const { return m_pieces; }

 private:
    std::vector<Piece>::iterator iterator(std::size_t at) {
        return m_pieces.begin() + static_cast<std::ptrdiff_t>(at);
    }
    void split(std::size_t at, std::size_t length) {
        Piece rest{m_pieces[at].kind, m_pieces[at].length - length, {}};
        if (rest.kind == Kind::Inserted) {
            rest.text = m_pieces[at].text.substr(length);
            m_pieces[at].text.resize(length);
        }
        m_pieces[at].length = length;
        m_pieces.insert(iterator(at + 1), std::move(rest));
    }
    // The first piece that begins at a position of the text as it is by now.
    std::size_t cut(std::size_t position) {
        std::size_t at = 0;
        for (; position > 0 && at < m_pieces.size(); ++at) {
            if (m_pieces[at].kind == Kind::Removed) continue;
            if (m_pieces[at].length > position) split(at, position);
            position -= m_pieces[at].length;
        }
        return at;
    }

    std::vector<Piece> m_pieces;
};

// The formats of an event from left to right; those of one key that overlap say the same.
class Formats {
 public:
    Formats(const Event& event, Comments comments) {
        for (const TextFormat& format : event.formats) {
            if (comments == Comments::LeaveOut && isCommentKey(format.key)) continue;
            if (format.length == 0) {
                m_end.insert_or_assign(format.key, format.value);
                continue;
            }
            m_turns.emplace(format.position, &format);
            m_ends.emplace(format.position + format.length, &format);
        }
    }
    // What [position, returned) has; ascending positions only.
    std::size_t at(std::size_t position, std::size_t end) {
        for (; !m_ends.empty() && m_ends.begin()->first <= position; m_ends.erase(m_ends.begin()))
            drop(m_ends.begin()->second->key);
        for (; !m_turns.empty() && m_turns.begin()->first <= position;
             m_turns.erase(m_turns.begin())) {
            const TextFormat& format = *m_turns.begin()->second;
            m_now.insert_or_assign(format.key, format.value);
            ++m_count[format.key];
        }
        if (!m_ends.empty()) end = std::min(end, m_ends.begin()->first);
        if (!m_turns.empty()) end = std::min(end, m_turns.begin()->first);
        return end;
    }
    const DeltaAttributes& now() const { return m_now; }
    const DeltaAttributes& atEnd() const { return m_end; }

 private:
    void drop(const std::string& key) {
        if (--m_count[key] == 0) m_now.erase(key);
    }
    std::multimap<std::size_t, const TextFormat*> m_turns, m_ends;
    std::map<std::string, int> m_count;
    DeltaAttributes m_now, m_end;
};

Attributes present(const DeltaAttributes& attributes) {
    Attributes out;
    for (const auto& [key, value] : attributes)
        if (value) out.emplace(key, *value);
    return out;
}

Value replacement(const Document& doc, const Event& event, std::size_t length_before,
                  Comments comments) {
    DeltaWriter out;
    Attributes ignored;
    insertAll(doc, event.container, comments, out, &ignored);
    out.remove(length_before);
    out.retain(1, Formats(event, comments).atEnd());
    return out.take();
}

}  // namespace

Expand expandOf(std::string_view key) {
    static const std::set<std::string_view> none{"link",    "header",     "list",
                                                 "indent",  "blockquote", "code-block",
                                                 kEmbedKey, "align",      "direction"};
    return isCommentKey(key) || none.contains(key) ? Expand::None : Expand::After;
}

Value toDelta(const Document& doc, const ContainerId& text, Comments comments) {
    DeltaWriter out;
    Attributes end;
    insertAll(doc, text, comments, out, &end);
    out.insert(u"\n", end);
    return out.take();
}

Value toDelta(const Document& doc, const Event& event, Comments comments) {
    const std::size_t length = doc.textLength(event.container);
    std::size_t before = length;
    for (const TextSplice& s : event.splices) before += s.removed;
    for (const TextSplice& s : event.splices) before -= s.inserted.size();
    if (event.splices.size() > kSplicesMax) return replacement(doc, event, before, comments);
    Pieces pieces(before);
    for (const TextSplice& s : event.splices) pieces.splice(s);
    Formats formats(event, comments);
    DeltaWriter out;
    std::size_t position = 0;
    // An embed that became another, which no retain can say.
    const auto replace = [&](std::size_t end) {
        const std::u16string now = doc.text(event.container).substr(position, end - position);
        out.remove(now.size());
        for (std::size_t i = 0; i < now.size(); ++i) {
            Attributes attributes = doc.attributes(event.container, position + i);
            keep(comments, attributes);
            const std::size_t n = (now[i] & 0xFC00) == 0xD800 ? 2 : 1;
            out.insertRun(std::u16string_view(now).substr(i, n), std::move(attributes));
            i += n - 1;
        }
    };
    for (const Pieces::Piece& piece : pieces.all()) {
        if (piece.kind == Pieces::Kind::Removed) {
            out.remove(piece.length);
            continue;
        }
        const std::size_t begin = position;
        for (const std::size_t end = begin + piece.length; position < end;) {
            const std::size_t next = formats.at(position, end);
            if (piece.kind == Pieces::Kind::Inserted)
                out.insertRun(
                    std::u16string_view(piece.text).substr(position - begin, next - position),
                    present(formats.now()));
            else if (formats.now().contains(kEmbedKey))
                replace(next);
            else
                out.retain(next - position, formats.now());
            position = next;
        }
    }
    out.retain(1, formats.atEnd());
    return out.take();
}

}  // namespace kimdb::crdt
