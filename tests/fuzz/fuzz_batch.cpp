// SPDX-License-Identifier: MIT
// A batch of changes from a peer: what decodes has exactly one encoding, and its changes are valid
// envelopes.
#include "core/change.h"
#include "fuzz/fuzz_target.h"
#include "wire/reencode.h"
#include "wire/vectors.h"

using namespace kimdb;
using namespace kimdb::wire;

std::vector<Bytes> fuzzSeeds() {
    std::vector<Bytes> seeds;
    for (const BatchVector& v : batchVectors()) seeds.push_back(encodeBatch(v));
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView batch(reinterpret_cast<const char*>(data), size);
    ReplicaTable table = tableOf({0x0102030405060708, 0xB0B0B0B0B0B0B0B0});
    const auto items = decodeBatch(batch, table, kTimeBase);
    if (!items.ok()) return 0;
    fuzzRequire(reencoded(batch, *items, table, kTimeBase) == batch);
    for (const BatchItem& item : *items)
        if (const auto* change = std::get_if<Change>(&item))
            fuzzRequire(decodeChange(encodeChange(*change)).ok());
    return 0;
}
