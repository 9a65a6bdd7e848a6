// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>

#include "store/log_store.h"

namespace kimdb::test {

//! \brief A LogStore over memory for single-threaded tests and the simulator, with the store's
//! crash semantics: what sync() has not made durable is gone after crash(). Copyable state =
//! backup.
class MemoryLogStore final : public store::LogStore {
 public:
    struct Document {
        std::vector<store::LogEntry> log;
        std::map<std::string, Bytes> keys;
        std::map<std::uint64_t, Bytes> snapshots;
        std::uint64_t trimmed = 0;  //!< entries up to here are dropped
        std::uint64_t shard_seq = 0;
    };
    struct State {
        std::map<std::string, Document> documents;
        std::map<std::pair<std::string, std::string>, Bytes> records;
        store::SeqNo seq = 0;
        int shard_count = 8;
        std::map<int, std::uint64_t> shard_seqs;
    };

    MemoryLogStore() = default;
    //! Starts from a backup or a copied folder.
    explicit MemoryLogStore(State state);

    //! Makes everything committed durable and calls the handler.
    void sync();
    //! Makes only the first \a batches of what is pending durable.
    void syncSome(std::size_t batches);
    std::size_t pendingBatches() const { return m_pending.size(); }
    //! Power loss: back to the durable state. Handlers are forgotten.
    void crash();
    //! What a backup of the durable state holds.
    const State& durable() const { return m_durable; }
    //! The next commits fail with StorageFull until set back.
    void setFull(bool full) { m_full = full; }

    Result<store::SeqNo> commit(store::Batch batch) override;
    store::SeqNo durableSeq() const override { return m_durable.seq; }
    void onDurable(DurableHandler handler) override { m_handler = std::move(handler); }
    Result<std::uint64_t> lastPosition(const std::string& doc) const override;
    Result<std::vector<store::LogEntry>> readLog(const std::string& doc, std::uint64_t after,
                                                 std::size_t bytes_max) const override;
    Result<std::optional<store::LogEntry>> findEntry(const std::string& doc, ReplicaId replica,
                                                     std::uint64_t counter) const override;
    Result<std::optional<Bytes>> get(const std::string& doc, const std::string& key) const override;
    Result<std::vector<std::pair<std::string, Bytes>>> scan(
        const std::string& doc, const std::string& prefix) const override;
    Result<std::uint64_t> trimmedPosition(const std::string& doc) const override;
    Result<std::optional<store::Snapshot>> snapshot(const std::string& doc,
                                                    std::uint64_t position) const override;
    Result<std::vector<store::FeedItem>> feed(int shard, std::uint64_t after,
                                              std::size_t limit) const override;
    int shardCount() const override { return m_visible.shard_count; }
    Result<std::vector<std::string>> documents() const override;

 private:
    const Document* find(const std::string& doc) const;
    static int shardOf(const State& state, const std::string& doc);
    static void apply(State& state, const store::Batch& batch);

    State m_durable;
    State m_visible;
    std::vector<store::Batch> m_pending;
    DurableHandler m_handler;
    bool m_full = false;
};

}  // namespace kimdb::test
