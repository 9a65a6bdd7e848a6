// SPDX-License-Identifier: MIT
#include "store/memtable.h"

#include <algorithm>
#include <cassert>

namespace kimdb::store {
namespace {

constexpr std::size_t kNodeBytes = 96;  // about what a map's node and two string headers take

std::size_t costOf(const LogEntry& e) {
    return 2 * kNodeBytes + sizeof(LogEntry) + e.user.size() + e.change.size();
}

}  // namespace

int Memtable::shardOfDocument(const std::string& doc, int shard_count) {
    return doc.empty() ? 0 : shardOfKey(doc, shard_count);
}

int Memtable::shardOfRecord(const std::string& collection, const std::string& key,
                            int shard_count) {
    return shardOfKey(collection + "/" + key, shard_count);
}

const Memtable::Document* Memtable::find(const std::string& doc) const {
    const auto it = m_documents.find(doc);
    return it == m_documents.end() ? nullptr : &it->second;
}

Memtable::Document& Memtable::document(std::string doc) {
    const auto it = m_documents.find(doc);
    if (it != m_documents.end()) return it->second;
    m_bytes += kNodeBytes + sizeof(Document) + doc.size();
    const int shard = shardOfDocument(doc, m_shard_count);
    Document& made = m_documents[std::move(doc)];
    made.shard = shard;
    m_touched |= 1U << shard;
    return made;
}

void Memtable::putEntry(std::string doc, LogEntry entry) {
    Document& d = document(std::move(doc));
    const auto [it, fresh] = d.log.try_emplace(entry.position);
    if (!fresh) {
        const auto old = d.by_counter.find({it->second.replica, it->second.first});
        if (old != d.by_counter.end() && old->second == entry.position) d.by_counter.erase(old);
    }
    d.by_counter[{entry.replica, entry.first}] = entry.position;
    m_bytes += costOf(entry);
    it->second = std::move(entry);
}

void Memtable::apply(Batch batch, SeqNo seq, const Applied& applied) {
    const auto held = [&](int shard) {
        return !applied.empty() && seq <= applied[static_cast<std::size_t>(shard)];
    };
    const auto heldDoc = [&](const std::string& doc) {
        return !applied.empty() && held(shardOfDocument(doc, m_shard_count));
    };
    const auto putKey = [&](const std::string& doc, const std::string& key, Value value) {
        if (heldDoc(doc)) return;
        m_bytes += kNodeBytes + key.size() + (value ? value->size() : 0);
        document(doc).keys[key] = std::move(value);
    };
    const auto putRecord = [&](const std::string& collection, const std::string& key, Value value) {
        const int shard = shardOfRecord(collection, key, m_shard_count);
        if (held(shard)) return;
        m_bytes += kNodeBytes + collection.size() + key.size() + (value ? value->size() : 0);
        m_touched |= 1U << shard;
        m_records[{collection, key}] = Record{shard, std::move(value)};
    };
    for (Batch::Op& op : batch.takeOps()) {
        if (auto* append = std::get_if<Batch::Append>(&op)) {
            if (!heldDoc(append->doc)) putEntry(std::move(append->doc), std::move(append->entry));
        } else if (auto* replace = std::get_if<Batch::Replace>(&op)) {
            if (!heldDoc(replace->doc))
                putEntry(std::move(replace->doc), std::move(replace->entry));
        } else if (auto* put = std::get_if<Batch::Put>(&op)) {
            putKey(put->doc, put->key, std::move(put->value));
        } else if (auto* erase = std::get_if<Batch::Erase>(&op)) {
            putKey(erase->doc, erase->key, std::nullopt);
        } else if (auto* record = std::get_if<Batch::PutRecord>(&op)) {
            putRecord(record->collection, record->key, std::move(record->value));
        } else if (auto* gone = std::get_if<Batch::EraseRecord>(&op)) {
            putRecord(gone->collection, gone->key, std::nullopt);
        }
    }
    m_last = seq;
}

void LogOverlay::collect(const Memtable& table, const std::string& doc, std::uint64_t after,
                         std::size_t bytes_max) {
    const Memtable::Document* d = table.find(doc);
    if (!d) return;
    std::size_t bytes = 0;
    for (auto it = d->log.upper_bound(after); it != d->log.end(); ++it) {
        if (it->first > m_complete) return;
        m_entries.emplace(it->first, it->second);  // a newer table's version stays
        bytes += it->second.change.size();
        if (bytes < bytes_max) continue;
        m_complete = it->first;
        return;
    }
}

bool LogOverlay::answersAlone(std::uint64_t after, std::size_t bytes_max) const {
    std::size_t bytes = 0;
    for (auto it = m_entries.begin(); it != m_entries.end() && it->first == after + 1; ++it) {
        ++after;
        bytes += it->second.change.size();
    }
    return bytes >= bytes_max && bytes > 0;
}

Result<std::vector<LogEntry>> LogOverlay::merge(std::vector<LogEntry> shard, std::uint64_t after,
                                                std::size_t bytes_max) {
    std::vector<LogEntry> out;
    std::size_t shard_bytes = 0;
    for (const LogEntry& entry : shard) shard_bytes += entry.change.size();
    if (shard_bytes >= bytes_max && !shard.empty())  // the shard may have more behind its answer
        m_complete = std::min(m_complete, shard.back().position);
    std::size_t bytes = 0;
    auto from_shard = shard.begin();
    for (std::uint64_t at = after + 1; at <= m_complete && (out.empty() || bytes < bytes_max);
         ++at) {
        while (from_shard != shard.end() && from_shard->position < at) ++from_shard;
        const auto mine = m_entries.find(at);
        if (mine != m_entries.end()) {
            out.push_back(std::move(mine->second));
        } else if (from_shard != shard.end() && from_shard->position == at) {
            out.push_back(std::move(*from_shard));
        } else if (from_shard != shard.end() || m_entries.upper_bound(at) != m_entries.end()) {
            return Error{ErrorCode::StorageCorrupt,
                         "position " + std::to_string(at) + " of a document's log is missing"};
        } else {
            break;
        }
        bytes += out.back().change.size();
    }
    return out;
}

void RecordOverlay::collect(const Memtable& table, const std::string& collection,
                            const std::string& from, std::size_t limit) {
    std::size_t present = 0;  // of what the scan will see: a newer table may have erased some
    for (auto it = table.records().lower_bound({collection, from});
         it != table.records().end() && it->first.first == collection && present < limit; ++it) {
        const auto [record, fresh] = m_records.emplace(it->first.second, it->second.value);
        present += record->second.has_value();
    }
}

}  // namespace kimdb::store
