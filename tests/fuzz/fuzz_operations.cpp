// SPDX-License-Identifier: MIT
// The operations of a change: whatever they are, a replica takes them, keeps its invariants, and
// nothing has two encodings.
#include <kimdb/crdt/document.h>

#include "core/change.h"
#include "crdt/golden_changes.h"
#include "crdt/sample_changes.h"
#include "fuzz/fuzz_target.h"

using namespace kimdb;

namespace {

// Two logs in causal order; a change finds what it refers to in the one that has its replica.
const std::vector<std::vector<Change>>& logs() {
    static const auto all = [] {
        std::vector<std::vector<Change>> out(1);
        for (const auto& golden : test::goldenChanges()) out[0].push_back(golden.change);
        out.push_back(test::sampleChanges(1, 100));
        return out;
    }();
    return all;
}

void receivePast(crdt::Document& doc, const Change& change) {
    for (const auto& log : logs())
        for (const Change& known : log) {
            if (known.replica == change.replica && known.first >= change.first) return;
            (void)doc.receive(known);
        }
}

}  // namespace

std::vector<Bytes> fuzzSeeds() {
    std::vector<Bytes> seeds;
    for (const auto& log : logs())
        for (const Change& change : log) seeds.push_back(encodeChange(change));
    for (const auto& golden : test::goldenForms()) seeds.push_back(encodeChange(golden.change));
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto change = decodeChange({reinterpret_cast<const char*>(data), size});
    if (!change.ok()) return 0;
    constexpr ReplicaId kNobody = 0xDEAD'0000'0000'0001;
    (void)crdt::references(*change);
    (void)crdt::containerUse(*change);
    if (const auto same = crdt::renamed(*change, kNobody, 1, kNobody + 1))
        fuzzRequire(same->structure == change->structure);
    crdt::Document doc;
    receivePast(doc, *change);
    (void)doc.receive(*change);
    fuzzRequire(!doc.checkInvariants());
    return 0;
}
