// SPDX-License-Identifier: MIT
// The queue goes out: PUSH, ACK, and what a NACK does to the window (SYNC rules 4, 9, 10).
#include <algorithm>

#include "core/limits.h"
#include "sync/document_sync.h"

namespace kimdb::sync {
namespace {

constexpr std::chrono::milliseconds kBackoffMin{50};
constexpr std::chrono::milliseconds kBackoffMax{5000};
// Around the batch in a PUSH record.
constexpr std::size_t kPushOverheadBytes = 64;
constexpr std::size_t kReplicaBytes = 8;                  // an id the relay has not heard of
constexpr std::size_t kDepBytesMax = kReplicaBytes + 11;  // with index and counter

bool refusedForRole(const Change& change, std::uint8_t permissions) {
    switch (change.op_class) {
        case OpClass::Content:
            return !(permissions & wire::kWrite);
        case OpClass::Comment:
            return !(permissions & (wire::kComment | wire::kWrite));
        case OpClass::Admin:
            return !(permissions & wire::kAdmin);
    }
    return true;
}

}  // namespace

// The queue is read in log order, so one read serves many changes.
std::optional<Change> DocumentSync::bodyOf(const Queued& queued) {
    const auto ahead = [&]() -> const store::LogEntry* {
        while (m_read_ahead_used < m_read_ahead.size()) {
            const store::LogEntry& entry = m_read_ahead[m_read_ahead_used];
            if (entry.position == queued.position) return &entry;
            if (entry.position > queued.position) return nullptr;
            ++m_read_ahead_used;
        }
        return nullptr;
    };
    const store::LogEntry* entry = ahead();
    if (!entry) {
        auto read =
            m_shared.store.readLog(m_log.name(), queued.position - 1, limits::kPushBytesMax);
        if (!read) return storageTrouble(read.error()), std::nullopt;
        m_read_ahead = std::move(*read);
        m_read_ahead_used = 0;
        entry = ahead();
    }
    if (!entry) return std::nullopt;
    auto change = decodeChange(entry->change);
    if (!change) return storageTrouble(change.error()), std::nullopt;
    return std::move(*change);
}

bool DocumentSync::push() {
    const bool denied = m_phase == Phase::Denied;
    if ((m_phase != Phase::Live && !denied) || m_equivocation) return false;
    if (m_queue.empty() || m_shared.clock.steadyTime() < m_push_after) return false;
    const store::SeqNo durable = m_shared.store.durableSeq();
    auto next = m_queue.next(durable);
    if (!next || (denied && !next->change->is_void)) return false;
    if (!m_queue.knowsChain(next->change->replica)) {
        const Stream stream = m_log.stream(next->change->replica);
        m_queue.setChain(next->change->replica, {stream.acked, stream.acked_hash});
        next = m_queue.next(durable);
    }
    wire::Push push{m_alias, ++m_shared.push_number, next->hash_before, {}};
    const std::size_t known = m_table_out.size();
    wire::BatchEncoder batch(m_table_out, known, m_time_base_ms);
    const std::size_t bytes_max =
        std::max(m_shared.push_bytes_max, kPushOverheadBytes) - kPushOverheadBytes;
    std::size_t taken = 0;
    for (const Queued* q = next->change; q; q = m_queue.continuation(durable)) {
        const auto body = bodyOf(*q);
        if (!body) return false;
        const std::size_t before = batch.bytes() + kReplicaBytes * (m_table_out.size() - known);
        const std::size_t bytes = body->structure.size() + body->content.size() +
                                  kDepBytesMax * body->deps.size() + kPushOverheadBytes;
        if ((taken > 0 && before + bytes > bytes_max) || (denied && !q->is_void)) break;
        batch.add(*body);
        m_queue.take();
        ++taken;
    }
    push.batch = batch.finish();
    m_pushed = true;
    m_queue.pushed(push.number);
    m_shared.outbox.send(push);
    return true;
}

void DocumentSync::receive(const wire::Ack& record) {
    if (!(record.flags & wire::kDurable)) return;
    acknowledge(record.replica, record.counter);
}

void DocumentSync::acknowledge(ReplicaId replica, std::uint64_t counter) {
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    m_queue.acknowledge(replica, counter, [&](const Queued& q) {
        edit.acknowledge(replica, q.last(), q.hash);
        m_unmarked[{replica, q.first}] = {q.count, q.hash};
    });
    const auto seq = edit.commit();
    if (!seq) return storageTrouble(seq.error());
    m_backoff = {};
    statusChanged();
}

void DocumentSync::receive(const wire::Nack& record) {
    if (!record.permanent) return rewind(record);
    const auto code = static_cast<ErrorCode>(record.code);
    if (!m_queue.rewind(record.number)) return;
    const Queued* queued = m_queue.find(record.replica, record.first);
    if (!queued) return;
    if (code == ErrorCode::Equivocation || queued->is_void) {
        m_equivocation = true;
        m_equivocation_at = m_shared.clock.steadyTime();
        return;
    }
    if (!queued->own) {
        // Only its author can close that counter, who may be gone; here it is lost like a fork's
        // loser.
        m_shared.outbox.problem({code, "the relay does not take another author's changes of " +
                                           m_log.name() + " back"});
        if (auto ok = loseBranches({{record.replica, record.first}}); !ok)
            storageTrouble(ok.error());
        return;
    }
    // A lost role takes all that needs it at once: each change would be refused on its own, and the
    // document rebuilt each time (docs/decisions/0041-refusal-for-a-role.md).
    const std::uint8_t permissions = m_permissions;
    const bool role = code == ErrorCode::NotAllowed;
    const auto refused = [&](const Change& change) {
        return (change.replica == record.replica && change.first == record.first) ||
               (role && refusedForRole(change, permissions));
    };
    if (auto ok = refusePending(queued->position - 1, code, refused); !ok)
        storageTrouble(ok.error());
}

// The relay lacks something in front of what was sent: from the oldest on, once per PUSH number.
void DocumentSync::rewind(const wire::Nack& record) {
    if (!m_queue.rewind(record.number)) return;
    m_backoff = std::clamp(m_backoff * 2, kBackoffMin, kBackoffMax);
    m_push_after = m_shared.clock.steadyTime() +
                   std::max(m_backoff, std::chrono::milliseconds(record.retry_ms));
}

}  // namespace kimdb::sync
