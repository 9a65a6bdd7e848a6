// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "wire/records.h"

namespace kimdb::wire {

RecordType typeOf(const Record& record);

//! \brief Appends one framed record (`varint length | u8 type | body`) to a message.
//! REQUIRES: every field keeps its bound in docs/PROTOCOL.md; the caller cuts texts. Asserted.
void appendRecord(Bytes& message, const Record& record);

inline Bytes encodeMessage(const Record& record) {
    Bytes message;
    appendRecord(message, record);
    return message;
}

//! \brief Strict decoding of one WebSocket message: 1..n records. Unknown types with the high bit
//! set are skipped. All else that is unknown, bytes left over in a body, integers that are not in
//! their shortest form and values out of range are Malformed (close 4001). More than
//! limits::kMessageBytesMax or kMessageRecordsMax: TooLarge (close 4009). All or nothing. Checks
//! bounds before it allocates: the records' fixed part, and twice the input for what they hold.
Result<std::vector<Record>> decodeMessage(ByteView message);

}  // namespace kimdb::wire
