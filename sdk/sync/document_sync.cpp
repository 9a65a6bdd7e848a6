// SPDX-License-Identifier: MIT
#include "sync/document_sync.h"

#include <algorithm>

#include "core/limits.h"
#include "sync/dependency_order.h"

namespace kimdb::sync {

namespace {

constexpr char kQueuePrefix[] = "sync/queue/";  // of the store's own state: documents with a queue
// A subscription that is renewed or a log that is fetched again this often without getting anywhere
// is left to the reconnect with its back-off.
constexpr int kResubscriptionsMax = 5;
constexpr int kRestartsMax = 3;
// How long a push waits after `equivocation` for the relay's change before the whole log is
// compared.
constexpr std::chrono::seconds kForkWaitMax{5};

}  // namespace

DocumentSync::DocumentSync(Shared& shared, DocumentLog log)
    : m_shared(shared), m_log(std::move(log)) {}

DocumentSync::~DocumentSync() {
    releaseAlias();
    m_shared.busy.erase(m_log.name());
}

void DocumentSync::releaseAlias() {
    m_shared.aliases.erase(m_alias);
    m_alias = 0;
}

void DocumentSync::noteCommit(store::SeqNo seq) {
    m_last_seq = std::max(m_last_seq, seq);
    markBusy();
}

bool DocumentSync::busy() const {
    return !m_queue.empty() || !m_unsynced.empty() || m_last_seq > m_shared.store.durableSeq();
}

Result<std::unique_ptr<DocumentSync>> DocumentSync::open(Shared& shared, const std::string& name) {
    auto log = DocumentLog::load(shared.store, name);
    if (!log) return log.error();
    std::unique_ptr<DocumentSync> document(new DocumentSync(shared, std::move(*log)));
    document->m_held = document->m_log.state().position;
    document->m_held_hash = document->m_log.state().log_hash;
    document->m_armed = document->m_log.state().queue_start > 0;
    if (auto ok = document->reloadQueue(); !ok) return ok.error();
    if (document->m_armed && document->m_queue.empty() && document->supplied()) document->disarm();
    return document;
}

bool DocumentSync::supplied() const {
    return std::ranges::all_of(m_log.streams(),
                               [](const auto& s) { return s.second.acked == s.second.head; });
}

bool DocumentSync::isPending(const Change& change) const {
    return !change.is_void && owns(change.replica) &&
           change.first > m_log.stream(change.replica).acked;
}

// ---- the application's side ----

SaltKey DocumentSync::saltOf(ReplicaId current) {
    if (const Stream own = m_log.stream(current); own.head > 0) return own.salt_key;
    if (m_fresh_salt_of != current) {
        m_fresh_salt = SaltKey::from(m_shared.random.bytes(16));
        m_fresh_salt_of = current;
    }
    return m_fresh_salt;
}

Result<SyncEngine::Loaded> DocumentSync::load() {
    SyncEngine::Loaded loaded;
    loaded.replica = m_shared.identity.current();
    loaded.incarnation = m_log.state().incarnation;
    loaded.salt_key = saltOf(loaded.replica);
    const auto read = m_log.forEach(0, [&](const LogChange& entry) {
        loaded.changes.push_back(entry.change);
        return true;
    });
    if (!read) return read.error();
    m_open = true;
    if (m_shared.online && m_phase == Phase::Idle) subscribe();
    return loaded;
}

void DocumentSync::close() {
    m_open = false;
    setPresence({});
    if (idle()) unsubscribe();
}

Result<> DocumentSync::appendLocal(const Change& change) {
    const Stream own = m_log.stream(change.replica);
    if (change.replica != m_shared.identity.current() || change.first != own.head + 1 ||
        change.incarnation != m_log.state().incarnation)
        return Error{ErrorCode::Equivocation,
                     "new edits of this document need another replica id: load it again"};
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    Identity identity = m_shared.identity;
    if (!identity.saved()) identity.save(edit.batch());
    edit.append(change);
    if (!m_armed) arm(edit, edit.lastPosition());
    const Hash16 hash = edit.hashOf(change);
    const auto seq = edit.commit();
    if (!seq) return seq.error();
    noteCommit(*seq);
    m_last_edit_seq = *seq;
    m_shared.identity = std::move(identity);
    m_armed = true;
    m_queue.add({.position = m_log.lastPosition(),
                 .replica = change.replica,
                 .first = change.first,
                 .count = change.count,
                 .hash = hash,
                 .is_void = false,
                 .seq = *seq,
                 .base = m_held});
    statusChanged();
    return {};
}

DocumentStatus DocumentSync::status() const {
    DocumentStatus status;
    status.queued = m_queue.ownSize();
    status.saved = m_last_edit_seq <= m_shared.store.durableSeq();
    status.live = m_phase == Phase::Live;
    status.permissions = m_permissions;
    status.rejected = m_shared.rejected.count(m_log.name());
    return status;
}

void DocumentSync::replicaChanged() {
    if (!m_open) return;
    m_shared.outbox.notify([name = m_log.name()](SyncDelegate& d) { d.documentRebuilt(name); });
}

// ---- life of the subscription ----

void DocumentSync::setPhase(Phase phase) {
    m_phase = phase;
    statusChanged();
}

// Disk full or worse: the session pauses (SYNC rule 13), the queue is what the store says.
void DocumentSync::storageTrouble(const Error& error) {
    m_shared.outbox.problem(error);
    m_shared.endSession(static_cast<std::uint16_t>(wire::CloseCode::Normal), "storage");
    if (auto ok = reloadQueue(); !ok) m_shared.outbox.problem(ok.error());
}

void DocumentSync::subscribe() {
    if (!m_shared.online) return;
    if (auto ok = returnToHeld(); !ok) return storageTrouble(ok.error());
    const LogState& state = m_log.state();
    wire::Sub sub;
    m_alias = sub.alias = m_shared.next_alias;
    m_shared.next_alias += 2;
    m_shared.aliases[m_alias] = this;
    sub.name = m_log.name();
    sub.incarnation = state.bound ? state.incarnation : 0;
    sub.epoch = state.epoch;
    sub.position = m_held;
    sub.log_hash = m_held_hash;
    for (const auto& [replica, stream] : m_log.streams())
        if (owns(replica)) sub.own.push_back(replica);
    if (m_log.stream(m_shared.identity.current()).head == 0)
        sub.own.push_back(m_shared.identity.current());
    if (sub.own.size() > limits::kOwnIdsMax)
        sub.own.erase(sub.own.begin(), sub.own.end() - limits::kOwnIdsMax);
    m_table_in = {};
    m_table_out = {};
    m_queue.restart(m_shared.push_number);
    m_equivocation = false;
    m_pushed = false;
    m_seen_sent.reset();
    m_shared.outbox.send(sub);
    setPhase(Phase::Subscribing);
}

void DocumentSync::unsubscribe() {
    if (m_phase == Phase::Idle) return;
    m_shared.outbox.send(wire::Unsub{m_alias});
    releaseAlias();
    setPhase(Phase::Idle);
}

void DocumentSync::connectionLost() {
    releaseAlias();
    m_permissions = 0xFF;
    m_unmarked.clear();
    m_resubscriptions = 0;
    m_restarts = 0;
    m_backoff = m_push_after = {};
    setPhase(Phase::Idle);
}

// What came after `held` comes once more and is compared.
Result<> DocumentSync::returnToHeld() {
    m_received_before = m_log.state().position;
    m_unsynced.clear();
    if (m_received_before == m_held) return {};
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    edit.state().position = m_held;
    edit.state().log_hash = m_held_hash;
    const auto seq = edit.commit();
    if (!seq) return seq.error();
    noteCommit(*seq);
    return {};
}

void DocumentSync::resubscribe() {
    if (++m_resubscriptions > kResubscriptionsMax)
        return m_shared.endSession(static_cast<std::uint16_t>(wire::CloseCode::Protocol),
                                   "the log does not continue");
    unsubscribe();
    subscribe();
}

void DocumentSync::receive(const wire::SubOk& record) {
    if (m_phase != Phase::Subscribing) return;
    m_permissions = record.permissions;
    m_time_base_ms = record.time_base_ms;
    if (auto ok = bind(record); !ok) return storageTrouble(ok.error());
    if (m_phase == Phase::Stopped) return;
    if (auto ok = suitQueue(); !ok) return storageTrouble(ok.error());
    Heads heads = takeHeads(record.streams);
    // It showed more than it has. Who may not read is not told the head.
    if (record.plan != wire::Plan::Denied && record.head < m_received_before)
        heads = Heads::Contradict;
    const bool behind = record.plan == wire::Plan::Changes;
    switch (record.plan) {
        case wire::Plan::UpToDate:
        case wire::Plan::Changes:
            if (heads == Heads::Contradict) {
                if (auto ok = restartFromZero(); !ok) return storageTrouble(ok.error());
                return resubscribe();
            }
            if (!behind) return becomeLive();
            setPhase(Phase::CatchingUp);
            break;
        case wire::Plan::Reconcile:
            if (auto ok = restartFromZero(); !ok) return storageTrouble(ok.error());
            setPhase(Phase::CatchingUp);
            break;
        case wire::Plan::Denied:
            setPhase(Phase::Denied);
            return deny(heads);
        case wire::Plan::Snapshot:
        case wire::Plan::Gap:
            m_shared.outbox.problem({ErrorCode::TooOld, "the relay has dropped history of " +
                                                            m_log.name() + " that is needed here"});
            return setPhase(Phase::Stopped);
    }
}

void DocumentSync::becomeLive() {
    setPhase(Phase::Live);
    m_presence.announceAgain();
    if (!m_blocked) return;
    if (auto ok = loseBranches({}); !ok) storageTrouble(ok.error());
}

// Journalled before the first PUSH, because every body written from now on names the incarnation
// (SYNC rule 22).
Result<> DocumentSync::bind(const wire::SubOk& record) {
    const LogState& state = m_log.state();
    if (state.bound && state.incarnation != record.incarnation) {
        m_shared.outbox.problem(
            {ErrorCode::NotFound,
             m_log.name() + " was deleted; offline edits are on the rejected list"});
        setPhase(Phase::Stopped);
        return refusePending(0, ErrorCode::NotFound, [](const Change&) { return true; });
    }
    if (state.bound) return {};
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    edit.state().bound = true;
    edit.state().epoch = m_shared.epoch;
    const bool rewritten = state.incarnation != record.incarnation && m_log.lastPosition() > 0;
    edit.state().incarnation = record.incarnation;
    if (rewritten) {
        const auto read = m_log.forEach(0, [&](const LogChange& entry) {
            Change change = entry.change;
            change.incarnation = record.incarnation;
            edit.replace(entry.position, change);
            return true;
        });
        if (!read) return read;
    }
    const auto seq = edit.commit();
    if (!seq) return seq.error();
    noteCommit(*seq);
    if (rewritten) replicaChanged();
    return reloadQueue();
}

// SUBOK's own heads: what the relay holds leaves the queue where the hash is equal. A head beyond
// ours means that another copy of this folder writes under that id, or that ours was rolled back
// (SYNC rule 5).
DocumentSync::Heads DocumentSync::takeHeads(const std::vector<wire::StreamState>& streams) {
    Heads heads = Heads::Consistent;
    bool mint = false;
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    std::vector<std::pair<ReplicaId, std::uint64_t>> acks;
    for (const wire::StreamState& relay : streams) {
        if (!owns(relay.replica)) continue;
        const Stream here = m_log.stream(relay.replica);
        if (relay.head > here.head && relay.replica == m_shared.identity.current()) mint = true;
        if (relay.head < here.acked || (relay.head == here.acked && relay.hash != here.acked_hash))
            heads = Heads::Contradict;
        if (relay.head <= here.acked || relay.head > here.head) continue;
        ChainEnd chain{here.acked, here.acked_hash};
        m_queue.forEach(relay.replica, [&](const Queued& q) {
            if (q.last() > relay.head) return false;
            chain = {q.last(), rollingHash(chain.hash, q.hash)};
            return true;
        });
        if (chain.counter != relay.head || chain.hash != relay.hash) continue;  // a fork in the log
        Stream& stream = edit.stream(relay.replica);
        stream.acked = relay.head;
        stream.acked_hash = relay.hash;
        stream.acked_ever = std::max(stream.acked_ever, relay.head);
        acks.emplace_back(relay.replica, relay.head);
    }
    const auto seq = edit.commit();
    if (!seq) return storageTrouble(seq.error()), heads;
    noteCommit(*seq);
    for (const auto& [replica, counter] : acks) m_queue.acknowledge(replica, counter, [](auto&) {});
    if (mint)
        if (auto ok = m_shared.mint(); !ok) storageTrouble(ok.error());
    return heads;
}

// Reading is denied: what the relay has is acknowledged by the own heads, the rest is refused
// (SYNC, "States").
void DocumentSync::deny(Heads heads) {
    if (heads == Heads::Contradict) {  // a restored relay; compared when reading is allowed again
        if (auto ok = restartFromZero(); !ok) storageTrouble(ok.error());
        return;
    }
    const auto all = [](const Change&) { return true; };
    if (auto ok = refusePending(0, ErrorCode::NotAllowed, all); !ok) storageTrouble(ok.error());
}

// Reconcile (SYNC rule 19): nothing held counts as acknowledged; the relay's log from 0
// acknowledges what is equal, and what is left over is what the relay lacks
// (docs/decisions/0040-marks.md).
Result<> DocumentSync::restartFromZero() {
    if (++m_restarts > kRestartsMax) {
        m_shared.endSession(static_cast<std::uint16_t>(wire::CloseCode::Protocol),
                            "the relay's log contradicts itself");
        return {};
    }
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    edit.state().epoch = m_shared.epoch;
    edit.state().position = 0;
    edit.state().log_hash = {};
    for (const auto& [replica, known] : m_log.streams()) {
        Stream& stream = edit.stream(replica);
        stream.acked = 0;
        stream.acked_hash = {};
    }
    if (m_log.lastPosition() > 0) arm(edit, 1);
    const auto seq = edit.commit();
    if (!seq) return seq.error();
    noteCommit(*seq);
    m_armed = m_armed || m_log.lastPosition() > 0;
    m_held = 0;
    m_held_hash = {};
    m_unsynced.clear();
    m_unmarked.clear();
    return reloadQueue();
}

Result<> DocumentSync::reloadQueue() {
    m_queue.clear();
    m_queue.restart(m_shared.push_number);
    m_read_ahead.clear();
    m_read_ahead_used = 0;
    m_blocked = false;
    if (!m_armed) return {};
    const LogState& state = m_log.state();
    DependencyOrder order(m_log.streams(), m_queue);
    m_supplies = m_permissions & wire::kWrite;
    const auto read = m_log.forEach(std::max<std::uint64_t>(state.queue_start, 1) - 1,
                                    [&](const LogChange& entry) {
                                        const Change& c = entry.change;
                                        const bool own = owns(c.replica);
                                        if (c.last() <= m_log.stream(c.replica).acked) return true;
                                        if (!own && !m_supplies) return true;
                                        order.add({.position = entry.position,
                                                   .replica = c.replica,
                                                   .first = c.first,
                                                   .count = c.count,
                                                   .hash = m_log.hashOf(c),
                                                   .is_void = c.is_void,
                                                   .seq = m_last_seq,
                                                   .base = state.queue_base,
                                                   .own = own},
                                                  c.deps);
                                        return true;
                                    });
    m_blocked = order.finish();
    markBusy();
    statusChanged();
    return read;
}

// Only who may write gives others' changes back to a restored relay.
Result<> DocumentSync::suitQueue() {
    const bool may_supply = m_permissions & wire::kWrite;
    const bool has_others = m_queue.size() > m_queue.ownSize();
    const bool suits = may_supply ? m_supplies || supplied() : !has_others;
    return suits ? Result<>() : reloadQueue();
}

// The store names the documents that may have a queue, so that a start reads those only. Set when
// the first change is queued, taken back some time after the last one has left.
void DocumentSync::arm(DocumentLog::Edit& edit, std::uint64_t position) {
    edit.state().queue_start = position;
    edit.state().queue_base = m_held;
    edit.batch().put("", kQueuePrefix + m_log.name(), "");
}

void DocumentSync::disarm() {
    DocumentLog::Edit edit(m_log, m_shared.clock.wallTime());
    edit.state().queue_start = 0;
    edit.state().queue_base = 0;
    edit.batch().erase("", kQueuePrefix + m_log.name());
    if (edit.commit()) m_armed = false;
}

void DocumentSync::receive(const wire::Perm& record) {
    const std::uint8_t before = std::exchange(m_permissions, record.permissions);
    if (before == record.permissions) return;
    statusChanged();
    const bool readable = record.permissions & wire::kRead;
    const bool subscribed = m_phase == Phase::CatchingUp || m_phase == Phase::Live;
    if (subscribed != readable && m_phase != Phase::Subscribing && m_phase != Phase::Stopped) {
        unsubscribe();  // the new SUB tells the own heads, by which the queue is judged
        return subscribe();
    }
    if (auto ok = suitQueue(); !ok) storageTrouble(ok.error());
}

void DocumentSync::receive(const wire::ErrorRecord& record) {
    const auto code = static_cast<wire::CloseCode>(record.code);
    m_shared.outbox.problem(
        {code == wire::CloseCode::InvalidName ? ErrorCode::InvalidName : ErrorCode::Unsupported,
         m_log.name() + ": " + record.text});
    setPhase(Phase::Stopped);
}

void DocumentSync::durable() {
    const store::SeqNo durable = m_shared.store.durableSeq();
    std::uint32_t credit = 0;
    while (!m_unsynced.empty() && m_unsynced.front().seq <= durable) {
        const Unsynced& synced = m_unsynced.front();
        m_held = synced.position;
        m_held_hash = synced.log_hash;
        credit += synced.credit;
        m_unsynced.pop_front();
    }
    if (credit > 0 && m_alias != 0) m_shared.outbox.send(wire::Credit{m_alias, credit});
    if (m_last_edit_seq <= durable) statusChanged();
}

// The relay may forget what is below: never what an own queued change was made on (SYNC rule 21).
std::uint64_t DocumentSync::seenPosition() const {
    return m_queue.empty() ? m_held : std::min(m_held, m_queue.front().base);
}

void DocumentSync::sendSeen() {
    const auto now = m_shared.clock.steadyTime();
    if (m_seen_sent == seenPosition()) return;
    if (m_seen_sent && now - m_seen_at < limits::kSeenInterval) return;
    m_seen_sent = seenPosition();
    m_seen_at = now;
    m_shared.outbox.send(wire::Seen{m_alias, *m_seen_sent, 0});
}

void DocumentSync::tick() {
    const auto now = m_shared.clock.steadyTime();
    if (m_phase == Phase::Live) {
        sendSeen();
        sendPresence();
        if (m_equivocation && now - m_equivocation_at > kForkWaitMax) {
            if (auto ok = restartFromZero(); !ok) return storageTrouble(ok.error());
            resubscribe();
        }
    }
    if (m_armed && m_queue.empty() && supplied()) disarm();
    if (idle()) unsubscribe();
}

// ---- presence ----

void DocumentSync::setPresence(Bytes state) {
    m_presence.set(std::move(state));
    sendPresence();
}

void DocumentSync::sendPresence() {
    if (m_phase != Phase::Live) return;
    if (auto due = m_presence.due(m_shared.clock.steadyTime())) {
        due->alias = m_alias;
        due->session = m_shared.session;
        m_shared.outbox.send(*due);
    }
}

void DocumentSync::receive(const wire::Presence& record) {
    if (!m_open) return;
    m_shared.outbox.notify([name = m_log.name(), record](SyncDelegate& delegate) {
        delegate.presence(name, record.session, record.clock,
                          std::chrono::milliseconds(record.ttl_ms), record.state);
    });
}

}  // namespace kimdb::sync
