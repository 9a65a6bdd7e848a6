// SPDX-License-Identifier: MIT
#include "crdt/case_runner.h"

#include <algorithm>

#include "core/utf8.h"

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Cursor;
using crdt::Document;
using crdt::Expand;
using nlohmann::json;

namespace {

ContainerId box(const std::string& name) {
    static const std::map<std::string, ContainerType> types{{"t", ContainerType::Text},
                                                            {"l", ContainerType::List},
                                                            {"m", ContainerType::Map},
                                                            {"s", ContainerType::Set},
                                                            {"c", ContainerType::Counter}};
    if (name.empty()) return ContainerId::root();
    return ContainerId::child(ContainerId::root(), name, types.at(name));
}

const ContainerId kText = box("t");

const std::map<std::string, Expand>& expands() {
    static const std::map<std::string, Expand> expands{{"after", Expand::After},
                                                       {"none", Expand::None},
                                                       {"both", Expand::Both},
                                                       {"before", Expand::Before}};
    return expands;
}

// The case sorts a set's members by their JSON text.
json sorted(json state) {
    if (!state.contains("s") || !state["s"].is_array()) return state;
    std::sort(state["s"].begin(), state["s"].end(),
              [](const json& a, const json& b) { return a.dump() < b.dump(); });
    return state;
}

std::size_t scalarOf(const std::u16string& text, std::size_t unit) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < unit; ++i) n += text[i] < 0xDC00 || text[i] > 0xDFFF;
    return n;
}

}  // namespace

std::size_t unitOf(const std::u16string& text, std::size_t scalar) {
    std::size_t unit = 0;
    for (; scalar > 0 && unit < text.size(); --scalar)
        unit += text[unit] >= 0xD800 && text[unit] < 0xDC00 ? 2 : 1;
    return unit;
}

json jsonOf(const Value& value) {
    if (const bool* b = value.asBool()) return *b;
    if (const std::int64_t* i = value.asInt()) return *i;
    if (const double* d = value.asDouble()) return *d;
    if (const std::string* s = value.asString()) return *s;
    if (const Value::Array* array = value.asArray()) {
        json out = json::array();
        for (const Value& v : *array) out.push_back(jsonOf(v));
        return out;
    }
    if (const Value::Object* object = value.asObject()) {
        json out = json::object();
        for (const auto& [key, v] : *object) out[key] = jsonOf(v);
        return out;
    }
    return nullptr;
}

Value valueOf(const json& j) {
    if (j.is_boolean()) return j.get<bool>();
    if (j.is_number_integer()) return j.get<std::int64_t>();
    if (j.is_number()) return j.get<double>();
    if (j.is_string()) return j.get<std::string>();
    if (j.is_array()) {
        Value::Array out;
        for (const json& v : j) out.push_back(valueOf(v));
        return out;
    }
    if (j.is_object()) {
        Value::Object out;
        for (const auto& [key, v] : j.items()) out.emplace(key, valueOf(v));
        return out;
    }
    return nullptr;
}

CaseRunner::CaseRunner(const json& test_case) : m_case(test_case) {
    for (const json& id : m_case["replicas"]) {
        m_docs.emplace_back(std::stoull(id.get<std::string>()));
        m_docs.back().setCaptureInterval(0);
    }
    m_copies.resize(m_docs.size());
    for (std::size_t i = 0; i < m_docs.size(); ++i)
        m_docs[i].onEvent(
            [this, i](const std::vector<crdt::Event>& events) { m_copies[i].apply(events); });
}

std::optional<std::string> CaseRunner::run() {
    for (std::size_t n = 0; n < m_case["txns"].size(); ++n)
        if (auto bad = write(n)) return "transaction " + std::to_string(n) + ": " + *bad;
    for (std::size_t k = 0; k < m_case["deliveries"].size(); ++k)
        if (auto bad = deliver(k)) return "delivery " + std::to_string(k) + ": " + *bad;
    return std::nullopt;
}

void CaseRunner::performOnText(Document& doc, const json& op) {
    const std::string kind = op[0];
    const auto unit = [&](std::size_t i) {
        return unitOf(doc.text(kText), op[i].get<std::size_t>());
    };
    const std::size_t begin = op[2].is_number() ? unit(2) : 0;
    if (kind == "insert") {
        doc.insertText(kText, begin, toUtf16(op[3].get<std::string>()));
    } else if (kind == "delete") {
        const std::size_t end =
            unitOf(doc.text(kText), op[2].get<std::size_t>() + op[3].get<std::size_t>());
        doc.removeText(kText, begin, end - begin);
    } else if (kind == "mark") {
        const bool removes = op[5] == json::object({{"none", 1}});
        const Expand expand = expands().at(op[6]);
        if (removes)
            doc.unmark(kText, begin, unit(3) - begin, op[4], expand);
        else
            doc.mark(kText, begin, unit(3) - begin, op[4], valueOf(op[5]), expand);
    } else if (kind == "comment") {
        const std::string name =
            "#" + std::to_string(m_txn) + "." + std::to_string(m_op);  // as the case knows it
        const std::string key = doc.comment(kText, begin, unit(3) - begin, valueOf(op[4]));
        m_comments[name] = key;
        m_comment_names[key] = name;
    } else if (kind == "uncomment") {
        doc.removeComment(kText, m_comments.at(op[2]));
    } else if (kind == "block") {
        const bool removes = op[4] == json::object({{"none", 1}});
        doc.setBlock(kText, begin, op[3], removes ? std::nullopt : std::optional(valueOf(op[4])));
    } else {
        throw std::runtime_error("unknown operation " + kind);
    }
}

void CaseRunner::performOnList(Document& doc, const json& op) {
    const std::string kind = op[0];
    const ContainerId list = box("l");
    if (kind == "linsert")
        doc.insertItems(list, op[2], {valueOf(op[3])});
    else if (kind == "lset")
        doc.setItem(list, op[2], valueOf(op[3]));
    else if (kind == "lmove")
        doc.moveItem(list, op[2], op[3]);
    else if (kind == "ldel")
        doc.removeItems(list, op[2], op[3]);
    else
        throw std::runtime_error("unknown operation " + kind);
}

void CaseRunner::perform(Document& doc, const json& op) {
    const std::string kind = op[0];
    const std::string on = op[1];
    const ContainerId root = ContainerId::root();
    if (!on.empty() && kind != "child") doc.createContainer(root, on, box(on).type());
    if (on == "t") return performOnText(doc, op);
    if (on == "l") return performOnList(doc, op);
    if (kind == "set") {
        doc.set(box(on), op[2], valueOf(op[3]));
    } else if (kind == "remove") {
        doc.remove(box(on), op[2]);
    } else if (kind == "add") {
        doc.addMember(box("s"), valueOf(op[2]));
    } else if (kind == "discard") {
        doc.removeMember(box("s"), valueOf(op[2]));
    } else if (kind == "inc") {
        doc.increment(box("c"), op[2].get<std::int64_t>());
    } else if (kind == "child") {
        const auto type = on == "text" ? ContainerType::Text : ContainerType::Map;
        const ContainerId child = doc.createContainer(root, "n", type);
        if (type == ContainerType::Text)
            doc.insertText(child, 0, toUtf16(op[2].get<std::string>()));
        else
            doc.set(child, op[2], 1);
    } else {
        throw std::runtime_error("unknown operation " + kind);
    }
}

std::optional<std::string> CaseRunner::write(std::size_t n) {
    const json& txn = m_case["txns"][n];
    Document& doc = m_docs[txn["replica"].get<std::size_t>()];
    std::set<std::size_t> need;
    for (const std::size_t parent : txn["parents"])
        need.insert(m_past[parent].begin(), m_past[parent].end());
    for (const std::size_t i : need)
        if (auto ok = doc.receive(m_changes.at(i)); !ok) return ok.error().message;
    std::set<OpId> parents;
    for (const std::size_t parent : txn["parents"]) parents.insert(m_changes.at(parent).lastId());
    const std::vector<OpId> heads = doc.heads();
    if (std::set<OpId>(heads.begin(), heads.end()) != parents) return "other heads";
    const std::string kind = txn["ops"].empty() ? "" : txn["ops"][0][0].get<std::string>();
    std::optional<Change> change;
    if (kind == "undo") {
        change = doc.undo(1);
    } else if (kind == "redo") {
        change = doc.redo(1);
    } else {
        doc.begin();
        m_txn = n;
        m_op = 0;
        for (const json& op : txn["ops"]) {
            perform(doc, op);
            ++m_op;
        }
        change = doc.commit(1);
    }
    if (change.has_value() == txn["empty"].get<bool>()) return "empty or not";
    // An undo may take fewer counters than the model's: neighbouring steps become one toggle.
    const bool reverts = kind == "undo" || kind == "redo";
    if (change && !reverts && change->count != txn["count"].get<std::uint64_t>())
        return "other count";
    if (change) {
        need.insert(n);
        m_changes[n] = *decodeChange(encodeChange(*change));
    }
    m_past.push_back(need);
    const json& cursors = m_case["final"]["cursors"];
    for (std::size_t i = 0; i < cursors.size(); ++i)
        if (cursors[i]["txn"] == n)
            m_cursors[i] = doc.cursorAt(
                kText, unitOf(doc.text(kText), cursors[i]["pos"]),
                cursors[i]["side"] == "after" ? Cursor::Side::After : Cursor::Side::Before);
    if (auto bad = m_copies[txn["replica"].get<std::size_t>()].difference(doc)) return bad;
    return doc.checkInvariants();
}

json CaseRunner::spansOf(const Document& doc) const {
    json out = json::array();
    for (const crdt::TextSpan& span : doc.spans(kText)) {
        json attributes = json::object();
        for (const auto& [key, value] : span.attributes) {
            const auto name = m_comment_names.find(key);
            attributes[name == m_comment_names.end() ? key : name->second] = jsonOf(value);
        }
        out.push_back(json::array({toUtf8(span.text), attributes}));
    }
    return out;
}

std::optional<std::string> CaseRunner::compare(const Document& doc, const json& state) const {
    const json got = jsonOf(doc.toValue());
    if (sorted(got) != sorted(state["json"]))
        return "got " + got.dump() + ", want " + state["json"].dump();
    // Cases say nothing of the attributes of a text that shows nothing.
    const json spans = doc.textLength(kText) ? spansOf(doc) : json::array();
    const json want = state.contains("spans") ? state["spans"] : json::array();
    if (spans != want) return "got spans " + spans.dump() + ", want " + want.dump();
    return std::nullopt;
}

std::optional<std::string> CaseRunner::deliver(std::size_t order) {
    Document doc;
    EventCopy copy;
    doc.onEvent([&](const std::vector<crdt::Event>& events) { copy.apply(events); });
    const json& delivery = m_case["deliveries"][order];
    for (std::size_t i = 0; i < delivery.size(); ++i) {
        if (auto ok = doc.receive(m_changes.at(delivery[i])); !ok) return ok.error().message;
        if (auto bad = copy.difference(doc)) return "step " + std::to_string(i) + ": " + *bad;
        if (order == 0 && m_case.contains("steps"))
            if (auto bad = compare(doc, m_case["steps"][i]))
                return "step " + std::to_string(i) + ": " + *bad;
    }
    if (auto bad = compare(doc, m_case["final"])) return bad;
    if (!doc.missing().empty()) return "still waiting";
    if (!doc.reports().empty()) return doc.reports().front();
    for (const auto& [i, cursor] : m_cursors) {
        const auto at = doc.resolve(kText, cursor);
        if (!at || scalarOf(doc.text(kText), *at) != m_case["final"]["cursors"][i]["at"])
            return "cursor " + std::to_string(i);
    }
    return doc.checkInvariants();
}

}  // namespace kimdb::test
