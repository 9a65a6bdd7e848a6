// SPDX-License-Identifier: MIT
#pragma once

#include <kimdb/ids.h>

namespace kimdb::relay {

//! \brief A replica id inside a store key: 8 bytes, big endian, so that keys sort like ids.
inline std::string replicaKey(ReplicaId replica) {
    std::string key(8, '\0');
    for (int i = 0; i < 8; ++i) key[i] = static_cast<char>(replica >> (56 - 8 * i));
    return key;
}

//! \brief Inverse of replicaKey(). REQUIRES: key.size() == 8.
inline ReplicaId replicaOfKey(std::string_view key) {
    ReplicaId replica = 0;
    for (const char c : key) replica = replica << 8 | static_cast<unsigned char>(c);
    return replica;
}

}  // namespace kimdb::relay
