// SPDX-License-Identifier: MIT
// Messages of KRP/1: records that decode encode to a message that decodes to the same records.
// (Not to the same bytes: unknown records with the high bit set are skipped.)
#include "fuzz/fuzz_target.h"
#include "wire/codec.h"

using namespace kimdb;

std::vector<Bytes> fuzzSeeds() {
    const ReplicaId replica = 7;
    const std::vector<wire::Record> records{
        wire::Hello{.replica = replica, .session = 9, .agent = "fuzz/1"},
        wire::Welcome{.message_bytes_max = 1 << 20, .push_bytes_max = 1 << 18},
        wire::Sub{.alias = 2, .name = "notes/1", .own = {replica}},
        wire::SubOk{.alias = 2, .head = 3, .streams = {{replica, 3, {}, 0}}},
        wire::Push{.alias = 2, .number = 1, .batch = "batch"},
        wire::Ack{.alias = 2, .replica = replica, .counter = 4, .flags = wire::kDurable},
        wire::Nack{.alias = 2, .number = 1, .replica = replica, .first = 4, .code = 61},
        wire::Ops{.alias = 2, .prev = 3, .last = 4, .batch = "batch"},
        wire::Chunk{.alias = 2, .prev = 3, .last = 4, .batch = "batch"},
        wire::Presence{.alias = 2, .session = 9, .clock = 1, .ttl_ms = 1000, .state = "here"},
        wire::ErrorRecord{.code = 4001, .text = "no"},
    };
    std::vector<Bytes> seeds;
    Bytes all;
    for (const wire::Record& record : records) {
        seeds.push_back(wire::encodeMessage(record));
        wire::appendRecord(all, record);
    }
    seeds.push_back(all);
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto records = wire::decodeMessage({reinterpret_cast<const char*>(data), size});
    if (!records.ok()) return 0;
    Bytes message;
    for (const wire::Record& record : *records) wire::appendRecord(message, record);
    const auto again = wire::decodeMessage(message);
    fuzzRequire(records->empty() || (again.ok() && *again == *records));
    return 0;
}
