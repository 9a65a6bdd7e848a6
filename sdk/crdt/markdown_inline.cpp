// SPDX-License-Identifier: MIT
// Runs to inline Markdown. Delimiters are nested like brackets: at a border those are closed that
// end there and those inside of them, which are opened again. Whether CommonMark takes a delimiter
// for one depends on the characters beside it ("flanking"); where they do not fit they are written
// as character references, whose & and ; are punctuation:
//   opening  what follows is no white space; if it may be punctuation, or the delimiter is _, what
//            is in front is white space or punctuation
//   closing  the same the other way round
#include "crdt/markdown_inline.h"

#include <algorithm>
#include <array>

#include "core/utf8.h"
#include "crdt/markdown_format.h"

namespace kimdb::crdt {

namespace {

enum class Kind : std::uint8_t { Space, Punctuation, Letter, Unknown };

bool isUnicodeSpace(char32_t c) {
    return c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

// Unknown: may be any of the others as far as this table goes.
Kind kindOf(char32_t c) {
    if (c == ' ' || isUnicodeSpace(c)) return Kind::Space;
    if (c < 0x20) return Kind::Punctuation;  // always a reference
    const bool is_letter =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
        (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7) || (c >= 0x391 && c <= 0x3C9) ||
        (c >= 0x400 && c <= 0x481) || (c >= 0x3041 && c <= 0x3096) ||
        (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3);
    if (is_letter) return Kind::Letter;
    return c < 0x7F ? Kind::Punctuation : Kind::Unknown;
}

std::u32string scalars(std::u16string_view text) {
    std::u32string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool pair = (text[i] & 0xFC00) == 0xD800 && i + 1 < text.size();
        out += pair ? 0x10000 + ((text[i] - 0xD800U) << 10) + (text[i + 1] - 0xDC00U)
                    : static_cast<char32_t>(text[i]);
        i += pair ? 1 : 0;
    }
    return out;
}

std::string reference(char32_t c) {
    return "&#" + std::to_string(static_cast<std::uint32_t>(c)) + ";";
}

std::string utf8Of(char32_t c) {
    char16_t units[2] = {static_cast<char16_t>(c), 0};
    if (c < 0x10000) return toUtf8({units, 1});
    units[0] = static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10));
    units[1] = static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF));
    return toUtf8({units, 2});
}

// A stretch of plain text between other things.
struct Text {
    std::u32string text;
    bool refer_first = false, refer_last = false;
    bool begins_line = false, ends_line = false;

    std::string markdown(const MarkdownLineStyle& style) const {
        std::string out;
        std::size_t start = 0;  // of the line
        bool is_number = begins_line;
        for (std::size_t i = 0; i < text.size(); ++i) {
            const char32_t c = text[i];
            const bool at_start = i == start && (begins_line || start > 0);
            const bool at_end = i + 1 == text.size();
            if (style.can_continue && isBreakable(i)) {
                out += "\\\n" + style.next_line;
                start = i + 1;
                is_number = true;
                continue;
            }
            const bool is_edge = at_start || (at_end && ends_line);
            const bool is_marker = (at_start && (c == '#' || c == '+' || c == '-' || c == '=')) ||
                                   (is_number && i > start && (c == '.' || c == ')'));
            if ((i == 0 && refer_first) || (at_end && refer_last) || c < 0x20 ||
                c == kLineSeparator || (c == ' ' && is_edge))
                out += reference(c);
            else if (is_marker || mustEscape(i, style))
                (out += '\\') += static_cast<char>(c);
            else
                out += utf8Of(c);
            is_number &= c >= '0' && c <= '9';
        }
        return out;
    }

 private:
    // A line separator between words, not beside a space.
    bool isBreakable(std::size_t i) const {
        const auto isWord = [&](std::size_t k) {
            return kindOf(text[k]) != Kind::Space && text[k] != kLineSeparator;
        };
        return text[i] == kLineSeparator && i > 0 && i + 1 < text.size() && isWord(i - 1) &&
               isWord(i + 1);
    }
    bool mustEscape(std::size_t i, const MarkdownLineStyle& style) const {
        static constexpr std::string_view kAlways = "\\`*_[]<>~";
        const char32_t c = text[i];
        const char32_t next = i + 1 < text.size() ? text[i + 1] : 0;
        if (c >= 0x7F) return false;
        if (c == '#') return style.is_header;
        if (c == '!') return next == 0 || next == '[';
        if (c == '&') return next == '#' || kindOf(next) == Kind::Letter;
        return kAlways.find(static_cast<char>(c)) != kAlways.npos;
    }
};

struct Token {
    enum class Role : std::uint8_t { Text, Open, Close, Code, Other };
    Role role = Role::Other;
    Text text;
    std::string raw;
};

std::string codeSpan(std::string utf8) {
    std::replace(utf8.begin(), utf8.end(), '\r', ' ');
    constexpr std::size_t kFenceMax = 32;  // md4c's
    std::size_t fence = 1;
    for (;; ++fence) {
        bool is_used = false;
        for (std::size_t at = utf8.find('`'); at != utf8.npos && !is_used;) {
            const std::size_t end = std::min(utf8.find_first_not_of('`', at), utf8.size());
            is_used = end - at == fence;
            at = utf8.find('`', end);
        }
        if (!is_used) break;
    }
    if (fence > kFenceMax) return {};
    const bool is_blank = utf8.find_first_not_of(' ') == utf8.npos;
    const bool is_stripped = utf8.front() == ' ' && utf8.back() == ' ' && !is_blank;
    const bool pads = is_stripped || utf8.front() == '`' || utf8.back() == '`';
    const std::string marks(fence, '`');
    return marks + (pads ? " " : "") + utf8 + (pads ? " " : "") + marks;
}

// md4c takes delimiters in a destination for delimiters, so they are escaped there too; those
// inside of a word, as in "a_b", never are any.
std::string destination(const std::string& url) {
    static constexpr std::string_view kPlain = "-._~:/?#@!$'*+,;=%";
    const auto isWord = [&](std::size_t i) {
        return i < url.size() && kindOf(static_cast<unsigned char>(url[i])) == Kind::Letter;
    };
    bool is_plain = !url.empty();
    std::string out;
    for (std::size_t i = 0; i < url.size(); ++i) {
        const char c = url[i];
        const bool fits =
            isWord(i) || static_cast<unsigned char>(c) >= 0x80 || kPlain.find(c) != kPlain.npos;
        is_plain &= fits;
        if (c == '*' || c == '~' || (c == '_' && !(i > 0 && isWord(i - 1) && isWord(i + 1))))
            (out += '\\') += c;
        else
            out += fits || c == ' ' || c == '(' || c == ')'
                       ? std::string(1, c)
                       : reference(static_cast<unsigned char>(c));
    }
    return is_plain ? out : "<" + out + ">";
}

class LineWriter {
 public:
    LineWriter(const std::vector<MarkdownRun>& runs, const MarkdownLineStyle& style)
        : m_runs(runs), m_style(style) {}

    std::string write() {
        measure();
        for (std::size_t i = 0; i <= m_runs.size(); ++i) {
            turn(i);
            if (i < m_runs.size()) content(m_runs[i]);
        }
        fit();
        std::string out;
        for (const Token& token : m_tokens)
            out += token.role == Token::Role::Text ? token.text.markdown(m_style) : token.raw;
        return out;
    }

 private:
    enum Format { Link, Bold, Italic, Strike, kFormats };

    static bool has(const MarkdownRun& run, Format format) {
        if (format == Link) return run.has_link;
        return format == Bold ? run.bold : format == Italic ? run.italic : run.strike;
    }

    // How many runs each format goes on for.
    void measure() {
        m_reach.assign(m_runs.size() + 1, {});
        for (std::size_t i = m_runs.size(); i-- > 0;)
            for (int f = Bold; f < kFormats; ++f)
                if (has(m_runs[i], static_cast<Format>(f))) m_reach[i][f] = m_reach[i + 1][f] + 1;
    }

    // Closes and opens what changes in front of a run.
    void turn(std::size_t i) {
        const MarkdownRun none;
        const MarkdownRun& next = i < m_runs.size() ? m_runs[i] : none;
        const bool same_link =
            i > 0 && m_runs[i - 1].has_link && next.has_link && m_runs[i - 1].link == next.link;
        std::size_t keep = 0;
        while (keep < m_open.size() && (m_open[keep] == Link ? same_link : has(next, m_open[keep])))
            ++keep;
        if (next.has_link && !same_link) keep = 0;  // a link is outermost
        for (; m_open.size() > keep; m_open.pop_back()) {
            const Format f = m_open.back();
            if (f == Link)
                add(Token::Role::Other, "](" + destination(m_runs[i - 1].link) + ")");
            else
                add(Token::Role::Close, delimiter(f));
        }
        std::vector<Format> opens;
        for (int f = Link; f < kFormats; ++f)
            if (has(next, static_cast<Format>(f)) &&
                std::find(m_open.begin(), m_open.end(), f) == m_open.end())
                opens.push_back(static_cast<Format>(f));
        std::stable_sort(opens.begin(), opens.end(), [&](Format a, Format b) {
            return a == Link || b == Link ? a < b : m_reach[i][a] > m_reach[i][b];
        });
        for (const Format f : opens) {
            add(f == Link ? Token::Role::Other : Token::Role::Open, f == Link ? "[" : delimiter(f));
            m_open.push_back(f);
        }
    }

    static const char* delimiter(Format f) { return f == Bold ? "**" : f == Italic ? "_" : "~~"; }

    void content(const MarkdownRun& run) {
        if (run.is_image) {
            const Text alt{scalars(run.alt)};
            return add(Token::Role::Other,
                       "![" + alt.markdown({}) + "](" + destination(run.source) + ")");
        }
        const std::string code = run.code ? codeSpan(toUtf8(run.text)) : std::string();
        if (!code.empty()) return add(Token::Role::Code, code);
        m_tokens.push_back({Token::Role::Text, {scalars(run.text)}, {}});
    }

    void add(Token::Role role, std::string raw) { m_tokens.push_back({role, {}, std::move(raw)}); }

    Text* textAt(std::size_t i) {  // i may be -1
        return i < m_tokens.size() && m_tokens[i].role == Token::Role::Text ? &m_tokens[i].text
                                                                            : nullptr;
    }

    // Makes characters fit that stand beside delimiters and code, until all do: one that has become
    // a reference is punctuation for what is on its other side.
    void fit() {
        if (Text* first = textAt(0)) first->begins_line = true;
        if (Text* last = textAt(m_tokens.size() - 1)) last->ends_line = true;
        do {
            m_has_changed = false;
            for (std::size_t i = 0; i < m_tokens.size(); ++i) fit(i);
            for (std::size_t i = m_tokens.size(); i-- > 0;) fit(i);
        } while (m_has_changed);
    }

    struct Edge {
        Text* text = nullptr;  // nullptr: something that is punctuation, or the end of the line
        bool is_last = false;  // its last character, else its first

        char32_t character() const { return is_last ? text->text.back() : text->text.front(); }
        bool isReference() const {
            const bool is_single = text->text.size() == 1;
            return (is_last ? text->refer_last : text->refer_first) ||
                   (is_single && (text->refer_last || text->refer_first));
        }
        Kind kind() const {
            return !text || isReference() ? Kind::Punctuation : kindOf(character());
        }
    };

    void refer(const Edge& edge) {
        if (edge.isReference()) return;
        (edge.is_last ? edge.text->refer_last : edge.text->refer_first) = true;
        m_has_changed = true;
    }

    void fit(std::size_t i) {
        const Edge before{textAt(i - 1), true};
        const Edge after{textAt(i + 1), false};
        const Token& token = m_tokens[i];
        if (token.role == Token::Role::Code)
            for (const Edge& edge : {before, after})
                if (edge.text && edge.character() == '`') refer(edge);
        if (token.role == Token::Role::Open) fit(after, before, token.raw == "_");
        if (token.role == Token::Role::Close) fit(before, after, token.raw == "_");
    }

    void fit(const Edge& inner, const Edge& outer, bool is_word) {
        if (inner.kind() == Kind::Space) refer(inner);
        if (!outer.text || (inner.kind() == Kind::Letter && !is_word)) return;
        if (outer.kind() == Kind::Letter || outer.kind() == Kind::Unknown) refer(outer);
    }

    const std::vector<MarkdownRun>& m_runs;
    const MarkdownLineStyle& m_style;
    std::vector<Token> m_tokens;
    std::vector<Format> m_open;
    bool m_has_changed = false;
    std::vector<std::array<std::size_t, kFormats>> m_reach;
};

}  // namespace

std::string markdownLine(const std::vector<MarkdownRun>& runs, const MarkdownLineStyle& style) {
    return LineWriter(runs, style).write();
}

std::string markdownWord(std::string_view utf8) {
    std::string out;
    for (const char c : utf8) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_plain = byte >= 0x80 || kindOf(byte) == Kind::Letter || c == '+' ||
                              c == '-' || c == '.' || c == '#' || c == '_';
        out += is_plain ? std::string(1, c) : reference(byte);
    }
    return out;
}

}  // namespace kimdb::crdt
