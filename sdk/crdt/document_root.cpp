// SPDX-License-Identifier: MIT
// Shallow documents: making the version now the root, and what cannot be had any more.
#include <kimdb/crdt/document_file.h>

#include <cassert>

#include "crdt/document_impl.h"
#include "crdt/root_check.h"

namespace kimdb::crdt {

namespace {

std::string nameOf(const Change& change) {
    return "change " + std::to_string(change.first) + " of replica " +
           std::to_string(change.replica);
}

Error tooOld(const Change& change, const std::string& needs) {
    return {ErrorCode::TooOld, nameOf(change) + " needs " + needs +
                                   ", which is older than the root of this document; open one that"
                                   " has it"};
}

std::string rangeOf(const IdRun& run) {
    return "operations " + std::to_string(run.first) + " to " + std::to_string(run.end() - 1) +
           " of replica " + std::to_string(run.replica);
}

}  // namespace

VectorClock Document::root() const {
    VectorClock root;
    const ChangeGraph& graph = m_impl->graph;
    for (const auto& [replica, head] : graph.version())
        if (const auto counter = graph.rootOf(*graph.replicas().find(replica)))
            root.include({replica, counter});
    return root;
}

// Through a file: that is where it is decided what a root keeps.
Result<> Document::makeShallow() {
    assert(!m_impl->is_open);
    const Result<DocumentFile> file = DocumentFile::open(save({Detail::Shallow, false}));
    if (!file) return file.error();
    Result<Document> shallow = file->document(m_impl->self_id);
    if (!shallow) return shallow.error();
    shallow->m_impl->takeSession(*m_impl);
    m_impl = std::move(shallow->m_impl);
    return {};
}

Result<std::size_t> Document::locate(const ContainerId& sequence, const Cursor& cursor) const {
    if (const auto position = resolve(sequence, cursor)) return *position;
    if (m_impl->graph.isRoot(cursor.id))
        return Error{ErrorCode::TooOld, "cursor: its character was dropped with the root"};
    if (m_impl->graph.has(cursor.id))
        return Error{ErrorCode::NotFound, "cursor: it belongs to another text or list"};
    return Error{ErrorCode::MissingDependencies, "cursor: its character has not arrived", true};
}

// ---- changes ----

// Whether the change needs one that was refused.
Result<> Document::Impl::checkRefused(const Change& change) {
    if (refused.empty()) return {};
    const OpId id = firstRefused(change);
    return id.isNull() ? Result<>() : tooOld(change, rangeOf({id.replica, id.counter, 1}));
}

Result<> Document::Impl::checkRoot(const Change& change) {
    if (!graph.hasRoot()) return {};
    if (const auto unknown = graph.unknownRoot(change))
        return Error{ErrorCode::TooOld, nameOf(change) +
                                            " does not know the root of this document: its author"
                                            " lacked " +
                                            rangeOf(*unknown)};
    if (change.is_void) return {};
    const auto dropped = RootCheck(containers, graph, change).firstDropped(m_reader, m_op);
    return dropped ? tooOld(change, rangeOf({dropped->replica, dropped->counter, 1})) : Result<>();
}

// What waits for it will not be had either.
Error Document::Impl::refuse(const Change& change, Error why) {
    const auto [from, is_new] = refused.try_emplace(change.replica, change.first);
    if (!is_new && from->second <= change.first) return why;
    from->second = change.first;
    for (bool again = true; again;) {
        const std::vector<Change> lost =
            buffer.take([&](const Change& waiting) { return !checkRefused(waiting); });
        again = !lost.empty();
        for (const Change& waiting : lost) {
            report(checkRefused(waiting).error().message);
            auto& first = refused.try_emplace(waiting.replica, waiting.first).first->second;
            first = std::min(first, waiting.first);
        }
    }
    return why;
}

// ---- what is not state ----

void Document::Impl::takeSession(Impl& other) {
    salt_key = other.salt_key;
    buffer = std::move(other.buffer);
    undo_manager = std::move(other.undo_manager);
    undo_manager.prune([this](UndoStep& step) { return rebind(step); });
    events.setHandler(other.events.takeHandler());
    reports = std::move(other.reports);
    refused = std::move(other.refused);
    restored_selection = std::move(other.restored_selection);
}

}  // namespace kimdb::crdt
