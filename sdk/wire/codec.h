// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "wire/records.h"

namespace kimdb::wire {

//! \brief Appends one framed record (`varint length | u8 type | body`) to a message.
void appendRecord(Bytes& message, const Record& record);

inline Bytes encodeMessage(const Record& record) {
    Bytes message;
    appendRecord(message, record);
    return message;
}

//! \brief Strict decoding of one WebSocket message: 1..n records. Unknown types with the high bit set are skipped;
//! everything else unknown, trailing bytes in a body, non-shortest integers, values out of range: Malformed
//! (close 4001); above limits::kMessageBytesMax: TooLarge (close 4009). Checks bounds before it allocates.
Result<std::vector<Record>> decodeMessage(ByteView message);

}  // namespace kimdb::wire
