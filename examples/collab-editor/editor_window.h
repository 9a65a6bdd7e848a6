// SPDX-License-Identifier: MIT
#pragma once

#include <QQmlApplicationEngine>
#include <QString>
#include <QUrl>
#include <optional>

class QQuickItem;
class QQuickWindow;

namespace kimdb::editor {

//! \brief What one window is opened with.
struct WindowOptions {
    QString database_path;
    QUrl url;
    QString document = QStringLiteral("welcome");
    QString name;
    QString token;             //!< for the relay; empty: anonymous
    std::optional<bool> dark;  //!< as the platform unless set
};

//! \brief One editor window with an engine, a database and a connection of its own.
//! Thread: the GUI's. The window closes and the database is flushed when this is destroyed.
class EditorWindow {
 public:
    explicit EditorWindow(const WindowOptions& options);
    ~EditorWindow();
    EditorWindow(const EditorWindow&) = delete;
    EditorWindow& operator=(const EditorWindow&) = delete;

    //! nullptr when the QML could not be loaded (the engine has said why on stderr).
    QQuickWindow* window() const { return m_window; }
    //! The text area that takes the keys.
    QQuickItem* textArea() const;
    //! The field in the bar that holds the title.
    QQuickItem* titleField() const;
    //! What the window shows.
    QString text() const;
    //! The sync state in words, as the badge shows it.
    QString syncText() const;
    bool isSynced() const;
    //! Everything typed is on this disk, whatever the network does.
    bool isSaved() const;
    //! Changes that wait for the relay.
    int queued() const;
    bool isOnline() const;
    //! How many others are shown in the bar.
    int othersShown() const;

 private:
    QVariant documentProperty(const char* name) const;

    QQmlApplicationEngine m_engine;
    QQuickWindow* m_window = nullptr;
};

//! Application name, style and fonts that the windows are made for. Call before the first window.
void prepareApplication();

}  // namespace kimdb::editor
