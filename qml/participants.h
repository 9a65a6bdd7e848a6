// SPDX-License-Identifier: MIT
#pragma once

#include <qqmlintegration.h>
#include <QAbstractListModel>
#include <QColor>
#include <QElapsedTimer>
#include <QPointer>
#include <QTimer>

#include <kimdb/presence.h>
#include <kimdb/qml/document_element.h>

namespace kimdb::qml {

//! \brief Who else is in the document: one row per participant, in the order they came.
//! Someone who did nothing for a minute is idle. Sessions are text: a number of QML has 53 bits.
//! Thread: the QML engine's.
class Participants : public QAbstractListModel {
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(kimdb::qml::DocumentElement* document READ document WRITE setDocument NOTIFY
                   documentChanged REQUIRED)
    Q_PROPERTY(int count READ rowCount NOTIFY countChanged)

 public:
    enum Role { SessionRole = Qt::UserRole + 1, NameRole, InitialsRole, ColorRole, IdleRole };

    explicit Participants(QObject* parent = nullptr);

    DocumentElement* document() const { return m_document; }
    void setDocument(DocumentElement* document);
    //! One or two letters for an avatar: "Ann Lee" is "AL", "김민준" is "김".
    Q_INVOKABLE static QString initials(const QString& name);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

 signals:
    void documentChanged();
    void countChanged();

 private:
    struct Row {
        Participant who;
        QElapsedTimer active;
        bool idle = false;
    };

    void attach();
    void update(quint64 session);
    void remove(quint64 session);
    void markIdle();

    QPointer<DocumentElement> m_document;
    QPointer<Presence> m_presence;
    QList<Row> m_rows;
    QTimer m_idle_timer;
};

}  // namespace kimdb::qml
