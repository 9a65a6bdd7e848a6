// SPDX-License-Identifier: MIT
#include "qml/remote_carets.h"

#include <QAbstractTextDocumentLayout>
#include <algorithm>

#include "qml/text_geometry.h"

namespace kimdb::qml {

RemoteCarets::RemoteCarets(QObject* parent) : QAbstractListModel(parent) {
    m_timer.setSingleShot(true);
    m_timer.setInterval(0);
    connect(&m_timer, &QTimer::timeout, this, &RemoteCarets::update);
}

void RemoteCarets::setBinding(TextBinding* binding) {
    if (binding == m_binding) return;
    if (m_binding) m_binding->disconnect(&m_timer);
    m_binding = binding;
    emit bindingChanged();
    if (!m_binding) return;
    const auto later = qOverload<>(&QTimer::start);
    connect(m_binding, &TextBinding::settled, &m_timer, later);
    connect(m_binding, &TextBinding::settled, this, &RemoteCarets::attach);
    attach();
}

//! Follows the binding to its document and editor, which may come later than this object.
void RemoteCarets::attach() {
    if (!m_binding || !m_binding->text()) return;
    Presence* presence = m_binding->text()->document()->presence();
    if (presence == m_presence && m_binding->textDocument() == m_text_document) return;
    const auto later = qOverload<>(&QTimer::start);
    if (m_presence) m_presence->disconnect(&m_timer);
    m_presence = presence;
    for (auto signal : {&Presence::joined, &Presence::left, &Presence::updated}) {
        connect(m_presence, signal, &m_timer, later);
    }
    m_text_document = m_binding->textDocument();
    connect(m_text_document->documentLayout(), &QAbstractTextDocumentLayout::documentSizeChanged,
            &m_timer, later);
    connect(m_binding->editor(), &QQuickItem::widthChanged, &m_timer, later);
    m_timer.start();
}

void RemoteCarets::update() {
    if (!m_presence || !m_binding || !m_binding->text() || m_binding->isBehind()) return;
    QList<Participant> here;
    for (const Participant& who : m_presence->others()) {
        if (who.head && m_binding->text()->resolve(*who.head)) here.append(who);
    }
    for (qsizetype i = m_rows.size() - 1; i >= 0; --i) {
        const auto same = [&](const Participant& p) { return p.session == m_rows[i].who.session; };
        if (std::any_of(here.begin(), here.end(), same)) continue;
        beginRemoveRows({}, int(i), int(i));
        m_rows.removeAt(i);
        endRemoveRows();
    }
    for (const Participant& who : std::as_const(here)) {
        const auto row = std::find_if(m_rows.begin(), m_rows.end(),
                                      [&](const Row& r) { return r.who.session == who.session; });
        if (row != m_rows.end()) {
            updateRow(row - m_rows.begin(), who);
            continue;
        }
        Row added{who, 0, {}, {}};
        locate(added);
        beginInsertRows({}, int(m_rows.size()), int(m_rows.size()));
        m_rows.append(added);
        endInsertRows();
    }
}

void RemoteCarets::updateRow(qsizetype index, const Participant& who) {
    Row& row = m_rows[index];
    Row next = row;
    if (who.head != row.who.head || who.anchor != row.who.anchor) ++next.moves;
    next.who = who;
    locate(next);
    if (next.moves == row.moves && next.caret == row.caret && next.boxes == row.boxes &&
        who.name == row.who.name && who.color == row.who.color) {
        return;
    }
    row = next;
    emit dataChanged(this->index(int(index)), this->index(int(index)));
}

void RemoteCarets::locate(Row& row) const {
    const Text& text = *m_binding->text();
    const int last = m_text_document->characterCount() - 1;
    const int head = std::min(text.resolve(*row.who.head).value_or(0), last);
    const int anchor =
        row.who.anchor ? std::min(text.resolve(*row.who.anchor).value_or(head), last) : head;
    QMetaObject::invokeMethod(m_binding->editor(), "positionToRectangle",
                              Q_RETURN_ARG(QRectF, row.caret), Q_ARG(int, head));
    row.boxes.clear();
    const QPointF offset(m_binding->editor()->property("leftPadding").toReal(),
                         m_binding->editor()->property("topPadding").toReal());
    const auto boxes = rangeBoxes(*m_text_document, std::min(anchor, head), std::max(anchor, head));
    for (const QRectF& box : boxes) row.boxes.append(box.translated(offset));
}

QRectF RemoteCarets::caretOf(const QString& session) const {
    for (const Row& row : m_rows) {
        if (QString::number(row.who.session) == session) return row.caret;
    }
    return {-1, -1, 0, 0};
}

int RemoteCarets::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(m_rows.size());
}

QVariant RemoteCarets::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= m_rows.size()) return {};
    const Row& row = m_rows[index.row()];
    switch (role) {
        case SessionRole:
            return QString::number(row.who.session);
        case NameRole:
            return row.who.name;
        case ColorRole:
            return row.who.color;
        case CaretRole:
            return row.caret;
        case BoxesRole:
            return row.boxes;
        case MovesRole:
            return row.moves;
        default:
            return {};
    }
}

QHash<int, QByteArray> RemoteCarets::roleNames() const {
    return {{SessionRole, "session"}, {NameRole, "name"},   {ColorRole, "color"},
            {CaretRole, "caret"},     {BoxesRole, "boxes"}, {MovesRole, "moves"}};
}

}  // namespace kimdb::qml
