// SPDX-License-Identifier: MIT
#include "support/memory_log_store.h"

#include <algorithm>
#include <cassert>

namespace kimdb::test {

using store::Batch;
using store::LogEntry;

MemoryLogStore::MemoryLogStore(State state) : m_durable(std::move(state)), m_visible(m_durable) {}

void MemoryLogStore::sync() {
    syncSome(m_pending.size());
}

void MemoryLogStore::syncSome(std::size_t batches) {
    batches = std::min(batches, m_pending.size());
    if (batches == 0) return;
    for (std::size_t i = 0; i < batches; ++i) {
        apply(m_durable, m_pending[i]);
        ++m_durable.seq;
    }
    m_pending.erase(m_pending.begin(), m_pending.begin() + static_cast<std::ptrdiff_t>(batches));
    if (m_handler) m_handler(m_durable.seq);
}

void MemoryLogStore::crash() {
    m_pending.clear();
    m_visible = m_durable;
    m_handler = nullptr;
}

Result<store::SeqNo> MemoryLogStore::commit(Batch batch) {
    if (m_full)
        return Error{ErrorCode::StorageFull, "no space left; free some and try again", true};
    apply(m_visible, batch);
    m_pending.push_back(std::move(batch));
    return ++m_visible.seq;
}

void MemoryLogStore::apply(State& state, const Batch& batch) {
    for (const Batch::Op& op : batch.ops()) {
        if (const auto* append = std::get_if<Batch::Append>(&op)) {
            Document& d = state.documents[append->doc];
            assert(append->entry.position == d.log.size() + 1);
            d.log.push_back(append->entry);
            d.shard_seq = ++state.shard_seqs[shardOf(state, append->doc)];
        } else if (const auto* replace = std::get_if<Batch::Replace>(&op)) {
            auto& log = state.documents[replace->doc].log;
            assert(replace->entry.position >= 1 && replace->entry.position <= log.size());
            log[replace->entry.position - 1] = replace->entry;
        } else if (const auto* put = std::get_if<Batch::Put>(&op)) {
            state.documents[put->doc].keys[put->key] = put->value;
        } else if (const auto* erase = std::get_if<Batch::Erase>(&op)) {
            state.documents[erase->doc].keys.erase(erase->key);
        } else if (const auto* record = std::get_if<Batch::PutRecord>(&op)) {
            state.records[{record->collection, record->key}] = record->value;
        } else if (const auto* gone = std::get_if<Batch::EraseRecord>(&op)) {
            state.records.erase({gone->collection, gone->key});
        } else if (const auto* snapshot = std::get_if<Batch::PutSnapshot>(&op)) {
            state.documents[snapshot->doc].snapshots[snapshot->position] = snapshot->bytes;
        } else if (const auto* old = std::get_if<Batch::EraseSnapshot>(&op)) {
            state.documents[old->doc].snapshots.erase(old->position);
        } else if (const auto* trim = std::get_if<Batch::Trim>(&op)) {
            Document& d = state.documents[trim->doc];
            for (std::uint64_t i = d.trimmed; i < trim->up_to; ++i) d.log[i] = {};
            d.trimmed = std::max(d.trimmed, trim->up_to);
        }
    }
}

const MemoryLogStore::Document* MemoryLogStore::find(const std::string& doc) const {
    const auto it = m_visible.documents.find(doc);
    return it == m_visible.documents.end() ? nullptr : &it->second;
}

Result<std::uint64_t> MemoryLogStore::lastPosition(const std::string& doc) const {
    const Document* d = find(doc);
    return d ? std::uint64_t{d->log.size()} : std::uint64_t{0};
}

Result<std::vector<LogEntry>> MemoryLogStore::readLog(const std::string& doc, std::uint64_t after,
                                                      std::size_t bytes_max) const {
    std::vector<LogEntry> out;
    std::size_t bytes = 0;
    const Document* d = find(doc);
    if (d && after < d->trimmed) return Error{ErrorCode::TooOld, "the log was trimmed"};
    if (d)
        for (std::uint64_t i = after; i < d->log.size() && (out.empty() || bytes < bytes_max);
             ++i) {
            out.push_back(d->log[i]);
            bytes += d->log[i].change.size();
        }
    return out;
}

Result<std::optional<LogEntry>> MemoryLogStore::findEntry(const std::string& doc, ReplicaId replica,
                                                          std::uint64_t counter) const {
    if (const Document* d = find(doc))
        for (const LogEntry& e : d->log)
            if (e.replica == replica && e.first <= counter && counter < e.first + e.count)
                return std::optional<LogEntry>(e);
    return std::optional<LogEntry>();
}

Result<std::optional<Bytes>> MemoryLogStore::get(const std::string& doc,
                                                 const std::string& key) const {
    const Document* d = find(doc);
    if (!d) return std::optional<Bytes>();
    const auto it = d->keys.find(key);
    return it == d->keys.end() ? std::optional<Bytes>() : std::optional<Bytes>(it->second);
}

Result<std::vector<std::pair<std::string, Bytes>>> MemoryLogStore::scan(
    const std::string& doc, const std::string& prefix) const {
    std::vector<std::pair<std::string, Bytes>> out;
    if (const Document* d = find(doc))
        for (auto it = d->keys.lower_bound(prefix);
             it != d->keys.end() && it->first.starts_with(prefix); ++it)
            out.emplace_back(*it);
    return out;
}

int MemoryLogStore::shardOf(const State& state, const std::string& doc) {
    return doc.empty() ? 0 : shardOfKey(doc, state.shard_count);
}

Result<std::uint64_t> MemoryLogStore::trimmedPosition(const std::string& doc) const {
    const Document* d = find(doc);
    return d ? d->trimmed : std::uint64_t{0};
}

Result<std::optional<store::Snapshot>> MemoryLogStore::snapshot(const std::string& doc,
                                                                std::uint64_t position) const {
    const Document* d = find(doc);
    if (!d) return std::optional<store::Snapshot>();
    auto it = d->snapshots.upper_bound(position);
    if (it == d->snapshots.begin()) return std::optional<store::Snapshot>();
    --it;
    return std::optional<store::Snapshot>({it->first, it->second});
}

Result<std::vector<store::FeedItem>> MemoryLogStore::feed(int shard, std::uint64_t after,
                                                          std::size_t limit) const {
    std::vector<store::FeedItem> out;
    for (const auto& [doc, d] : m_visible.documents)
        if (shardOf(m_visible, doc) == shard && d.shard_seq > after)
            out.push_back({doc, d.log.size(), d.shard_seq});
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.shard_seq < b.shard_seq; });
    out.resize(std::min(out.size(), limit));
    return out;
}

Result<std::vector<std::string>> MemoryLogStore::documents() const {
    std::vector<std::string> out;
    for (const auto& [name, d] : m_visible.documents)
        if (!name.empty()) out.push_back(name);
    return out;
}

}  // namespace kimdb::test
