// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "relay/core/commit_order.h"

namespace kimdb::relay {

//! \brief Which user a replica id belongs to: bound at its first use, journalled, never rebound
//! (SYNC state table).
//! Thread: the core's. Stored under document "", keys "owner/" + id, 8 bytes big endian.
class ReplicaOwners {
 public:
    explicit ReplicaOwners(CommitOrder& commits) : m_commits(commits) {}

    //! True when \a replica belongs to \a user after the call; binds it when nobody has it. False:
    //! it is another's.
    //! Errors: those of the store.
    Result<bool> claim(ReplicaId replica, const std::string& user);
    //! Empty: nobody's.
    Result<std::string> ownerOf(ReplicaId replica);

 private:
    static constexpr std::size_t kCachedMax = 65'536;  // about 8 MB

    CommitOrder& m_commits;
    std::map<ReplicaId, std::string> m_cache;
};

}  // namespace kimdb::relay
