// SPDX-License-Identifier: MIT
#pragma once

#include <QString>
#include <Qt>
#include <chrono>
#include <functional>

#include "editor_window.h"

namespace kimdb::editor {

//! \brief Fingers for one window: sends the events a keyboard or an input method would send.
//! Thread: the GUI's. The window outlives it.
class Typist {
 public:
    explicit Typist(EditorWindow& window) : m_window(window) {}

    //! Makes the window the active one and its text (or title) the focus. False after 10 s.
    bool focus();
    bool focusTitle();
    //! One key press and release per character; '\n' is Return.
    void types(const QString& text);
    void presses(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier);
    //! An input method shows \a preedit at the caret, not yet part of the text.
    void composes(const QString& preedit);
    //! The input method turns its composition into \a text.
    void commits(const QString& text);

 private:
    bool focus(QQuickItem* item);

    EditorWindow& m_window;
};

//! Runs the event loop until \a condition holds. Returns whether it did within \a time.
bool waitFor(const std::function<bool()>& condition,
             std::chrono::milliseconds time = std::chrono::seconds(30));

}  // namespace kimdb::editor
