// SPDX-License-Identifier: MIT
// The read path: the memtables in one locked moment, then the shard. What a memtable has is newer.
#include <algorithm>
#include <map>
#include <set>

#include "store/engine.h"

namespace kimdb::store {
namespace {

using Pair = std::pair<std::string, Bytes>;

bool covers(const LogEntry& entry, ReplicaId replica, std::uint64_t counter) {
    return entry.replica == replica && entry.first <= counter &&
           counter - entry.first < entry.count;
}

// The entry of one table that holds the counter.
const LogEntry* findIn(const Memtable::Document& d, ReplicaId replica, std::uint64_t counter) {
    auto it = d.by_counter.upper_bound({replica, counter});
    if (it == d.by_counter.begin()) return nullptr;
    const LogEntry& entry = d.log.at((--it)->second);
    return covers(entry, replica, counter) ? &entry : nullptr;
}

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
    const std::optional<Pair>& next() const { return m_next; }

 private:
    Shard::Lease m_reader;
    std::optional<Pair> m_next;
};

}  // namespace

Result<Shard::Lease> Engine::shardOf(const std::string& doc) const {
    return m_shards[static_cast<std::size_t>(Memtable::shardOfDocument(doc, m_options.shard_count))]
        ->reader();
}

Result<std::uint64_t> Engine::lastPosition(const std::string& doc) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    std::uint64_t last = 0;
    m_tables->newestFirst([&](const Memtable& table) {
        const Memtable::Document* d = table.find(doc);
        if (d && !d->log.empty()) last = std::max(last, d->log.rbegin()->first);
        return false;
    });
    // A memtable may hold nothing but a replaced entry from the middle.
    auto reader = shardOf(doc);
    if (!reader) return reader.error();
    auto flushed = (*reader)->lastPosition(doc);
    if (!flushed) return flushed.error();
    return std::max(last, *flushed);
}

Result<std::vector<LogEntry>> Engine::readLog(const std::string& doc, std::uint64_t after,
                                              std::size_t bytes_max) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    LogOverlay overlay;
    m_tables->newestFirst([&](const Memtable& table) {
        overlay.collect(table, doc, after, bytes_max);
        return false;
    });
    std::vector<LogEntry> flushed;
    if (!overlay.answersAlone(after, bytes_max)) {
        auto reader = shardOf(doc);
        if (!reader) return reader.error();
        auto read = (*reader)->readLog(doc, after, bytes_max);
        if (!read) return read.error();
        flushed = std::move(*read);
    }
    return overlay.merge(std::move(flushed), after, bytes_max);
}

Result<std::optional<LogEntry>> Engine::findEntry(const std::string& doc, ReplicaId replica,
                                                  std::uint64_t counter) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    std::optional<LogEntry> found;
    const auto look = [&](const Memtable& table) {
        const Memtable::Document* d = table.find(doc);
        const LogEntry* entry = d ? findIn(*d, replica, counter) : nullptr;
        if (entry) found = *entry;
        return entry != nullptr;
    };
    if (!m_tables->newestFirst(look)) {
        auto reader = shardOf(doc);
        if (!reader) return reader.error();
        auto read = (*reader)->findEntry(doc, replica, counter);
        if (!read) return read.error();
        found = std::move(*read);
    }
    if (!found) return found;
    // It may have been replaced since.
    m_tables->newestFirst([&](const Memtable& table) {
        const Memtable::Document* d = table.find(doc);
        if (!d) return false;
        const auto at = d->log.find(found->position);
        if (at == d->log.end()) return false;
        *found = at->second;
        return true;
    });
    if (!covers(*found, replica, counter)) return std::optional<LogEntry>();
    return found;
}

Result<std::optional<Bytes>> Engine::get(const std::string& doc, const std::string& key) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    Memtable::Value value;
    const auto look = [&](const Memtable& table) {
        const Memtable::Document* d = table.find(doc);
        if (!d) return false;
        const auto it = d->keys.find(key);
        if (it == d->keys.end()) return false;
        value = it->second;
        return true;
    };
    if (m_tables->newestFirst(look)) return value;
    auto reader = shardOf(doc);
    if (!reader) return reader.error();
    return (*reader)->get(doc, key);
}

Result<std::vector<Pair>> Engine::scan(const std::string& doc, const std::string& prefix) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    std::map<std::string, Memtable::Value> keys;
    m_tables->newestFirst([&](const Memtable& table) {
        const Memtable::Document* d = table.find(doc);
        if (!d) return false;
        for (auto it = d->keys.lower_bound(prefix);
             it != d->keys.end() && it->first.starts_with(prefix); ++it)
            keys.emplace(it->first, it->second);  // a newer table's version stays
        return false;
    });
    auto reader = shardOf(doc);
    if (!reader) return reader.error();
    auto flushed = (*reader)->scan(doc, prefix);
    if (!flushed) return flushed.error();
    for (Pair& pair : *flushed) keys.emplace(std::move(pair.first), std::move(pair.second));
    std::vector<Pair> out;
    for (auto& [key, value] : keys)
        if (value) out.emplace_back(key, std::move(*value));
    return out;
}

Result<bool> Engine::hasAnything(const std::string& doc) const {
    auto last = lastPosition(doc);
    if (!last) return last.error();
    if (*last > 0) return true;
    auto keys = scan(doc, "");
    if (!keys) return keys.error();
    return !keys->empty();
}

Result<std::vector<std::string>> Engine::documents() const {
    std::set<std::string> names;
    std::set<std::string> doubtful;  // keys were erased: is anything left?
    {
        const std::shared_lock lock(m_open_mutex);
        if (auto ok = checkOpen(); !ok) return ok.error();
        m_tables->newestFirst([&](const Memtable& table) {
            for (const auto& [doc, d] : table.documents()) {
                names.insert(doc);
                if (d.log.empty()) doubtful.insert(doc);
            }
            return false;
        });
        for (const auto& shard : m_shards) {
            auto reader = shard->reader();
            if (!reader) return reader.error();
            auto flushed = (*reader)->documents();
            if (!flushed) return flushed.error();
            names.insert(flushed->begin(), flushed->end());
        }
    }
    for (const std::string& doc : doubtful) {
        auto any = hasAnything(doc);
        if (!any) return any.error();
        if (!*any) names.erase(doc);
    }
    names.erase("");
    return std::vector<std::string>(names.begin(), names.end());
}

Result<std::optional<Bytes>> Engine::record(const std::string& collection,
                                            const std::string& key) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    Memtable::Value value;
    const auto look = [&](const Memtable& table) {
        const auto it = table.records().find({collection, key});
        if (it == table.records().end()) return false;
        value = it->second.value;
        return true;
    };
    if (m_tables->newestFirst(look)) return value;
    const int shard = Memtable::shardOfRecord(collection, key, m_options.shard_count);
    auto reader = m_shards[static_cast<std::size_t>(shard)]->reader();
    if (!reader) return reader.error();
    return (*reader)->record(collection, key);
}

Result<std::vector<Pair>> Engine::scanRecords(const std::string& collection,
                                              const std::string& from, std::size_t limit) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    RecordOverlay overlay;
    m_tables->newestFirst([&](const Memtable& table) {
        overlay.collect(table, collection, from, limit);
        return false;
    });
    std::vector<std::unique_ptr<RecordCursor>> cursors;
    for (const auto& shard : m_shards) {
        auto reader = shard->reader();
        if (!reader) return reader.error();
        cursors.push_back(std::make_unique<RecordCursor>(std::move(*reader)));
        if (auto ok = cursors.back()->begin(collection, from); !ok) return ok.error();
    }
    std::vector<Pair> out;
    auto records = overlay.takeRecords();
    auto mine = records.begin();
    while (out.size() < limit) {
        RecordCursor* smallest = nullptr;
        for (const auto& cursor : cursors)
            if (cursor->next() && (!smallest || cursor->next()->first < smallest->next()->first))
                smallest = cursor.get();
        const bool has_mine = mine != records.end();
        if (!smallest && !has_mine) break;
        if (has_mine && (!smallest || mine->first <= smallest->next()->first)) {
            if (mine->second) out.emplace_back(mine->first, std::move(*mine->second));
            const bool hidden = smallest && mine->first == smallest->next()->first;
            ++mine;
            if (!hidden) continue;
        } else {
            out.push_back(*smallest->next());
        }
        if (auto ok = smallest->advance(); !ok) return ok.error();
    }
    return out;
}

}  // namespace kimdb::store
