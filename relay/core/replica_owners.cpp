// SPDX-License-Identifier: MIT
#include "relay/core/replica_owners.h"

#include "relay/core/replica_key.h"

namespace kimdb::relay {
namespace {

constexpr char kPrefix[] = "owner/";

}  // namespace

Result<std::string> ReplicaOwners::ownerOf(ReplicaId replica) {
    const auto cached = m_cache.find(replica);
    if (cached != m_cache.end()) return cached->second;
    auto stored = m_commits.store().get("", kPrefix + replicaKey(replica));
    if (!stored.ok()) return stored.error();
    if (!stored->has_value()) return std::string();
    if (m_cache.size() >= kCachedMax) m_cache.clear();
    return m_cache.emplace(replica, **stored).first->second;
}

Result<bool> ReplicaOwners::claim(ReplicaId replica, const std::string& user) {
    auto owner = ownerOf(replica);
    if (!owner.ok()) return owner.error();
    if (!owner->empty()) return *owner == user;
    store::Batch batch;
    batch.put("", kPrefix + replicaKey(replica), user);
    auto seq = m_commits.commit(std::move(batch));
    if (!seq.ok()) return seq.error();
    m_cache[replica] = user;
    return true;
}

}  // namespace kimdb::relay
