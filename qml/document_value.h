// SPDX-License-Identifier: MIT
#pragma once

#include <qqmlintegration.h>
#include <QObject>
#include <QPointer>
#include <QVariant>

#include <kimdb/qml/document_element.h>

namespace kimdb::qml {

//! \brief `DocumentValue { document: …; key: "title" }`: one key of the document's root map, live.
//! Assigning `value` writes it. Thread: the QML engine's.
class DocumentValue : public QObject {
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(kimdb::qml::DocumentElement* document READ document WRITE setDocument NOTIFY
                   documentChanged REQUIRED)
    Q_PROPERTY(QString key READ key WRITE setKey NOTIFY keyChanged REQUIRED)
    //! Undefined when the key is absent.
    Q_PROPERTY(QVariant value READ value WRITE setValue NOTIFY valueChanged)

 public:
    explicit DocumentValue(QObject* parent = nullptr);

    DocumentElement* document() const { return m_document; }
    void setDocument(DocumentElement* document);
    QString key() const { return m_key; }
    void setKey(const QString& key);
    QVariant value() const { return m_value; }
    void setValue(const QVariant& value);

 signals:
    void documentChanged();
    void keyChanged();
    void valueChanged();
    //! The last assignment was refused; `value` shows what the document says.
    void refused(const QString& reason);

 private:
    void attach();
    void read();

    QPointer<DocumentElement> m_document;
    QPointer<kimdb::Document> m_attached;
    QString m_key;
    QVariant m_value;
};

}  // namespace kimdb::qml
