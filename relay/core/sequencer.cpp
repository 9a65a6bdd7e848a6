// SPDX-License-Identifier: MIT
#include "relay/core/sequencer.h"

#include <cassert>

#include "relay/core/permissions.h"

namespace kimdb::relay {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kIncarnation = 1;
constexpr auto kRetryDeps = 200ms;
constexpr auto kRetryStorage = 1000ms;
constexpr auto kRetryFull = 60'000ms;

SaltTree saltsFor(const Change& change, const Stream& stream) {
    return change.salt_key ? SaltTree(*change.salt_key) : stream.salts;
}

//! VOID needs no role, only the ownership of its id.
ErrorCode brokenRule(const Change& change, std::uint8_t permissions, bool sealed) {
    if (change.is_void) return sealed ? ErrorCode::Unsupported : ErrorCode::None;
    if (!allows(permissions, change.op_class)) return ErrorCode::NotAllowed;
    if (sealed || change.incarnation != kIncarnation) return ErrorCode::Unsupported;
    return ErrorCode::None;
}

}  // namespace

//! A decision in the making: everything is tried on copies, so that a failed commit leaves no
//! trace.
struct Sequencer::Draft {
    DocumentLog& log;
    const Submission& submission;
    Stream& live;
    Stream stream = live;
    std::uint64_t position = log.head();
    Hash16 log_hash = log.hash();
    std::size_t next = 0;  // index of the first change not decided
    bool changed = false;
    store::Batch batch;
    Decision decision;

    //! Whether of \a change only the head is there; it can be refused, nothing else.
    bool isSealed(const Change& change) const {
        return submission.last_is_sealed && &change == &submission.changes.back();
    }
    ReplicaId replica() const { return submission.changes.front().replica; }
    void refuse(std::uint64_t first, ErrorCode code, std::chrono::milliseconds retry = 0ms) {
        decision.refusal = {first, code, false, retry};
    }
    void refuseForGood(std::uint64_t first, ErrorCode code) {
        decision.refusal = {first, code, true, 0ms};
    }
};

Result<Decision> Sequencer::decide(DocumentLog& log, const Submission& submission) {
    assert(!submission.changes.empty());
    auto stream = log.stream(submission.changes.front().replica);
    if (!stream.ok()) return stream.error();
    Draft draft{log, submission, **stream};
    if (auto ok = skipDuplicates(draft); !ok) return ok.error();
    while (!draft.decision.refusal && draft.next < submission.changes.size()) {
        const Change& change = submission.changes[draft.next];
        auto accepted = judge(draft, change);
        if (!accepted.ok()) return accepted.error();
        if (!*accepted) break;
        place(draft, change);
        ++draft.next;
    }
    commit(draft);
    return std::move(draft.decision);
}

Result<> Sequencer::skipDuplicates(Draft& draft) const {
    const std::vector<Change>& changes = draft.submission.changes;
    Hash16 running = draft.submission.hash_before;
    std::vector<std::uint64_t> positions;
    while (draft.next < changes.size() && changes[draft.next].first <= draft.stream.head) {
        const Change& change = changes[draft.next];
        if (draft.isSealed(change)) {  // whatever is there, it is not this
            draft.refuseForGood(change.first, ErrorCode::Equivocation);
            break;
        }
        auto entry = draft.log.entryOf(change.replica, change.first);
        if (!entry.ok()) return entry.error();
        auto stored = decodeChange(entry->change);
        if (!stored.ok()) return stored.error();
        SaltTree theirs = saltsFor(change, draft.stream);
        SaltTree ours = draft.stream.salts;
        const Hash16 hash = changeHash(change, theirs);
        if (entry->first != change.first || hash != changeHash(*stored, ours)) {
            draft.refuseForGood(change.first, ErrorCode::Equivocation);
            break;
        }
        running = rollingHash(running, hash);
        positions.push_back(entry->position);
        ++draft.next;
    }
    if (draft.next == 0) return {};
    // An ACK is cumulative, so what stands in front of the duplicates must be the same too.
    auto same = continuesStream(draft, changes[draft.next - 1].last(), running);
    if (!same.ok()) return same.error();
    if (!*same) {
        draft.refuseForGood(changes.front().first, ErrorCode::Equivocation);
        return {};
    }
    draft.decision.acknowledged = changes[draft.next - 1].last();
    draft.decision.duplicate = true;
    draft.decision.positions = std::move(positions);
    return {};
}

//! Whether a stream with the hash \a running at \a counter leads to the hash at our head. Rolling
//! forward from there costs what was accepted later: the few pushes that were in flight. Who is
//! further behind has ignored the heads in SUBOK and must read them again: RateLimited.
Result<bool> Sequencer::continuesStream(Draft& draft, std::uint64_t counter, Hash16 running) const {
    for (int walked = 0; counter < draft.stream.head; ++walked) {
        if (walked == kDuplicatesBehindMax)
            return Error{ErrorCode::RateLimited, "pushed again far behind the stream's head", true};
        auto entry = draft.log.entryOf(draft.replica(), counter + 1);
        if (!entry.ok()) return entry.error();
        auto stored = decodeChange(entry->change);
        if (!stored.ok()) return stored.error();
        SaltTree salts = draft.stream.salts;
        running = rollingHash(running, changeHash(*stored, salts));
        counter = stored->last();
    }
    return running == draft.stream.hash;
}

//! True: the change is to be placed. False: draft.decision.refusal says why not.
Result<bool> Sequencer::judge(Draft& draft, const Change& change) const {
    const Stream& stream = draft.stream;
    if (change.first != stream.head + 1) return draft.refuse(change.first, ErrorCode::Gap), false;
    const bool sealed = draft.isSealed(change);
    if (stream.refusal && (sealed || !change.is_void))
        return draft.refuseForGood(change.first, stream.refusal->code), false;
    const bool first_new = draft.decision.acknowledged == 0;
    if (first_new && draft.submission.hash_before != stream.hash)
        return draft.refuseForGood(change.first, ErrorCode::Equivocation), false;
    const ErrorCode broken = brokenRule(change, draft.submission.permissions, sealed);
    if (broken != ErrorCode::None) {
        draft.stream.refusal = {change.first, broken};
        draft.changed = true;
        return draft.refuseForGood(change.first, broken), false;
    }
    if (stream.head == 0) {
        auto room = draft.log.takesNewStream();
        if (!room.ok()) return room;
        if (!*room) return draft.refuse(change.first, ErrorCode::TooLarge, kRetryFull), false;
    }
    auto complete = hasDeps(draft.log, change);
    if (!complete.ok()) return complete;
    if (!*complete) draft.refuse(change.first, ErrorCode::MissingDependencies, kRetryDeps);
    return *complete;
}

Result<bool> Sequencer::hasDeps(DocumentLog& log, const Change& change) const {
    for (const OpId& dep : change.deps) {
        auto stream = log.streamState(dep.replica);
        if (!stream.ok()) return stream.error();
        if (stream->head < dep.counter) return false;
    }
    return true;
}

void Sequencer::place(Draft& draft, const Change& change) const {
    Stream& stream = draft.stream;
    if (change.salt_key) stream.salts = SaltTree(*change.salt_key);
    const Hash16 hash = changeHash(change, stream.salts);
    stream.head = change.last();
    stream.hash = rollingHash(stream.hash, hash);
    stream.refusal.reset();
    draft.log_hash = rollingHash(draft.log_hash, hash);
    ++draft.position;
    draft.changed = true;
    store::LogEntry entry;
    entry.position = draft.position;
    entry.replica = change.replica;
    entry.first = change.first;
    entry.count = change.count;
    entry.received_ms = m_clock.wallTime();
    entry.user = draft.submission.user;
    entry.log_hash = draft.log_hash;
    entry.change = encodeChange(change);
    draft.batch.append(draft.log.name(), std::move(entry));
    draft.decision.acknowledged = change.last();
    draft.decision.duplicate = false;
    draft.decision.positions.push_back(draft.position);
    draft.decision.placed.push_back({draft.position, change, draft.log_hash});
}

void Sequencer::commit(Draft& draft) const {
    draft.decision.seq = m_commits.last();
    if (!draft.changed) return;
    draft.batch.put(draft.log.name(), Stream::key(draft.replica()), draft.stream.encode());
    auto seq = m_commits.commit(std::move(draft.batch));
    if (!seq.ok()) {
        Decision failed;
        failed.seq = m_commits.last();
        const std::uint64_t first = draft.live.head + 1;
        failed.refusal = Decision::Refusal{first, seq.error().code, false, kRetryStorage};
        draft.decision = std::move(failed);
        return;
    }
    draft.decision.seq = *seq;
    if (draft.live.head == 0 && draft.stream.head > 0) draft.log.streamBegan();
    draft.live = draft.stream;
    if (!draft.decision.placed.empty()) draft.log.committed(*seq, draft.position, draft.log_hash);
}

}  // namespace kimdb::relay
