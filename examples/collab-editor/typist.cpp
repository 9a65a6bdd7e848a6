// SPDX-License-Identifier: MIT
#include "typist.h"

#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QEventLoop>
#include <QInputMethodEvent>
#include <QKeyEvent>
#include <QQuickItem>
#include <QQuickWindow>
#include <QTimer>

namespace kimdb::editor {

bool Typist::focus() {
    return focus(m_window.textArea());
}

bool Typist::focusTitle() {
    return focus(m_window.titleField());
}

bool Typist::focus(QQuickItem* item) {
    using namespace std::chrono_literals;
    QQuickWindow* window = m_window.window();
    window->requestActivate();
    item->forceActiveFocus();
    return waitFor([&] { return window->isActive() && item->hasActiveFocus(); }, 10s);
}

void Typist::types(const QString& text) {
    for (qsizetype i = 0; i < text.size(); ++i) {
        const bool is_return = text[i] == QLatin1Char('\n');
        const bool is_pair = text[i].isHighSurrogate() && i + 1 < text.size();
        const QString typed = is_return ? QStringLiteral("\r") : text.mid(i, is_pair ? 2 : 1);
        const int key = is_return ? int(Qt::Key_Return) : int(typed[0].toUpper().unicode());
        QKeyEvent press(QEvent::KeyPress, key, Qt::NoModifier, typed);
        QCoreApplication::sendEvent(m_window.window(), &press);
        QKeyEvent release(QEvent::KeyRelease, key, Qt::NoModifier, typed);
        QCoreApplication::sendEvent(m_window.window(), &release);
        if (is_pair) ++i;
    }
}

void Typist::presses(Qt::Key key, Qt::KeyboardModifiers modifiers) {
    QKeyEvent press(QEvent::KeyPress, key, modifiers);
    QCoreApplication::sendEvent(m_window.window(), &press);
    QKeyEvent release(QEvent::KeyRelease, key, modifiers);
    QCoreApplication::sendEvent(m_window.window(), &release);
}

void Typist::composes(const QString& preedit) {
    QInputMethodEvent event(preedit, {});
    QCoreApplication::sendEvent(m_window.textArea(), &event);
}

void Typist::commits(const QString& text) {
    QInputMethodEvent event;
    event.setCommitString(text);
    QCoreApplication::sendEvent(m_window.textArea(), &event);
}

bool waitFor(const std::function<bool()>& condition, std::chrono::milliseconds time) {
    using namespace std::chrono_literals;
    QTimer pulse;  // a condition may come true without an event of ours
    pulse.start(10ms);
    const QDeadlineTimer deadline(time);
    while (!condition()) {
        if (deadline.hasExpired()) return false;
        QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
    }
    return true;
}

}  // namespace kimdb::editor
