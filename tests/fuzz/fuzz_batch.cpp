// SPDX-License-Identifier: MIT
// Batches of changes as PUSH, OPS and CHUNK carry them: what decodes has exactly one encoding.
#include "fuzz/fuzz_target.h"
#include "wire/change_batch.h"

using namespace kimdb;

namespace {

constexpr std::int64_t kTimeBase_ms = 1'700'000'000'000;

Bytes encode(const std::vector<wire::BatchItem>& items, wire::ReplicaTable table = {}) {
    wire::BatchEncoder encoder(table, 0, kTimeBase_ms);
    for (const wire::BatchItem& item : items) {
        if (const auto* change = std::get_if<Change>(&item))
            encoder.add(*change);
        else
            encoder.addMark(std::get<wire::Mark>(item));
    }
    return encoder.finish();
}

}  // namespace

std::vector<Bytes> fuzzSeeds() {
    Change keystroke;
    keystroke.replica = 7;
    keystroke.first = 2;
    keystroke.count = 1;
    keystroke.time_ms = kTimeBase_ms + 5;
    keystroke.structure = "\x01";
    appendLeaf(keystroke.content, "x");
    Change next = keystroke;
    next.first = 3;
    next.deps = {{1, 5}};
    return {encode({keystroke}), encode({keystroke, next, wire::Mark{1, 6, 2}}),
            encode({voidOf(keystroke)})};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input(reinterpret_cast<const char*>(data), size);
    wire::ReplicaTable table;
    const auto items = wire::decodeBatch(input, table, kTimeBase_ms);
    if (items.ok()) fuzzRequire(encode(*items, table) == input);
    return 0;
}
