// SPDX-License-Identifier: MIT
#include "crdt/plain_delta.h"

#include "core/utf8.h"

namespace kimdb::test {

namespace {

Value::Object attributesOf(const Value::Object& op) {
    const auto found = op.find("attributes");
    return found == op.end() ? Value::Object() : *found->second.asObject();
}

Value number(std::size_t n) {
    return static_cast<std::int64_t>(n);
}

}  // namespace

void PlainDelta::apply(const Value& delta) {
    std::size_t at = 0;
    const auto place = [&] { return m_cells.begin() + static_cast<std::ptrdiff_t>(at); };
    for (const Value& value : *delta.asArray()) {
        const Value::Object& op = *value.asObject();
        const Value::Object attributes = attributesOf(op);
        if (const auto inserted = op.find("insert"); inserted != op.end()) {
            if (const std::string* text = inserted->second.asString()) {
                for (const char16_t unit : toUtf16(*text)) {
                    m_cells.insert(place(), {unit, {}, attributes});
                    ++at;
                }
            } else {
                m_cells.insert(place(), {0, inserted->second, attributes});
                ++at;
            }
        } else if (const auto removed = op.find("delete"); removed != op.end()) {
            const auto n = static_cast<std::ptrdiff_t>(*removed->second.asInt());
            m_cells.erase(place(), place() + n);
        } else {
            for (std::int64_t n = *op.at("retain").asInt(); n > 0; --n, ++at)
                for (const auto& [key, v] : attributes)
                    if (v.isNull())
                        m_cells.at(at).attributes.erase(key);
                    else
                        m_cells.at(at).attributes.insert_or_assign(key, v);
        }
    }
    end();
}

Value PlainDelta::delta() const {
    Value::Array ops;
    for (std::size_t i = 0; i < m_cells.size();) {
        const Cell& first = m_cells[i];
        Value::Object op{{"insert", first.embed}};
        if (!first.attributes.empty()) op["attributes"] = first.attributes;
        if (first.unit == 0) {
            ++i;
        } else {
            std::u16string text;
            for (; i < m_cells.size() && m_cells[i].unit != 0; ++i) {
                if (m_cells[i].attributes != first.attributes) break;
                text += m_cells[i].unit;
            }
            op["insert"] = toUtf8(text);
        }
        ops.emplace_back(op);
    }
    return ops;
}

std::string DeltaSource::words() {
    static const char* const kWords[] = {"a",  "word ",        "é",  "😀",
                                         "\n", "two\nlines\n", "  ", "漢字"};
    return kWords[below(8)];
}

Value::Object DeltaSource::attributes() {
    static const std::pair<const char*, Value> kAll[] = {
        {"bold", true},  {"color", "red"},    {"color", "blue"},  {"link", "http://a"},
        {"header", 1},   {"header", 2},       {"list", "bullet"}, {"note", Value::Array{1, "x"}},
        {"indent", 2.5}, {"code-block", true}};
    Value::Object out;
    for (std::size_t n = below(4); n > 0; --n) {
        const auto& [key, value] = kAll[below(10)];
        out.insert_or_assign(key, value);
    }
    return out;
}

Value::Object DeltaSource::inserted() {
    static const Value kEmbeds[] = {Value::Object{{"image", "a.png"}}, Value::Object{{"embed", 1}},
                                    Value::Object{{"embed", Value::Object{{"embed", nullptr}}}},
                                    Value::Object{{"a", 1}, {"b", 2}}};
    Value::Object op{{"insert", below(5) ? Value(words()) : kEmbeds[below(4)]}};
    if (Value::Object has = attributes(); !has.empty()) op["attributes"] = has;
    return op;
}

Value DeltaSource::document() {
    PlainDelta text;
    Value::Array ops;
    for (std::size_t n = below(12); n > 0; --n) ops.emplace_back(inserted());
    text.apply(ops);
    if (below(2))
        text.apply(Value::Array{Value::Object{{"retain", number(text.m_cells.size())},
                                              {"attributes", Value::Object{{"list", "ordered"}}}}});
    return text.delta();
}

Value DeltaSource::change(const PlainDelta& text) {
    Value::Array ops;
    const auto& cells = text.m_cells;
    // Not between the halves of a pair.
    const auto whole = [&](std::size_t at) {
        return at < cells.size() && (cells[at].unit & 0xFC00) == 0xDC00 ? at + 1 : at;
    };
    std::size_t at = 0;
    for (std::size_t n = 1 + below(5); n > 0; --n) {
        const std::size_t to = whole(std::min(cells.size(), at + 1 + below(8)));
        switch (to > at ? below(4) : 3) {
            case 0:
                ops.emplace_back(Value::Object{{"retain", number(to - at)}});
                break;
            case 1: {
                Value::Object marks = attributes();
                if (below(2)) marks.insert_or_assign("bold", nullptr);
                if (below(3) == 0) marks.insert_or_assign("header", nullptr);
                Value::Object op{{"retain", number(to - at)}};
                if (!marks.empty()) op["attributes"] = marks;
                ops.emplace_back(op);
                break;
            }
            case 2:
                ops.emplace_back(Value::Object{{"delete", number(to - at)}});
                break;
            default:
                ops.emplace_back(inserted());
                continue;
        }
        at = to;
    }
    return ops;
}

}  // namespace kimdb::test
