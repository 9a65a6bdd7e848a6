// SPDX-License-Identifier: MIT
#include "crdt/container.h"

#include "crdt/op_codec.h"

namespace kimdb::crdt {

// ---- names ----

ContainerId ContainerId::child(const ContainerId& parent, std::string key, ContainerType type) {
    ContainerId id;
    id.m_origin = parent.m_origin;
    id.m_origin_type = parent.m_origin_type;
    id.m_path.reserve(parent.m_path.size() + 1);  // a copy that grows takes twice as much
    id.m_path = parent.m_path;
    id.m_path.emplace_back(std::move(key), type);
    return id;
}

ContainerId ContainerId::element(OpId origin, ContainerType type) {
    ContainerId id;
    id.m_origin = origin;
    id.m_origin_type = type;
    return id;
}

ContainerType ContainerId::type() const {
    return m_path.empty() ? m_origin_type : m_path.back().second;
}

// ---- state ----

Container::Container(ContainerId container_id, const ReplicaTable& replicas)
    : id(std::move(container_id)), type(id.type()) {
    if (type == ContainerType::Text) text = std::make_unique<Rga>(replicas);
    if (type == ContainerType::List) list = std::make_unique<ElementList>(replicas);
    if (type == ContainerType::Counter) counter = std::make_unique<Counter>();
}

Marks& Container::ensureMarks() {
    if (!marks) marks = std::make_unique<Marks>(*text);
    return *marks;
}

Container* Container::shownChild(const std::string& key) const {
    const Register* shown = map.find(key);
    if (!shown || shown->kind != ValueKind::Container) return nullptr;
    const auto child = children.find({key, shown->type});
    return child == children.end() ? nullptr : child->second.get();
}

bool Container::canToggle(const ReplicaTable& replicas, const IdRun& run) const {
    if (counter) return counter->canToggle(run);
    const auto author = replicas.find(run.replica);
    if (list) return author && list->canToggle(*author, run);
    return text && author && text->canToggle(*author, run);
}

ContainerTree::ContainerTree(const ReplicaTable& replicas)
    : m_replicas(replicas), m_root(std::make_unique<Container>(ContainerId::root(), replicas)) {}

Container* ContainerTree::find(const ContainerId& id) const {
    if (m_last && m_last->id == id) return m_last;
    Container* at = m_root.get();
    if (!id.origin().isNull()) {
        const auto element = m_elements.find({id.origin(), id.originType()});
        if (element == m_elements.end()) return nullptr;
        at = element->second.get();
    }
    for (const auto& step : id.path()) {
        const auto child = at->children.find(step);
        if (child == at->children.end()) return nullptr;
        at = child->second.get();
    }
    return m_last = at;
}

Container* ContainerTree::shownBy(const Register& element) const {
    const auto child = m_elements.find({element.origin, element.type});
    const bool shows = element.kind == ValueKind::Container && child != m_elements.end();
    return shows ? child->second.get() : nullptr;
}

Container& ContainerTree::ensure(const ContainerId& id) {
    if (Container* found = find(id)) return *found;
    Container* at = m_root.get();
    if (!id.origin().isNull()) at = &ensureElement(id.origin(), id.originType());
    for (const auto& [key, type] : id.path()) at = &ensureChild(*at, key, type);
    return *(m_last = at);
}

Container& ContainerTree::ensureChild(Container& parent, const std::string& key,
                                      ContainerType type) {
    std::unique_ptr<Container>& child = parent.children[{key, type}];
    if (!child) {
        child = std::make_unique<Container>(ContainerId::child(parent.id, key, type), m_replicas);
        if (type == ContainerType::Text) m_texts.push_back(child.get());
    }
    return *child;
}

Container& ContainerTree::ensureElement(OpId origin, ContainerType type) {
    std::unique_ptr<Container>& child = m_elements[{origin, type}];
    if (!child) {
        child = std::make_unique<Container>(ContainerId::element(origin, type), m_replicas);
        if (type == ContainerType::Text) m_texts.push_back(child.get());
    }
    return *child;
}

Container& ContainerTree::ensure(ByteView encoded) {
    for (const Named& named : m_named)
        if (named.container && named.encoded == encoded) return *named.container;
    Named& named = m_named[m_next_named++ % m_named.size()];
    named.container = &ensure(*decodeContainer(encoded));
    named.encoded = encoded;
    return *named.container;
}

Container* ContainerTree::textOf(OpId character) const {
    for (Container* text : m_texts)
        if (text->text->slotOf(character)) return text;
    return nullptr;
}

}  // namespace kimdb::crdt
