// SPDX-License-Identifier: MIT
#include "qml/document_value.h"

namespace kimdb::qml {

DocumentValue::DocumentValue(QObject* parent) : QObject(parent) {}

void DocumentValue::setDocument(DocumentElement* document) {
    if (document == m_document) return;
    if (m_document) m_document->disconnect(this);
    m_document = document;
    emit documentChanged();
    if (m_document) {
        connect(m_document, &DocumentElement::readyChanged, this, &DocumentValue::attach);
    }
    attach();
}

void DocumentValue::setKey(const QString& key) {
    if (key == m_key) return;
    m_key = key;
    emit keyChanged();
    read();
}

void DocumentValue::setValue(const QVariant& value) {
    if (!m_attached || m_attached->root().value(m_key) == value) return;
    const Result<> written = m_attached->root().set(m_key, value);
    read();
    if (!written) emit refused(QString::fromStdString(written.error().message));
}

void DocumentValue::attach() {
    if (m_attached) m_attached->disconnect(this);
    m_attached = m_document ? m_document->document() : nullptr;
    if (m_attached) {
        connect(m_attached, &kimdb::Document::mapChanged, this,
                [this](const crdt::ContainerId& map) {
                    if (map.isRoot()) read();
                });
        connect(m_attached, &kimdb::Document::reloaded, this, &DocumentValue::read);
    }
    read();
}

void DocumentValue::read() {
    const QVariant value = m_attached ? m_attached->root().value(m_key) : QVariant();
    if (value == m_value) return;
    m_value = value;
    emit valueChanged();
}

}  // namespace kimdb::qml
