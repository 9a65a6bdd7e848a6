// SPDX-License-Identifier: MIT
// The operations of a change: whatever they are, a replica takes them, keeps its invariants, and
// nothing has two encodings.
#include <kimdb/crdt/document.h>

#include "core/change.h"
#include "crdt/golden_changes.h"
#include "fuzz/fuzz_target.h"

using namespace kimdb;

std::vector<Bytes> fuzzSeeds() {
    std::vector<Bytes> seeds;
    for (const auto& golden : test::goldenChanges()) seeds.push_back(encodeChange(golden.change));
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto golden = test::goldenChanges();
    const auto change = decodeChange({reinterpret_cast<const char*>(data), size});
    if (!change.ok()) return 0;
    constexpr ReplicaId kNobody = 0xDEAD'0000'0000'0001;
    (void)crdt::references(*change);
    (void)crdt::containerUse(*change);
    if (const auto same = crdt::renamed(*change, kNobody, 1, kNobody + 1))
        fuzzRequire(same->structure == change->structure);
    crdt::Document doc;
    for (const auto& g : golden) {
        if (g.change.replica == change->replica && g.change.first >= change->first) break;
        (void)doc.receive(g.change);
    }
    (void)doc.receive(*change);
    fuzzRequire(!doc.checkInvariants());
    return 0;
}
