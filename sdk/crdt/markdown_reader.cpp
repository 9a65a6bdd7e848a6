// SPDX-License-Identifier: MIT
// Markdown to Delta. md4c reads; this puts its blocks into lines: the innermost block that a line
// can be called after wins, and a list item's marker goes to the first line in it.
#include <algorithm>
#include <cctype>

#include <md4c-html.h>
#include <md4c.h>

#include <kimdb/crdt/markdown.h>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/delta_steps.h"
#include "crdt/markdown_format.h"

namespace kimdb::crdt {

namespace {

using Attributes = std::map<std::string, Value>;

constexpr const char* kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::string_view view(const MD_CHAR* text, MD_SIZE size) {
    return {text, size};
}

// md4c's own renderer knows all entities: "<p>&amp;</p>\n" for "&amp;".
std::string entity(std::string_view name) {
    std::string html;
    const auto append = [](const MD_CHAR* text, MD_SIZE size, void* to) {
        static_cast<std::string*>(to)->append(text, size);
    };
    md_html(name.data(), static_cast<MD_SIZE>(name.size()), append, &html, 0, 0);
    constexpr std::string_view kBegin = "<p>", kEnd = "</p>\n";
    if (!html.starts_with(kBegin) || !html.ends_with(kEnd)) return std::string(name);
    html = html.substr(kBegin.size(), html.size() - kBegin.size() - kEnd.size());
    static constexpr std::pair<std::string_view, std::string_view> kEscaped[] = {
        {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&amp;", "&"}};
    for (const auto& [escaped, plain] : kEscaped)
        if (html.starts_with(escaped)) html.replace(0, escaped.size(), plain);
    return html;
}

std::string textOf(MD_TEXTTYPE type, std::string_view text) {
    if (type == MD_TEXT_NULLCHAR) return kReplacement;
    return type == MD_TEXT_ENTITY ? entity(text) : std::string(text);
}

std::string textOf(const MD_ATTRIBUTE& attribute) {
    std::string out;
    for (std::size_t i = 0; attribute.size > 0 && attribute.substr_offsets[i] < attribute.size; ++i)
        out += textOf(attribute.substr_types[i],
                      view(attribute.text + attribute.substr_offsets[i],
                           attribute.substr_offsets[i + 1] - attribute.substr_offsets[i]));
    return out;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const std::size_t begin = std::min(text.find_first_not_of(kBlank), text.size());
    return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

bool isBreak(std::string_view html) {
    std::string tag;
    for (const char c : html)
        if (c != ' ') tag += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return tag == "<br>" || tag == "<br/>";
}

Error tooLarge() {
    return {ErrorCode::TooLarge, "Markdown: more than fits into one change"};
}

class MarkdownReader {
 public:
    explicit MarkdownReader(std::string_view markdown) : m_markdown(markdown) {}

    Result<Value> read() {
        MD_PARSER parser{};
        parser.flags = MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS;
        parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) {
            return static_cast<MarkdownReader*>(self)->enter(type, detail), 0;
        };
        parser.leave_block = [](MD_BLOCKTYPE type, void*, void* self) {
            return static_cast<MarkdownReader*>(self)->leave(type), 0;
        };
        parser.enter_span = [](MD_SPANTYPE type, void* detail, void* self) {
            static_cast<MarkdownReader*>(self)->enter(type, detail);
            return static_cast<MarkdownReader*>(self)->isTooLarge() ? -1 : 0;
        };
        parser.leave_span = [](MD_SPANTYPE type, void*, void* self) {
            return static_cast<MarkdownReader*>(self)->leave(type), 0;
        };
        parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* self) {
            return static_cast<MarkdownReader*>(self)->text(type, view(text, size)), 0;
        };
        md_parse(m_markdown.data(), static_cast<MD_SIZE>(m_markdown.size()), &parser, this);
        if (isTooLarge()) return tooLarge();
        if (m_is_empty) endLine({});
        return m_out.take();
    }

 private:
    enum class Box : std::uint8_t { Bullets, Numbers, Item, Quote };
    struct Open {
        Box box = Box::Quote;
        const char* list = "";     // Item
        bool has_content = false;  // Item
    };

    // ---- blocks ----
    void enter(MD_BLOCKTYPE type, void* detail) {
        if (m_has_text) endLine(lineAttributes());  // of a tight item
        switch (type) {
            case MD_BLOCK_UL:
                m_open.push_back({Box::Bullets, "", false});
                ++m_lists;
                break;
            case MD_BLOCK_OL:
                m_open.push_back({Box::Numbers, "", false});
                ++m_lists;
                break;
            case MD_BLOCK_LI: {
                const auto* item = static_cast<MD_BLOCK_LI_DETAIL*>(detail);
                const bool is_numbered = m_open.back().box == Box::Numbers;
                const char* list = is_numbered ? "ordered" : "bullet";
                if (item->is_task) list = item->task_mark == ' ' ? "unchecked" : "checked";
                m_open.push_back({Box::Item, list, false});
                return;
            }
            case MD_BLOCK_QUOTE:
                m_open.push_back({Box::Quote, "", false});
                break;
            case MD_BLOCK_H:
                m_header = static_cast<int>(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level);
                break;
            case MD_BLOCK_CODE: {
                const std::string language =
                    textOf(static_cast<MD_BLOCK_CODE_DETAIL*>(detail)->lang);
                m_code = language.empty() ? Value(true) : Value(language);
                m_is_verbatim = true;
                break;
            }
            case MD_BLOCK_HTML:
                m_is_verbatim = true;
                break;
            default:
                break;
        }
    }

    void leave(MD_BLOCKTYPE type) {
        switch (type) {
            case MD_BLOCK_UL:
            case MD_BLOCK_OL:
                m_open.pop_back();
                --m_lists;
                contains();
                break;
            case MD_BLOCK_LI:
                if (m_has_text || !m_open.back().has_content) endLine(lineAttributes());
                m_open.pop_back();
                contains();
                break;
            case MD_BLOCK_QUOTE:
                m_open.pop_back();
                contains();
                break;
            case MD_BLOCK_P:
                endLine(lineAttributes());
                break;
            case MD_BLOCK_H:
                endLine({{"header", Value(m_header)}});
                break;
            case MD_BLOCK_CODE:
                endVerbatim([&](std::string_view line) {
                    put(line, {});
                    endLine({{"code-block", m_code}});
                });
                break;
            case MD_BLOCK_HTML:
                endVerbatim([&](std::string_view line) {
                    line = trimmed(line);
                    if (!isBreak(line) && line != kEmptyItem) put(line, {});
                    endLine(lineAttributes());
                });
                break;
            case MD_BLOCK_HR:
                m_out.insertEmbed(Value::Object{{"divider", true}}, {});
                endLine({});
                break;
            default:
                break;
        }
    }

    // Whatever contains this has content.
    void contains() {
        if (!m_open.empty()) m_open.back().has_content = true;
    }

    template <class F>
    void endVerbatim(F&& line) {
        m_is_verbatim = false;
        const std::string all = std::exchange(m_verbatim, {});
        std::string_view rest = all;
        do {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            line(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        } while (!rest.empty());
    }

    Attributes lineAttributes() const {
        if (m_open.empty()) return {};
        const Open& in = m_open.back();
        if (in.box == Box::Item && !in.has_content) {
            Attributes item{{"list", Value(in.list)}};
            if (m_lists > 1) item.emplace("indent", Value(std::min(m_lists - 1, kIndentMax)));
            return item;
        }
        const bool is_quoted = std::any_of(m_open.begin(), m_open.end(),
                                           [](const Open& o) { return o.box == Box::Quote; });
        if (is_quoted) return {{"blockquote", true}};
        return {};
    }

    void endLine(const Attributes& attributes) {
        m_out.insert(u"\n", attributes);
        m_has_text = false;
        m_is_empty = false;
        contains();
    }

    // ---- spans ----
    // Many references to one long URL say it again and again.
    bool isTooLarge() const { return m_url_bytes > limits::kChangeBytesMax; }
    std::string urlOf(const MD_ATTRIBUTE& attribute) {
        m_url_bytes += attribute.size;
        return isTooLarge() ? std::string() : textOf(attribute);
    }

    void enter(MD_SPANTYPE type, void* detail) {
        if (type == MD_SPAN_IMG && m_images++ == 0) {
            m_source = urlOf(static_cast<MD_SPAN_IMG_DETAIL*>(detail)->src);
            m_alt.clear();
        }
        if (type == MD_SPAN_A && m_images == 0)
            m_inline["link"] = urlOf(static_cast<MD_SPAN_A_DETAIL*>(detail)->href);
        if (const char* key = keyOf(type); key && m_images == 0 && m_nested[key]++ == 0)
            m_inline[key] = true;
    }

    void leave(MD_SPANTYPE type) {
        if (type == MD_SPAN_IMG && --m_images == 0) {
            Attributes attributes = m_inline;
            if (!m_alt.empty()) attributes.emplace("alt", m_alt);
            m_out.insertEmbed(Value::Object{{"image", m_source}}, attributes);
            m_has_text = true;
        }
        if (type == MD_SPAN_A && m_images == 0) m_inline.erase("link");
        if (const char* key = keyOf(type); key && m_images == 0 && --m_nested[key] == 0)
            m_inline.erase(key);
    }

    static const char* keyOf(MD_SPANTYPE type) {
        switch (type) {
            case MD_SPAN_EM:
                return "italic";
            case MD_SPAN_STRONG:
                return "bold";
            case MD_SPAN_DEL:
                return "strike";
            case MD_SPAN_CODE:
                return "code";
            default:
                return nullptr;
        }
    }

    // ---- text ----
    void text(MD_TEXTTYPE type, std::string_view text) {
        static const std::string separator = toUtf8(std::u16string_view(&kLineSeparator, 1));
        if (m_is_verbatim) return verbatim(type, text);
        std::string plain = textOf(type, text);
        if (type == MD_TEXT_BR || (type == MD_TEXT_HTML && isBreak(text))) plain = separator;
        if (type == MD_TEXT_SOFTBR) plain = " ";
        if (type == MD_TEXT_HTML && text == kEmptyItem) plain.clear();
        std::replace(plain.begin(), plain.end(), '\n', ' ');
        if (m_images > 0)
            m_alt += plain;
        else
            put(plain, m_inline);
    }

    // md4c says indentation as spaces of its own; at the top level the tabs can still be found.
    void verbatim(MD_TEXTTYPE type, std::string_view text) {
        const std::less<> before;
        const bool is_own = before(text.data(), m_markdown.data()) ||
                            !before(text.data(), m_markdown.data() + m_markdown.size());
        if (is_own && text.find_first_not_of(' ') == text.npos) {
            m_columns += text.size();
        } else {
            if (!is_own && m_columns > 0 && m_open.empty())
                restoreTabs(static_cast<std::size_t>(text.data() - m_markdown.data()));
            m_columns = 0;
        }
        m_verbatim += textOf(type, text);
    }
    void restoreTabs(std::size_t end) {
        std::size_t begin = end;
        while (begin > 0 && (m_markdown[begin - 1] == ' ' || m_markdown[begin - 1] == '\t'))
            --begin;
        const std::string_view indent = m_markdown.substr(begin, end - begin);
        std::size_t columns = 0;
        for (const char c : indent) columns += c == '\t' ? 4 - columns % 4 : 1;
        if (columns != m_columns) return;
        m_verbatim.resize(m_verbatim.size() - m_columns);
        m_verbatim += indent;
    }

    void put(std::string_view utf8, const Attributes& attributes) {
        m_out.insert(toUtf16(sanitizedUtf8(utf8)), attributes);
        m_has_text = true;
    }

    std::string_view m_markdown;
    DeltaWriter m_out;
    std::vector<Open> m_open;
    int m_lists = 0;
    int m_header = 0;
    Value m_code;
    bool m_is_verbatim = false;  // in a block of code or HTML
    std::string m_verbatim;
    std::size_t m_columns = 0;  // of indentation at its end
    bool m_has_text = false;    // behind the last line
    bool m_is_empty = true;
    Attributes m_inline;
    std::map<std::string, int> m_nested;
    int m_images = 0;
    std::string m_source, m_alt;
    std::size_t m_url_bytes = 0;
};

}  // namespace

Result<Value> deltaFromMarkdown(std::string_view markdown) {
    if (markdown.size() > limits::kChangeBytesMax) return tooLarge();
    std::string clean = sanitizedUtf8(markdown);
    for (std::size_t at = 0; (at = clean.find('\0', at)) != clean.npos;)
        clean.replace(at, 1, kReplacement);  // md4c gives some of them twice
    return MarkdownReader(clean).read();
}

Result<> setMarkdown(Document& doc, const ContainerId& text, std::string_view markdown) {
    const auto delta = deltaFromMarkdown(markdown);
    if (!delta) return delta.error();
    return setDelta(doc, text, *delta);
}

}  // namespace kimdb::crdt
