// SPDX-License-Identifier: MIT
#include "crdt/delta_steps.h"

#include "core/limits.h"
#include "core/utf8.h"

namespace kimdb::crdt {

namespace {

constexpr std::size_t kOperationBytes = 64;  // what one costs at most, besides keys and values

Error malformed(const char* what) {
    return {ErrorCode::Malformed, std::string("Delta: ") + what};
}

bool isDeeperThan(const Value& value, int depth) {
    if (depth < 0) return true;
    if (const Value::Array* array = value.asArray())
        for (const Value& v : *array)
            if (isDeeperThan(v, depth - 1)) return true;
    if (const Value::Object* object = value.asObject())
        for (const auto& [key, v] : *object)
            if (isDeeperThan(v, depth - 1)) return true;
    return false;
}

// An embed's object as the Delta has it, and back.
Value wrapped(const Value& object) {
    const Value::Object* fields = object.asObject();
    const bool is_plain =
        fields && !fields->empty() && !(fields->size() == 1 && fields->begin()->first == kEmbedKey);
    return is_plain ? object : Value(Value::Object{{kEmbedKey, object}});
}

Value unwrapped(const Value::Object& fields) {
    const bool is_wrapped = fields.size() == 1 && fields.begin()->first == kEmbedKey;
    return is_wrapped ? fields.begin()->second : Value(fields);
}

class StepReader {
 public:
    explicit StepReader(Comments comments) : m_comments(comments) {}

    Result<> read(const Value::Object& op, DeltaStep* step) {
        const Value* what = nullptr;
        const Value* attributes = nullptr;
        for (const auto& [key, value] : op) {
            if (key == "attributes")
                attributes = &value;
            else if (what)
                return malformed("an operation has one of insert, retain and delete");
            else
                what = &value;
            if (key == "insert") step->kind = DeltaStep::Kind::Insert;
            if (key == "delete") step->kind = DeltaStep::Kind::Delete;
            if (key != "attributes" && key != "insert" && key != "delete" && key != "retain")
                return malformed("an operation of an unknown kind");
        }
        if (!what) return malformed("an operation has one of insert, retain and delete");
        step->bytes = kOperationBytes;
        const bool is_insert = step->kind == DeltaStep::Kind::Insert;
        if (auto ok = is_insert ? readInsert(*what, step) : readLength(*what, step); !ok) return ok;
        if (!attributes) return {};
        if (step->kind == DeltaStep::Kind::Delete) return malformed("a delete with attributes");
        return readAttributes(*attributes, step);
    }

 private:
    static Result<> readInsert(const Value& what, DeltaStep* step) {
        if (const std::string* text = what.asString()) {
            if (text->empty()) return malformed("an insert of nothing");
            step->text = toUtf16(sanitizedUtf8(*text));
            step->bytes += text->size();
        } else if (const Value::Object* object = what.asObject(); object && !object->empty()) {
            step->text = kEmbedCharacter;
            if (auto ok = add(kEmbedKey, unwrapped(*object), step); !ok) return ok;
        } else {
            return malformed("what is inserted is a string or an object");
        }
        step->length = step->text.size();
        return {};
    }

    static Result<> readLength(const Value& what, DeltaStep* step) {
        if (what.asObject() && step->kind == DeltaStep::Kind::Retain)
            return Error{ErrorCode::Unsupported, "Delta: changes inside an embed"};
        const std::int64_t* length = what.asInt();
        if (!length || *length <= 0 || static_cast<std::uint64_t>(*length) > limits::kCounterMax)
            return malformed("a length is a positive integer");
        step->length = static_cast<std::size_t>(*length);
        return {};
    }

    Result<> readAttributes(const Value& attributes, DeltaStep* step) const {
        if (attributes.isNull()) return {};
        const Value::Object* fields = attributes.asObject();
        if (!fields) return malformed("attributes are an object");
        for (const auto& [raw, value] : *fields) {
            const std::string key = sanitizedUtf8(raw);
            if (key.empty() || key == kEmbedKey) return malformed("a key that is reserved");
            if (key.size() > limits::kMapKeyBytesMax)
                return Error{ErrorCode::TooLarge, "Delta: a key is too long"};
            if (m_comments == Comments::LeaveOut && isCommentKey(key)) continue;
            Result<> ok;
            if (!value.isNull())
                ok = add(key, value, step);
            else if (step->kind == DeltaStep::Kind::Retain)
                ok = add(key, std::nullopt, step);
            if (!ok) return ok;
        }
        return {};
    }

    static Result<> add(const std::string& key, std::optional<Value> value, DeltaStep* step) {
        if (value && isDeeperThan(*value, limits::kValueDepthMax))
            return Error{ErrorCode::TooLarge, "Delta: a value is nested too deeply"};
        step->bytes += kOperationBytes + key.size() + (value ? value->encode().size() : 0);
        step->attributes.insert_or_assign(key, std::move(value));
        return {};
    }

    Comments m_comments;
};

Value::Object plain(const std::map<std::string, Value>& attributes) {
    Value::Object out;
    for (const auto& [key, value] : attributes)
        if (!value.isNull() && key != kEmbedKey) out.emplace_hint(out.end(), key, value);
    return out;
}

}  // namespace

Result<std::vector<DeltaStep>> readDelta(const Value& delta, Comments comments) {
    const Value::Array* ops = delta.asArray();
    if (const Value::Object* object = delta.asObject(); object && object->size() == 1)
        if (object->begin()->first == "ops") ops = object->begin()->second.asArray();
    if (!ops) return malformed("not an array of operations");
    std::vector<DeltaStep> steps;
    steps.reserve(ops->size());
    StepReader reader(comments);
    for (const Value& op : *ops) {
        const Value::Object* fields = op.asObject();
        if (!fields) return malformed("an operation is an object");
        if (auto ok = reader.read(*fields, &steps.emplace_back()); !ok) return ok.error();
    }
    return steps;
}

// ---- writing ----

void DeltaWriter::append(const char* kind, Value what, Value::Object attributes) {
    Value::Object op{{kind, std::move(what)}};
    if (!attributes.empty()) op.emplace("attributes", std::move(attributes));
    m_ops.push_back(std::move(op));
}

void DeltaWriter::flushRetained() {
    if (m_retained > 0)
        append("retain", static_cast<std::int64_t>(m_retained), std::move(m_retained_marks));
    m_retained = 0;
    m_retained_marks.clear();
}

void DeltaWriter::flushText() {
    if (!m_text.empty()) append("insert", std::exchange(m_text, {}), std::move(m_marks));
    m_marks.clear();
}

void DeltaWriter::closeGap() {
    flushText();
    if (m_removed > 0) append("delete", static_cast<std::int64_t>(m_removed), {});
    m_removed = 0;
}

void DeltaWriter::insert(std::u16string_view text, const std::map<std::string, Value>& attributes) {
    if (text.empty()) return;
    flushRetained();
    Value::Object marks = plain(attributes);
    if (marks != m_marks) flushText();
    m_text += toUtf8(text);
    m_marks = std::move(marks);
}

void DeltaWriter::insertEmbed(const Value& object, const std::map<std::string, Value>& attributes) {
    flushRetained();
    flushText();
    append("insert", wrapped(object), plain(attributes));
}

void DeltaWriter::insertRun(std::u16string_view text, std::map<std::string, Value> attributes) {
    const auto embed = attributes.extract(kEmbedKey);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t next = embed ? text.find(kEmbedCharacter, at) : text.npos;
        insert(text.substr(at, next - at), attributes);
        if (next == text.npos) return;
        insertEmbed(embed.mapped(), attributes);
        at = next + 1;
    }
}

void DeltaWriter::retain(std::size_t length, const DeltaAttributes& attributes) {
    if (length == 0) return;
    closeGap();
    Value::Object marks;
    for (const auto& [key, value] : attributes) marks.emplace(key, value.value_or(Value()));
    if (marks != m_retained_marks) flushRetained();
    m_retained += length;
    m_retained_marks = std::move(marks);
}

void DeltaWriter::remove(std::size_t length) {
    if (length == 0) return;
    flushRetained();
    m_removed += length;
}

Value DeltaWriter::take() {
    closeGap();
    if (!m_retained_marks.empty()) flushRetained();
    m_retained = 0;
    return std::exchange(m_ops, {});
}

}  // namespace kimdb::crdt
