// SPDX-License-Identifier: MIT
// A document file as it is found on a disk: frame, checksums, compressed chunks.
#include <kimdb/crdt/document_file.h>

#include "crdt/crowd.h"
#include "crdt/people.h"
#include "fuzz/fuzz_target.h"

using namespace kimdb;
using crdt::Detail;
using crdt::DocumentFile;

std::vector<Bytes> fuzzSeeds() {
    std::vector<Bytes> seeds;
    for (std::uint64_t seed = 1; seeds.size() < 120; ++seed) {
        test::Crowd crowd(seed, 1 + seed % 3);
        crowd.run(seed % 30);
        crdt::Document doc;
        for (const Change& change : crowd.changes) (void)doc.receive(change);
        seeds.push_back(doc.save({static_cast<Detail>(seed % 3), seed % 2 == 0}));
    }
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto file = DocumentFile::open(Bytes(reinterpret_cast<const char*>(data), size));
    if (!file.ok()) return 0;
    (void)file->version();
    (void)file->textUtf8(test::kText);
    const auto document = file->document(77);
    if (document.ok()) fuzzRequire(!document->checkInvariants());
    return 0;
}
