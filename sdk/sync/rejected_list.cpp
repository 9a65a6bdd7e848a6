// SPDX-License-Identifier: MIT
#include "sync/rejected_list.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "core/bytes.h"
#include "core/limits.h"
#include "sync/refusal.h"

// Value: bytes document, varint code, varint time, rest encoded change.
namespace kimdb::sync {
namespace {

constexpr char kPrefix[] = "sync/rejected/";
constexpr std::size_t kDocumentBytesMax = 2 * limits::kNamePartBytesMax + 1;

std::string keyInStore(std::uint64_t id) {
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(id));
    return kPrefix + std::string(hex);
}

Result<Rejected> decodeEntry(const std::string& key, ByteView value) {
    const Error damaged{ErrorCode::StorageCorrupt, "an entry of the rejected list is damaged"};
    Rejected out;
    out.id = std::strtoull(key.c_str() + sizeof kPrefix - 1, nullptr, 16);
    ByteReader in(value);
    out.document = in.bytes(kDocumentBytesMax);
    out.code = static_cast<ErrorCode>(in.varint(UINT16_MAX));
    out.time_ms = static_cast<std::int64_t>(in.varint());
    if (!in.ok()) return damaged;
    auto change = decodeChange(in.raw(in.remaining()));
    if (!change) return damaged;
    out.change = std::move(*change);
    return out;
}

}  // namespace

Result<> RejectedList::load() {
    const auto stored = m_store.scan("", kPrefix);
    if (!stored) return stored.error();
    for (const auto& [key, value] : *stored) {
        const auto entry = decodeEntry(key, value);
        if (!entry) return entry.error();
        index(entry->id, keyOf(*entry));
        m_next = std::max(m_next, entry->id + 1);
    }
    return {};
}

void RejectedList::index(std::uint64_t id, const Key& key) {
    m_index[id] = key;
    m_by_document[key.document].emplace(key.first, id);
}

void RejectedList::unindex(std::uint64_t id) {
    const Key& key = m_index.at(id);
    auto& of_document = m_by_document.at(key.document);
    const auto [begin, end] = of_document.equal_range(key.first);
    of_document.erase(std::find_if(begin, end, [&](const auto& e) { return e.second == id; }));
    if (of_document.empty()) m_by_document.erase(key.document);
    m_index.erase(id);
}

Result<std::vector<Rejected>> RejectedList::entries() const {
    const auto stored = m_store.scan("", kPrefix);
    if (!stored) return stored.error();
    std::vector<Rejected> out;
    for (const auto& [key, value] : *stored) {
        auto entry = decodeEntry(key, value);
        if (!entry) return entry.error();
        out.push_back(std::move(*entry));
    }
    return out;
}

std::vector<Rejected> RejectedList::entriesOf(const std::string& document) const {
    std::set<std::uint64_t> ids;
    if (const auto listed = m_by_document.find(document); listed != m_by_document.end())
        for (const auto& [first, id] : listed->second) ids.insert(id);
    std::vector<Rejected> out;
    for (const std::uint64_t id : ids)
        if (auto entry = read(id)) out.push_back(std::move(*entry));
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
    const auto entries = m_by_document.find(document);
    return entries == m_by_document.end() ? 0 : entries->second.size();
}

std::optional<Rejected> RejectedList::find(const std::string& document,
                                           const Change& change) const {
    const auto entries = m_by_document.find(document);
    if (entries == m_by_document.end()) return std::nullopt;
    const auto [begin, end] = entries->second.equal_range({change.replica, change.first});
    for (auto it = begin; it != end; ++it)
        if (auto entry = read(it->second); entry && isSameEdit(entry->change, change)) return entry;
    return std::nullopt;
}

std::optional<Rejected> RejectedList::at(const std::string& document, OpId first) const {
    const auto entries = m_by_document.find(document);
    if (entries == m_by_document.end()) return std::nullopt;
    const auto entry = entries->second.find(first);
    return entry == entries->second.end() ? std::nullopt : read(entry->second);
}

std::optional<Rejected> RejectedList::read(std::uint64_t id) const {
    const auto value = m_store.get("", keyInStore(id));
    if (!value || !*value) return std::nullopt;
    auto entry = decodeEntry(keyInStore(id), **value);
    return entry ? std::optional(std::move(*entry)) : std::nullopt;
}

RejectedList::Key RejectedList::keyOf(const Rejected& entry) {
    return {entry.document, {entry.change.replica, entry.change.first}};
}

Rejected RejectedList::add(store::Batch& batch, const std::string& document, Change change,
                           ErrorCode code, std::int64_t time_ms) {
    Rejected entry{m_next++, document, std::move(change), code, time_ms};
    write(batch, entry);
    return entry;
}

void RejectedList::restate(store::Batch& batch, const Rejected& entry) {
    m_removed.push_back(entry.id);
    write(batch, entry);
}

void RejectedList::write(store::Batch& batch, const Rejected& entry) {
    Bytes value;
    ByteWriter out(value);
    out.bytes(entry.document);
    out.varint(static_cast<std::uint64_t>(entry.code));
    out.varint(static_cast<std::uint64_t>(entry.time_ms));
    out.raw(encodeChange(entry.change));
    batch.put("", keyInStore(entry.id), std::move(value));
    m_added[entry.id] = keyOf(entry);
}

void RejectedList::remove(store::Batch& batch, std::uint64_t id) {
    batch.erase("", keyInStore(id));
    m_removed.push_back(id);
}

void RejectedList::settle(Outcome outcome) {
    if (outcome == Outcome::Committed) {
        for (const std::uint64_t id : m_removed) unindex(id);
        for (const auto& [id, key] : m_added) index(id, key);
    }
    m_added.clear();
    m_removed.clear();
}

}  // namespace kimdb::sync
