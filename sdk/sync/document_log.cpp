// SPDX-License-Identifier: MIT
#include "sync/document_log.h"

#include <algorithm>
#include <cstdio>

#include "core/bytes.h"

namespace kimdb::sync {
namespace {

constexpr char kStateKey[] = "sync/state";
constexpr char kStreamPrefix[] = "sync/stream/";
constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::uint8_t kDropped = 1;  // LogEntry::flags on a client

std::string streamKey(ReplicaId replica) {
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(replica));
    return kStreamPrefix + std::string(hex);
}

Bytes encodeStream(ReplicaId replica, const Stream& s) {
    Bytes value;
    ByteWriter out(value);
    out.u64(replica);
    out.varint(s.head);
    out.varint(s.acked);
    out.raw(s.acked_hash.view());
    out.varint(s.acked_ever);
    out.raw(s.salt_key.view());
    return value;
}

bool decodeStream(ByteView value, ReplicaId& replica, Stream& s) {
    ByteReader in(value);
    replica = in.u64();
    s.head = in.varint();
    s.acked = in.varint();
    const ByteView hash = in.raw(16);
    s.acked_ever = in.varint();
    const ByteView salt = in.raw(16);
    if (!in.done()) return false;
    s.acked_hash = Hash16::from(hash);
    s.salt_key = SaltKey::from(salt);
    return true;
}

Bytes encodeState(const LogState& s) {
    Bytes value;
    ByteWriter out(value);
    out.raw(s.epoch.view());
    out.varint(s.position);
    out.raw(s.log_hash.view());
    out.varint(s.incarnation);
    out.u8(s.bound ? 1 : 0);
    out.varint(s.queue_start);
    out.varint(s.queue_base);
    return value;
}

bool decodeState(ByteView value, LogState& s) {
    ByteReader in(value);
    const ByteView epoch = in.raw(16);
    s.position = in.varint();
    const ByteView hash = in.raw(16);
    s.incarnation = static_cast<std::uint32_t>(in.varint(UINT32_MAX));
    s.bound = in.u8() == 1;
    s.queue_start = in.varint();
    s.queue_base = in.varint();
    if (!in.done()) return false;
    s.epoch = Hash16::from(epoch);
    s.log_hash = Hash16::from(hash);
    return true;
}

Error damaged(const std::string& name) {
    return {ErrorCode::StorageCorrupt, "the sync state of " + name + " is damaged"};
}

}  // namespace

Result<DocumentLog> DocumentLog::load(store::LogStore& store, std::string name) {
    DocumentLog log(store, std::move(name));
    const auto last = store.lastPosition(log.m_name);
    if (!last) return last.error();
    log.m_last_position = *last;
    const auto state = store.get(log.m_name, kStateKey);
    if (!state) return state.error();
    if (*state && !decodeState(**state, log.m_state)) return damaged(log.m_name);
    const auto streams = store.scan(log.m_name, kStreamPrefix);
    if (!streams) return streams.error();
    for (const auto& [key, value] : *streams) {
        ReplicaId replica = 0;
        Stream stream;
        if (!decodeStream(value, replica, stream)) return damaged(log.m_name);
        log.m_streams.emplace(replica, stream);
    }
    return log;
}

Stream DocumentLog::stream(ReplicaId replica) const {
    const auto it = m_streams.find(replica);
    return it == m_streams.end() ? Stream{} : it->second;
}

Result<> DocumentLog::forEach(std::uint64_t after,
                              const std::function<bool(const LogChange&)>& visit) const {
    while (after < m_last_position) {
        const auto entries = m_store->readLog(m_name, after, kReadBytes);
        if (!entries) return entries.error();
        if (entries->empty()) return damaged(m_name);
        for (const store::LogEntry& entry : *entries) {
            after = entry.position;
            if (entry.flags & kDropped) continue;
            auto change = decodeChange(entry.change);
            if (!change) return damaged(m_name);
            if (!visit({entry.position, std::move(*change)})) return {};
        }
    }
    return {};
}

Result<std::optional<LogChange>> DocumentLog::find(ReplicaId replica, std::uint64_t counter) const {
    const auto entry = m_store->findEntry(m_name, replica, counter);
    if (!entry) return entry.error();
    if (!*entry) return std::optional<LogChange>();
    auto change = decodeChange((*entry)->change);
    if (!change) return damaged(m_name);
    return std::optional(LogChange{(*entry)->position, std::move(*change)});
}

Hash16 DocumentLog::hashOf(const Change& change) const {
    const SaltKey key = change.salt_key ? *change.salt_key : stream(change.replica).salt_key;
    SaltTree& tree = m_salts[change.replica];
    if (tree.key() != key) tree = SaltTree(key);
    return changeHash(change, tree);
}

// ---- Edit ----

DocumentLog::Edit::Edit(DocumentLog& log, std::int64_t wall_ms)
    : m_log(log), m_wall_ms(wall_ms), m_state(log.m_state), m_last_position(log.m_last_position) {}

store::LogEntry DocumentLog::Edit::entryOf(std::uint64_t position, const Change& change) const {
    store::LogEntry entry;
    entry.position = position;
    entry.replica = change.replica;
    entry.first = change.first;
    entry.count = change.count;
    entry.received_ms = m_wall_ms;
    entry.change = encodeChange(change);
    return entry;
}

void DocumentLog::Edit::append(const Change& change) {
    m_batch.append(m_log.m_name, entryOf(++m_last_position, change));
    Stream& s = stream(change.replica);
    s.head = change.last();
    if (change.salt_key) s.salt_key = *change.salt_key;
}

void DocumentLog::Edit::replace(std::uint64_t position, const Change& change) {
    m_batch.replace(m_log.m_name, entryOf(position, change));
}

void DocumentLog::Edit::drop(std::uint64_t position) {
    // Out of the way of any lookup by (replica, counter), yet unlike every other entry.
    store::LogEntry entry;
    entry.position = position;
    entry.first = position;
    entry.count = 1;
    entry.received_ms = m_wall_ms;
    entry.flags = kDropped;
    m_batch.replace(m_log.m_name, std::move(entry));
}

Stream& DocumentLog::Edit::stream(ReplicaId replica) {
    const auto it = m_streams.find(replica);
    return it != m_streams.end() ? it->second : m_streams[replica] = m_log.stream(replica);
}

Hash16 DocumentLog::Edit::hashOf(const Change& change) {
    const SaltKey key = change.salt_key ? *change.salt_key : stream(change.replica).salt_key;
    SaltTree& tree = m_log.m_salts[change.replica];
    if (tree.key() != key) tree = SaltTree(key);
    return changeHash(change, tree);
}

void DocumentLog::Edit::acknowledge(ReplicaId replica, std::uint64_t counter, const Hash16& hash) {
    Stream& s = stream(replica);
    if (counter <= s.acked) return;
    s.acked = counter;
    s.acked_hash = rollingHash(s.acked_hash, hash);
    s.acked_ever = std::max(s.acked_ever, counter);
}

Result<store::SeqNo> DocumentLog::Edit::commit() {
    for (const auto& [replica, stream] : m_streams)
        if (stream != m_log.stream(replica))
            m_batch.put(m_log.m_name, streamKey(replica), encodeStream(replica, stream));
    if (m_state != m_log.m_state) m_batch.put(m_log.m_name, kStateKey, encodeState(m_state));
    if (m_batch.empty()) return m_log.m_store->durableSeq();
    const auto seq = m_log.m_store->commit(std::move(m_batch));
    if (!seq) return seq;
    for (const auto& [replica, stream] : m_streams) m_log.m_streams[replica] = stream;
    m_log.m_state = m_state;
    m_log.m_last_position = m_last_position;
    return seq;
}

}  // namespace kimdb::sync
