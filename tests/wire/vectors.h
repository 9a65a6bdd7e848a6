// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "wire/change_batch.h"
#include "wire/records.h"

//! Golden vectors of KRP/1. The same hex stands in docs/PROTOCOL.md under the same names. A
//! changed vector is a format change.
namespace kimdb::wire {

//! \brief One record as a whole message.
struct RecordVector {
    const char* name;
    Record record;
    const char* hex;
};
std::vector<RecordVector> recordVectors();

//! \brief Items encoded for a receiver that knows \a known.
struct BatchVector {
    const char* name;
    std::vector<ReplicaId> known;
    std::vector<BatchItem> items;
    const char* hex;
};
std::vector<BatchVector> batchVectors();
inline constexpr std::int64_t kTimeBase = 1'700'000'000'000;

//! \brief Change envelopes and the hashes made of them.
struct BytesVector {
    const char* name;
    Bytes bytes;
    const char* hex;
};
std::vector<BytesVector> changeVectors();

Bytes encodeBatch(const BatchVector& vector);
ReplicaTable tableOf(const std::vector<ReplicaId>& ids);
std::string toHex(ByteView bytes);

}  // namespace kimdb::wire
