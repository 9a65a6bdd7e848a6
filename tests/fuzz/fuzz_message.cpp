// SPDX-License-Identifier: MIT
// A WebSocket message as either side gets it: what decodes encodes again, batches included.
#include "fuzz/fuzz_target.h"
#include "wire/codec.h"
#include "wire/vectors.h"

using namespace kimdb;
using namespace kimdb::wire;

std::vector<Bytes> fuzzSeeds() {
    std::vector<Bytes> seeds;
    for (const RecordVector& v : recordVectors()) seeds.push_back(encodeMessage(v.record));
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto records = decodeMessage({reinterpret_cast<const char*>(data), size});
    if (!records.ok()) return 0;
    Bytes message;
    for (const Record& record : *records) appendRecord(message, record);
    fuzzRequire(message.size() <= size);  // what was skipped is gone
    fuzzRequire(message.empty() || *decodeMessage(message) == *records);
    return 0;
}
