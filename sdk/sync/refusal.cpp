// SPDX-License-Identifier: MIT
#include "sync/refusal.h"

#include <algorithm>
#include <map>
#include <set>

namespace kimdb::sync {
namespace {

// The ids taken back, and the containers that are shown by nothing but what was taken back.
class Fallen {
 public:
    explicit Fallen(std::map<crdt::ContainerId, std::size_t> creators)
        : m_creators(std::move(creators)) {}

    void add(const Change& change) {
        m_counters[change.replica].emplace(change.first, change.last());
        const auto use = crdt::containerUse(change);
        if (!use) return;
        for (const crdt::ContainerId& created : use->created)
            if (--m_creators[created] == 0) m_gone.push_back(created);
    }

    bool neededBy(const Change& change) const {
        const auto ids = crdt::references(change);
        if (!ids || std::ranges::any_of(*ids, [&](const auto& run) { return overlaps(run); }))
            return true;
        if (m_gone.empty()) return false;
        const auto use = crdt::containerUse(change);
        return !use ||
               std::ranges::any_of(use->used, [&](const auto& used) { return isGone(used); });
    }

 private:
    bool overlaps(const crdt::IdRun& run) const {
        const auto ranges = m_counters.find(run.replica);
        if (ranges == m_counters.end()) return false;
        const auto after = ranges->second.lower_bound(run.end());
        return after != ranges->second.begin() && std::prev(after)->second >= run.first;
    }

    // A container is gone with any of the containers it is inside of.
    bool isGone(const crdt::ContainerId& used) const {
        return std::ranges::any_of(m_gone, [&](const crdt::ContainerId& gone) {
            const auto& inner = used.path();
            const auto& outer = gone.path();
            return used.origin() == gone.origin() && inner.size() >= outer.size() &&
                   std::equal(outer.begin(), outer.end(), inner.begin());
        });
    }

    std::map<ReplicaId, std::map<std::uint64_t, std::uint64_t>> m_counters;  // first -> last
    std::map<crdt::ContainerId, std::size_t> m_creators;  // writes in the log that show it
    std::vector<crdt::ContainerId> m_gone;
};

// Who shows which container, over the whole log. Only asked for when a refused change shows one.
Result<std::map<crdt::ContainerId, std::size_t>> creatorsIn(const DocumentLog& log) {
    std::map<crdt::ContainerId, std::size_t> creators;
    const auto read = log.forEach(0, [&](const LogChange& entry) {
        if (const auto use = crdt::containerUse(entry.change); use && !entry.change.is_void)
            for (const crdt::ContainerId& created : use->created) ++creators[created];
        return true;
    });
    if (!read) return read.error();
    return creators;
}

bool showsContainers(const Change& change) {
    const auto use = crdt::containerUse(change);
    return use && !use->created.empty();
}

}  // namespace

Result<std::vector<LogChange>> refusalClosure(const DocumentLog& log,
                                              std::vector<LogChange> refused,
                                              const IsPending& pending) {
    std::vector<LogChange> candidates;
    const auto read = log.forEach(0, [&](const LogChange& entry) {
        if (pending(entry.change)) candidates.push_back(entry);
        return true;
    });
    if (!read) return read.error();

    const auto shows = [](const LogChange& e) { return showsContainers(e.change); };
    std::map<crdt::ContainerId, std::size_t> creators;
    if (std::ranges::any_of(refused, shows) || std::ranges::any_of(candidates, shows)) {
        auto all = creatorsIn(log);
        if (!all) return all.error();
        creators = std::move(*all);
    }
    Fallen fallen(std::move(creators));
    std::set<std::uint64_t> taken;
    for (const LogChange& entry : refused) {
        taken.insert(entry.position);
        fallen.add(entry.change);
    }
    // Again while it grows: taking a change may take the last write that showed an earlier one's
    // container.
    for (std::size_t before = 0; before != refused.size();) {
        before = refused.size();
        for (const LogChange& entry : candidates) {
            if (taken.contains(entry.position) || !fallen.neededBy(entry.change)) continue;
            taken.insert(entry.position);
            fallen.add(entry.change);
            refused.push_back(entry);
        }
    }
    std::ranges::sort(refused, {}, &LogChange::position);
    return refused;
}

bool isSameEdit(const Change& a, const Change& b) {
    if (a.replica != b.replica || a.first != b.first || a.count != b.count ||
        a.time_ms != b.time_ms || a.is_void != b.is_void)
        return false;
    if (a.deps == b.deps) return a == b;
    const auto bare_a = crdt::withDeps(a, {});
    const auto bare_b = crdt::withDeps(b, {});
    return bare_a && bare_b && *bare_a == *bare_b;
}

}  // namespace kimdb::sync
