// SPDX-License-Identifier: MIT
#pragma once

#include "core/hash.h"
#include "relay/core/room.h"

namespace kimdb::relay {

//! \brief What a SUB gets: the answer, and where sending begins. Judged by what is committed, so
//! SUBOK waits for it.
struct CatchUpPlan {
    wire::SubOk answer;
    std::uint64_t from = 0;
    bool by_chunks = false;  //!< CHUNKs follow, the last of them final; else live after SUBOK
};

//! \brief Decides how \a sub catches up (SYNC rules 7, 15, 19). \a own: the ids in `sub.own` that
//! belong to the user; their heads and hashes are told always, also when read is denied. A document
//! that may not be read looks exactly like one that does not exist. Errors: those of the store.
Result<CatchUpPlan> planCatchUp(DocumentLog& log, const wire::Sub& sub,
                                const std::vector<ReplicaId>& own, std::uint8_t permissions,
                                const Hash16& epoch);

//! \brief Sends a member at Stage::Chunks or Stage::Log as much of the log as credit and connection
//! allow. Call at the end of a turn, after deliverLive(): a member that has all that is durable
//! becomes live (SYNC rule 15).
//! Errors: those of the store.
Result<> catchUp(Subscription& member);

}  // namespace kimdb::relay
