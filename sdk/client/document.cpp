// SPDX-License-Identifier: MIT
#include <kimdb/document.h>

#include "client/document_impl.h"
#include "client/variant_value.h"

namespace kimdb {

Document::Document(Database* database, std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {
    m_impl->q = this;
    m_impl->database = database;
    m_impl->undo.reset(new UndoManager(this));
    m_impl->presence.reset(new Presence(this));
}

Document::~Document() = default;

QString Document::id() const {
    return stringOf(m_impl->name().text());
}

Database* Document::database() const {
    return m_impl->database;
}

Map Document::root() {
    return Map(this, crdt::ContainerId::root());
}

Text Document::text(const QString& key) {
    return root().text(key);
}

Result<> Document::update(const QVariantMap& values) {
    return root().update(values);
}

Result<> Document::update(std::initializer_list<std::pair<QString, QVariant>> values) {
    return update(QVariantMap(values));
}

Result<> Document::transaction(const std::function<void()>& edits) {
    return m_impl->transaction(edits);
}

QVariantMap Document::toVariantMap() const {
    return m_impl->variantOfContainer(crdt::ContainerId::root()).toMap();
}

UndoManager* Document::undoManager() {
    return m_impl->undo.get();
}

Presence* Document::presence() {
    return m_impl->presence.get();
}

SyncStatus* Document::syncStatus() const {
    return &m_impl->status;
}

bool Document::readOnly() const {
    return m_impl->read_only;
}

}  // namespace kimdb
