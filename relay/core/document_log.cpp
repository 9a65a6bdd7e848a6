// SPDX-License-Identifier: MIT
#include "relay/core/document_log.h"

#include "core/bytes.h"
#include "core/limits.h"
#include "relay/core/replica_key.h"

namespace kimdb::relay {
namespace {

constexpr char kStreamPrefix[] = "s/";

Error damaged(const std::string& document, const std::string& what) {
    return {ErrorCode::StorageCorrupt, what + " of document " + document + " is damaged"};
}

wire::StreamState told(ReplicaId replica, const Stream& stream) {
    return {replica, stream.head, stream.hash, 0};
}

}  // namespace

std::string Stream::key(ReplicaId replica) {
    return kStreamPrefix + replicaKey(replica);
}

Bytes Stream::encode() const {
    Bytes out;
    ByteWriter writer(out);
    writer.varint(head);
    writer.raw(hash.view());
    writer.raw(salts.key().view());
    writer.u8(refusal ? 1 : 0);
    if (refusal) {
        writer.varint(refusal->first);
        writer.varint(static_cast<std::uint16_t>(refusal->code));
    }
    return out;
}

Result<Stream> Stream::decode(ByteView bytes) {
    ByteReader reader(bytes);
    Stream stream;
    stream.head = reader.varint(limits::kCounterMax);
    const ByteView hash = reader.raw(16);
    const ByteView salt_key = reader.raw(16);
    const bool refused = reader.u8() == 1;
    if (refused) {
        stream.refusal.emplace();
        stream.refusal->first = reader.varint(limits::kCounterMax);
        stream.refusal->code = static_cast<ErrorCode>(reader.varint(UINT16_MAX));
    }
    if (!reader.done()) return Error{ErrorCode::StorageCorrupt, "a stream head is damaged"};
    stream.hash = Hash16::from(hash);
    stream.salts = SaltTree(Hash16::from(salt_key));
    return stream;
}

Result<std::unique_ptr<DocumentLog>> DocumentLog::load(CommitOrder& commits, std::string name) {
    std::unique_ptr<DocumentLog> log(new DocumentLog(commits, std::move(name)));
    auto head = commits.store().lastPosition(log->m_name);
    if (!head.ok()) return head.error();
    log->m_head = *head;
    auto hash = log->storedHash(*head);
    if (!hash.ok()) return hash.error();
    log->m_hash = *hash;
    // A store taken over from an earlier core may still be writing what is visible here.
    if (*head > 0) log->m_pending.emplace_back(commits.last(), *head);
    log->durableReached(commits.durable());
    return log;
}

Result<Stream*> DocumentLog::stream(ReplicaId replica) {
    auto known = knownStream(replica);
    if (!known.ok() || *known) return known;
    return &m_streams[replica];
}

Result<wire::StreamState> DocumentLog::streamState(ReplicaId replica) {
    auto known = knownStream(replica);
    if (!known.ok()) return known.error();
    return told(replica, *known ? **known : Stream());
}

//! Null for an id that never wrote here; such ids take no memory, whoever names them.
Result<Stream*> DocumentLog::knownStream(ReplicaId replica) {
    const auto cached = m_streams.find(replica);
    if (cached != m_streams.end()) return &cached->second;
    auto stored = m_commits.store().get(m_name, Stream::key(replica));
    if (!stored.ok()) return stored.error();
    if (!stored->has_value()) return static_cast<Stream*>(nullptr);
    auto decoded = Stream::decode(**stored);
    if (!decoded.ok()) return damaged(m_name, "a stream head");
    return &m_streams.emplace(replica, *decoded).first->second;
}

Result<std::vector<wire::StreamState>> DocumentLog::allStreams(std::size_t count_max) const {
    auto stored = m_commits.store().scan(m_name, kStreamPrefix);
    if (!stored.ok()) return stored.error();
    std::vector<wire::StreamState> out;
    for (const auto& [key, value] : *stored) {
        if (out.size() == count_max) break;
        auto stream = Stream::decode(value);
        if (!stream.ok() || key.size() != sizeof kStreamPrefix - 1 + 8)
            return damaged(m_name, "a stream head");
        if (stream->head > 0)
            out.push_back(told(replicaOfKey(key.substr(sizeof kStreamPrefix - 1)), *stream));
    }
    return out;
}

Result<bool> DocumentLog::takesNewStream() {
    if (!m_stream_count) {
        auto all = allStreams(limits::kReplicasPerBatchMax);
        if (!all.ok()) return all.error();
        m_stream_count = all->size();
    }
    return *m_stream_count < limits::kReplicasPerBatchMax;
}

Result<store::LogEntry> DocumentLog::entryOf(ReplicaId replica, std::uint64_t counter) const {
    auto entry = m_commits.store().findEntry(m_name, replica, counter);
    if (!entry.ok()) return entry.error();
    if (!entry->has_value()) return damaged(m_name, "the log");
    return std::move(**entry);
}

Result<Hash16> DocumentLog::hashAt(std::uint64_t position) const {
    return position == m_head ? m_hash : storedHash(position);
}

Result<Hash16> DocumentLog::storedHash(std::uint64_t position) const {
    if (position == 0) return Hash16{};
    auto entries = m_commits.store().readLog(m_name, position - 1, 1);
    if (!entries.ok()) return entries.error();
    if (entries->empty() || entries->front().position != position)
        return damaged(m_name, "the log");
    return entries->front().log_hash;
}

Result<std::vector<store::LogEntry>> DocumentLog::read(std::uint64_t after,
                                                       std::size_t bytes_max) const {
    if (after >= m_durable_head) return std::vector<store::LogEntry>();
    auto entries = m_commits.store().readLog(m_name, after, bytes_max);
    if (!entries.ok()) return entries;
    std::size_t bytes = 0, fits = 0;
    for (const store::LogEntry& entry : *entries) {
        if (entry.position != after + fits + 1) return damaged(m_name, "the log");
        bytes += entry.change.size();
        if (entry.position > m_durable_head || (fits > 0 && bytes > bytes_max)) break;
        ++fits;
    }
    if (fits == 0) return damaged(m_name, "the log");
    entries->resize(fits);
    return entries;
}

void DocumentLog::committed(store::SeqNo seq, std::uint64_t head, const Hash16& hash) {
    m_head = head;
    m_hash = hash;
    m_pending.emplace_back(seq, head);
}

bool DocumentLog::durableReached(store::SeqNo durable) {
    const std::uint64_t before = m_durable_head;
    while (!m_pending.empty() && m_pending.front().first <= durable) {
        m_durable_head = m_pending.front().second;
        m_pending.pop_front();
    }
    return m_durable_head != before;
}

}  // namespace kimdb::relay
