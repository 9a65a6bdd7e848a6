// SPDX-License-Identifier: MIT
// Changes are taken back: refusals (SYNC rule 11) and forks (rules 6 and 19). Each is one batch,
// after which the document is loaded again.
//
// A fork: the relay holds another change at a counter of ours, and the relay's wins. What becomes
// of ours (docs/decisions/0042-forks.md):
//   the same edit, other deps          the relay's form takes its place
//   own, waiting; the relay has VOID   refused: a copy of this folder was told so before us
//   VOID; the relay's is on our list   accepted after all: a copy pushed it in time
//   own, never acknowledged            moved to the derived stream
//   own, acknowledged once             rejected list: a restored relay took a copy's change
//   another author's                   rejected list: its author may be gone, ours the last copy
#include <algorithm>
#include <set>

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
    rejected.push_back(m_shared.rejected.add(edit.batch(), m_log.name(), entry.change, code,
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
    m_last_edit_seq = *seq;
    const bool minted = identity.current() != m_shared.identity.current();
    m_shared.identity = std::move(identity);
    m_shared.minted = m_shared.minted || minted;
    m_equivocation = false;
    for (Rejected& entry : rejected)
        m_shared.outbox.notify(
            [entry = std::move(entry)](SyncDelegate& delegate) { delegate.rejected(entry); });
    replicaChanged();
    if (auto ok = reloadQueue(); !ok) return ok;
    return m_blocked ? loseBranches({}) : Result<>();
}

Result<> DocumentSync::resolve(const Fork& fork) {
    const Change& mine = fork.mine.change;
    const Change& relays = fork.relays;
    if (isSameEdit(mine, relays)) {
        DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
        edit.replace(fork.mine.position, relays);
        if (auto ok = addLostDeps(edit, mine, relays); !ok) return ok;
        return commitRewrite(edit, m_shared.identity, {});
    }
    if (!owns(mine.replica)) return yieldTo(fork);
    if (relays.is_void && isPending(mine) && mine.count == relays.count)
        return refuse({fork.mine}, ErrorCode::NotAllowed);
    if (mine.is_void)
        if (const auto entry = m_shared.rejected.find(m_log.name(), relays)) {
            // A VOID of another length closed what a copy had written there: what follows it here
            // has other counters than at the relay.
            if (mine.count != relays.count) return yieldTo(fork);
            return restoreRejected(fork, *entry);
        }
    if (mine.first > m_log.stream(mine.replica).acked_ever) return moveToDerived(fork);
    return yieldTo(fork);
}

// A waiting change may know ids only through a dep of \a before that \a after has not. Without a
// dep of its own the relay, which reads headers only, could take it in front of what it refers to.
Result<> DocumentSync::addLostDeps(DocumentLog::Edit& edit, const Change& before,
                                   const Change& after) {
    std::map<ReplicaId, std::pair<std::uint64_t, std::uint64_t>> lost;  // (known, was known]
    for (const OpId& dep : before.deps) lost[dep.replica] = {0, dep.counter};
    for (const OpId& dep : after.deps)
        if (lost.contains(dep.replica)) lost[dep.replica].first = dep.counter;
    std::erase_if(lost, [](const auto& l) { return l.second.first >= l.second.second; });
    if (lost.empty()) return {};
    std::optional<Error> failed;
    const auto read = m_log.forEach(0, [&](const LogChange& entry) {
        const Change& change = entry.change;
        if (!isPending(change) || change.is_void) return true;
        const auto references = crdt::references(change);
        if (!references) return failed = references.error(), false;
        std::map<ReplicaId, std::uint64_t> needed;
        for (const crdt::IdRun& run : *references) {
            const auto range = lost.find(run.replica);
            if (run.replica == change.replica || range == lost.end()) continue;
            const auto [known, was_known] = range->second;
            const std::uint64_t last = std::min(run.end() - 1, was_known);
            if (last > known) needed[run.replica] = std::max(needed[run.replica], last);
        }
        std::vector<OpId> deps = change.deps;
        for (const auto& [replica, counter] : needed) {
            const auto dep = std::ranges::find(deps, replica, &OpId::replica);
            if (dep == deps.end())
                deps.push_back({replica, counter});
            else
                dep->counter = std::max(dep->counter, counter);
        }
        if (deps == change.deps) return true;
        std::ranges::sort(deps);
        auto rewritten = crdt::withDeps(change, std::move(deps));
        if (!rewritten) return failed = rewritten.error(), false;
        edit.replace(entry.position, *rewritten);
        return true;
    });
    return failed ? Result<>(*failed) : read;
}

Result<> DocumentSync::restoreRejected(const Fork& fork, const Rejected& entry) {
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    edit.replace(fork.mine.position, fork.relays);
    if (auto ok = addLostDeps(edit, fork.mine.change, fork.relays); !ok) return ok;
    m_shared.rejected.remove(edit.batch(), entry.id);
    if (auto ok = commitRewrite(edit, m_shared.identity, {}); !ok) return ok;
    m_shared.outbox.notify([entry](SyncDelegate& delegate) { delegate.accepted(entry); });
    return {};
}

// SYNC rule 6. Two copies of one folder derive equal changes, so their common queue arrives once;
// also when one of them was told of a refusal since: the id comes from the change as it was made,
// and the rejected list moves along, so that it still recognizes what the other copy gets accepted.
Result<> DocumentSync::moveToDerived(const Fork& fork) {
    const ReplicaId from = fork.mine.change.replica;
    const std::uint64_t at = fork.mine.change.first;
    const auto refused = m_shared.rejected.at(m_log.name(), {from, at});
    const Change& made = fork.mine.change.is_void && refused ? refused->change : fork.mine.change;
    const ReplicaId to = derivedReplica(from, at, m_log.hashOf(made));
    if (m_log.streams().contains(to)) return yieldTo(fork);
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    Stream& old = edit.stream(from);
    Stream& derived = edit.stream(to);
    derived.salt_key = derivedSaltKey(old.salt_key, to);
    std::optional<Error> failed;
    const auto read = m_log.forEach(0, [&](const LogChange& entry) {
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
        if (!before.is_void) return true;
        // Also of a stream that stays: a copy that was not refused renames its references.
        if (auto listed = m_shared.rejected.at(m_log.name(), {before.replica, before.first})) {
            auto change = crdt::renamed(listed->change, from, at, to);
            if (!change) return failed = change.error(), false;
            if (*change == listed->change) return true;
            if (moved && change->first == 1) change->salt_key = derived.salt_key;
            listed->change = std::move(*change);
            m_shared.rejected.restate(edit.batch(), *listed);
        }
        return true;
    });
    if (failed) return *failed;
    if (!read) return read;
    old.head = at - 1;
    Identity identity = m_shared.identity;
    identity.adopt(to);
    if (identity.current() == from) identity.mint(m_shared.random);
    identity.save(edit.batch());
    return commitRewrite(edit, std::move(identity), {});
}

// The relay's version wins (SYNC rule 19).
Result<> DocumentSync::yieldTo(const Fork& fork) {
    const Change& mine = fork.mine.change;
    m_shared.outbox.problem(
        {ErrorCode::Equivocation,
         "a fork of " + m_log.name() + " was detected; the relay's version holds"});
    if (owns(mine.replica) || !fork.relays.is_void || fork.relays.count != mine.count)
        return loseBranches({{mine.replica, mine.first}});
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    edit.replace(fork.mine.position, fork.relays);
    if (auto ok = addLostDeps(edit, mine, fork.relays); !ok) return ok;
    Branches none;
    return reject(edit, {fork.mine}, none);
}

// Streams end in front of a counter; what was there is on the rejected list, whoever wrote it. A
// waiting change of another author that depends on a lost one can never be supplied: it is lost
// too. From an own change the dep is cut, for its operations need nothing of it (those that do are
// refused); else it would wait for ever. Without an argument it looks only for deps that are not
// here, that is, were lost before.
Result<> DocumentSync::loseBranches(Branches lost) {
    std::vector<LogChange> losers;
    bool cut = false;
    for (bool grown = true; grown;) {
        grown = cut = false;
        losers.clear();
        const auto read = m_log.forEach(0, [&](const LogChange& entry) {
            const Change& c = entry.change;
            if (lost.contains(c.replica) && c.first >= lost.at(c.replica)) {
                losers.push_back(entry);
            } else if (c.first > m_log.stream(c.replica).acked && hasLostDep(c, lost)) {
                cut = true;
                if (owns(c.replica)) return true;
                losers.push_back(entry);
                lost[c.replica] = c.first;
                grown = true;
            }
            return true;
        });
        if (!read) return read;
    }
    if (losers.empty() && !cut) return {};
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    for (const LogChange& loser : losers) edit.drop(loser.position);
    for (const auto& [replica, first] : lost) edit.stream(replica).head = first - 1;
    return reject(edit, losers, lost);
}

bool DocumentSync::hasLostDep(const Change& change, const Branches& lost) const {
    return std::ranges::any_of(change.deps,
                               [&](const OpId& dep) { return dep.counter > keptHead(dep, lost); });
}

// Up to where the stream of \a dep stays here.
std::uint64_t DocumentSync::keptHead(const OpId& dep, const Branches& lost) const {
    const auto it = lost.find(dep.replica);
    return it != lost.end() ? it->second - 1 : m_log.stream(dep.replica).head;
}

// Puts \a losers on the rejected list, and with them, as VOID, the own changes that need one of
// them.
Result<> DocumentSync::reject(DocumentLog::Edit& edit, const std::vector<LogChange>& losers,
                              const Branches& lost) {
    std::set<std::uint64_t> gone;
    for (const LogChange& loser : losers) gone.insert(loser.position);
    const auto isWaiting = [&](const Change& change) { return isPending(change); };
    const auto closure = refusalClosure(m_log, losers, isWaiting);
    if (!closure) return closure.error();
    std::set<std::uint64_t> fallen;
    std::vector<Rejected> rejected;
    std::optional<Error> failed;
    for (const LogChange& entry : *closure) {
        fallen.insert(entry.position);
        if (entry.change.is_void) continue;
        rejected.push_back(m_shared.rejected.add(edit.batch(), m_log.name(), entry.change,
                                                 ErrorCode::Equivocation,
                                                 m_shared.clock.wallTime()));
    }
    const auto read = m_log.forEach(0, [&](const LogChange& entry) {
        const Change& c = entry.change;
        if (gone.contains(entry.position) || !owns(c.replica)) return true;
        if (c.first <= m_log.stream(c.replica).acked) return true;
        Change kept = fallen.contains(entry.position) ? voidOf(c) : c;
        for (OpId& dep : kept.deps) dep.counter = std::min(dep.counter, keptHead(dep, lost));
        std::erase_if(kept.deps, [](const OpId& dep) { return dep.isNull(); });
        if (kept.deps.size() != c.deps.size()) {
            auto rewritten = crdt::withDeps(fallen.contains(entry.position) ? voidOf(c) : c,
                                            std::move(kept.deps));
            if (!rewritten) return failed = rewritten.error(), false;
            kept = std::move(*rewritten);
        }
        if (kept != c) edit.replace(entry.position, kept);
        return true;
    });
    if (failed) return *failed;
    if (!read) return read;
    Identity identity = m_shared.identity;
    if (lost.contains(identity.current())) {
        identity.mint(m_shared.random);
        identity.save(edit.batch());
    }
    return commitRewrite(edit, std::move(identity), std::move(rejected));
}

}  // namespace kimdb::sync
