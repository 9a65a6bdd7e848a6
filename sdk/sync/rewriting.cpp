// SPDX-License-Identifier: MIT
// Changes are taken back: refusals (SYNC rule 11) and forks (rules 6 and 19). Each is one batch, after which the
// document is loaded again.
//
// A fork: the relay holds another change at a counter of ours. The relay's wins; what becomes of ours:
//   ours                          relay's            →
//   own, waiting                  VOID               refused (a copy of this folder was told so before us)
//   VOID                          on our rejected    accepted after all (a copy pushed it in time)
//                                 list
//   own, never acknowledged       other              moved to the derived stream
//   own, acknowledged once        other              rejected list (a restored relay took a copy's change)
//   another author's              VOID               replaced in place
//   another author's              other              dropped
#include <algorithm>

#include "sync/document_sync.h"
#include "sync/refusal.h"

namespace kimdb::sync {

Result<> DocumentSync::refusePending(std::uint64_t from, ErrorCode code,
                                     const std::function<bool(const Change&)>& also) {
    std::vector<LogChange> refused;
    const auto read = m_log.forEach(from, [&](const LogChange& entry) {
        if (isPending(entry.change) && also(entry.change)) refused.push_back(entry);
        return true;
    });
    if (!read) return read;
    return refused.empty() ? Result<>() : refuse(std::move(refused), code);
}

Result<> DocumentSync::refuse(std::vector<LogChange> refused, ErrorCode code) {
    const auto closure = refusalClosure(m_log, std::move(refused),
                                        [&](const Change& change) { return isPending(change); });
    if (!closure) return closure.error();
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    std::vector<Rejected> rejected;
    for (const LogChange& entry : *closure) replaceByVoid(edit, entry, code, rejected);
    return commitRewrite(edit, m_shared.identity, std::move(rejected));
}

void DocumentSync::replaceByVoid(DocumentLog::Edit& edit, const LogChange& entry, ErrorCode code,
                                 std::vector<Rejected>& rejected) {
    rejected.push_back(m_shared.rejected.add(edit.batch(), m_log.name(), entry.change,
                                             edit.hashOf(entry.change), code,
                                             m_shared.clock.wallTime()));
    edit.replace(entry.position, voidOf(entry.change));
}

Result<> DocumentSync::commitRewrite(DocumentLog::Edit& edit, Identity identity,
                                     std::vector<Rejected> rejected) {
    const auto seq = edit.commit();
    m_shared.rejected.settle(seq ? RejectedList::Outcome::Committed
                                 : RejectedList::Outcome::Failed);
    if (!seq) return seq.error();
    noteCommit(*seq);
    const bool minted = identity.current() != m_shared.identity.current();
    m_shared.identity = std::move(identity);
    m_shared.minted = m_shared.minted || minted;
    m_equivocation = false;
    m_deps_in_doubt = true;
    for (Rejected& entry : rejected)
        m_shared.outbox.notify(
            [entry = std::move(entry)](SyncDelegate& delegate) { delegate.rejected(entry); });
    replicaChanged();
    return reloadQueue();
}

Result<> DocumentSync::resolve(const Fork& fork) {
    const Change& mine = fork.mine.change;
    const Change& relays = fork.relays;
    if (!owns(mine.replica)) return yieldTo(fork);
    if (relays.is_void && isPending(mine) && mine.count == relays.count)
        return refuse({fork.mine}, ErrorCode::NotAllowed);
    if (mine.is_void)
        if (const auto entry = m_shared.rejected.find(m_log.name(), relays, fork.hash))
            return restoreRejected(fork, *entry);
    if (mine.first > m_log.stream(mine.replica).acked_ever) return moveToDerived(fork);
    return yieldTo(fork);
}

Result<> DocumentSync::restoreRejected(const Fork& fork, const Rejected& entry) {
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    edit.replace(fork.mine.position, fork.relays);
    m_shared.rejected.remove(edit.batch(), entry.id);
    if (auto ok = commitRewrite(edit, m_shared.identity, {}); !ok) return ok;
    m_shared.outbox.notify([entry](SyncDelegate& delegate) { delegate.accepted(entry); });
    return {};
}

// SYNC rule 6. Two copies of one folder derive equal changes, so their common queue arrives once.
Result<> DocumentSync::moveToDerived(const Fork& fork) {
    const ReplicaId from = fork.mine.change.replica;
    const std::uint64_t at = fork.mine.change.first;
    const ReplicaId to = derivedReplica(from, at, m_log.hashOf(fork.mine.change));
    if (m_log.streams().contains(to)) return yieldTo(fork);
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    Stream& old = edit.stream(from);
    Stream& derived = edit.stream(to);
    derived.salt_key = derivedSaltKey(old.salt_key, to);
    std::optional<Error> failed;
    const auto read = m_log.forEach(fork.mine.position - 1, [&](const LogChange& entry) {
        const Change& before = entry.change;
        const bool moved = before.replica == from && before.first >= at;
        if (!moved && (!owns(before.replica) || before.first <= m_log.stream(before.replica).acked))
            return true;
        auto after = crdt::renamed(before, from, at, to);
        if (!after) return failed = after.error(), false;
        if (moved) {
            if (after->first == 1) after->salt_key = derived.salt_key;
            derived.head = after->last();
        }
        if (*after != before) edit.replace(entry.position, *after);
        return true;
    });
    if (!read) return read;
    if (failed) return *failed;
    old.head = at - 1;
    Identity identity = m_shared.identity;
    identity.adopt(to);
    if (identity.current() == from) identity.mint(m_shared.random);
    identity.save(edit.batch());
    return commitRewrite(edit, std::move(identity), {});
}

// The relay's version wins (SYNC rule 19). What of ours needs the loser goes to the rejected list.
Result<> DocumentSync::yieldTo(const Fork& fork) {
    const Change& first = fork.mine.change;
    const bool own = owns(first.replica);
    m_shared.outbox.problem(
        {ErrorCode::Equivocation,
         "a fork of " + m_log.name() + " was detected; the relay's version holds"});
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    std::vector<LogChange> losers;
    if (!own && fork.relays.is_void && fork.relays.count == first.count) {
        edit.replace(fork.mine.position, fork.relays);
        losers.push_back(fork.mine);
    } else {
        const auto read = m_log.forEach(0, [&](const LogChange& entry) {
            if (entry.change.replica == first.replica && entry.change.first >= first.first)
                losers.push_back(entry);
            return true;
        });
        if (!read) return read;
        edit.stream(first.replica).head = first.first - 1;
        for (const LogChange& loser : losers) edit.drop(loser.position);
    }
    const auto needs = refusalClosure(m_log, losers, [&](const Change& change) {
        return isPending(change) && change.replica != first.replica;
    });
    if (!needs) return needs.error();
    std::vector<Rejected> rejected;
    const auto lost = [&](const LogChange& entry) {
        return entry.change.replica == first.replica && entry.change.first >= first.first;
    };
    for (const LogChange& entry : *needs) {
        if (!lost(entry)) {
            replaceByVoid(edit, entry, ErrorCode::Equivocation, rejected);
        } else if (own && !entry.change.is_void) {
            rejected.push_back(m_shared.rejected.add(
                edit.batch(), m_log.name(), entry.change, edit.hashOf(entry.change),
                ErrorCode::Equivocation, m_shared.clock.wallTime()));
        }
    }
    Identity identity = m_shared.identity;
    if (identity.current() == first.replica) {
        identity.mint(m_shared.random);
        identity.save(edit.batch());
    }
    return commitRewrite(edit, std::move(identity), std::move(rejected));
}

}  // namespace kimdb::sync
