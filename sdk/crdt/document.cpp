// SPDX-License-Identifier: MIT
#include <kimdb/crdt/document.h>

#include <cassert>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/document_impl.h"

namespace kimdb::crdt {

Document::Document(ReplicaId self) : m_impl(std::make_unique<Impl>(self)) {}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

ReplicaId Document::replica() const {
    return m_impl->self_id;
}

void Document::setReplica(ReplicaId self) {
    assert(!m_impl->is_open);
    m_impl->self_id = self;
    m_impl->undo_manager.clear();
}

void Document::setIncarnation(std::uint32_t incarnation) {
    m_impl->incarnation = incarnation;
}

void Document::setSaltKey(const Bytes& key16) {
    assert(key16.size() == 16);
    m_impl->salt_key = SaltKey::from(key16);
}

void Document::onEvent(std::function<void(const std::vector<Event>&)> handler) {
    m_impl->events.setHandler(std::move(handler));
}

// ---- reading ----

std::optional<Value> Document::value(const ContainerId& map, const std::string& key) const {
    const Container* c = m_impl->containers.find(map);
    const Register* shown = c ? c->map.find(key) : nullptr;
    return shown ? shown->plain() : std::nullopt;
}

std::optional<ContainerId> Document::container(const ContainerId& map,
                                               const std::string& key) const {
    const Container* c = m_impl->containers.find(map);
    const Register* shown = c ? c->map.find(key) : nullptr;
    if (!shown || shown->kind != ValueKind::Container) return std::nullopt;
    return ContainerId::child(map, key, shown->type);
}

std::vector<std::string> Document::keys(const ContainerId& map) const {
    std::vector<std::string> keys;
    if (const Container* c = m_impl->containers.find(map))
        for (const auto& [key, shown] : c->map.registers())
            if (shown.kind != ValueKind::Absent) keys.push_back(key);
    return keys;
}

std::string Document::textUtf8(const ContainerId& text) const {
    const Container* c = m_impl->containers.find(text);
    return c && c->text ? c->text->utf8() : std::string();
}

std::u16string Document::text(const ContainerId& text) const {
    return toUtf16(textUtf8(text));
}

std::size_t Document::textLength(const ContainerId& text) const {
    const Container* c = m_impl->containers.find(text);
    return c && c->text ? c->text->length() : 0;
}

std::int64_t Document::counter(const ContainerId& counter) const {
    const Container* c = m_impl->containers.find(counter);
    return c && c->counter ? c->counter->value() : 0;
}

Value Document::toValue() const {
    return m_impl->valueOf(&m_impl->containers.root(), ContainerType::Map);
}

// A container that nothing was done to yet has no state: it shows as empty.
Value Document::Impl::valueOf(const Container* container, ContainerType type) const {
    switch (type) {
        case ContainerType::Text:
            return container ? container->text->utf8() : std::string();
        case ContainerType::Counter:
            return container ? container->counter->value() : 0;
        case ContainerType::List:
        case ContainerType::Set:
            return Value::Array();
        case ContainerType::Map:
            break;
    }
    Value::Object object;
    if (!container) return object;
    for (const auto& [key, shown] : container->map.registers()) {
        if (shown.kind == ValueKind::Plain) object.emplace(key, shown.value);
        if (shown.kind == ValueKind::Container)
            object.emplace(key, valueOf(container->shownChild(key), shown.type));
    }
    return object;
}

std::optional<std::string> Document::Impl::checkInvariants() const {
    std::vector<const Container*> open{&containers.root()};
    while (!open.empty()) {
        const Container* at = open.back();
        open.pop_back();
        if (at->text)
            if (auto bad = at->text->checkInvariants()) return bad;
        for (const auto& [name, child] : at->children) open.push_back(child.get());
    }
    return std::nullopt;
}

// ---- editing ----

void Document::begin(std::string_view) {
    m_impl->begin();
}
bool Document::inTransaction() const {
    return m_impl->is_open;
}

std::optional<Change> Document::commit(std::int64_t time_ms, bool undoable) {
    return m_impl->commit(time_ms, undoable);
}

void Document::set(const ContainerId& map, const std::string& key, const Value& value) {
    // What others will decode, not what the caller had: invalid UTF-8 is replaced.
    const Result<Value> clean = Value::decode(value.encode());
    assert(clean.ok() && key.size() <= limits::kMapKeyBytesMax);
    m_impl->set(m_impl->containers.ensure(map), sanitizedUtf8(key), ValueKind::Plain, *clean,
                ContainerType::Map);
}

void Document::remove(const ContainerId& map, const std::string& key) {
    m_impl->set(m_impl->containers.ensure(map), sanitizedUtf8(key), ValueKind::Absent, {},
                ContainerType::Map);
}

ContainerId Document::createContainer(const ContainerId& map, const std::string& key,
                                      ContainerType type) {
    const std::string clean = sanitizedUtf8(key);
    assert(clean.size() <= limits::kMapKeyBytesMax);
    assert(map.path().size() < static_cast<std::size_t>(limits::kValueDepthMax));
    m_impl->set(m_impl->containers.ensure(map), clean, ValueKind::Container, {}, type);
    return ContainerId::child(map, clean, type);
}

void Document::insertText(const ContainerId& text, std::size_t position,
                          std::u16string_view inserted) {
    m_impl->insertText(m_impl->containers.ensure(text), position, inserted);
}

void Document::removeText(const ContainerId& text, std::size_t position, std::size_t length) {
    m_impl->removeText(m_impl->containers.ensure(text), position, length);
}

void Document::increment(const ContainerId& counter, std::int64_t delta) {
    m_impl->increment(m_impl->containers.ensure(counter), delta);
}

// ---- undo ----

bool Document::canUndo() const {
    return m_impl->undo_manager.canUndo();
}
bool Document::canRedo() const {
    return m_impl->undo_manager.canRedo();
}
std::optional<Change> Document::undo(std::int64_t time_ms) {
    return m_impl->undo(time_ms);
}
std::optional<Change> Document::redo(std::int64_t time_ms) {
    return m_impl->redo(time_ms);
}

void Document::setCaptureInterval(std::int64_t ms) {
    m_impl->undo_manager.setCaptureInterval(ms);
}
void Document::stopCapturing() {
    m_impl->undo_manager.stopCapturing();
}
void Document::setUndoDepth(std::size_t items) {
    m_impl->undo_manager.setDepth(items);
}

// ---- changes ----

Result<Received> Document::receive(const Change& change) {
    m_impl->events.begin(Origin::Remote);
    const Result<Received> received = m_impl->receive(change);
    m_impl->events.deliver();
    return received;
}

Result<> Document::receiveAll(const std::vector<Change>& changes, Origin origin) {
    m_impl->events.begin(origin);
    Result<> ok;
    for (const Change& change : changes) {
        const Result<Received> received = m_impl->receive(change);
        if (received) continue;
        ok = received.error();
        break;
    }
    m_impl->events.deliver();
    return ok;
}

std::uint64_t Document::head(ReplicaId replica) const {
    return m_impl->graph.head(replica);
}
std::vector<OpId> Document::heads() const {
    return m_impl->graph.heads();
}
std::vector<std::pair<ReplicaId, std::uint64_t>> Document::version() const {
    return m_impl->graph.version();
}
VectorClock Document::clock() const {
    VectorClock clock;
    for (const auto& [replica, counter] : version()) clock.include({replica, counter});
    return clock;
}
std::vector<OpId> Document::missing() const {
    return m_impl->missing();
}
std::vector<std::string> Document::reports() const {
    return m_impl->reports;
}

// ---- cursors ----

Cursor Document::cursorAt(const ContainerId& text, std::size_t position, Cursor::Side side) const {
    const Container* c = m_impl->containers.find(text);
    if (c && c->text) return c->text->cursorAt(position, side);
    Cursor cursor;
    cursor.side = side;
    cursor.anchor = side == Cursor::Side::After ? Cursor::Anchor::Start : Cursor::Anchor::End;
    return cursor;
}

std::optional<std::size_t> Document::resolve(const ContainerId& text, const Cursor& cursor) const {
    const Container* c = m_impl->containers.find(text);
    if (c && c->text) return c->text->resolve(cursor);
    return cursor.anchor == Cursor::Anchor::Character ? std::nullopt
                                                      : std::optional<std::size_t>(0);
}

std::optional<std::string> Document::checkInvariants() const {
    return m_impl->checkInvariants();
}

}  // namespace kimdb::crdt
