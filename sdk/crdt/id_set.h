// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include <kimdb/crdt/document.h>

namespace kimdb::crdt {

//! \brief Ids as runs that do not touch each other.
class IdSet {
 public:
    bool isEmpty() const { return m_runs.empty(); }
    bool contains(OpId id) const {
        const auto of = m_runs.find(id.replica);
        if (of == m_runs.end()) return false;
        const auto after = of->second.upper_bound(id.counter);
        return after != of->second.begin() && std::prev(after)->second > id.counter;
    }
    void add(const IdRun& run) {
        std::map<std::uint64_t, std::uint64_t>& runs = m_runs[run.replica];
        std::uint64_t first = run.first;
        std::uint64_t end = run.end();
        auto at = runs.upper_bound(first);
        if (at != runs.begin() && std::prev(at)->second >= first) --at;
        while (at != runs.end() && at->first <= end) {
            first = std::min(first, at->first);
            end = std::max(end, at->second);
            at = runs.erase(at);
        }
        runs.emplace(first, end);
    }
    std::vector<IdRun> runs() const {  //!< ascending
        std::vector<IdRun> out;
        for (const auto& [replica, runs] : m_runs)
            for (const auto& [first, end] : runs) out.push_back({replica, first, end - first});
        return out;
    }
    //! Gives f(first, count, whether in the set) for the parts of a run.
    template <class F>
    void forEachPart(IdRun run, F&& f) const {
        while (run.count > 0) {
            const bool inside = contains({run.replica, run.first});
            std::uint64_t n = 1;
            while (n < run.count && contains({run.replica, run.first + n}) == inside) ++n;
            f(run.first, n, inside);
            run.first += n;
            run.count -= n;
        }
    }

 private:
    std::map<ReplicaId, std::map<std::uint64_t, std::uint64_t>> m_runs;  // first -> end
};

}  // namespace kimdb::crdt
