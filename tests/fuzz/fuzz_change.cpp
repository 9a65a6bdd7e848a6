// SPDX-License-Identifier: MIT
// The change envelope: what decodes has exactly one encoding, and its leaves can be walked.
#include "core/change.h"
#include "core/hash.h"
#include "fuzz/fuzz_target.h"

using namespace kimdb;

std::vector<Bytes> fuzzSeeds() {
    Change plain;
    plain.replica = 0x0102030405060708;
    plain.first = 2;
    plain.count = 1;
    plain.time_ms = 1'700'000'000'000;
    plain.structure = "\x01";
    appendLeaf(plain.content, "x");
    Change rich = plain;
    rich.first = 1;
    rich.incarnation = 7;
    rich.schema_version = 2;
    rich.deps = {{1, 5}, {2, 300}};
    rich.salt_key = SaltKey::from("0123456789abcdef");
    appendLeaf(rich.content, "leaf");
    return {encodeChange(plain), encodeChange(rich), encodeChange(voidOf(rich))};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input(reinterpret_cast<const char*>(data), size);
    const auto change = decodeChange(input);
    if (!change.ok()) return 0;
    fuzzRequire(encodeChange(*change) == input);
    SaltTree salts(SaltKey::from("0123456789abcdef"));
    fuzzRequire(changeHash(*change, salts) == changeHash(*change, salts));
    return 0;
}
