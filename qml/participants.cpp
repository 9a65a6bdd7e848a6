// SPDX-License-Identifier: MIT
#include "qml/participants.h"

#include <algorithm>
#include <chrono>

namespace kimdb::qml {
namespace {

constexpr std::chrono::milliseconds kIdleAfter{60'000};
constexpr std::chrono::milliseconds kIdleCheck{5'000};

}  // namespace

Participants::Participants(QObject* parent) : QAbstractListModel(parent) {
    m_idle_timer.setInterval(kIdleCheck);
    connect(&m_idle_timer, &QTimer::timeout, this, &Participants::markIdle);
}

void Participants::setDocument(DocumentElement* document) {
    if (document == m_document) return;
    if (m_document) m_document->disconnect(this);
    m_document = document;
    emit documentChanged();
    if (m_document) {
        connect(m_document, &DocumentElement::readyChanged, this, &Participants::attach);
    }
    attach();
}

void Participants::attach() {
    if (m_presence) m_presence->disconnect(this);
    m_presence = m_document && m_document->isReady() ? m_document->document()->presence() : nullptr;
    beginResetModel();
    m_rows.clear();
    endResetModel();
    emit countChanged();
    if (!m_presence) return;
    connect(m_presence, &Presence::joined, this, &Participants::update);
    connect(m_presence, &Presence::updated, this, &Participants::update);
    connect(m_presence, &Presence::left, this, &Participants::remove);
    for (const Participant& who : m_presence->others()) update(who.session);
    m_idle_timer.start();
}

void Participants::update(quint64 session) {
    const QList<Participant> others = m_presence->others();
    const auto who = std::find_if(others.begin(), others.end(),
                                  [&](const Participant& p) { return p.session == session; });
    if (who == others.end()) return;
    const auto row = std::find_if(m_rows.begin(), m_rows.end(),
                                  [&](const Row& r) { return r.who.session == session; });
    if (row == m_rows.end()) {
        beginInsertRows({}, int(m_rows.size()), int(m_rows.size()));
        m_rows.append({*who, {}, false});
        m_rows.last().active.start();
        endInsertRows();
        emit countChanged();
        return;
    }
    const bool shown_differs =
        row->idle || row->who.name != who->name || row->who.color != who->color;
    row->who = *who;
    row->idle = false;
    row->active.restart();
    const QModelIndex at = index(int(row - m_rows.begin()));
    if (shown_differs) emit dataChanged(at, at);
}

void Participants::remove(quint64 session) {
    for (qsizetype i = 0; i < m_rows.size(); ++i) {
        if (m_rows[i].who.session != session) continue;
        beginRemoveRows({}, int(i), int(i));
        m_rows.removeAt(i);
        endRemoveRows();
        emit countChanged();
        return;
    }
}

void Participants::markIdle() {
    for (qsizetype i = 0; i < m_rows.size(); ++i) {
        const bool idle = m_rows[i].active.hasExpired(kIdleAfter.count());
        if (idle == m_rows[i].idle) continue;
        m_rows[i].idle = idle;
        emit dataChanged(index(int(i)), index(int(i)), {IdleRole});
    }
}

QString Participants::initials(const QString& name) {
    QString result;
    for (const QString& word : name.split(u' ', Qt::SkipEmptyParts)) {
        const qsizetype units = word.size() > 1 && word[0].isHighSurrogate() ? 2 : 1;
        result += word.left(units).toUpper();
        if (result.size() >= 2) break;
    }
    return result.isEmpty() ? QStringLiteral("?") : result;
}

int Participants::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(m_rows.size());
}

QVariant Participants::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= m_rows.size()) return {};
    const Row& row = m_rows[index.row()];
    switch (role) {
        case SessionRole:
            return QString::number(row.who.session);
        case NameRole:
            return row.who.name;
        case InitialsRole:
            return initials(row.who.name);
        case ColorRole:
            return row.who.color;
        case IdleRole:
            return row.idle;
        default:
            return {};
    }
}

QHash<int, QByteArray> Participants::roleNames() const {
    return {{SessionRole, "session"},
            {NameRole, "name"},
            {InitialsRole, "initials"},
            {ColorRole, "color"},
            {IdleRole, "idle"}};
}

}  // namespace kimdb::qml
