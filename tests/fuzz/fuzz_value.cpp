// SPDX-License-Identifier: MIT
// Values: what decodes has exactly one encoding, and JSON can be made of it.
#include <kimdb/value.h>

#include "crdt/sample_value.h"
#include "fuzz/fuzz_target.h"

using namespace kimdb;

std::vector<Bytes> fuzzSeeds() {
    const Value::Object object{{"a", 1}, {"b", 1.0}, {"c", Value::Array{true, nullptr, "x"}}};
    std::vector<Bytes> seeds{Value(object).encode(), Value(INT64_MIN).encode(),
                             Value(Value::Blob{Bytes("\0\1", 2)}).encode()};
    SeededRandom random(1);
    while (seeds.size() < 120) seeds.push_back(test::sampleValue(random, 5).encode());
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input(reinterpret_cast<const char*>(data), size);
    const auto value = Value::decode(input);
    if (!value.ok()) return 0;
    fuzzRequire(value->encode() == input);
    (void)value->toJson();
    return 0;
}
