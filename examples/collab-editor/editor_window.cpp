// SPDX-License-Identifier: MIT
#include "editor_window.h"

#include <QFont>
#include <QGuiApplication>
#include <QQuickItem>
#include <QQuickStyle>
#include <QQuickWindow>

#include <kimdb/qml/document_element.h>

namespace kimdb::editor {

void prepareApplication() {
    QGuiApplication::setApplicationName(QStringLiteral("KimDB"));
    QGuiApplication::setApplicationVersion(QStringLiteral(KIMDB_VERSION));
    QQuickStyle::setStyle(QStringLiteral("Basic"));
    QFont font;
    font.setFamilies({QStringLiteral("Inter"), QStringLiteral("Noto Sans"),
                      QStringLiteral("NanumGothic"), QStringLiteral("Noto Color Emoji")});
    QGuiApplication::setFont(font);
}

EditorWindow::EditorWindow(const WindowOptions& options) {
    m_engine.addImportPath(QStringLiteral("qrc:/qt/qml"));
    QVariantMap properties = {{QStringLiteral("databasePath"), options.database_path},
                              {QStringLiteral("relayUrl"), options.url},
                              {QStringLiteral("documentId"), options.document},
                              {QStringLiteral("userName"), options.name},
                              {QStringLiteral("token"), options.token}};
    if (options.dark) properties.insert(QStringLiteral("dark"), *options.dark);
    m_engine.setInitialProperties(properties);
    m_engine.load(QUrl(QStringLiteral("qrc:/qt/qml/KimDB/Editor/Main.qml")));
    if (!m_engine.rootObjects().isEmpty()) {
        m_window = qobject_cast<QQuickWindow*>(m_engine.rootObjects().constFirst());
    }
}

EditorWindow::~EditorWindow() = default;

QQuickItem* EditorWindow::textArea() const {
    const auto* area = m_window->property("area").value<QQuickItem*>();
    return area->property("editor").value<QQuickItem*>();
}

QQuickItem* EditorWindow::titleField() const {
    return m_window->property("titleField").value<QQuickItem*>();
}

QString EditorWindow::text() const {
    return textArea()->property("text").toString();
}

QString EditorWindow::syncText() const {
    return documentProperty("syncText").toString();
}

bool EditorWindow::isSynced() const {
    return documentProperty("syncState").toInt() == int(qml::DocumentElement::SyncState::Synced);
}

bool EditorWindow::isSaved() const {
    using State = qml::DocumentElement::SyncState;
    const auto state = State(documentProperty("syncState").toInt());
    return state == State::Saved || state == State::Synced || state == State::Offline;
}

int EditorWindow::queued() const {
    return documentProperty("queued").toInt();
}

bool EditorWindow::isOnline() const {
    return documentProperty("online").toBool();
}

int EditorWindow::othersShown() const {
    return m_window->property("people").value<QObject*>()->property("count").toInt();
}

QVariant EditorWindow::documentProperty(const char* name) const {
    return m_window->property("document").value<QObject*>()->property(name);
}

}  // namespace kimdb::editor
