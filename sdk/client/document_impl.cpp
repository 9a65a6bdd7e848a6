// SPDX-License-Identifier: MIT
#include "client/document_impl.h"

#include <algorithm>

#include "client/variant_value.h"
#include "core/limits.h"

namespace kimdb {
namespace {

using SteadyClock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// Encoding adds a varint per 64 characters and some bytes per operation to the content.
constexpr std::size_t kTransactionBytesMax = limits::kChangeBytesMax - (64 << 10);
constexpr std::size_t kEditOverheadBytes = 64;
constexpr std::size_t kUnsavedChangesMax = 10'000;  // edits kept in memory on a full disk
constexpr std::size_t kBatchMax = 1024;

std::size_t sizeOf(const Change& change) {
    return change.structure.size() + change.content.size() + change.deps.size() * 20 + 128;
}

const Error kTooLarge{ErrorCode::TooLarge,
                      "the edit is larger than one change may be (1 MiB); split it"};

//! Integrates one by one: what does not fit in is left out, the rest is shown.
void receiveEach(crdt::Document& replica, const std::vector<Change>& changes) {
    for (const Change& change : changes) (void)replica.receive(change);
}

}  // namespace

Result<> Document::Impl::load() {
    auto loaded = m_database.engine().loadDocument(m_name);
    if (!loaded) return loaded.error();
    crdt::Document fresh(loaded->replica);
    fresh.setIncarnation(loaded->incarnation);
    fresh.setSaltKey(Bytes(loaded->salt_key.view()));
    if (!fresh.receiveAll(loaded->changes, crdt::Origin::Rebuild))
        receiveEach(fresh, loaded->changes);
    receiveEach(fresh, {m_unsaved.begin(), m_unsaved.end()});
    fresh.setCaptureInterval(capture_interval_ms);
    fresh.onEvent([this](const std::vector<crdt::Event>& events) {
        m_announcements.push_back({.events = events});
    });
    replica = std::move(fresh);
    // The log holds what was still waiting to be integrated.
    m_incoming.clear();
    m_rebuild_due = false;
    return {};
}

// ---- local edits ----

Result<> Document::Impl::prepare() {
    if (m_rebuild_due) rebuild();
    if (read_only)
        return Error{ErrorCode::NotAllowed, "you may read this document but not edit it"};
    if (m_unsaved.size() >= kUnsavedChangesMax)
        return Error{ErrorCode::StorageFull,
                     "too many edits wait for space on the disk; free some and try again", true};
    return {};
}

Result<> Document::Impl::begin() {
    if (auto ready = prepare(); !ready) return ready;
    m_transaction_bytes = 0;
    m_edit_error.reset();
    replica.begin();
    return {};
}

Result<> Document::Impl::commit(Undoable undoable) {
    return submit(replica.commit(m_database.wallTime(), undoable == Undoable::Yes));
}

Result<> Document::Impl::submit(std::optional<Change> change) {
    if (!change) return {};
    if (sizeOf(*change) > limits::kChangeBytesMax) {
        // Only a removal over very many pieces gets here; nobody has seen the change yet.
        rebuild();
        return kTooLarge;
    }
    m_unsaved.push_back(std::move(*change));
    return journalWaiting();
}

Result<> Document::Impl::journalWaiting() {
    Result<> outcome;
    while (!m_unsaved.empty()) {
        auto appended = m_database.engine().appendLocal(m_name, m_unsaved.front());
        if (!appended && appended.error().code != ErrorCode::Equivocation) {
            // The edit stands and waits in memory; the status says so and it is tried again.
            m_database.noteStorageError(appended.error());
            break;
        }
        m_unsaved.pop_front();
        if (!appended) {
            m_rebuild_due = true;
            outcome = appended;
        }
    }
    return outcome;
}

Result<> Document::Impl::reserve(std::size_t bytes) {
    const std::size_t cost = bytes + bytes / 16 + kEditOverheadBytes;
    if (m_transaction_bytes + cost > kTransactionBytesMax) return kTooLarge;
    m_transaction_bytes += cost;
    return {};
}

bool Document::Impl::isShown(const crdt::ContainerId& id) const {
    if (!id.origin().isNull()) return true;
    crdt::ContainerId parent = crdt::ContainerId::root();
    for (const auto& [key, type] : id.path()) {
        auto child = replica.container(parent, key);
        if (!child || child->type() != type) return false;
        parent = std::move(*child);
    }
    return true;
}

void Document::Impl::show(const crdt::ContainerId& id) {
    crdt::ContainerId parent = crdt::ContainerId::root();
    for (const auto& [key, type] : id.path()) parent = replica.createContainer(parent, key, type);
}

Result<> Document::Impl::edit(const Intent& intent, const std::function<void()>& write) {
    if (replica.inTransaction()) {
        if (auto fits = reserve(intent.bytes); !fits) {
            if (!m_edit_error) m_edit_error = fits.error();
            return fits;
        }
        if (!isShown(intent.container)) show(intent.container);
        write();
        return {};
    }
    return told(editAlone(intent, write));
}

Result<> Document::Impl::editAlone(const Intent& intent, const std::function<void()>& write) {
    if (auto begun = begin(); !begun) return begun;
    if (auto fits = reserve(intent.bytes); !fits) {
        (void)replica.commit(m_database.wallTime());
        return fits;
    }
    if (!isShown(intent.container)) {
        // A change of its own that undo does not take back: others may be writing in there by then.
        show(intent.container);
        if (auto made = commit(Undoable::No); !made) return made;
        if (auto begun = begin(); !begun) return begun;
    }
    write();
    return commit(Undoable::Yes);
}

Result<> Document::Impl::transaction(const std::function<void()>& edits) {
    if (replica.inTransaction()) {
        edits();
        return {};
    }
    if (auto begun = begin(); !begun) return begun;
    edits();
    const std::optional<Error> error = m_edit_error;
    auto committed = told(commit(Undoable::Yes));
    return committed && error ? Result<>(*error) : committed;
}

Result<> Document::Impl::toggle(Step step) {
    if (replica.inTransaction())
        return Error{ErrorCode::InvalidArgument, "undo and redo are not part of a transaction"};
    if (auto ready = prepare(); !ready) return ready;
    const std::int64_t now = m_database.wallTime();
    return told(submit(step == Step::Undo ? replica.undo(now) : replica.redo(now)));
}

Result<> Document::Impl::told(Result<> outcome) {
    const QPointer<Document> alive(q);
    m_database.schedulePump();
    announce();
    if (alive) m_database.refreshStatus(*this);
    return outcome;
}

// ---- remote changes ----

void Document::Impl::enqueue(const std::vector<Change>& changes) {
    m_incoming.insert(m_incoming.end(), changes.begin(), changes.end());
}

void Document::Impl::rebuild() {
    m_announcements.clear();
    if (auto loaded = load(); !loaded) {
        m_database.noteStorageError(loaded.error());
        m_rebuild_due = false;
    }
    m_announcements.push_back({.reloaded = true});
}

void Document::Impl::integrate(const std::vector<Change>& changes) {
    if (replica.receiveAll(changes)) return;
    receiveEach(replica, changes);
}

bool Document::Impl::integrateUntil(SteadyClock::time_point deadline) {
    if (replica.inTransaction()) return false;  // its commit asks again
    if (m_rebuild_due) rebuild();
    while (!m_incoming.empty()) {
        const auto start = SteadyClock::now();
        if (start >= deadline) return true;
        const auto end =
            m_incoming.begin() + static_cast<std::ptrdiff_t>(std::min(m_batch, m_incoming.size()));
        const std::vector<Change> batch(std::make_move_iterator(m_incoming.begin()),
                                        std::make_move_iterator(end));
        m_incoming.erase(m_incoming.begin(), end);
        integrate(batch);
        const auto took = SteadyClock::now() - start;
        if (took > 2ms) m_batch = std::max<std::size_t>(m_batch / 2, 1);
        if (took < 500us) m_batch = std::min(m_batch * 2, kBatchMax);
    }
    return false;
}

// ---- what the application is told ----

void Document::Impl::announce() {
    if (m_announcing) return;
    m_announcing = true;
    const QPointer<Document> alive(q);
    while (alive && !m_announcements.empty()) {
        const Announcement next = std::move(m_announcements.front());
        m_announcements.pop_front();
        if (next.reloaded) emit q->reloaded();
        emitEvents(next.events);
    }
    if (!alive) return;
    m_announcing = false;
    const bool could_undo = std::exchange(m_could_undo, replica.canUndo());
    const bool could_redo = std::exchange(m_could_redo, replica.canRedo());
    if (could_undo != m_could_undo || could_redo != m_could_redo) emit undo->changed();
}

void Document::Impl::emitEvents(const std::vector<crdt::Event>& events) {
    const QPointer<Document> alive(q);
    for (const crdt::Event& event : events) {
        if (!alive) return;
        if (!event.splices.empty()) {
            QList<TextSplice> splices;
            for (const crdt::TextSplice& s : event.splices)
                splices.append({static_cast<int>(s.position), static_cast<int>(s.removed),
                                QString::fromStdU16String(s.inserted)});
            emit q->textChanged(event.container, splices, event.origin);
        }
        if (alive && !event.updates.empty()) {
            QStringList keys;
            for (const crdt::MapUpdate& update : event.updates) keys.append(stringOf(update.key));
            emit q->mapChanged(event.container, keys, event.origin);
        }
    }
    if (alive && !events.empty()) emit q->changed(events.front().origin);
}

void Document::Impl::refreshStatus() {
    const sync::DocumentStatus now = m_database.engine().status(m_name);
    const int queued = static_cast<int>(now.queued + m_unsaved.size());
    status.update(m_database.stateOf(now, !m_unsaved.empty()), m_database.isOnline(), queued,
                  static_cast<int>(now.rejected), m_database.lastError());
    const bool writable = (now.permissions & m_database.kWriteBit) != 0;
    if (std::exchange(read_only, !writable) == read_only) return;
    emit q->readOnlyChanged();
}

void Document::Impl::sendPresence(const Bytes& state) {
    m_database.engine().setPresence(m_name, state);
}

void Document::Impl::reportProblem(const Error& error) {
    m_database.noteProblem(error);
}

// ---- reading ----

QVariant Document::Impl::variantAt(const crdt::ContainerId& map, const std::string& key) const {
    if (const auto value = replica.value(map, key)) return variantOf(*value);
    const auto child = replica.container(map, key);
    return child ? variantOfContainer(*child) : QVariant();
}

QVariant Document::Impl::variantOfContainer(const crdt::ContainerId& id) const {
    switch (id.type()) {
        case crdt::ContainerType::Text:
            return QString::fromStdU16String(replica.text(id));
        case crdt::ContainerType::Counter:
            return static_cast<qint64>(replica.counter(id));
        case crdt::ContainerType::Map: {
            QVariantMap out;
            for (const std::string& key : replica.keys(id))
                out.insert(stringOf(key), variantAt(id, key));
            return out;
        }
        default:
            return {};
    }
}

}  // namespace kimdb
