// SPDX-License-Identifier: MIT
#include "sync/rejected_list.h"

#include <algorithm>
#include <cstdio>

#include "core/bytes.h"
#include "core/limits.h"

// Value: bytes document, varint code, varint time, 16 bytes change hash, rest encoded change.
namespace kimdb::sync {
namespace {

constexpr char kPrefix[] = "sync/rejected/";
constexpr std::size_t kDocumentBytesMax = 2 * limits::kNamePartBytesMax + 1;

std::string keyOf(std::uint64_t id) {
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(id));
    return kPrefix + std::string(hex);
}

struct Stored {
    Rejected entry;
    Hash16 hash;
};

Result<Stored> decodeEntry(const std::string& key, ByteView value) {
    const Error damaged{ErrorCode::StorageCorrupt, "an entry of the rejected list is damaged"};
    Stored out;
    out.entry.id = std::strtoull(key.c_str() + sizeof kPrefix - 1, nullptr, 16);
    ByteReader in(value);
    out.entry.document = in.bytes(kDocumentBytesMax);
    out.entry.code = static_cast<ErrorCode>(in.varint(UINT16_MAX));
    out.entry.time_ms = static_cast<std::int64_t>(in.varint());
    const ByteView hash = in.raw(16);
    if (!in.ok()) return damaged;
    out.hash = Hash16::from(hash);
    auto change = decodeChange(in.raw(in.remaining()));
    if (!change) return damaged;
    out.entry.change = std::move(*change);
    return out;
}

}  // namespace

Result<> RejectedList::load() {
    const auto stored = m_store.scan("", kPrefix);
    if (!stored) return stored.error();
    for (const auto& [key, value] : *stored) {
        const auto entry = decodeEntry(key, value);
        if (!entry) return entry.error();
        m_index[entry->entry.id] = {entry->entry.document, entry->hash};
        m_next = std::max(m_next, entry->entry.id + 1);
    }
    return {};
}

Result<std::vector<Rejected>> RejectedList::entries() const {
    const auto stored = m_store.scan("", kPrefix);
    if (!stored) return stored.error();
    std::vector<Rejected> out;
    for (const auto& [key, value] : *stored) {
        auto entry = decodeEntry(key, value);
        if (!entry) return entry.error();
        out.push_back(std::move(entry->entry));
    }
    return out;
}

Result<> RejectedList::discard(std::uint64_t id) {
    if (!m_index.contains(id)) return Error{ErrorCode::NotFound, "no such rejected change"};
    store::Batch batch;
    remove(batch, id);
    const auto seq = m_store.commit(std::move(batch));
    settle(seq ? Outcome::Committed : Outcome::Failed);
    if (!seq) return seq.error();
    return {};
}

std::uint64_t RejectedList::count(const std::string& document) const {
    return static_cast<std::uint64_t>(std::ranges::count_if(
        m_index, [&](const auto& entry) { return entry.second.document == document; }));
}

std::optional<Rejected> RejectedList::find(const std::string& document, const Change& change,
                                           const Hash16& hash) const {
    for (const auto& [id, key] : m_index) {
        if (key.hash != hash || key.document != document) continue;
        const auto value = m_store.get("", keyOf(id));
        if (!value || !*value) return std::nullopt;
        auto stored = decodeEntry(keyOf(id), **value);
        if (stored && stored->entry.change.replica == change.replica) return stored->entry;
    }
    return std::nullopt;
}

Rejected RejectedList::add(store::Batch& batch, const std::string& document, Change change,
                           const Hash16& hash, ErrorCode code, std::int64_t time_ms) {
    const std::uint64_t id = m_next++;
    Bytes value;
    ByteWriter out(value);
    out.bytes(document);
    out.varint(static_cast<std::uint64_t>(code));
    out.varint(static_cast<std::uint64_t>(time_ms));
    out.raw(hash.view());
    out.raw(encodeChange(change));
    batch.put("", keyOf(id), std::move(value));
    m_added[id] = {document, hash};
    return {id, document, std::move(change), code, time_ms};
}

void RejectedList::remove(store::Batch& batch, std::uint64_t id) {
    batch.erase("", keyOf(id));
    m_removed.push_back(id);
}

void RejectedList::settle(Outcome outcome) {
    if (outcome == Outcome::Committed) {
        m_index.merge(m_added);
        for (const std::uint64_t id : m_removed) m_index.erase(id);
    }
    m_added.clear();
    m_removed.clear();
}

}  // namespace kimdb::sync
