// SPDX-License-Identifier: MIT
// Values as JSON (RFC 8259).
#include <cmath>
#include <cstdio>
#include <limits>

#include <nlohmann/json.hpp>

#include <kimdb/value.h>

#include "core/base64.h"
#include "core/limits.h"

namespace kimdb {
namespace {

constexpr const char* kBytesKey = "$bytes";

void appendJsonString(std::string& out, std::string_view s) {
    out += '"';
    for (const char c : s) {
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (c == '\n')
            out += "\\n";
        else if (static_cast<unsigned char>(c) < 0x20) {
            char buffer[8];
            std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c));
            out += buffer;
        } else
            out += c;
    }
    out += '"';
}

void jsonInto(const Value& value, std::string& out) {
    char buffer[40];
    if (const bool* b = value.asBool())
        out += *b ? "true" : "false";
    else if (const std::int64_t* i = value.asInt())
        out += std::to_string(*i);
    else if (const double* d = value.asDouble()) {
        const int n = std::snprintf(buffer, sizeof buffer, "%.17g", *d);
        const std::string_view digits(buffer, static_cast<std::size_t>(n));
        out += std::isfinite(*d) ? digits : "null";
        if (std::isfinite(*d) && digits.find_first_of(".e") == digits.npos) out += ".0";
    } else if (const std::string* s = value.asString())
        appendJsonString(out, *s);
    else if (const Value::Blob* blob = value.asBlob())
        out += "{\"$bytes\":\"" + encodeBase64(blob->bytes) + "\"}";
    else if (const Value::Array* array = value.asArray()) {
        out += '[';
        for (const Value& v : *array) {
            if (out.back() != '[') out += ',';
            jsonInto(v, out);
        }
        out += ']';
    } else if (const Value::Object* object = value.asObject()) {
        out += '{';
        for (const auto& [key, v] : *object) {
            if (out.back() != '{') out += ',';
            appendJsonString(out, key);
            out += ':';
            jsonInto(v, out);
        }
        out += '}';
    } else
        out += "null";
}

// What the parser tells of, one level per array or object that is open.
class JsonBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
    Value take() { return std::move(m_value); }
    const Error& error() const { return m_error; }

    bool null() override { return put({}); }
    bool boolean(bool b) override { return put(b); }
    bool number_integer(number_integer_t n) override { return put(n); }
    bool number_unsigned(number_unsigned_t n) override {
        if (n > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
            return malformed("an integer of more than 64 bits");
        return put(static_cast<std::int64_t>(n));
    }
    bool number_float(number_float_t d, const string_t& digits) override {
        const bool is_integer = digits.find_first_of(".eE") == std::string::npos;
        return is_integer ? malformed("an integer of more than 64 bits") : put(d);
    }
    bool string(string_t& s) override { return put(std::move(s)); }
    bool binary(binary_t&) override { return malformed("not JSON"); }
    bool start_array(std::size_t) override { return open({false, {}, {}, {}}); }
    bool start_object(std::size_t) override { return open({true, {}, {}, {}}); }
    bool key(string_t& key) override {
        if (m_open.back().object.contains(key)) return malformed("a key stands twice");
        m_open.back().key = std::move(key);
        return true;
    }
    bool end_array() override {
        Value value(std::move(m_open.back().array));
        m_open.pop_back();
        return put(std::move(value));
    }
    bool end_object() override {
        Value::Object object = std::move(m_open.back().object);
        m_open.pop_back();
        if (object.size() == 1 && object.begin()->first == kBytesKey)
            if (const std::string* text = object.begin()->second.asString())
                if (auto bytes = decodeBase64(*text)) return put(Value::Blob{std::move(*bytes)});
        return put(std::move(object));
    }
    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception&) override {
        return malformed("not JSON at byte " + std::to_string(position));
    }

 private:
    struct Level {
        bool is_object = false;
        Value::Array array;
        Value::Object object;
        std::string key;
    };
    bool malformed(const std::string& what) {
        m_error = {ErrorCode::Malformed, "JSON: " + what};
        return false;
    }
    bool open(Level level) {
        if (isTooDeep()) return false;
        m_open.push_back(std::move(level));
        return true;
    }
    bool isTooDeep() {
        if (m_open.size() <= static_cast<std::size_t>(limits::kValueDepthMax)) return false;
        m_error = {ErrorCode::TooLarge, "JSON: nested too deeply"};
        return true;
    }
    bool put(Value value) {
        if (isTooDeep()) return false;
        if (m_open.empty())
            m_value = std::move(value);
        else if (m_open.back().is_object)
            m_open.back().object.emplace(std::move(m_open.back().key), std::move(value));
        else
            m_open.back().array.push_back(std::move(value));
        return true;
    }

    std::vector<Level> m_open;
    Value m_value;
    Error m_error;
};

}  // namespace

std::string Value::toJson() const {
    std::string out;
    jsonInto(*this, out);
    return out;
}

Result<Value> Value::fromJson(std::string_view text) {
    // The library skips a byte order mark; a text has one spelling here.
    if (text.starts_with("\xEF\xBB\xBF")) return Error{ErrorCode::Malformed, "no JSON: a mark"};
    JsonBuilder builder;
    if (!nlohmann::json::sax_parse(text, &builder)) return builder.error();
    return builder.take();
}

}  // namespace kimdb
