// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include <kimdb/ids.h>

namespace kimdb::relay {

//! \brief RFC 4648 §5 without padding, as JOSE writes it.
std::string encodeBase64Url(ByteView bytes);

//! \brief Its inverse: only what encodeBase64Url() writes, so no token has two spellings. nullopt:
//! padding, white space, digits of the other alphabet, bits that say nothing.
std::optional<Bytes> decodeBase64Url(ByteView text);

}  // namespace kimdb::relay
