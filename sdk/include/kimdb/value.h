// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <kimdb/ids.h>

namespace kimdb {

//! \brief A plain value: what JSON can say, plus 64-bit integers and bytes.
//! Integers and doubles are different types: 1 and 1.0 are not equal. Strings are valid UTF-8;
//! a lone surrogate or an invalid sequence becomes U+FFFD when a value is encoded.
//! Thread: a plain value, copy it freely.
class Value {
 public:
    using Array = std::vector<Value>;
    using Object = std::map<std::string, Value>;  //!< ordered by key bytes: canonical
    struct Blob {
        Bytes bytes;
        bool operator==(const Blob&) const = default;
    };

    Value() = default;  //!< null
    Value(std::nullptr_t) {}
    Value(bool b) : m_data(b) {}
    Value(int i) : m_data(std::int64_t{i}) {}
    Value(std::int64_t i) : m_data(i) {}
    Value(double d) : m_data(d) {}
    Value(const char* s) : m_data(std::string(s)) {}
    Value(std::string s) : m_data(std::move(s)) {}
    Value(Blob b) : m_data(std::move(b)) {}
    Value(Array a) : m_data(std::move(a)) {}
    Value(Object o) : m_data(std::move(o)) {}

    bool isNull() const { return m_data.index() == 0; }
    const bool* asBool() const { return std::get_if<bool>(&m_data); }
    const std::int64_t* asInt() const { return std::get_if<std::int64_t>(&m_data); }
    const double* asDouble() const { return std::get_if<double>(&m_data); }
    const std::string* asString() const { return std::get_if<std::string>(&m_data); }
    const Blob* asBlob() const { return std::get_if<Blob>(&m_data); }
    const Array* asArray() const { return std::get_if<Array>(&m_data); }
    const Object* asObject() const { return std::get_if<Object>(&m_data); }

    bool operator==(const Value&) const = default;

    //! \brief The canonical encoding (**format**, docs/STORAGE.md "Values"): equal values, equal
    //! bytes; values of different type never have equal bytes.
    Bytes encode() const;
    //! \brief Strict inverse of encode(). Errors: Malformed, TooLarge (nesting above
    //! limits::kValueDepthMax). Allocates in proportion to the input only.
    static Result<Value> decode(ByteView bytes);
    //! \brief JSON text. Blobs become {"$bytes":"<base64>"}, doubles that are no number null.
    std::string toJson() const;
    //! \brief Its strict inverse: one JSON text in valid UTF-8, without keys that stand twice.
    //! Numbers with a point or an exponent are doubles; integers have to fit into 64 bits. Errors:
    //! Malformed, TooLarge (nesting above limits::kValueDepthMax).
    static Result<Value> fromJson(std::string_view text);

 private:
    std::variant<std::monostate, bool, std::int64_t, double, std::string, Blob, Array, Object>
        m_data;
};

}  // namespace kimdb
