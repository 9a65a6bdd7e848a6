// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "relay/core/document_log.h"

namespace kimdb::relay {

//! Changes that are walked to prove a duplicate; who is further behind has ignored SUBOK's head.
inline constexpr int kDuplicatesBehindMax = 4096;

//! \brief Changes of one stream as they came in one PUSH, and by whom.
//! REQUIRES of `changes`: not empty, one replica that belongs to `user`, consecutive counters.
//! `last_is_sealed`: the last one is but the head of a change in a form of a later version.
struct Submission {
    const std::string& user;
    std::uint8_t permissions = 0;
    Hash16 hash_before;  //!< rolling hash of the stream in front of the first change
    const std::vector<Change>& changes;
    bool last_is_sealed = false;
};

//! \brief What the sequencer made of a submission. Holds once `seq` is durable.
struct Decision {
    struct Refusal {
        std::uint64_t first = 0;
        ErrorCode code = ErrorCode::None;
        bool permanent = false;  //!< remembered until VOID, except for Equivocation
        std::chrono::milliseconds retry{0};
    };
    struct Placed {
        std::uint64_t position = 0;
        Change change;
        Hash16 log_hash;
    };
    store::SeqNo seq = 0;
    std::uint64_t acknowledged = 0;        //!< cumulative counter; 0: nothing of it
    bool duplicate = false;                //!< all that is acknowledged was there before
    std::vector<std::uint64_t> positions;  //!< of what is acknowledged, ascending as pushed
    std::vector<Placed> placed;            //!< new in the log
    std::optional<Refusal> refusal;        //!< of the first change that is not acknowledged
};

//! \brief Decides in memory, in the order of SYNC rule 1: deduplication, remembered refusal, chain
//! hash, permission, deps; then writes one batch with changes, positions, stream head and log hash,
//! or with the refusal.
//! Thread: the core's.
class Sequencer {
 public:
    Sequencer(CommitOrder& commits, const Clock& clock) : m_commits(commits), m_clock(clock) {}

    //! Errors: RateLimited (a duplicate too far behind to be proved); those of reading the store.
    //! A commit that fails is a temporary refusal and leaves no trace.
    Result<Decision> decide(DocumentLog& log, const Submission& submission);

 private:
    struct Draft;
    Result<> skipDuplicates(Draft& draft) const;
    Result<bool> continuesStream(Draft& draft, std::uint64_t counter, Hash16 running) const;
    Result<bool> judge(Draft& draft, const Change& change) const;
    Result<bool> hasDeps(DocumentLog& log, const Change& change) const;
    void place(Draft& draft, const Change& change) const;
    void commit(Draft& draft) const;

    CommitOrder& m_commits;
    const Clock& m_clock;
};

}  // namespace kimdb::relay
