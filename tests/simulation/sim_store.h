// SPDX-License-Identifier: MIT
#pragma once

#include "simulation/sim_options.h"
#include "support/memory_log_store.h"

namespace kimdb::sim {

//! \brief The memory store as an engine sees it: as it is, or telling one of the lies of a
//! Mutation.
class SimStore final : public store::LogStore {
 public:
    enum class Lie : std::uint8_t { None, DurableAtOnce, TornBatches };
    SimStore(test::MemoryLogStore::State state, Lie lie) : m_disk(std::move(state)), m_lie(lie) {}

    test::MemoryLogStore& disk() { return m_disk; }
    const test::MemoryLogStore& disk() const { return m_disk; }

    Result<store::SeqNo> commit(store::Batch batch) override;
    store::SeqNo durableSeq() const override {
        return m_lie == Lie::DurableAtOnce ? m_written : m_disk.durableSeq();
    }
    void onDurable(DurableHandler handler) override { m_disk.onDurable(std::move(handler)); }
    Result<std::uint64_t> lastPosition(const std::string& doc) const override {
        return m_disk.lastPosition(doc);
    }
    Result<std::vector<store::LogEntry>> readLog(const std::string& doc, std::uint64_t after,
                                                 std::size_t bytes_max) const override {
        return m_disk.readLog(doc, after, bytes_max);
    }
    Result<std::optional<store::LogEntry>> findEntry(const std::string& doc, ReplicaId replica,
                                                     std::uint64_t counter) const override {
        return m_disk.findEntry(doc, replica, counter);
    }
    Result<std::optional<Bytes>> get(const std::string& doc,
                                     const std::string& key) const override {
        return m_disk.get(doc, key);
    }
    Result<std::vector<std::pair<std::string, Bytes>>> scan(
        const std::string& doc, const std::string& prefix) const override {
        return m_disk.scan(doc, prefix);
    }
    Result<std::uint64_t> trimmedPosition(const std::string& doc) const override {
        return m_disk.trimmedPosition(doc);
    }
    Result<std::optional<store::Snapshot>> snapshot(const std::string& doc,
                                                    std::uint64_t position) const override {
        return m_disk.snapshot(doc, position);
    }
    Result<std::vector<store::FeedItem>> feed(int shard, std::uint64_t after,
                                              std::size_t limit) const override {
        return m_disk.feed(shard, after, limit);
    }
    int shardCount() const override { return m_disk.shardCount(); }
    Result<std::vector<std::string>> documents() const override { return m_disk.documents(); }

 private:
    test::MemoryLogStore m_disk;
    Lie m_lie;
    store::SeqNo m_written = 0;
};

}  // namespace kimdb::sim
