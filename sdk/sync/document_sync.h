// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "sync/document_log.h"
#include "sync/offline_queue.h"
#include "sync/presence_sender.h"
#include "sync/shared.h"
#include "wire/change_batch.h"

namespace kimdb::sync {

//! \brief One document's side of the protocol: what is held, what is queued, and the way from SUB
//! to live (SYNC, table "States"). Three positions of the relay's log: `received`
//! (LogState::position) is what OPS must continue, `held` is durable and goes into SUB, SEEN and
//! CREDIT.
class DocumentSync {
 public:
    //! Errors: those of the store.
    ~DocumentSync();
    DocumentSync(const DocumentSync&) = delete;
    DocumentSync& operator=(const DocumentSync&) = delete;
    static Result<std::unique_ptr<DocumentSync>> open(Shared& shared, const std::string& name);

    // ---- the application's side ----
    Result<SyncEngine::Loaded> load();
    void close();
    bool isOpen() const { return m_open; }
    Result<> appendLocal(const Change& change);
    Result<std::size_t> retryRejected();
    DocumentStatus status() const;
    bool hasQueue() const { return !m_queue.empty(); }
    void setPresence(Bytes state);
    //! New edits need the identity's new id.
    void replicaChanged();

    // ---- the session's side ----
    void subscribe();
    void unsubscribe();
    void connectionLost();
    void receive(const wire::SubOk& record);
    void receive(const wire::Chunk& record);
    void receive(const wire::Ops& record);
    void receive(const wire::Ack& record);
    void receive(const wire::Nack& record);
    void receive(const wire::Perm& record);
    void receive(const wire::Presence& record);
    void receive(const wire::ErrorRecord& record);
    void durable();
    //! Sends one PUSH if there is one to send now.
    bool push();
    std::size_t outstandingPushes() const { return m_queue.outstanding(); }
    void tick();
    //! Something is queued, or a commit is not durable yet.
    bool busy() const;
    //! Closed, and nothing is left to do for it.
    bool forgotten() const { return idle() && m_phase == Phase::Idle && !busy(); }

 private:
    enum class Phase : std::uint8_t {
        Idle,         // no subscription
        Subscribing,  // SUB sent
        CatchingUp,   // CHUNKs up to the final one; pushes wait for it
        Live,
        Denied,   // no read permission: only VOIDs are pushed
        Stopped,  // this session cannot serve the document; told as a problem
    };
    struct Unsynced {  // a commit on its way to the disk
        store::SeqNo seq;
        std::uint64_t position;
        Hash16 log_hash;
        std::uint32_t credit;
    };

    DocumentSync(Shared& shared, DocumentLog log);
    void releaseAlias();
    SaltKey saltOf(ReplicaId current);

    // document_sync.cpp: life of the subscription
    bool idle() const { return !m_open && m_queue.empty(); }
    bool owns(ReplicaId id) const { return m_shared.identity.owns(id); }
    //! Own, not acknowledged, no VOID: what a refusal can take.
    bool isPending(const Change& change) const;
    //! The relay holds all that is held here, other authors' changes too.
    bool supplied() const;
    void setPhase(Phase phase);
    void statusChanged() { m_shared.outbox.statusChanged(m_log.name()); }
    void noteCommit(store::SeqNo seq);
    void markBusy() { m_shared.busy[m_log.name()] = this; }
    void storageTrouble(const Error& error);
    Result<> returnToHeld();
    void resubscribe();
    void becomeLive();
    Result<> bind(const wire::SubOk& record);
    enum class Heads : std::uint8_t { Consistent, Contradict };
    Heads takeHeads(const std::vector<wire::StreamState>& streams);
    void deny(Heads heads);
    Result<> restartFromZero();
    Result<> reloadQueue();
    Result<> suitQueue();
    void arm(DocumentLog::Edit& edit, std::uint64_t position);
    void disarm();
    void sendSeen();
    void sendPresence();
    std::uint64_t seenPosition() const;

    // incoming.cpp: the relay's log comes in
    enum class Verdict : std::uint8_t { Taken, Fork, Contradiction };
    void receiveLog(std::uint64_t prev, std::uint64_t last, const Bytes& batch, bool chunk);
    Result<> integrate(const std::vector<wire::BatchItem>& items, std::uint32_t credit);
    Verdict take(DocumentLog::Edit& edit, const wire::Mark& mark);
    Verdict take(DocumentLog::Edit& edit, const Change& change);
    void advance(DocumentLog::Edit& edit, const Hash16& hash);
    Result<> commitIncoming(DocumentLog::Edit& edit, std::uint32_t credit);

    // outgoing.cpp: the queue goes out
    std::optional<Change> bodyOf(const Queued& queued);
    void acknowledge(ReplicaId replica, std::uint64_t counter);
    void rewind(const wire::Nack& record);

    // retrying.cpp: refused changes are done again
    bool standsHere(const Change& change, OpId reissued_from) const;
    std::vector<OpId> depsHere(const Change& change, ReplicaId author) const;

    // rewriting.cpp: own and foreign changes are taken back (SYNC rules 6, 11, 19)
    struct Fork {
        LogChange mine;
        const Change& relays;
    };
    Result<> refuse(std::vector<LogChange> refused, ErrorCode code);
    Result<> refusePending(std::uint64_t from, ErrorCode code,
                           const std::function<bool(const Change&)>& also);
    Result<> resolve(const Fork& fork);
    Result<> restoreRejected(const Fork& fork, const Rejected& entry);
    Result<> addLostDeps(DocumentLog::Edit& edit, const Change& before, const Change& after);
    Result<> moveToDerived(const Fork& fork);
    Result<> yieldTo(const Fork& fork);
    using Branches = std::map<ReplicaId, std::uint64_t>;  // stream -> first counter that is lost
    Result<> loseBranches(Branches lost);
    bool hasLostDep(const Change& change, const Branches& lost) const;
    std::uint64_t keptHead(const OpId& dep, const Branches& lost) const;
    Result<> reject(DocumentLog::Edit& edit, const std::vector<LogChange>& losers,
                    const Branches& lost);
    void replaceByVoid(DocumentLog::Edit& edit, const LogChange& entry, ErrorCode code,
                       std::vector<Rejected>& rejected);
    Result<> commitRewrite(DocumentLog::Edit& edit, Identity identity,
                           std::vector<Rejected> rejected);

    Shared& m_shared;
    DocumentLog m_log;
    OfflineQueue m_queue;
    store::SeqNo m_last_seq = 0;       // of this document's commits
    store::SeqNo m_last_edit_seq = 0;  // of those that hold edits made here
    SaltKey m_fresh_salt;              // of the current id's stream while that has no change
    ReplicaId m_fresh_salt_of = 0;
    bool m_open = false;
    bool m_blocked = false;  // something waits for what is not here
    bool m_supplies = true;  // the queue has others' changes too
    bool m_armed = false;    // the store's list of documents with a queue names this one

    Phase m_phase = Phase::Idle;
    wire::Alias m_alias = 0;
    std::uint8_t m_permissions = 0xFF;
    std::int64_t m_time_base_ms = 0;
    wire::ReplicaTable m_table_in;
    wire::ReplicaTable m_table_out;
    std::uint64_t m_held = 0;
    std::uint64_t m_received_before = 0;  // when SUB was sent
    Hash16 m_held_hash;
    std::deque<Unsynced> m_unsynced;
    int m_resubscriptions = 0;  // without progress since
    int m_restarts = 0;         // from zero, in this session

    std::map<OpId, std::pair<std::uint64_t, Hash16>>
        m_unmarked;                                           // acked, mark on its way: count, hash
    std::vector<std::pair<ReplicaId, std::uint64_t>> m_acks;  // of the edit under way
    std::vector<Change> m_fresh;                              // of the edit under way
    std::vector<Rejected> m_accepted;                         // of the edit under way
    bool m_mint = false;                                      // of the edit under way

    bool m_pushed = false;        // anything under this alias
    bool m_equivocation = false;  // pushing waits until the relay's change is here
    std::chrono::milliseconds m_equivocation_at{};
    std::chrono::milliseconds m_push_after{};
    std::chrono::milliseconds m_backoff{};
    std::vector<store::LogEntry> m_read_ahead;  // bodies for the next PUSH
    std::size_t m_read_ahead_used = 0;

    std::optional<std::uint64_t> m_seen_sent;  // under this alias
    std::chrono::milliseconds m_seen_at{};
    PresenceSender m_presence;
};

}  // namespace kimdb::sync
