// SPDX-License-Identifier: MIT
// Delta to Markdown, line by line. A list item knows the columns its list's markers and contents
// stand in; levels between it and the item above are opened by markers in front of its own.
#include <algorithm>
#include <cassert>

#include <kimdb/crdt/markdown.h>

#include "core/utf8.h"
#include "crdt/delta_steps.h"
#include "crdt/markdown_format.h"
#include "crdt/markdown_inline.h"

namespace kimdb::crdt {

namespace {

struct Line {
    enum class Kind : std::uint8_t { Plain, Header, Item, Quote, Code, Divider };
    Kind kind = Kind::Plain;
    int level = 0;     // of a header; of an item, from 0
    std::string word;  // "bullet", …; the language of code
    std::vector<MarkdownRun> runs;
};

const Value* find(const DeltaAttributes& attributes, const char* key) {
    const auto found = attributes.find(key);
    return found == attributes.end() || !found->second ? nullptr : &*found->second;
}

bool isSet(const DeltaAttributes& attributes, const char* key) {
    const Value* value = find(attributes, key);
    return value && *value != Value(false);
}

std::string wordOf(const DeltaAttributes& attributes, const char* key) {
    const Value* value = find(attributes, key);
    return value && value->asString() ? *value->asString() : std::string();
}

int numberOf(const DeltaAttributes& attributes, const char* key, int max) {
    const Value* value = find(attributes, key);
    if (!value || !value->asInt()) return 0;
    return static_cast<int>(std::clamp<std::int64_t>(*value->asInt(), 0, max));
}

const Value::Object* embedOf(const DeltaStep& step) {
    return step.isEmbed() ? find(step.attributes, kEmbedKey)->asObject() : nullptr;
}

// Cuts the steps of a whole text into lines.
class Lines {
 public:
    std::vector<Line> read(const std::vector<DeltaStep>& steps) {
        for (const DeltaStep& step : steps) {
            if (step.isEmbed()) {
                embed(step);
                continue;
            }
            std::u16string_view rest = step.text;
            for (std::size_t end; (end = rest.find(u'\n')) != rest.npos;) {
                text(rest.substr(0, end), step.attributes);
                endLine(step.attributes);
                rest.remove_prefix(end + 1);
            }
            text(rest, step.attributes);
        }
        if (!m_line.runs.empty() || m_has_divider) endLine({});
        return std::move(m_lines);
    }

 private:
    static MarkdownRun runOf(const DeltaAttributes& attributes) {
        MarkdownRun run;
        run.bold = isSet(attributes, "bold");
        run.italic = isSet(attributes, "italic");
        run.strike = isSet(attributes, "strike");
        run.code = isSet(attributes, "code");
        const Value* link = find(attributes, "link");
        run.has_link = link && link->asString();
        if (run.has_link) run.link = *link->asString();
        return run;
    }
    void text(std::u16string_view text, const DeltaAttributes& attributes) {
        if (text.empty()) return;
        MarkdownRun run = runOf(attributes);
        if (m_line.runs.empty() || !m_line.runs.back().isLike(run)) m_line.runs.push_back(run);
        m_line.runs.back().text += text;
    }
    void embed(const DeltaStep& step) {
        const Value::Object* object = embedOf(step);
        if (!object || object->size() != 1) return;
        const auto& [key, value] = *object->begin();
        if (key == "divider") m_has_divider = true;
        if (key != "image" || !value.asString()) return;
        MarkdownRun run = runOf(step.attributes);
        run.is_image = true;
        run.code = false;
        run.source = *value.asString();
        run.alt = toUtf16(sanitizedUtf8(wordOf(step.attributes, "alt")));
        m_line.runs.push_back(std::move(run));
    }
    void endLine(const DeltaAttributes& attributes) {
        using Kind = Line::Kind;
        const int header = numberOf(attributes, "header", kHeaderMax);
        const std::string list = wordOf(attributes, "list");
        const bool is_list =
            list == "bullet" || list == "ordered" || list == "checked" || list == "unchecked";
        if (isSet(attributes, "code-block")) {
            m_line.kind = Kind::Code;
            m_line.word = wordOf(attributes, "code-block");
        } else if (header > 0) {
            m_line.kind = Kind::Header;
            m_line.level = header;
        } else if (is_list) {
            m_line.kind = Kind::Item;
            m_line.level = numberOf(attributes, "indent", kIndentMax);
            m_line.word = list;
        } else if (isSet(attributes, "blockquote")) {
            m_line.kind = Kind::Quote;
        } else if (m_has_divider && m_line.runs.empty()) {
            m_line.kind = Kind::Divider;
        }
        m_lines.push_back(std::exchange(m_line, {}));
        m_has_divider = false;
    }

    std::vector<Line> m_lines;
    Line m_line;
    bool m_has_divider = false;
};

class MarkdownWriter {
 public:
    std::string write(const std::vector<Line>& lines) {
        if (lines.size() == 1 && lines[0].kind == Line::Kind::Plain && lines[0].runs.empty())
            return {};  // the empty text
        for (std::size_t i = 0; i < lines.size();) {
            const Line& line = lines[i];
            if (i > 0) separate(lines[i - 1], line);
            if (line.kind != Line::Kind::Item) m_levels.clear();
            if (line.kind != Line::Kind::Code) {
                write(line);
                ++i;
                continue;
            }
            std::size_t end = i;
            while (end < lines.size() && lines[end].kind == line.kind &&
                   lines[end].word == line.word)
                ++end;
            fence({lines.begin() + static_cast<std::ptrdiff_t>(i),
                   lines.begin() + static_cast<std::ptrdiff_t>(end)});
            i = end;
        }
        return std::move(m_out);
    }

 private:
    struct Level {
        bool is_ordered = false;
        std::size_t marker = 0, content = 0;  // columns
        std::size_t number = 0;
    };

    void separate(const Line& before, const Line& after) {
        const bool same = before.kind == after.kind;
        if (same && after.kind == Line::Kind::Quote)
            m_out += ">\n";
        else if (!same || after.kind != Line::Kind::Item)
            m_out += '\n';
    }

    void write(const Line& line) {
        switch (line.kind) {
            case Line::Kind::Plain:
                m_out += line.runs.empty() ? kEmptyParagraph
                                           : markdownLine(line.runs, {"", true, false});
                break;
            case Line::Kind::Header:
                m_out += std::string(static_cast<std::size_t>(line.level), '#');
                if (!line.runs.empty()) m_out += ' ' + markdownLine(line.runs, {"", false, true});
                break;
            case Line::Kind::Quote:
                m_out += "> ";
                m_out +=
                    line.runs.empty() ? kEmptyItem : markdownLine(line.runs, {"> ", true, false});
                break;
            case Line::Kind::Divider:
                m_out += "---";
                break;
            case Line::Kind::Item:
                item(line);
                break;
            case Line::Kind::Code:
                assert(false);
        }
        m_out += '\n';
    }

    void item(const Line& line) {
        const auto level = static_cast<std::size_t>(line.level);
        const bool is_ordered = line.word == "ordered";
        if (m_levels.size() > level + 1) m_levels.resize(level + 1);
        if (m_levels.size() == level + 1 && m_levels[level].is_ordered != is_ordered)
            m_levels.pop_back();
        const std::size_t known = std::min(m_levels.size(), level);
        const std::size_t column = m_levels.size() == level + 1 ? m_levels[level].marker
                                   : known > 0                  ? m_levels[known - 1].content
                                                                : 0;
        m_out += std::string(column, ' ');
        while (m_levels.size() < level) {
            const std::size_t at = m_levels.empty() ? 0 : m_levels.back().content;
            m_levels.push_back({false, at, at + 2, 0});
            m_out += "- ";
        }
        if (m_levels.size() == level) {
            const std::size_t at = m_levels.empty() ? 0 : m_levels.back().content;
            m_levels.push_back({is_ordered, at, at + 2, 0});
        }
        Level& own = m_levels.back();
        const std::string marker = is_ordered ? std::to_string(++own.number) + ". " : "- ";
        own.content = own.marker + marker.size();
        m_out += marker;
        if (line.word == "checked") m_out += "[x] ";
        if (line.word == "unchecked") m_out += "[ ] ";
        m_out += line.runs.empty()
                     ? kEmptyItem
                     : markdownLine(line.runs, {std::string(own.content, ' '), true, false});
    }

    void fence(const std::vector<Line>& lines) {
        std::string code;
        for (const Line& line : lines) {
            for (const MarkdownRun& run : line.runs) code += toUtf8(run.text);
            code += '\n';
        }
        std::replace(code.begin(), code.end(), '\r', ' ');
        std::size_t longest = 2;
        for (std::size_t at = code.find('`'); at != code.npos;) {
            const std::size_t end = code.find_first_not_of('`', at);
            longest = std::max(longest, end - at);
            at = code.find('`', end);
        }
        const std::string marks(longest + 1, '`');
        m_out += marks + markdownWord(lines.front().word) + '\n' + code + marks + '\n';
    }

    std::string m_out;
    std::vector<Level> m_levels;
};

}  // namespace

Result<std::string> markdownFromDelta(const Value& delta) {
    const auto steps = readDelta(delta, Comments::LeaveOut);
    if (!steps) return steps.error();
    for (const DeltaStep& step : *steps)
        if (step.kind != DeltaStep::Kind::Insert)
            return Error{ErrorCode::InvalidArgument, "Markdown: a whole text consists of inserts"};
    return MarkdownWriter().write(Lines().read(*steps));
}

Result<std::string> toMarkdown(const Document& doc, const ContainerId& text) {
    return markdownFromDelta(toDelta(doc, text, Comments::LeaveOut));
}

}  // namespace kimdb::crdt
