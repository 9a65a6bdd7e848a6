// SPDX-License-Identifier: MIT
#pragma once

#include <qqmlintegration.h>
#include <QAbstractListModel>
#include <QColor>
#include <QPointer>
#include <QRectF>
#include <QTimer>

#include <kimdb/presence.h>
#include "qml/text_binding.h"

namespace kimdb::qml {

//! \brief Where the others are in a bound text: one row per participant whose caret is in it.
//!
//! Carets are kept as cursors of the document, not as offsets, and resolved anew whenever text,
//! layout or presence changes (once per turn of the event loop). Rectangles are in the
//! coordinates of the binding's editor. Thread: the QML engine's.
class RemoteCarets : public QAbstractListModel {
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(kimdb::qml::TextBinding* binding READ binding WRITE setBinding NOTIFY bindingChanged
                   REQUIRED)

 public:
    enum Role {
        SessionRole = Qt::UserRole + 1,  //!< as text: a number of QML has 53 bits only
        NameRole,
        ColorRole,
        CaretRole,  //!< QRectF, 0 wide
        BoxesRole,  //!< list of QRectF: the selection
        MovesRole,  //!< grows with each movement the person made
    };

    explicit RemoteCarets(QObject* parent = nullptr);

    TextBinding* binding() const { return m_binding; }
    void setBinding(TextBinding* binding);
    //! The caret of \a session; an empty rectangle at (-1, -1) when it has none here.
    Q_INVOKABLE QRectF caretOf(const QString& session) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

 signals:
    void bindingChanged();

 private:
    struct Row {
        Participant who;
        int moves = 0;
        QRectF caret;
        QVariantList boxes;
    };

    void attach();
    void update();
    void updateRow(qsizetype index, const Participant& who);
    void locate(Row& row) const;

    QPointer<TextBinding> m_binding;
    QPointer<Presence> m_presence;
    QPointer<QTextDocument> m_text_document;
    QList<Row> m_rows;
    QTimer m_timer;
};

}  // namespace kimdb::qml
