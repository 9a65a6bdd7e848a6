// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "store/log_store.h"

namespace kimdb::relay {

//! \brief The one way by which the relay writes, so that every judgement knows by which state it
//! was made: an answer may leave when durable() has reached the last() of the moment it was decided
//! (SYNC rule 1).
//! Thread: the core's. Owner: RelayCore.
class CommitOrder {
 public:
    explicit CommitOrder(store::LogStore& store) : m_store(store) {}

    //! Errors: those of LogStore::commit; nothing has changed then.
    Result<store::SeqNo> commit(store::Batch batch) {
        auto seq = m_store.commit(std::move(batch));
        if (seq.ok()) m_last = *seq;
        return seq;
    }
    void durableReached(store::SeqNo seq) { m_durable = std::max(m_durable, seq); }

    store::SeqNo last() const { return m_last; }
    store::SeqNo durable() const { return m_durable; }
    store::LogStore& store() const { return m_store; }

 private:
    store::LogStore& m_store;
    store::SeqNo m_last = 0;
    store::SeqNo m_durable = 0;
};

}  // namespace kimdb::relay
