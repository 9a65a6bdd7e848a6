// SPDX-License-Identifier: MIT
#include <kimdb/qml/document_element.h>

#include <QClipboard>
#include <QGuiApplication>
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

// ---- what the relay refused ----

QVariantList DocumentElement::rejectedChanges() const {
    QVariantList out;
    if (!m_document) return out;
    const auto listed = m_database->database()->rejectedChanges(m_id);
    if (!listed) return out;
    for (const RejectedChange& change : *listed)
        out.append(
            QVariantMap{{QStringLiteral("text"), change.text},
                        {QStringLiteral("reason"), QString::fromStdString(change.reason.message)},
                        {QStringLiteral("time"), change.time}});
    return out;
}

QString DocumentElement::retryRejected() {
    if (!m_document) return tr("The document is not open.");
    const auto done = m_database->database()->retryRejected(m_id);
    if (!done) return QString::fromStdString(done.error().message);
    const auto left = m_database->database()->rejectedChanges(m_id);
    if (left && left->isEmpty()) return {};
    return tr("Some of it stands on text that is gone. Copy it, and paste it where it belongs.");
}

void DocumentElement::copyRejected() const {
    QStringList texts;
    for (const QVariant& change : rejectedChanges()) {
        const QString text = change.toMap().value(QStringLiteral("text")).toString();
        if (!text.isEmpty()) texts.append(text);
    }
    QGuiApplication::clipboard()->setText(texts.join(QString()));
}

void DocumentElement::discardRejected() {
    if (!m_document) return;
    const auto listed = m_database->database()->rejectedChanges(m_id);
    if (!listed) return;
    for (const RejectedChange& change : *listed)
        (void)m_database->database()->discardRejected(change.id);
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
