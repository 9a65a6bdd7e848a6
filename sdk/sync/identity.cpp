// SPDX-License-Identifier: MIT
#include "sync/identity.h"

#include <algorithm>

#include "core/bytes.h"

// Key "identity" of the store's own state:
//   varint n, n × u64 LE id, u64 LE current, varint length ‖ fingerprint
namespace kimdb::sync {
namespace {

constexpr char kKey[] = "sync/identity";
constexpr std::size_t kIdsMax = 1 << 20;
constexpr std::size_t kFingerprintBytesMax = 4096;

}  // namespace

Result<Identity> Identity::load(const store::LogStore& store, const Bytes& fingerprint,
                                Random& random) {
    Identity identity;
    identity.m_fingerprint = fingerprint;
    const auto stored = store.get("", kKey);
    if (!stored) return stored.error();
    if (!*stored) {
        identity.mint(random);
        return identity;
    }
    ByteReader in(**stored);
    const std::size_t n = in.count(kIdsMax, 8);
    for (std::size_t i = 0; i < n; ++i) identity.m_ids.push_back(in.u64());
    identity.m_current = in.u64();
    const ByteView written_at = in.bytes(kFingerprintBytesMax);
    if (!in.done() || !identity.owns(identity.m_current))
        return Error{ErrorCode::StorageCorrupt, "the list of replica ids is damaged"};
    identity.m_saved = true;
    if (written_at != fingerprint) identity.mint(random);
    return identity;
}

bool Identity::owns(ReplicaId id) const {
    return std::find(m_ids.begin(), m_ids.end(), id) != m_ids.end();
}

void Identity::mint(Random& random) {
    m_current = random.replicaId();
    m_ids.push_back(m_current);
    m_saved = false;
}

void Identity::adopt(ReplicaId derived) {
    if (owns(derived)) return;
    m_ids.push_back(derived);
    m_saved = false;
}

void Identity::save(store::Batch& batch) {
    Bytes value;
    ByteWriter out(value);
    out.varint(m_ids.size());
    for (const ReplicaId id : m_ids) out.u64(id);
    out.u64(m_current);
    out.bytes(m_fingerprint);
    batch.put("", kKey, std::move(value));
    m_saved = true;
}

}  // namespace kimdb::sync
