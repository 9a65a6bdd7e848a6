// SPDX-License-Identifier: MIT
#include <kimdb/crdt/history.h>

#include <kimdb/crdt/document_file.h>

#include <algorithm>
#include <cassert>

#include "core/change.h"
#include "crdt/document_impl.h"

namespace kimdb::crdt {

namespace {

Error notHere() {
    return {ErrorCode::NotFound, "history: the version has changes that are not here"};
}

}  // namespace

Result<History> History::from(Bytes file) {
    const Result<DocumentFile> opened = DocumentFile::open(std::move(file));
    if (!opened) return opened.error();
    const Result<Document> document = opened->document();
    if (!document) return document.error();
    History history;
    history.m_file = opened->bytes();
    history.m_begin = history.m_version = document->clock();
    return history;
}

Result<> History::add(const Change& change, std::int64_t received_ms) {
    if (m_version.contains(change.lastId())) return {};
    const bool has_deps = std::all_of(change.deps.begin(), change.deps.end(),
                                      [&](OpId dep) { return m_version.contains(dep); });
    if (!has_deps || change.first != m_version.at(change.replica) + 1)
        return Error{ErrorCode::MissingDependencies,
                     "history: a change that this one depends on is not here"};
    const Bytes bytes = encodeChange(change);
    m_by_replica[change.replica].push_back(static_cast<std::uint32_t>(m_entries.size()));
    m_entries.push_back(
        {{change.replica, change.first}, change.count, m_log.size(), bytes.size(), received_ms});
    m_log.append(bytes);
    m_version.include(change.lastId());
    return {};
}

Change History::changeAt(const Entry& entry) const {
    Result<Change> change = decodeChange(ByteView(m_log).substr(entry.begin, entry.bytes));
    assert(change.ok());
    return std::move(*change);
}

Result<Document> History::at(const VectorClock& version, ReplicaId self) const {
    if (!version.difference(m_version).empty()) return notHere();
    if (!m_begin.difference(version).empty())
        return Error{ErrorCode::TooOld, "history: the version is older than what this begins with"};
    std::vector<Change> changes;
    VectorClock whole = m_begin;
    for (const Entry& entry : m_entries) {
        if (!version.contains(entry.first)) continue;
        changes.push_back(changeAt(entry));
        whole.include(changes.back().lastId());
    }
    Document document(self);
    if (!m_file.empty()) document = *DocumentFile::open(m_file)->document(self);
    if (auto ok = document.receiveAll(changes, Origin::Rebuild); !ok) return ok.error();
    if (whole != version || document.clock() != version)
        return Error{ErrorCode::InvalidArgument,
                     "history: no replica ever had exactly this version"};
    return document;
}

VectorClock History::versionAt(std::int64_t received_ms) const {
    VectorClock version = m_begin;
    for (const Entry& entry : m_entries) {
        if (entry.received_ms > received_ms) break;
        version.include({entry.first.replica, entry.first.counter + entry.count - 1});
    }
    return version;
}

std::vector<Change> History::since(const VectorClock& version) const {
    std::vector<Change> changes;
    for (const Entry& entry : m_entries)
        if (!version.contains(entry.first)) changes.push_back(changeAt(entry));
    return changes;
}

Result<> History::merge(const History& other) {
    if (!other.m_begin.difference(m_version).empty())
        return Error{ErrorCode::TooOld, "history: the other begins with what is not here"};
    for (const Entry& entry : other.m_entries) {
        if (m_version.contains(entry.first)) continue;
        if (auto ok = add(other.changeAt(entry), entry.received_ms); !ok) return ok;
    }
    return {};
}

const History::Entry* History::find(OpId id) const {
    if (id.isNull() || !m_version.contains(id) || m_begin.contains(id)) return nullptr;
    const auto of = m_by_replica.find(id.replica);
    const auto after = std::upper_bound(
        of->second.begin(), of->second.end(), id.counter,
        [&](std::uint64_t c, std::uint32_t i) { return c < m_entries[i].first.counter; });
    return &m_entries[*std::prev(after)];
}

Result<Change> History::changeOf(OpId id) const {
    if (!id.isNull() && m_begin.contains(id))
        return Error{ErrorCode::TooOld, "history: it is part of what this begins with"};
    const Entry* entry = find(id);
    if (!entry) return Error{ErrorCode::NotFound, "history: no such operation"};
    return changeAt(*entry);
}

Result<std::vector<Event>> History::diff(const VectorClock& from, const VectorClock& to) const {
    const auto before = at(from);
    if (!before) return before.error();
    const auto after = at(to);
    if (!after) return after.error();
    return after->m_impl->differenceFrom(*before->m_impl);
}

Result<std::vector<Change>> History::revertTo(Document& document, const VectorClock& version,
                                              std::int64_t time_ms) const {
    if (!version.difference(document.clock()).empty())
        return Error{ErrorCode::InvalidArgument, "history: the document is not that far"};
    if (!document.root().difference(version).empty())
        return Error{ErrorCode::TooOld, "history: the version is older than the document's root"};
    auto then = at(version);
    if (!then) return then.error();
    return document.m_impl->revertTo(*then->m_impl, time_ms);
}

Result<std::vector<Blame>> History::blame(const VectorClock& version,
                                          const ContainerId& container) const {
    if (container.type() == ContainerType::Counter)
        return Error{ErrorCode::WrongType, "history: a counter comes from many changes"};
    const auto document = at(version);
    if (!document) return document.error();
    const Container* shown = document->m_impl->containers.find(container);
    if (!shown) return Error{ErrorCode::NotFound, "history: no such container"};
    std::vector<Blame> out;
    for (Document::Impl::Source& source : document->m_impl->sourcesOf(*shown)) {
        const Entry* entry = find(source.id);
        const OpId change = entry ? entry->first : OpId{};
        if (!out.empty() && source.length > 0 && out.back().change == change) {
            out.back().length += source.length;
            continue;
        }
        out.push_back({source.position, source.length, std::move(source.key),
                       std::move(source.member), change, entry ? changeAt(*entry).time_ms : 0,
                       entry ? entry->received_ms : 0});
    }
    return out;
}

Result<> History::setName(const std::string& name, const VectorClock& version) {
    if (!version.difference(m_version).empty()) return notHere();
    m_names[name] = version;
    return {};
}

}  // namespace kimdb::crdt
