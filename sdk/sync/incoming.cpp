// SPDX-License-Identifier: MIT
// The relay's log comes in: CHUNK and OPS, one position per change (SYNC rule 14). Each change is
// new, or equal to one held here (which acknowledges it), or the start of a fork.
#include <algorithm>

#include "sync/document_sync.h"

namespace kimdb::sync {

void DocumentSync::receive(const wire::Chunk& record) {
    if (m_phase != Phase::CatchingUp && m_phase != Phase::Live) return;
    if (record.kind != wire::ChunkKind::Changes) {
        m_shared.outbox.problem({ErrorCode::Unsupported, "snapshots are not supported yet"});
        return setPhase(Phase::Stopped);
    }
    const wire::Alias alias = m_alias;
    receiveLog(record.prev, record.last, record.batch, true);
    const bool went_on = m_shared.online && m_phase == Phase::CatchingUp && m_alias == alias;
    if (record.final && went_on) becomeLive();
}

void DocumentSync::receive(const wire::Ops& record) {
    if (m_phase != Phase::CatchingUp && m_phase != Phase::Live) return;
    receiveLog(record.prev, record.last, record.batch, false);
}

void DocumentSync::receiveLog(std::uint64_t prev, std::uint64_t last, const Bytes& batch,
                              bool chunk) {
    const auto items = wire::decodeBatch(batch, m_table_in, m_time_base_ms);
    if (!items || last < prev || items->size() != last - prev) {
        m_shared.outbox.problem({ErrorCode::ProtocolViolation, "the relay sent damaged changes"});
        return m_shared.endSession(static_cast<std::uint16_t>(wire::CloseCode::Protocol), "batch");
    }
    if (std::ranges::any_of(
            *items, [](const auto& item) { return std::holds_alternative<wire::Sealed>(item); })) {
        m_shared.outbox.problem({ErrorCode::Unsupported, m_log.name() +
                                                             " holds changes in a form "
                                                             "newer than this program; update it"});
        return setPhase(Phase::Stopped);
    }
    if (prev != m_log.state().position) return resubscribe();
    if (auto ok = integrate(*items, chunk ? 1 : 0); !ok) storageTrouble(ok.error());
}

Result<> DocumentSync::integrate(const std::vector<wire::BatchItem>& items, std::uint32_t credit) {
    std::optional<DocumentLog::Edit> edit;
    const auto begin = [&] {
        edit.emplace(m_log, m_shared.clock.wallTime());
        m_fresh.clear();
        m_acks.clear();
        m_accepted.clear();
        m_shared.rejected.settle(RejectedList::Outcome::Failed);
        m_mint = false;
    };
    begin();
    for (const wire::BatchItem& item : items) {
        const auto* change = std::get_if<Change>(&item);
        Verdict verdict = change ? take(*edit, *change) : take(*edit, std::get<wire::Mark>(item));
        if (verdict == Verdict::Fork) {
            // What is in front of the fork is true whatever becomes of it.
            if (auto ok = commitIncoming(*edit, 0); !ok) return ok;
            auto mine = m_log.find(change->replica, change->first);
            if (!mine) return mine.error();
            const bool answers_on_their_way = m_pushed;
            const Fork fork{std::move(**mine), *change};
            if (auto ok = resolve(fork); !ok) return ok;
            // An ACK or a mark names a change by its id alone; under a new alias none can speak of
            // what stood there before.
            if (answers_on_their_way) return resubscribe(), Result<>();
            begin();
            verdict = take(*edit, *change);
        }
        if (verdict != Verdict::Taken) {
            if (auto ok = restartFromZero(); !ok) return ok;
            resubscribe();
            return {};
        }
    }
    return commitIncoming(*edit, credit);
}

void DocumentSync::advance(DocumentLog::Edit& edit, const Hash16& hash) {
    LogState& state = edit.state();
    ++state.position;
    state.log_hash = rollingHash(state.log_hash, hash);
}

// A mark stands for a change this session pushed, so it is here; which one is known by its id
// alone.
DocumentSync::Verdict DocumentSync::take(DocumentLog::Edit& edit, const wire::Mark& mark) {
    std::optional<Hash16> hash;
    const auto unmarked = m_unmarked.find({mark.replica, mark.first});
    if (unmarked != m_unmarked.end()) {
        if (unmarked->second.first == mark.count) hash = unmarked->second.second;
        m_unmarked.erase(unmarked);
    } else if (const auto here = m_log.find(mark.replica, mark.first); here && *here) {
        const Change& change = (*here)->change;
        if (change.first == mark.first && change.count == mark.count) hash = m_log.hashOf(change);
    }
    if (!hash) return Verdict::Contradiction;
    const std::uint64_t last = mark.first + mark.count - 1;
    const std::uint64_t acked = edit.stream(mark.replica).acked;
    if (mark.first > acked + 1) return Verdict::Contradiction;
    if (last > acked) {
        edit.acknowledge(mark.replica, last, *hash);
        m_acks.emplace_back(mark.replica, last);
    }
    advance(edit, *hash);
    return Verdict::Taken;
}

DocumentSync::Verdict DocumentSync::take(DocumentLog::Edit& edit, const Change& change) {
    const LogState& state = edit.state();
    if (change.incarnation != state.incarnation) return Verdict::Contradiction;
    Stream& stream = edit.stream(change.replica);
    if (change.first > stream.head + 1) return Verdict::Contradiction;
    if (change.first == stream.head + 1) {
        if (stream.acked != stream.head) return Verdict::Contradiction;
        edit.append(change);
        const Hash16 hash = edit.hashOf(change);
        edit.acknowledge(change.replica, change.last(), hash);
        advance(edit, hash);
        m_fresh.push_back(change);
        if (auto entry = m_shared.rejected.find(m_log.name(), change)) {
            m_shared.rejected.remove(edit.batch(), entry->id);
            m_accepted.push_back(std::move(*entry));
        }
        // Another copy of this folder, or this one before it was rolled back, wrote it (SYNC rule
        // 5).
        if (change.replica == m_shared.identity.current()) m_mint = true;
        return Verdict::Taken;
    }
    const auto here = m_log.find(change.replica, change.first);
    if (!here || !*here) return Verdict::Contradiction;
    const Change& mine = (*here)->change;
    const Hash16 hash = edit.hashOf(change);
    if (mine.first != change.first || mine.count != change.count || m_log.hashOf(mine) != hash)
        return mine.first == change.first ? Verdict::Fork : Verdict::Contradiction;
    if (change.first > stream.acked + 1) return Verdict::Contradiction;
    if (change.last() > stream.acked) {
        edit.acknowledge(change.replica, change.last(), hash);
        m_acks.emplace_back(change.replica, change.last());
    }
    advance(edit, hash);
    return Verdict::Taken;
}

// First the journal, then the view (SYNC rule 4); `held` and CREDIT follow when the disk has it.
Result<> DocumentSync::commitIncoming(DocumentLog::Edit& edit, std::uint32_t credit) {
    std::vector<Change> fresh = std::move(m_fresh);
    const auto acks = std::move(m_acks);
    m_fresh.clear();
    m_acks.clear();
    const auto accepted = std::exchange(m_accepted, {});
    const bool mint = std::exchange(m_mint, false);
    const auto seq = edit.commit();
    m_shared.rejected.settle(seq ? RejectedList::Outcome::Committed
                                 : RejectedList::Outcome::Failed);
    if (!seq) return seq.error();
    noteCommit(*seq);
    m_resubscriptions = 0;
    for (const auto& [replica, counter] : acks) m_queue.acknowledge(replica, counter, [](auto&) {});
    const LogState& state = m_log.state();
    m_unsynced.push_back({*seq, state.position, state.log_hash, credit});
    if (m_open && !fresh.empty())
        m_shared.outbox.notify([name = m_log.name(), fresh = std::move(fresh)](SyncDelegate& d) {
            d.remoteChanges(name, fresh);
        });
    for (const Rejected& entry : accepted)
        m_shared.outbox.notify([entry](SyncDelegate& delegate) { delegate.accepted(entry); });
    if (!acks.empty() || !accepted.empty()) statusChanged();
    durable();
    return mint ? m_shared.mint() : Result<>();
}

}  // namespace kimdb::sync
