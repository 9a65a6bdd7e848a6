// SPDX-License-Identifier: MIT
// Cursors and what a participant shows: what decodes has exactly one encoding.
#include <kimdb/crdt/presence.h>

#include "crdt/sample_value.h"
#include "fuzz/fuzz_target.h"

using namespace kimdb;
using crdt::Cursor;
using crdt::PresenceState;

namespace {

Cursor anyCursor(Random& random) {
    Cursor cursor;
    cursor.anchor = static_cast<Cursor::Anchor>(random.below(3));
    if (cursor.anchor == Cursor::Anchor::Character)
        cursor.id = {random.replicaId(), 1 + random.below(1'000'000)};
    cursor.side = static_cast<Cursor::Side>(random.below(2));
    return cursor;
}

}  // namespace

std::vector<Bytes> fuzzSeeds() {
    SeededRandom random(1);
    std::vector<Bytes> seeds;
    while (seeds.size() < 120) {
        if (seeds.size() % 4 == 0) seeds.push_back(anyCursor(random).encode());
        PresenceState state;
        state.name = std::string(random.below(12), 'n');
        state.color = static_cast<std::uint32_t>(random.below(0x1000000));
        if (random.below(3)) state.anchor = anyCursor(random);
        if (random.below(3)) state.head = anyCursor(random);
        if (random.below(2)) state.custom["x"] = test::sampleValue(random, 2);
        if (const auto bytes = state.encode()) seeds.push_back(*bytes);
    }
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input(reinterpret_cast<const char*>(data), size);
    if (const auto cursor = Cursor::decode(input)) fuzzRequire(cursor->encode() == input);
    const auto state = PresenceState::decode(input);
    if (state.ok()) fuzzRequire(*state->encode() == input);
    return 0;
}
