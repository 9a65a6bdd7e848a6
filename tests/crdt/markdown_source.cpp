// SPDX-License-Identifier: MIT
#include "crdt/markdown_source.h"

#include "crdt/delta_steps.h"

namespace kimdb::test {

std::u16string MarkdownSource::words() {
    static const char16_t* const kWords[] = {u"a",        u"word", u" ",
                                             u"  ",       u"*",    u"**",
                                             u"_",        u"`",    u"``",
                                             u"~~",       u"\\",   u"[",
                                             u"]",        u"](",   u"!",
                                             u"<b>",      u">",    u"&",
                                             u"&amp;",    u"&#9;", u"#",
                                             u"# ",       u"-",    u"- ",
                                             u"---",      u"+ ",   u"=",
                                             u"1. ",      u"12)",  u"1",
                                             u".",        u"é",    u"漢字",
                                             u"😀",        u"\t",   u"\u2028",
                                             u"\u00A0",   u"“",    u"http://x.y/?a=b&c",
                                             u"[x] ",     u"<br>", u"<!-- -->",
                                             u"(",        u")",    u"|",
                                             u":",        u"\"",   u"'",
                                             u"two words"};
    std::u16string out;
    for (std::size_t n = 1 + below(4); n > 0; --n) out += kWords[below(std::size(kWords))];
    return out;
}

Value::Object MarkdownSource::inlineAttributes() {
    static const char* const kLinks[] = {"http://a.b/c", "",   "x y",      "<a>(b)",
                                         "a\nb&amp;\\",  "**", "~~/_a_b__"};
    Value::Object out;
    if (below(2)) return out;
    if (below(3) == 0) out["bold"] = true;
    if (below(3) == 0) out["italic"] = true;
    if (below(4) == 0) out["strike"] = true;
    if (below(5) == 0) out["code"] = true;
    if (below(5) == 0) out["link"] = kLinks[below(7)];
    return out;
}

Value::Object MarkdownSource::lineAttributes() {
    static const char* const kLists[] = {"bullet", "ordered", "checked", "unchecked"};
    static const Value kCode[] = {true, "c++", "a b", "`&"};
    switch (below(7)) {
        case 0:
            return {{"header", Value(static_cast<std::int64_t>(1 + below(6)))}};
        case 1:
        case 2: {
            Value::Object item{{"list", kLists[below(4)]}};
            if (const std::size_t indent = below(4))
                item["indent"] = Value(static_cast<std::int64_t>(indent));
            return item;
        }
        case 3:
            return {{"blockquote", true}};
        case 4:
            return {{"code-block", kCode[below(4)]}};
        default:
            return {};
    }
}

Value MarkdownSource::document() {
    crdt::DeltaWriter out;
    Value::Object line;
    for (std::size_t lines = 1 + below(8); lines > 0; --lines) {
        if (below(3)) line = lineAttributes();  // rows of one kind
        if (line.contains("code-block")) {
            if (below(4)) out.insert(below(5) ? words() + u"x" : u"  ", {});
        } else if (line.empty() && below(8) == 0) {
            out.insertEmbed(Value::Object{{"divider", true}}, {});
        } else if (below(8)) {
            for (std::size_t runs = 1 + below(5); runs > 0; --runs) {
                Value::Object attributes = inlineAttributes();
                if (below(10)) {
                    out.insert(words(), attributes);
                    continue;
                }
                attributes.erase("code");
                if (below(2)) attributes["alt"] = "*an* [image]!";
                out.insertEmbed(Value::Object{{"image", below(2) ? "a b.png" : "*_~"}}, attributes);
            }
        }
        out.insert(u"\n", line);
    }
    return out.take();
}

}  // namespace kimdb::test
