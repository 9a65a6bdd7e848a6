// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include <kimdb/ids.h>

namespace kimdb {

//! \brief First 16 bytes of a SHA-256 (FIPS 180-4). Identity of changes and logs, not a secret.
struct Hash16 {
    std::array<std::uint8_t, 16> bytes{};

    bool isZero() const { return *this == Hash16{}; }
    ByteView view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
    //! REQUIRES: v.size() == 16.
    static Hash16 from(ByteView v);
    auto operator<=>(const Hash16&) const = default;
};

//! \brief SHA-256 over the parts in order, truncated to 16 bytes. Thread: any.
Hash16 sha256Truncated(std::initializer_list<ByteView> parts);

//! \brief Hₙ = SHA-256(Hₙ₋₁ ‖ change hash)[0..16), H₀ = 0: the rolling hash of a stream or of a
//! document's log (SYNC rule 7).
Hash16 rollingHash(const Hash16& before, const Hash16& change);

//! \brief Which shard a key lives in: first 4 bytes (big endian) of MD5(key) mod \a shard_count
//! (**format**). Thread: any.
//! REQUIRES: 1 <= shard_count <= limits::kShardCountMax.
int shardOfKey(ByteView key, int shard_count);

//! \brief CRC32C (Castagnoli), hardware where the CPU has it. \a seed chains calls.
std::uint32_t crc32c(ByteView data, std::uint32_t seed = 0);

//! \brief Per-stream secret from which leaf salts are derived, so that salts cost no bytes per
//! change (docs/decisions/0002-salts.md). Travels in front of the content of the first change.
using SaltKey = Hash16;

//! \brief Derives the salts of one stream: a 16-ary GGM tree over the 56-bit counter (Goldreich,
//! Goldwasser, Micali 1986), so that a later expunge can puncture the key at single changes.
//! Caches the last path: consecutive counters cost about one hash. Thread: one at a time.
class SaltTree {
 public:
    explicit SaltTree(const SaltKey& key = {}) { m_path[0] = key; }
    const SaltKey& key() const { return m_path[0]; }
    //! The node of the change whose first counter is \a first.
    Hash16 node(std::uint64_t first);
    //! The salt of leaf \a leaf of that change.
    Hash16 salt(std::uint64_t first, std::uint64_t leaf);

 private:
    static constexpr int kLevels = 14;
    std::array<Hash16, kLevels + 1> m_path{};
    std::uint64_t m_cached = 0;
    bool m_valid = false;
};

}  // namespace kimdb
