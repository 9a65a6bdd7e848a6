// SPDX-License-Identifier: MIT
//
// Canonical encoding of a Value (**format**):
//   u8 tag, then
//   0 null   1 false   2 true          nothing
//   3 int64                            zigzag LEB128
//   4 double                           8 bytes IEEE 754, little endian; NaN: 0x7FF8000000000000
//   5 string  6 bytes                  varint length, bytes (a string is valid UTF-8)
//   7 array                            varint count, values
//   8 object                           varint count, then key (varint length, UTF-8), value; keys
//                                      strictly ascending by bytes
#include <bit>
#include <cmath>

#include <kimdb/value.h>

#include "core/bytes.h"
#include "core/limits.h"
#include "core/utf8.h"

namespace kimdb {
namespace {

enum Tag : std::uint8_t { Null, False, True, Int, Double, String, Blob, Array, Object };

void encodeInto(const Value& value, ByteWriter& out) {
    if (const bool* b = value.asBool()) return out.u8(*b ? True : False);
    if (const std::int64_t* i = value.asInt()) return out.u8(Int), out.zigzag(*i);
    if (const double* d = value.asDouble()) {
        out.u8(Double);
        return out.u64(std::isnan(*d) ? 0x7FF8000000000000ULL : std::bit_cast<std::uint64_t>(*d));
    }
    if (const std::string* s = value.asString())
        return out.u8(String), out.bytes(sanitizedUtf8(*s));
    if (const Value::Blob* blob = value.asBlob()) return out.u8(Blob), out.bytes(blob->bytes);
    if (const Value::Array* array = value.asArray()) {
        out.u8(Array);
        out.varint(array->size());
        for (const Value& v : *array) encodeInto(v, out);
        return;
    }
    if (const Value::Object* object = value.asObject()) {
        Value::Object clean;  // cleaning may merge or reorder keys
        for (const auto& [key, v] : *object) clean.emplace(sanitizedUtf8(key), v);
        out.u8(Object);
        out.varint(clean.size());
        for (const auto& [key, v] : clean) {
            out.bytes(key);
            encodeInto(v, out);
        }
        return;
    }
    out.u8(Null);
}

Value decodeFrom(ByteReader& in, int depth) {
    if (depth > limits::kValueDepthMax) return in.fail(), Value();
    switch (in.u8()) {
        case Null:
            return {};
        case False:
            return false;
        case True:
            return true;
        case Int:
            return in.zigzag();
        case Double: {
            const std::uint64_t bits = in.u64();
            const double d = std::bit_cast<double>(bits);
            if (std::isnan(d) && bits != 0x7FF8000000000000ULL) in.fail();
            return d;
        }
        case String: {
            const ByteView s = in.bytes(in.remaining());
            if (!isValidUtf8(s)) in.fail();
            return in.ok() ? Value(std::string(s)) : Value();
        }
        case Blob:
            return Value::Blob{Bytes(in.bytes(in.remaining()))};
        case Array: {
            Value::Array
                array;  // grows as values are really there: no reserve from a claimed count
            const std::size_t n = in.count(in.remaining(), 1);
            for (std::size_t i = 0; i < n && in.ok(); ++i)
                array.push_back(decodeFrom(in, depth + 1));
            return array;
        }
        case Object: {
            Value::Object object;
            const std::size_t n = in.count(in.remaining(), 2);
            for (std::size_t i = 0; i < n && in.ok(); ++i) {
                const ByteView key = in.bytes(in.remaining());
                if (!isValidUtf8(key) || (!object.empty() && object.rbegin()->first >= key))
                    in.fail();
                if (in.ok())
                    object.emplace_hint(object.end(), std::string(key), decodeFrom(in, depth + 1));
            }
            return object;
        }
        default:
            return in.fail(), Value();
    }
}

}  // namespace

Bytes Value::encode() const {
    Bytes out;
    ByteWriter writer(out);
    encodeInto(*this, writer);
    return out;
}

Result<Value> Value::decode(ByteView bytes) {
    ByteReader in(bytes);
    Value value = decodeFrom(in, 0);
    if (!in.done()) return Error{ErrorCode::Malformed, "a value is damaged or nested too deeply"};
    return value;
}

}  // namespace kimdb
