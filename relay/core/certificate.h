// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "core/hash.h"

namespace kimdb::relay {

//! \brief Makes the 16-byte MACs that OPS and CHUNK carry: HMAC-SHA256 by the relay's key,
//! truncated, over (store id, document, position, rolling hash there). After a restore they prove
//! that this relay once accepted what a client that is not the author supplies again (SYNC rule
//! 19). Thread: the core's.
class Certificates {
 public:
    //! \a key: 32 secret bytes, kept outside what is backed up.
    explicit Certificates(Bytes key) : m_key(std::move(key)) {}
    void setStore(const Hash16& store_id) { m_store_id = store_id; }

    Hash16 of(const std::string& document, std::uint64_t position, const Hash16& log_hash) const;

 private:
    Bytes m_key;
    Hash16 m_store_id;
};

}  // namespace kimdb::relay
