// SPDX-License-Identifier: MIT
#include "relay/auth/base64url.h"

#include <algorithm>

#include "core/base64.h"

namespace kimdb::relay {

std::string encodeBase64Url(ByteView bytes) {
    std::string text = encodeBase64(bytes);
    while (!text.empty() && text.back() == '=') text.pop_back();
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    return text;
}

std::optional<Bytes> decodeBase64Url(ByteView text) {
    std::string standard(text);
    std::replace(standard.begin(), standard.end(), '-', '+');
    std::replace(standard.begin(), standard.end(), '_', '/');
    auto bytes = decodeBase64(standard);
    if (!bytes || encodeBase64Url(*bytes) != text) return {};
    return bytes;
}

}  // namespace kimdb::relay
