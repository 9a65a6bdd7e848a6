// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include <kimdb/ids.h>

namespace kimdb {

//! \brief RFC 4648 with padding.
std::string encodeBase64(ByteView bytes);

//! \brief Its inverse; padding may be missing. nullopt: a character that is none of its digits.
std::optional<Bytes> decodeBase64(ByteView text);

}  // namespace kimdb
