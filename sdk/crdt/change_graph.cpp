// SPDX-License-Identifier: MIT
#include "crdt/change_graph.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <map>

namespace kimdb::crdt {

namespace {

constexpr std::uint64_t kMix = 0x9E37'79B9'7F4A'7C15;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * kMix;
    return hash ^ hash >> 29;
}

// Up to 8 bytes as one word; with their number it says all of them.
std::uint64_t wordOf(ByteView bytes) {
    const auto at = [&](std::size_t i) {
        return static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[i]));
    };
    const std::size_t n = bytes.size();
    if (n == 0) return 0;
    if (n < 4) return at(0) | at(n / 2) << 8 | at(n - 1) << 16;
    std::uint32_t front = 0;
    std::uint32_t back = 0;
    std::memcpy(&front, bytes.data(), sizeof front);
    std::memcpy(&back, bytes.data() + n - sizeof back, sizeof back);
    return front | static_cast<std::uint64_t>(back) << 32;
}

inline std::uint64_t mixed(std::uint64_t hash, ByteView bytes) {
    hash += bytes.size();
    std::uint64_t word = 0;
    for (; bytes.size() > sizeof word; bytes.remove_prefix(sizeof word)) {
        std::memcpy(&word, bytes.data(), sizeof word);
        hash = mixed(hash, word);
    }
    return mixed(hash, wordOf(bytes));
}

constexpr std::uint32_t kContentBits = 0xF'FFFF;

// Whether no leaf was expunged. One leaf, which is what a keystroke has, is seen at once.
bool isWhole(ByteView content) {
    const auto head = content.empty() ? 0u : static_cast<std::uint8_t>(content[0]);
    if (content.size() == (head >> 2) + 1u && (head & 3) == 0) return true;
    for (LeafReader leaves(content); !leaves.atEnd();) {
        const LeafReader::Kind kind = leaves.next().kind;
        if (kind == LeafReader::Kind::Expunged || kind == LeafReader::Kind::Partial) return false;
    }
    return true;
}

}  // namespace

std::uint32_t ChangeGraph::fingerprint(const Change& change) {
    // Counters and times are below 2^53, so the rest fits above.
    const std::uint64_t kind = static_cast<std::uint64_t>(change.op_class) << 1 | change.is_void;
    std::uint64_t hash =
        mixed(change.count | kind << 56, static_cast<std::uint64_t>(change.time_ms));
    for (const OpId& dep : change.deps) hash = mixed(mixed(hash, dep.replica), dep.counter);
    hash = mixed(hash, change.structure);
    std::uint32_t content = 0;
    if (isWhole(change.content)) {
        content = static_cast<std::uint32_t>(mixed(hash, change.content) >> 32) & kContentBits;
        if (content == 0) content = 1;
    }
    return (static_cast<std::uint32_t>(hash >> 32) & ~kContentBits) | content;
}

bool ChangeGraph::areSame(std::uint32_t a, std::uint32_t b) {
    if (a == b) return true;
    const bool is_expunged = (a & kContentBits) == 0 || (b & kContentBits) == 0;
    return is_expunged && (a & ~kContentBits) == (b & ~kContentBits);
}

std::uint64_t ChangeGraph::lamportOf(OpId id) const {
    if (id.counter == 0) return 0;
    const Replica* r = find(id.replica);
    assert(r && id.counter <= r->head);
    if (id.counter <= r->root) return m_root_lamport;
    if (const LamportRun& last = r->lamports.back(); id.counter >= last.counter)
        return last.lamport + (id.counter - last.counter);
    auto at =
        std::upper_bound(r->lamports.begin(), r->lamports.end(), id.counter,
                         [](std::uint64_t c, const LamportRun& run) { return c < run.counter; });
    --at;
    return at->lamport + (id.counter - at->counter);
}

std::uint64_t ChangeGraph::lamportOf(const Change& change) const {
    std::uint64_t before = lamportOf(OpId{change.replica, change.first - 1});
    for (const OpId& dep : change.deps) before = std::max(before, lamportOf(dep));
    return before + 1;
}

ChangeGraph::Known ChangeGraph::compare(const Change& change) const {
    const Replica* r = find(change.replica);
    if (!r || change.first > r->head) return Known::New;
    if (change.first <= r->base) return Known::Same;
    auto at = std::upper_bound(r->changes.begin(), r->changes.end(), change.first,
                               [](std::uint64_t c, const ChangeRun& run) { return c < run.first; });
    --at;
    const std::uint64_t offset = change.first - at->first;
    if (at->width != change.count || offset % at->width != 0) return Known::Different;
    const std::size_t index = at->fingerprint + static_cast<std::size_t>(offset / at->width);
    return areSame(r->fingerprints[index], fingerprint(change)) ? Known::Same : Known::Different;
}

void ChangeGraph::add(const Change& change, std::uint64_t lamport) {
    const ReplicaIndex index = m_table.intern(change.replica);
    if (m_replicas.size() <= index) m_replicas.resize(index + 1);
    Replica& r = m_replicas[index];
    assert(change.first == r.head + 1);
    const bool in_step = !r.lamports.empty() && lamport - r.lamports.back().lamport ==
                                                    change.first - r.lamports.back().counter;
    if (!in_step) r.lamports.push_back({change.first, lamport});
    if (r.changes.empty() || r.changes.back().width != change.count)
        r.changes.push_back({change.first, change.count, r.fingerprints.size()});
    r.fingerprints.push_back(fingerprint(change));
    if (!change.deps.empty()) {
        r.deps.push_back({change.first, m_deps.size(), change.deps.size()});
        m_deps.insert(m_deps.end(), change.deps.begin(), change.deps.end());
    }
    r.head = change.last();
    m_heads += r.is_head ? 0 : 1;
    r.is_head = true;
    for (const OpId& dep : change.deps) {
        Replica& other = m_replicas[*m_table.find(dep.replica)];
        if (dep.counter != other.head || !other.is_head) continue;
        other.is_head = false;
        --m_heads;
    }
    m_lamport_max = std::max(m_lamport_max, lamport + change.count - 1);
}

std::vector<OpId> ChangeGraph::heads() const {
    return depsFor(0);
}

std::vector<OpId> ChangeGraph::depsFor(ReplicaId author) const {
    std::vector<OpId> deps;
    if (!hasDepsFor(author)) return deps;
    for (ReplicaIndex i = 0; i < m_replicas.size(); ++i)
        if (m_replicas[i].is_head && m_table.id(i) != author)
            deps.push_back({m_table.id(i), m_replicas[i].head});
    std::sort(deps.begin(), deps.end());
    return deps;
}

std::vector<std::pair<ReplicaId, std::uint64_t>> ChangeGraph::version() const {
    std::vector<std::pair<ReplicaId, std::uint64_t>> version;
    for (ReplicaIndex i = 0; i < m_replicas.size(); ++i)
        if (m_replicas[i].head > 0) version.emplace_back(m_table.id(i), m_replicas[i].head);
    std::sort(version.begin(), version.end());
    return version;
}

ReplicaIndex ChangeGraph::restore(ReplicaId replica, std::uint64_t head, bool is_head) {
    const ReplicaIndex index = m_table.intern(replica);
    if (m_replicas.size() <= index) m_replicas.resize(index + 1);
    Replica& r = m_replicas[index];
    r.head = r.base = head;
    r.is_head = is_head;
    m_heads += is_head ? 1 : 0;
    return index;
}

void ChangeGraph::restoreRoot(ReplicaIndex replica, std::uint64_t root, bool is_root_head) {
    m_replicas[replica].root = root;
    m_replicas[replica].is_root_head = is_root_head;
}

void ChangeGraph::restoreRootLamport(std::uint64_t lamport) {
    m_root_lamport = lamport;
    m_lamport_max = std::max(m_lamport_max, lamport);
}

std::optional<IdRun> ChangeGraph::unknownRoot(const Change& change) const {
    if (!hasRoot()) return std::nullopt;
    const auto isBehind = [this](OpId id) { return id.counter > 0 && !isRoot(id); };
    if (isBehind({change.replica, change.first - 1})) return std::nullopt;
    if (std::any_of(change.deps.begin(), change.deps.end(), isBehind)) return std::nullopt;
    for (ReplicaIndex i = 0; i < m_replicas.size(); ++i) {
        if (!m_replicas[i].is_root_head) continue;
        const ReplicaId id = m_table.id(i);
        std::uint64_t known = id == change.replica ? change.first - 1 : 0;
        for (const OpId& dep : change.deps)
            if (dep.replica == id) known = std::max(known, dep.counter);
        const std::uint64_t root = m_replicas[i].root;
        if (known < root) return IdRun{id, known + 1, root - known};
    }
    return std::nullopt;
}

void ChangeGraph::restoreLamport(ReplicaIndex replica, std::uint64_t counter,
                                 std::uint64_t lamport) {
    Replica& r = m_replicas[replica];
    r.lamports.push_back({counter, lamport});
    m_lamport_max = std::max(m_lamport_max, lamport + (r.head - counter));
}

void ChangeGraph::restoreDeps(ReplicaIndex replica, std::uint64_t first,
                              const std::vector<OpId>& deps) {
    m_replicas[replica].deps.push_back({first, m_deps.size(), deps.size()});
    m_deps.insert(m_deps.end(), deps.begin(), deps.end());
}

bool ChangeGraph::isInPast(OpId id, const Change& change) const {
    if (id.replica == change.replica) return id.counter < change.first;
    if (isRoot(id)) return true;  // it would not be here if it did not know the root
    const std::uint64_t floor = lamportOf(id);
    std::map<ReplicaId, std::uint64_t> reached;  // all up to here was looked at
    std::vector<OpId> open = change.deps;
    open.push_back({change.replica, change.first - 1});
    while (!open.empty()) {
        const OpId at = open.back();
        open.pop_back();
        if (at.replica == id.replica && at.counter >= id.counter) return true;
        // What happened after `id` has a greater lamport.
        if (at.counter == 0 || lamportOf(at) <= floor) continue;
        std::uint64_t& done = reached[at.replica];
        if (at.counter <= done) continue;
        const Replica* r = find(at.replica);
        auto deps = std::upper_bound(r->deps.begin(), r->deps.end(), at.counter,
                                     [](std::uint64_t c, const Deps& d) { return c < d.first; });
        while (deps != r->deps.begin() && (--deps)->first > done) {
            if (lamportOf(OpId{at.replica, deps->first}) <= floor) break;
            for (std::size_t i = 0; i < deps->count; ++i) open.push_back(m_deps[deps->begin + i]);
        }
        done = at.counter;
    }
    return false;
}

}  // namespace kimdb::crdt
