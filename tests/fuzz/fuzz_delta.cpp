// SPDX-License-Identifier: MIT
// JSON and Deltas from outside: a Delta is applied or refused whole, and what a text is afterwards
// can be made again.
#include <kimdb/crdt/delta.h>

#include "core/change.h"
#include "crdt/plain_delta.h"
#include "fuzz/fuzz_target.h"

using namespace kimdb;

namespace {

const crdt::ContainerId kText =
    crdt::ContainerId::child(crdt::ContainerId::root(), "t", crdt::ContainerType::Text);

Value textOf(const Value& delta) {
    crdt::Document doc(2);
    doc.begin();
    fuzzRequire(crdt::setDelta(doc, kText, delta).ok());
    (void)doc.commit(1);
    return crdt::toDelta(doc, kText, crdt::Comments::LeaveOut);
}

}  // namespace

std::vector<Bytes> fuzzSeeds() {
    test::DeltaSource source(1);
    test::PlainDelta text;
    std::vector<Bytes> seeds;
    while (seeds.size() < 120) {
        seeds.push_back(source.document().toJson());
        seeds.push_back(source.change(text).toJson());
    }
    seeds.push_back(R"([{"retain":2,"attributes":{"#1:2":"x","bold":null}},{"delete":2}])");
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto delta = Value::fromJson({reinterpret_cast<const char*>(data), size});
    if (!delta) return 0;
    const auto same = Value::fromJson(delta->toJson());
    fuzzRequire(same.ok() && same->encode() == delta->encode());
    crdt::Document doc(1);
    doc.begin();
    doc.insertText(kText, 0, u"one\n😀");
    doc.mark(kText, 1, 3, "bold", true);
    doc.comment(kText, 0, 2, "x");
    (void)doc.commit(1);
    const auto version = doc.version();
    doc.begin();
    const auto applied = crdt::applyDelta(doc, kText, *delta);
    const auto change = doc.commit(1);
    fuzzRequire(applied.ok() || doc.version() == version);
    if (change) fuzzRequire(decodeChange(encodeChange(*change)).ok());
    fuzzRequire(!doc.checkInvariants());
    const Value now = crdt::toDelta(doc, kText, crdt::Comments::LeaveOut);
    fuzzRequire(textOf(now) == now);
    return 0;
}
