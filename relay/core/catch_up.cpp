// SPDX-License-Identifier: MIT
#include "relay/core/catch_up.h"

#include <algorithm>

#include "relay/core/permissions.h"

namespace kimdb::relay {
namespace {

constexpr std::size_t kStreamsToldMax = 16'384;  // 0.7 MB of SUBOK
constexpr std::uint32_t kIncarnation = 1;

bool fresh(const wire::Sub& sub) {
    return sub.epoch.isZero() && sub.position == 0;
}

//! Whether our log up to the peer's position is the log it holds.
Result<bool> sameLog(const DocumentLog& log, const wire::Sub& sub, const Hash16& epoch) {
    if (fresh(sub)) return true;
    if (sub.epoch != epoch || sub.position > log.head()) return false;
    auto hash = log.hashAt(sub.position);
    if (!hash.ok()) return hash.error();
    return *hash == sub.log_hash;
}

}  // namespace

Result<CatchUpPlan> planCatchUp(DocumentLog& log, const wire::Sub& sub,
                                const std::vector<ReplicaId>& own, std::uint8_t permissions,
                                const Hash16& epoch) {
    CatchUpPlan plan;
    wire::SubOk& answer = plan.answer;
    answer.alias = sub.alias;
    answer.incarnation = kIncarnation;
    answer.permissions = permissions;
    for (const ReplicaId id : own) {
        auto state = log.streamState(id);
        if (!state.ok()) return state.error();
        answer.streams.push_back(*state);
    }
    if (!mayRead(permissions)) {
        answer.plan = wire::Plan::Denied;
        return plan;
    }
    answer.head = log.head();
    answer.log_hash = log.hash();
    auto same = sameLog(log, sub, epoch);
    if (!same.ok()) return same.error();
    if (!*same) {
        auto all = log.allStreams(kStreamsToldMax);
        if (!all.ok()) return all.error();
        for (const wire::StreamState& state : *all)
            if (std::find(own.begin(), own.end(), state.replica) == own.end())
                answer.streams.push_back(state);
        answer.plan = wire::Plan::Reconcile;
        plan.by_chunks = true;
        return plan;
    }
    plan.from = sub.position;
    plan.by_chunks = sub.position < log.head();
    answer.plan = plan.by_chunks ? wire::Plan::Changes : wire::Plan::UpToDate;
    return plan;
}

Result<> catchUp(Subscription& member) {
    DocumentLog& log = member.room.log();
    while (true) {
        const bool by_chunks = member.stage == Stage::Chunks;
        if (member.sent == log.durableHead()) {
            if (by_chunks && member.final_chunk_due)
                if (auto ok = member.room.deliverEnd(member); !ok) return ok;
            member.room.becomesLive(member);
            return {};
        }
        const bool waits = by_chunks && member.chunks_outstanding >= limits::kChunksOutstandingMax;
        if (waits || member.session.slow()) return {};
        auto entries = log.read(member.sent, limits::kChunkBytesMax);
        if (!entries.ok()) return entries.error();
        if (auto ok = member.room.deliverFromLog(member, *entries); !ok) return ok;
    }
    return {};
}

}  // namespace kimdb::relay
