// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <shared_mutex>

#include "store/memtable.h"

namespace kimdb::store {

//! \brief The two memtables: one takes commits, the other is on its way to the shards.
//! A reader asks the active one, then the flushing one, then the shard: what it misses in one it
//! finds in the next, because a table is dropped only after its shards have committed. Thread: any;
//! locked inside.
class Tables {
 public:
    explicit Tables(std::unique_ptr<Memtable> active, int shard_count)
        : m_shard_count(shard_count), m_active(std::move(active)), m_last(m_active->last()) {}

    //! Takes what is in \a batch: \a accept is called first, under the same lock, and may refuse;
    //! the batch is untouched then. It may ask \a look(name), which finds a record in the tables,
    //! and the generation.
    template <class Accept>
    Result<SeqNo> commit(Batch& batch, Accept accept) {
        const std::unique_lock lock(m_mutex);
        const SeqNo seq = m_last + 1;
        const auto look = [this](const RecordName& name) {
            const Memtable::Record* found = m_active->findRecord(name);
            return !found && m_flushing ? m_flushing->findRecord(name) : found;
        };
        if (Result<> ok = accept(seq, look, m_generation); !ok) return ok.error();
        m_last = seq;
        m_active->apply(std::move(batch), seq);
        return seq;
    }

    //! Calls \a look(table), newest first, until it returns true. True: one did.
    template <class Look>
    bool newestFirst(Look look) const {
        const std::shared_lock lock(m_mutex);
        return look(*m_active) || (m_flushing && look(*m_flushing));
    }

    //! Number of the last batch.
    SeqNo last() const {
        const std::shared_lock lock(m_mutex);
        return m_last;
    }
    bool activeEmpty() const {
        const std::shared_lock lock(m_mutex);
        return m_active->empty();
    }
    struct Fill {
        std::size_t bytes = 0;
        std::size_t rows = 0;
    };
    //! Of the table that takes commits.
    Fill activeFill() const {
        const std::shared_lock lock(m_mutex);
        return {m_active->bytes(), m_active->rows()};
    }
    std::size_t rows() const {
        const std::shared_lock lock(m_mutex);
        return m_active->rows() + (m_flushing ? m_flushing->rows() : 0);
    }
    //! How many tables have left memory so far. As long as it stays the same, a record that no
    //! table names is in its shard as it was.
    std::uint64_t generation() const {
        const std::shared_lock lock(m_mutex);
        return m_generation;
    }
    std::size_t bytes() const {
        const std::shared_lock lock(m_mutex);
        return m_active->bytes() + (m_flushing ? m_flushing->bytes() : 0);
    }

    //! The table to flush: the one that is being flushed, or the active one from now on. Null:
    //! nothing.
    std::shared_ptr<const Memtable> beginFlush() {
        const std::unique_lock lock(m_mutex);
        if (!m_flushing && !m_active->empty()) {
            m_flushing = std::move(m_active);
            m_active = std::make_unique<Memtable>(m_shard_count, m_flushing->last(),
                                                  m_flushing->shardSeqs());
        }
        return m_flushing;
    }
    void endFlush() {
        std::shared_ptr<const Memtable> gone;  // freed without the lock
        const std::unique_lock lock(m_mutex);
        gone.swap(m_flushing);
        ++m_generation;
    }

 private:
    const int m_shard_count;
    mutable std::shared_mutex m_mutex;
    std::unique_ptr<Memtable> m_active;
    std::shared_ptr<const Memtable> m_flushing;
    SeqNo m_last = 0;
    std::uint64_t m_generation = 0;
};

}  // namespace kimdb::store
