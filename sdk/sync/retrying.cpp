// SPDX-License-Identifier: MIT
// Refused changes are done again: as new edits of the present id, behind everything that is there.
// Their own ids move, and with them what later ones say of earlier ones:
//
//   refused   A:4 "cd" behind A:3     A:6 "_" behind A:4
//   again     B:1 "cd" behind A:3     B:3 "_" behind B:1
#include <algorithm>
#include <map>

#include <kimdb/crdt/document.h>

#include "sync/document_sync.h"

namespace kimdb::sync {
namespace {

// Where the ids of \a change go; a fork leaves two edits with the same ids on the list, and the
// later one counts from here on.
void addMove(std::vector<crdt::IdMove>& moves, const Change& change, OpId to) {
    const crdt::IdRun ids{change.replica, change.first, change.count};
    std::erase_if(moves, [&](const crdt::IdMove& move) {
        return move.from.replica == ids.replica && move.from.first < ids.end() &&
               ids.first < move.from.end();
    });
    moves.push_back({ids, to});
}

}  // namespace

Result<std::size_t> DocumentSync::retryRejected() {
    if (!(m_permissions & wire::kWrite))
        return Error{ErrorCode::NotAllowed, "you may read this document but not edit it"};
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    Identity identity = m_shared.identity;
    if (!identity.saved()) identity.save(edit.batch());
    const OpId begin{identity.current(), m_log.stream(identity.current()).head + 1};
    std::vector<crdt::IdMove> moves;
    std::size_t done = 0;
    for (const Rejected& entry : m_shared.rejected.entriesOf(m_log.name())) {
        if (!owns(entry.change.replica)) continue;
        std::vector<crdt::IdMove> with_it = moves;
        addMove(with_it, entry.change, {begin.replica, edit.stream(begin.replica).head + 1});
        auto again = crdt::reissued(entry.change, with_it, depsHere(entry.change, begin.replica));
        if (!again || !standsHere(*again, begin)) continue;
        again->time_ms = m_shared.clock.wallTime();
        again->incarnation = m_log.state().incarnation;
        if (again->first == 1) again->salt_key = saltOf(begin.replica);
        edit.append(*again);
        m_shared.rejected.remove(edit.batch(), entry.id);
        moves = std::move(with_it);
        ++done;
    }
    if (done == 0) return done;
    if (!m_armed) arm(edit, m_log.lastPosition() + 1);
    const bool was_armed = std::exchange(m_armed, true);
    auto committed = commitRewrite(edit, std::move(identity), {});
    if (!committed) m_armed = was_armed;
    return committed ? Result<std::size_t>(done) : committed.error();
}

// Of what the change was made on, what is here; its own stream goes on under another id.
std::vector<OpId> DocumentSync::depsHere(const Change& change, ReplicaId author) const {
    std::map<ReplicaId, std::uint64_t> heads;
    for (const OpId& dep : change.deps) heads[dep.replica] = dep.counter;
    heads[change.replica] = change.first - 1;
    std::vector<OpId> deps;
    for (const auto& [replica, counter] : heads) {
        const OpId dep{replica, std::min(counter, m_log.stream(replica).head)};
        if (replica != author && dep.counter > 0) deps.push_back(dep);
    }
    return deps;
}

// Whether everything \a change names is here and no VOID. From \a reissued_from on it is: those
// are this very attempt's.
bool DocumentSync::standsHere(const Change& change, OpId reissued_from) const {
    const auto references = crdt::references(change);
    if (!references) return false;
    return std::ranges::all_of(*references, [&](const crdt::IdRun& run) {
        const bool own = run.replica == reissued_from.replica;
        const std::uint64_t end = own ? std::min(run.end(), reissued_from.counter) : run.end();
        for (std::uint64_t counter = run.first; counter < end;) {
            const auto entry = m_log.find(run.replica, counter);
            if (!entry || !*entry || (*entry)->change.is_void) return false;
            counter = (*entry)->change.last() + 1;
        }
        return true;
    });
}

}  // namespace kimdb::sync
