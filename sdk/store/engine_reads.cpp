// SPDX-License-Identifier: MIT
// The read path of documents: the memtables in one locked moment, then the shard. What a memtable
// has is newer.
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
        if (d) last = d->last;
        return last > 0;
    });
    if (last > 0) return last;
    auto reader = shardOf(doc);
    if (!reader) return reader.error();
    auto flushed = (*reader)->document(doc);
    if (!flushed) return flushed.error();
    return flushed->last;
}

Result<std::uint64_t> Engine::trimmedPosition(const std::string& doc) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    std::uint64_t trimmed = 0;
    m_tables->newestFirst([&](const Memtable& table) {
        const Memtable::Document* d = table.find(doc);
        if (d) trimmed = std::max(trimmed, d->trimmed);
        return false;
    });
    auto reader = shardOf(doc);
    if (!reader) return reader.error();
    auto flushed = (*reader)->document(doc);
    if (!flushed) return flushed.error();
    return std::max(trimmed, flushed->trimmed);
}

Result<std::optional<Snapshot>> Engine::snapshot(const std::string& doc,
                                                 std::uint64_t position) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    std::map<std::uint64_t, Memtable::Value> buffered;
    m_tables->newestFirst([&](const Memtable& table) {
        if (const Memtable::Document* d = table.find(doc))
            buffered.insert(d->snapshots.begin(), d->snapshots.upper_bound(position));
        return false;
    });
    auto reader = shardOf(doc);
    if (!reader) return reader.error();
    // The newest that no memtable says anything about.
    std::optional<Snapshot> found;
    for (std::uint64_t below = position;;) {
        auto flushed = (*reader)->snapshot(doc, below);
        if (!flushed) return flushed.error();
        found = std::move(*flushed);
        if (!found || !buffered.contains(found->position)) break;
        below = found->position - 1;
        if (found->position > 0) continue;
        found.reset();
        break;
    }
    for (auto it = buffered.rbegin(); it != buffered.rend(); ++it) {
        if (!it->second) continue;
        if (!found || found->position <= it->first)
            found = Snapshot{it->first, std::move(*it->second)};
        break;
    }
    return found;
}

Result<std::vector<FeedItem>> Engine::feed(int shard, std::uint64_t after,
                                           std::size_t limit) const {
    const std::shared_lock lock(m_open_mutex);
    if (auto ok = checkOpen(); !ok) return ok.error();
    if (shard < 0 || shard >= m_options.shard_count)
        return Error{ErrorCode::InvalidArgument, "there is no such shard"};
    std::map<std::string, FeedItem> buffered;
    m_tables->newestFirst([&](const Memtable& table) {
        for (const auto& [doc, d] : table.documents())
            if (d.shard == shard && d.shard_seq > after)
                buffered.emplace(doc, FeedItem{doc, d.last, d.shard_seq});
        return false;
    });
    auto reader = m_shards[static_cast<std::size_t>(shard)]->reader();
    if (!reader) return reader.error();
    // What is flushed has smaller numbers, but for documents that have moved on since.
    std::vector<FeedItem> out;
    for (bool more = true; more && out.size() < limit;) {
        auto page = (*reader)->feed(after, limit);
        if (!page) return page.error();
        more = page->size() == limit;
        for (FeedItem& item : *page) {
            after = item.shard_seq;
            const auto newer = buffered.find(item.doc);
            if (newer != buffered.end() && newer->second.shard_seq > item.shard_seq) continue;
            buffered.erase(item.doc);
            if (out.size() < limit) out.push_back(std::move(item));
        }
    }
    const std::size_t flushed = out.size();
    for (auto& [doc, item] : buffered) out.push_back(std::move(item));
    std::sort(out.begin() + static_cast<std::ptrdiff_t>(flushed), out.end(),
              [](const FeedItem& a, const FeedItem& b) { return a.shard_seq < b.shard_seq; });
    out.resize(std::min(out.size(), limit));
    return out;
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
    if (after < overlay.trimmed())
        return Error{ErrorCode::TooOld, "the log of document " + doc + " begins behind position " +
                                            std::to_string(overlay.trimmed())};
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
    // A table that leaves memory meanwhile takes along what it says of an older entry.
    for (;;) {
        const std::uint64_t generation = m_tables->generation();
        auto found = lookForEntry(doc, replica, counter);
        if (!found || generation == m_tables->generation()) return found;
    }
}

Result<std::optional<LogEntry>> Engine::lookForEntry(const std::string& doc, ReplicaId replica,
                                                     std::uint64_t counter) const {
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
    // It may have been replaced or dropped since.
    bool dropped = false;
    m_tables->newestFirst([&](const Memtable& table) {
        const Memtable::Document* d = table.find(doc);
        if (!d) return false;
        dropped |= found->position <= d->trimmed;
        const auto at = d->log.find(found->position);
        if (at == d->log.end()) return false;
        *found = at->second;
        return true;
    });
    if (dropped || !covers(*found, replica, counter)) return std::optional<LogEntry>();
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

}  // namespace kimdb::store
