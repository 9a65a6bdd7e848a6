// SPDX-License-Identifier: MIT
// The read path of records: the memtables in one locked moment, then the cache, then the shard.
#include <algorithm>
#include <map>
#include <set>

#include "store/engine.h"

namespace kimdb::store {
namespace {

// One shard's records in order, the next one at hand.
class RecordCursor {
 public:
    explicit RecordCursor(Shard::Lease reader) : m_reader(std::move(reader)) {}
    ~RecordCursor() { m_reader->endRecords(); }
    RecordCursor(const RecordCursor&) = delete;
    RecordCursor& operator=(const RecordCursor&) = delete;

    Result<> begin(const std::string& collection, const std::string& from) {
        m_reader->beginRecords(collection, from);
        return advance();
    }
    Result<> advance() {
        auto next = m_reader->nextRecord();
        if (!next) return next.error();
        m_next = std::move(*next);
        return {};
    }
    //! Nothing at the end.
    std::optional<NamedRecord>& next() { return m_next; }

 private:
    Shard::Lease m_reader;
    std::optional<NamedRecord> m_next;
};

using Cursors = std::vector<std::unique_ptr<RecordCursor>>;

// The cursor with the smallest key; null at the end of all.
RecordCursor* smallestOf(const Cursors& cursors) {
    RecordCursor* smallest = nullptr;
    for (const auto& cursor : cursors)
        if (cursor->next() && (!smallest || cursor->next()->key < smallest->next()->key))
            smallest = cursor.get();
    return smallest;
}

// Merges what memtables say (newer) with what the shards say, both in order.
Result<std::vector<NamedRecord>> merge(RecordOverlay::Found buffered, const Cursors& cursors,
                                       std::size_t limit, std::int64_t now_ms) {
    std::vector<NamedRecord> out;
    auto mine = buffered.begin();
    while (out.size() < limit) {
        RecordCursor* cursor = smallestOf(cursors);
        if (!cursor && mine == buffered.end()) break;
        if (mine != buffered.end() && (!cursor || mine->first <= cursor->next()->key)) {
            if (mine->second) out.push_back({mine->first, std::move(*mine->second)});
            const bool hides = cursor && mine->first == cursor->next()->key;
            ++mine;
            if (!hides) continue;
        } else if (!cursor->next()->record.expired(now_ms)) {
            out.push_back(std::move(*cursor->next()));
        }
        if (auto ok = cursor->advance(); !ok) return ok.error();
    }
    return out;
}

}  // namespace

Result<std::optional<StoredRecord>> Engine::record(std::string_view collection,
                                                   std::string_view key) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    auto found = findRecord({collection, key});
    if (found && *found && (*found)->expired(now())) found->reset();
    return found;
}

Result<std::optional<StoredRecord>> Engine::findRecord(const RecordName& name) const {
    const std::uint64_t epoch = m_cache.epoch();
    std::optional<StoredRecord> value;
    const int shard = Memtable::shardOfRecord(name, m_options.shard_count);
    const auto look = [&](const Memtable& table) {
        const Memtable::Record* found = table.findRecord(name, shard);
        if (found) value = found->value;
        return found != nullptr;
    };
    if (m_tables->newestFirst(look)) return value;
    if (auto cached = m_cache.find(name)) return std::move(*cached);
    auto reader = m_shards[static_cast<std::size_t>(shard)]->reader();
    if (!reader) return reader.error();
    auto found = (*reader)->record(name);
    if (found) m_cache.put(name, *found, epoch);
    return found;
}

Result<std::vector<NamedRecord>> Engine::scanRecords(const std::string& collection,
                                                     const std::string& from,
                                                     std::size_t limit) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    const std::int64_t now_ms = now();
    RecordOverlay overlay(now_ms);
    m_tables->newestFirst([&](const Memtable& table) {
        overlay.collect(table, collection, from, limit);
        return false;
    });
    Cursors cursors;
    for (const auto& shard : m_shards) {
        auto reader = shard->reader();
        if (!reader) return reader.error();
        cursors.push_back(std::make_unique<RecordCursor>(std::move(*reader)));
        if (auto ok = cursors.back()->begin(collection, from); !ok) return ok.error();
    }
    return merge(overlay.takeRecords(), cursors, limit, now_ms);
}

// The shards count what they hold; what a memtable says about a record corrects that by one.
Result<std::uint64_t> Engine::countRecords(const std::string& collection) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    const std::int64_t now_ms = now();
    RecordOverlay overlay(now_ms);
    m_tables->newestFirst([&](const Memtable& table) {
        overlay.collect(table, collection, "", SIZE_MAX);
        return false;
    });
    const auto buffered = overlay.takeRecords();
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < m_shards.size(); ++i) {
        auto reader = m_shards[i]->reader();
        if (!reader) return reader.error();
        if (auto ok = (*reader)->begin(); !ok) return ok.error();
        const std::unique_ptr<ShardReader, void (*)(ShardReader*)> end(
            &**reader, [](ShardReader* r) { r->end(); });
        auto held = (*reader)->countRecords(collection, now_ms);
        if (!held) return held.error();
        count += *held;
        for (const auto& [key, value] : buffered) {
            const RecordName name(collection, key);
            if (Memtable::shardOfRecord(name, m_options.shard_count) != static_cast<int>(i))
                continue;
            auto old = (*reader)->record(name);
            if (!old) return old.error();
            count += value.has_value();
            count -= *old && !(*old)->expired(now_ms);
        }
    }
    return count;
}

Result<std::vector<std::string>> Engine::collections() const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    std::set<std::string> names;
    m_tables->newestFirst([&](const Memtable& table) {
        for (int shard = 0; shard < table.shardCount(); ++shard)
            for (const auto& [collection, rows] : table.records(shard))
                if (std::any_of(rows.begin(), rows.end(),
                                [](const SortedRows::Row& row) { return row.value.has_value(); }))
                    names.insert(collection);
        return false;
    });
    for (const auto& shard : m_shards) {
        auto reader = shard->reader();
        if (!reader) return reader.error();
        auto flushed = (*reader)->collections();
        if (!flushed) return flushed.error();
        names.insert(flushed->begin(), flushed->end());
    }
    return std::vector<std::string>(names.begin(), names.end());
}

Result<std::size_t> Engine::sweepExpired(std::size_t limit) {
    std::size_t swept = 0;
    const std::int64_t now_ms = now();
    for (std::size_t i = 0; i < m_shards.size() && swept < limit; ++i) {
        std::vector<ShardReader::Expired> names;
        {
            const std::shared_lock lock(m_open_mutex);
            if (auto ok = checkOpen(); !ok) return ok.error();
            if (m_shards[i]->damage()) continue;
            auto reader = m_shards[i]->reader();
            if (!reader) return reader.error();
            auto found = (*reader)->expired(now_ms, limit - swept);
            if (!found) return found.error();
            names = std::move(*found);
        }
        for (const auto& [collection, key, version] : names) {
            {
                const std::shared_lock lock(m_open_mutex);
                if (auto ok = checkOpen(); !ok) return ok.error();
                const auto present = findRecord({collection, key});
                if (!present) return present.error();
                if (!*present || (*present)->version != version) continue;
            }
            Batch batch;
            batch.eraseRecord(collection, key);
            // Expired is absent: version 0. One that is set again right now stays.
            auto seq = commit(std::move(batch), {{collection, key, 0}});
            if (!seq && seq.error().code != ErrorCode::Conflict) return seq.error();
            swept += seq.ok();
        }
    }
    // Otherwise the shards would name the same ones again.
    if (swept > 0)
        if (auto ok = flush(); !ok) return ok.error();
    return swept;
}

}  // namespace kimdb::store
