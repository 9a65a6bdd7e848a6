// SPDX-License-Identifier: MIT
#include "relay/core/certificate.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/bytes.h"

namespace kimdb::relay {

Hash16 Certificates::of(const std::string& document, std::uint64_t position,
                        const Hash16& log_hash) const {
    Bytes input;
    ByteWriter writer(input);
    writer.raw(m_store_id.view());
    writer.bytes(document);
    writer.u64(position);
    writer.raw(log_hash.view());
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(EVP_sha256(), m_key.data(), static_cast<int>(m_key.size()),
         reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac, &size);
    return Hash16::from({reinterpret_cast<const char*>(mac), 16});
}

}  // namespace kimdb::relay
