// SPDX-License-Identifier: MIT
#include <kimdb/crdt/document.h>

#include <cassert>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/document_impl.h"

namespace kimdb::crdt {

namespace {

// What others will decode, not what the caller had: invalid UTF-8 is replaced.
Value cleaned(const Value& value) {
    const Result<Value> clean = Value::decode(value.encode());
    assert(clean.ok());
    return *clean;
}

[[maybe_unused]] bool isMarkKey(const std::string& key) {
    return !key.empty() && key[0] != '#' && key.size() <= limits::kMapKeyBytesMax;
}

}  // namespace

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

std::vector<TextSpan> Document::spans(const ContainerId& text) const {
    const Container* c = m_impl->containers.find(text);
    if (c && c->marks) return c->marks->spans();
    std::u16string plain = this->text(text);
    if (plain.empty()) return {};
    return {{std::move(plain), {}}};
}

std::map<std::string, Value> Document::attributes(const ContainerId& text,
                                                  std::size_t position) const {
    std::map<std::string, Value> attributes;
    const Container* c = m_impl->containers.find(text);
    if (!c || !c->marks) return attributes;
    const bool is_end = position >= c->text->length();
    const Slot slot = is_end ? kEndSlot : c->text->neighboursOf(position).right;
    c->marks->forEachAt(slot, [&](const MarkKey& key, const Marks::Mark& mark) {
        attributes.emplace(key.isComment() ? commentKey(key.comment) : key.text, *mark.value);
    });
    return attributes;
}

std::size_t Document::listLength(const ContainerId& list) const {
    const Container* c = m_impl->containers.find(list);
    return c && c->list ? c->list->length() : 0;
}

std::optional<Item> Document::item(const ContainerId& list, std::size_t index) const {
    if (index >= listLength(list)) return std::nullopt;
    return m_impl->itemOf(m_impl->containers.find(list)->list->at(index).value);
}

std::vector<Item> Document::items(const ContainerId& list) const {
    std::vector<Item> items;
    const Container* c = m_impl->containers.find(list);
    if (c && c->list)
        c->list->forEach([&](const ElementList::Element& element) {
            items.push_back(m_impl->itemOf(element.value));
        });
    return items;
}

bool Document::contains(const ContainerId& set, const Value& member) const {
    const Container* c = m_impl->containers.find(set);
    const Register* shown = c ? c->map.find(memberName(member.encode()).view()) : nullptr;
    return shown && shown->kind == ValueKind::Plain;
}

std::vector<Value> Document::members(const ContainerId& set) const {
    const Container* c = m_impl->containers.find(set);
    return c && c->type == ContainerType::Set ? m_impl->membersOf(*c) : std::vector<Value>();
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
            return container ? listValue(*container->list) : Value::Array();
        case ContainerType::Set:
            return container ? membersOf(*container) : Value::Array();
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

Value::Array Document::Impl::listValue(const ElementList& list) const {
    Value::Array array;
    list.forEach([&](const ElementList::Element& element) {
        const Register& shown = element.value;
        array.push_back(shown.kind == ValueKind::Container
                            ? valueOf(containers.shownBy(shown), shown.type)
                            : shown.value);
    });
    return array;
}

// In the order of their encodings.
Value::Array Document::Impl::membersOf(const Container& set) const {
    std::map<Bytes, const Value*> sorted;
    for (const auto& [name, shown] : set.map.registers())
        if (shown.kind == ValueKind::Plain) sorted.emplace(shown.value.encode(), &shown.value);
    Value::Array members;
    for (const auto& [bytes, member] : sorted) members.push_back(*member);
    return members;
}

std::optional<std::string> Document::Impl::checkInvariants() const {
    std::optional<std::string> bad = undo_manager.checkInvariants();
    containers.forEach([&](const Container& container) {
        if (container.text && !bad) bad = container.text->checkInvariants();
        if (container.list && !bad) bad = container.list->checkInvariants();
        if (container.marks && !bad) bad = container.marks->checkInvariants();
    });
    return bad;
}

// ---- editing ----

void Document::begin(std::string_view tag) {
    m_impl->begin(tag);
}
bool Document::inTransaction() const {
    return m_impl->is_open;
}

std::optional<Change> Document::commit(std::int64_t time_ms, bool undoable) {
    return m_impl->commit(time_ms, undoable);
}

void Document::set(const ContainerId& map, const std::string& key, const Value& value) {
    assert(key.size() <= limits::kMapKeyBytesMax);
    m_impl->set(m_impl->containers.ensure(map), sanitizedUtf8(key), ValueKind::Plain,
                cleaned(value), ContainerType::Map);
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

// ---- rich text ----

void Document::mark(const ContainerId& text, std::size_t position, std::size_t length,
                    const std::string& key, const Value& value, Expand expand) {
    assert(isMarkKey(key));
    m_impl->mark(m_impl->containers.ensure(text), position, length, {sanitizedUtf8(key), {}},
                 cleaned(value), expand);
}

void Document::unmark(const ContainerId& text, std::size_t position, std::size_t length,
                      const std::string& key, Expand expand) {
    assert(isMarkKey(key));
    m_impl->mark(m_impl->containers.ensure(text), position, length, {sanitizedUtf8(key), {}},
                 std::nullopt, expand);
}

std::string Document::comment(const ContainerId& text, std::size_t position, std::size_t length,
                              const Value& value) {
    const OpId id = m_impl->nextId();
    m_impl->mark(m_impl->containers.ensure(text), position, length, {}, cleaned(value),
                 Expand::None);
    return m_impl->nextId() == id ? std::string() : commentKey(id);
}

void Document::removeComment(const ContainerId& text, const std::string& comment_key) {
    const auto comment = commentOf(comment_key);
    const OpId next = m_impl->nextId();
    const bool is_own = comment && comment->replica == next.replica;
    if (comment && (is_own ? comment->counter < next.counter : m_impl->graph.has(*comment)))
        m_impl->markAll(m_impl->containers.ensure(text), {{}, *comment});
}

void Document::setBlock(const ContainerId& text, std::size_t position, const std::string& key,
                        const std::optional<Value>& value) {
    assert(isMarkKey(key));
    m_impl->setBlock(m_impl->containers.ensure(text), position, sanitizedUtf8(key),
                     value ? std::optional(cleaned(*value)) : std::nullopt);
}

void Document::insertEmbed(const ContainerId& text, std::size_t position, const Value& object) {
    const std::size_t before = textLength(text);
    insertText(text, position, std::u16string_view(&kEmbedCharacter, 1));
    const Cursor at = cursorAt(text, std::min(position, before), Cursor::Side::Before);
    mark(text, resolve(text, at).value_or(0), 1, kEmbedKey, object, Expand::None);
}

// ---- lists and sets ----

void Document::insertItems(const ContainerId& list, std::size_t position,
                           const std::vector<Value>& values) {
    std::vector<Value> clean;
    clean.reserve(values.size());
    for (const Value& value : values) clean.push_back(cleaned(value));
    m_impl->insertElements(m_impl->containers.ensure(list), position, clean);
}

ContainerId Document::insertContainer(const ContainerId& list, std::size_t position,
                                      ContainerType type) {
    const OpId id = m_impl->insertChild(m_impl->containers.ensure(list), position, type);
    return ContainerId::element(id, type);
}

void Document::setItem(const ContainerId& list, std::size_t index, const Value& value) {
    (void)m_impl->setElement(m_impl->containers.ensure(list), index, ValueKind::Plain,
                             cleaned(value), ContainerType::Map);
}

ContainerId Document::setItemContainer(const ContainerId& list, std::size_t index,
                                       ContainerType type) {
    const OpId id =
        m_impl->setElement(m_impl->containers.ensure(list), index, ValueKind::Container, {}, type);
    return ContainerId::element(id, type);
}

void Document::removeItems(const ContainerId& list, std::size_t position, std::size_t count) {
    m_impl->removeElements(m_impl->containers.ensure(list), position, count);
}

void Document::moveItem(const ContainerId& list, std::size_t from, std::size_t to) {
    m_impl->moveElement(m_impl->containers.ensure(list), from, to);
}

void Document::addMember(const ContainerId& set, const Value& member) {
    m_impl->setMember(m_impl->containers.ensure(set), cleaned(member), true);
}

void Document::removeMember(const ContainerId& set, const Value& member) {
    m_impl->setMember(m_impl->containers.ensure(set), cleaned(member), false);
}

// ---- expunge ----

Change Document::expunge(const std::vector<IdRun>& ids, std::int64_t time_ms) {
    return m_impl->expunge(ids, time_ms);
}

std::vector<IdRun> Document::idsOf(const ContainerId& text, std::size_t position,
                                   std::size_t length) const {
    const Container* c = m_impl->containers.find(text);
    std::vector<IdRun> ids;
    std::vector<SlotRun> slots;
    if (!c || !c->text) return ids;
    c->text->visible(position, length, &slots);
    c->text->idsOf(slots, &ids);
    return ids;
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
void Document::beginUndoGroup() {
    m_impl->undo_manager.beginGroup();
}
void Document::endUndoGroup() {
    m_impl->undo_manager.endGroup();
}
void Document::setUndoFilter(std::function<bool(std::string_view tag)> filter) {
    m_impl->undo_manager.setFilter(std::move(filter));
}
void Document::setSelection(std::optional<Selection> selection) {
    m_impl->undo_manager.setSelection(std::move(selection));
}
const std::optional<Selection>& Document::restoredSelection() const {
    return m_impl->restored_selection;
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
    if (c && c->sequence()) return c->sequence()->cursorAt(position, side);
    Cursor cursor;
    cursor.side = side;
    cursor.anchor = side == Cursor::Side::After ? Cursor::Anchor::Start : Cursor::Anchor::End;
    return cursor;
}

std::optional<std::size_t> Document::resolve(const ContainerId& text, const Cursor& cursor) const {
    const Container* c = m_impl->containers.find(text);
    if (c && c->sequence()) return c->sequence()->resolve(cursor);
    return cursor.anchor == Cursor::Anchor::Character ? std::nullopt
                                                      : std::optional<std::size_t>(0);
}

std::optional<std::string> Document::checkInvariants() const {
    return m_impl->checkInvariants();
}

}  // namespace kimdb::crdt
