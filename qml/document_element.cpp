// SPDX-License-Identifier: MIT
#include <kimdb/qml/document_element.h>

#include <QRandomGenerator>
#include <array>

#include <kimdb/presence.h>
#include <kimdb/sync_status.h>

namespace kimdb::qml {
namespace {

//! Each carries white text at a contrast of 4.5:1 or better.
constexpr std::array<QRgb, 8> kPresenceColors = {0xFFD6336C, 0xFF0B7285, 0xFF5F3DC4, 0xFFA84300,
                                                 0xFF237A36, 0xFF1864AB, 0xFF862E9C, 0xFF8A6100};

static_assert(int(SyncStatus::State::Failed) == int(DocumentElement::SyncState::Failed));

}  // namespace

DocumentElement::DocumentElement(QObject* parent) : QObject(parent) {}

DocumentElement::~DocumentElement() {
    close();
}

void DocumentElement::setDatabase(DatabaseElement* database) {
    if (database == m_database) return;
    if (m_database) m_database->disconnect(this);
    close();
    m_database = database;
    emit databaseChanged();
    if (!m_database) return;
    connect(m_database, &DatabaseElement::readyChanged, this, &DocumentElement::open);
    open();
}

void DocumentElement::setDocumentId(const QString& id) {
    if (id == m_id) return;
    close();
    m_id = id;
    emit documentIdChanged();
    open();
}

void DocumentElement::setUserName(const QString& name) {
    if (name == m_user_name) return;
    m_user_name = name;
    if (m_document) m_document->presence()->setName(name);
    emit userNameChanged();
}

void DocumentElement::open() {
    if (m_document || !m_database || !m_database->isReady() || m_id.isEmpty()) return;
    const Result<kimdb::Document*> opened = m_database->database()->document(m_id);
    m_error = opened ? QString() : QString::fromStdString(opened.error().message);
    emit errorChanged();
    if (!opened) return;
    m_document = opened.value();
    Presence* presence = m_document->presence();
    connect(m_document, &kimdb::Document::readOnlyChanged, this, &DocumentElement::readOnlyChanged);
    connect(m_document->syncStatus(), &SyncStatus::changed, this, &DocumentElement::syncChanged);
    connect(presence, &Presence::selfChanged, this, &DocumentElement::userColorChanged);
    connect(presence, &Presence::joined, this, &DocumentElement::yieldColor);
    if (!m_user_name.isEmpty()) presence->setName(m_user_name);
    emit readyChanged();
    emit readOnlyChanged();
    emit syncChanged();
    emit userColorChanged();
    yieldColor();
}

void DocumentElement::close() {
    if (!m_document) return;
    m_document->disconnect(this);
    m_document->syncStatus()->disconnect(this);
    m_document->presence()->disconnect(this);
    m_document = nullptr;
    emit readyChanged();
}

//! Two people with one colour: the later name moves on to a free one. Equal names both move, each
//! to a random free colour, so that they part.
void DocumentElement::yieldColor() {
    Presence* presence = m_document->presence();
    QList<QRgb> free(kPresenceColors.begin(), kPresenceColors.end());
    bool taken = false;
    for (const Participant& other : presence->others()) {
        free.removeAll(other.color.rgb());
        taken |= other.color == presence->color() && other.name <= presence->name();
    }
    if (!taken || free.isEmpty()) return;
    presence->setColor(QColor(free[QRandomGenerator::global()->bounded(free.size())]));
}

QColor DocumentElement::userColor() const {
    return m_document ? m_document->presence()->color() : QColor();
}

bool DocumentElement::isReadOnly() const {
    return m_document && m_document->readOnly();
}

DocumentElement::SyncState DocumentElement::syncState() const {
    if (!m_document) return SyncState::Offline;
    return static_cast<SyncState>(m_document->syncStatus()->state());
}

QString DocumentElement::syncText() const {
    return m_document ? m_document->syncStatus()->text() : tr("Not open");
}

bool DocumentElement::isOnline() const {
    return m_document && m_document->syncStatus()->online();
}

int DocumentElement::queued() const {
    return m_document ? m_document->syncStatus()->queued() : 0;
}

int DocumentElement::rejected() const {
    return m_document ? m_document->syncStatus()->rejected() : 0;
}

QString DocumentElement::lastError() const {
    return m_document ? m_document->syncStatus()->lastError() : QString();
}

}  // namespace kimdb::qml
