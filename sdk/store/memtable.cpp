// SPDX-License-Identifier: MIT
#include "store/memtable.h"

#include <algorithm>
#include <cassert>

namespace kimdb::store {
namespace {

constexpr std::size_t kNodeBytes = 96;  // about what a map's node and two string headers take

constexpr std::size_t kRowBytes = sizeof(SortedRows::Row) + 64;  // and its entry, two allocations

std::size_t costOf(const LogEntry& e) {
    return 2 * kNodeBytes + sizeof(LogEntry) + e.user.size() + e.change.size();
}

}  // namespace

int Memtable::shardOfDocument(const std::string& doc, int shard_count) {
    return doc.empty() ? 0 : shardOfKey(doc, shard_count);
}

int Memtable::shardOfRecord(const RecordName& name, int shard_count) {
    std::string text;
    text.reserve(name.first.size() + 1 + name.second.size());
    text.append(name.first).append(1, '/').append(name.second);
    return shardOfKey(text, shard_count);
}

const Memtable::Document* Memtable::find(const std::string& doc) const {
    const auto it = m_documents.find(doc);
    return it == m_documents.end() ? nullptr : &it->second;
}

const Memtable::Record* Memtable::findRecord(const RecordName& name, int shard) const {
    const RecordTable& table = records(shard);
    const auto it = table.find(name.first);
    return it == table.end() ? nullptr : it->second.find(name.second);
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

// Takes one operation after the other, but for what its shard already holds.
class Memtable::Applier {
 public:
    Applier(Memtable& table, SeqNo seq, const Applied& applied)
        : m_table(table), m_seq(seq), m_applied(applied) {}

    void operator()(Batch::Append& op) {
        if (held(op.doc)) return;
        Document& d = m_table.document(std::move(op.doc));
        d.last = op.entry.position;
        d.shard_seq = ++m_table.m_shard_seqs[static_cast<std::size_t>(d.shard)];
        putEntry(d, std::move(op.entry));
    }
    void operator()(Batch::Replace& op) {
        if (!held(op.doc)) putEntry(m_table.document(std::move(op.doc)), std::move(op.entry));
    }
    void operator()(Batch::Put& op) { putKey(op.doc, op.key, std::move(op.value)); }
    void operator()(Batch::Erase& op) { putKey(op.doc, op.key, std::nullopt); }
    void operator()(Batch::PutRecord& op) {
        const std::size_t bytes = op.value.size();
        putRecord(op.collection, op.key, bytes,
                  StoredRecord{std::move(op.value), m_seq, op.expires_ms});
    }
    void operator()(Batch::EraseRecord& op) { putRecord(op.collection, op.key, 0, std::nullopt); }
    void operator()(Batch::PutSnapshot& op) {
        putSnapshot(op.doc, op.position, std::move(op.bytes));
    }
    void operator()(Batch::EraseSnapshot& op) { putSnapshot(op.doc, op.position, std::nullopt); }
    void operator()(Batch::Trim& op) {
        if (held(op.doc)) return;
        Document& d = m_table.document(std::move(op.doc));
        d.trimmed = std::max(d.trimmed, op.up_to);
        const auto end = d.log.upper_bound(d.trimmed);
        for (auto it = d.log.begin(); it != end; ++it) forgetCounter(d, it->second);
        d.log.erase(d.log.begin(), end);
    }

 private:
    bool heldBy(int shard) const {
        return !m_applied.empty() && m_seq <= m_applied[static_cast<std::size_t>(shard)];
    }
    bool held(const std::string& doc) const {
        return !m_applied.empty() && heldBy(shardOfDocument(doc, m_table.m_shard_count));
    }
    static void forgetCounter(Document& d, const LogEntry& entry) {
        const auto at = d.by_counter.find({entry.replica, entry.first});
        if (at != d.by_counter.end() && at->second == entry.position) d.by_counter.erase(at);
    }
    void putEntry(Document& d, LogEntry entry) {
        const auto [it, fresh] = d.log.try_emplace(entry.position);
        if (!fresh) forgetCounter(d, it->second);
        d.by_counter[{entry.replica, entry.first}] = entry.position;
        m_table.m_bytes += costOf(entry);
        it->second = std::move(entry);
    }
    void putKey(const std::string& doc, const std::string& key, Value value) {
        if (held(doc)) return;
        m_table.m_bytes += kNodeBytes + key.size() + (value ? value->size() : 0);
        m_table.document(doc).keys[key] = std::move(value);
    }
    void putSnapshot(const std::string& doc, std::uint64_t position, Value bytes) {
        if (held(doc)) return;
        m_table.m_bytes += kNodeBytes + (bytes ? bytes->size() : 0);
        m_table.document(doc).snapshots[position] = std::move(bytes);
    }
    void putRecord(std::string& collection, std::string& key, std::size_t bytes,
                   std::optional<StoredRecord> value) {
        const int shard = shardOfRecord({collection, key}, m_table.m_shard_count);
        if (heldBy(shard)) return;
        m_table.m_touched |= 1U << shard;
        RecordTable& records = m_table.m_records[static_cast<std::size_t>(shard)];
        auto in = records.find(collection);
        if (in == records.end()) in = records.try_emplace(std::move(collection)).first;
        m_table.m_bytes += kRowBytes + key.size() + bytes;
        in->second.row(std::move(key)).value = std::move(value);
    }

    Memtable& m_table;
    SeqNo m_seq;
    const Applied& m_applied;
};

void Memtable::apply(Batch batch, SeqNo seq, const Applied& applied) {
    Applier applier(*this, seq, applied);
    std::vector<Batch::Op> ops = batch.takeOps();
    m_rows += ops.size();
    for (Batch::Op& op : ops) std::visit(applier, op);
    m_last = seq;
}

void LogOverlay::collect(const Memtable& table, const std::string& doc, std::uint64_t after,
                         std::size_t bytes_max) {
    const Memtable::Document* d = table.find(doc);
    if (!d) return;
    m_trimmed = std::max(m_trimmed, d->trimmed);
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
    struct Range {
        SortedRows::Iterator at, end;
    };
    std::vector<Range> ranges;  // of the shards, none empty
    for (int shard = 0; shard < table.shardCount(); ++shard) {
        const auto in = table.records(shard).find(collection);
        if (in == table.records(shard).end()) continue;
        const Range range{in->second.lowerBound(from), in->second.end()};
        if (range.at != range.end) ranges.push_back(range);
    }
    std::size_t present = 0;  // of what the scan will see: a newer table may have erased some
    while (present < limit && !ranges.empty()) {
        const auto next =
            std::min_element(ranges.begin(), ranges.end(),
                             [](const Range& a, const Range& b) { return a.at->key < b.at->key; });
        auto value = next->at->value;
        if (value && value->expired(m_now_ms)) value.reset();
        const auto [record, fresh] = m_records.emplace(next->at->key, std::move(value));
        present += record->second.has_value();
        if (++next->at == next->end) ranges.erase(next);
    }
}

}  // namespace kimdb::store
