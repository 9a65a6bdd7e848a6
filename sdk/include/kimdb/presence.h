// SPDX-License-Identifier: MIT
#pragma once

#include <QColor>
#include <QHash>
#include <QObject>
#include <QString>
#include <QVariantMap>
#include <memory>
#include <optional>

#include <kimdb/crdt/document.h>

namespace kimdb {

class Document;

//! \brief Another participant in the same document.
struct Participant {
    quint64 session = 0;
    QString name;
    QColor color;
    std::optional<crdt::Cursor> anchor;
    std::optional<crdt::Cursor> head;
    QVariantMap custom;
};

//! \brief Who else is in the document now: names, colours, carets and application data. Never
//! stored; sent at most 20 times a second. Gone within a second of a close, within 45 s of a lost
//! connection.
//! Thread: the database's. Owner: the document.
class Presence : public QObject {
    Q_OBJECT
    Q_PROPERTY(QString name READ name WRITE setName NOTIFY selfChanged)
    Q_PROPERTY(QColor color READ color WRITE setColor NOTIFY selfChanged)
 public:
    ~Presence() override;
    QString name() const;
    void setName(const QString& name);
    //! Default: one of the eight presence colours by a hash of the name.
    QColor color() const;
    void setColor(const QColor& color);
    void setSelection(const crdt::Cursor& anchor, const crdt::Cursor& head);
    void clearSelection();
    void setCustom(const QVariantMap& custom);
    QList<Participant> others() const;

 signals:
    void selfChanged();
    void joined(quint64 session);
    void left(quint64 session);
    void updated(quint64 session);

 private:
    friend class Database;
    friend class Document;
    explicit Presence(Document* document);
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace kimdb
