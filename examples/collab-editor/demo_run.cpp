// SPDX-License-Identifier: MIT
#include "demo_run.h"

#include <QImage>
#include <QPainter>
#include <QQuickItem>
#include <QQuickWindow>
#include <QTextStream>
#include <algorithm>

#include "typist.h"

namespace kimdb::editor {
namespace {

void say(const QString& line) {
    QTextStream(stdout) << "kimdb-demo: " << line << Qt::endl;
}

Error timeout(const char* what) {
    return {ErrorCode::Timeout, what};
}

//! Both type at the same time: a word here, a word there, without waiting for each other.
bool typeInTurns(EditorWindow& first, const QString& first_text, EditorWindow& second,
                 const QString& second_text) {
    const QStringList a = first_text.split(' ');
    const QStringList b = second_text.split(' ');
    for (qsizetype i = 0; i < std::max(a.size(), b.size()); ++i) {
        if (i < a.size()) {
            Typist typist(first);
            if (!typist.focus()) return false;
            typist.types((i > 0 ? " " : "") + a[i]);
        }
        if (i < b.size()) {
            Typist typist(second);
            if (!typist.focus()) return false;
            typist.types((i > 0 ? " " : "") + b[i]);
        }
    }
    return true;
}

}  // namespace

Result<> DemoRun::run() {
    for (const auto step : {&DemoRun::typeTogether, &DemoRun::typeApart, &DemoRun::meetAgain}) {
        const Result<> done = (this->*step)();
        if (!done) return done;
    }
    say("what both windows show:");
    for (const QString& line : m_left.text().split('\n')) say("  | " + line);
    return {};
}

Result<> DemoRun::typeTogether() {
    if (!waitFor([&] { return m_left.isOnline() && m_right.isOnline(); })) {
        return timeout("the windows did not connect to the relay");
    }
    Typist ann(m_left);
    if (!ann.focusTitle()) return timeout("the first window did not get the keyboard");
    ann.types("Harbour weekend\n");
    if (!ann.focus()) return timeout("the first window did not get the keyboard");
    ann.types("Weekend at the harbour\n\nThe plan: \n\nTo bring: ");
    if (!waitFor([&] { return agree(); })) return timeout("the first lines did not arrive");
    for (int i = 0; i < 2; ++i) ann.presses(Qt::Key_Up);
    ann.presses(Qt::Key_End);
    m_right.textArea()->setProperty("cursorPosition", m_right.text().size());
    if (!typeInTurns(m_left, "the ferry leaves at 9:40, we meet at the clock.", m_right,
                     "a long rope, the small tent and all the coffee there is.")) {
        return timeout("a window did not get the keyboard");
    }
    if (!waitFor([&] { return agree(); })) return timeout("concurrent typing did not converge");
    say(QStringLiteral("typed together: both show %1 characters").arg(m_left.text().size()));
    return {};
}

Result<> DemoRun::typeApart() {
    const Result<> stopped = m_relay.stop();
    if (!stopped) return stopped;
    if (!waitFor([&] { return !m_left.isOnline() && !m_right.isOnline(); })) {
        return timeout("the windows did not notice that the relay is gone");
    }
    const QString before = m_left.text();
    if (!typeInTurns(m_left, " Whoever comes late takes the bus.", m_right,
                     "\n\nWritten on the train, without a network: 내일 부두에서 만나요!")) {
        return timeout("a window did not get the keyboard");
    }
    if (m_left.text() == before || m_right.text() == before || m_left.text() == m_right.text()) {
        return Error{ErrorCode::Offline, "typing without the relay had no effect"};
    }
    if (!waitFor([&] { return m_left.queued() > 0 && m_right.queued() > 0; })) {
        return timeout("the edits did not reach the offline queues");
    }
    waitFor([&] { return m_left.isSaved() && m_right.isSaved(); });
    say("relay stopped; left: \"" + m_left.syncText() + "\", right: \"" + m_right.syncText() +
        "\"; the texts differ now");
    return {};
}

Result<> DemoRun::meetAgain() {
    const Result<> started = m_relay.start();
    if (!started) return started;
    say("relay started again: " + m_relay.greeting());
    if (!waitFor([&] { return agree() && m_left.isSynced() && m_right.isSynced(); })) {
        say("left  (" + m_left.syncText() + "): " + m_left.text());
        say("right (" + m_right.syncText() + "): " + m_right.text());
        return timeout("the windows did not come to the same text");
    }
    Typist ben(m_right);
    if (!ben.focus()) return timeout("the second window did not get the keyboard");
    ben.presses(Qt::Key_Home, Qt::ShiftModifier);
    if (!waitFor([&] { return m_left.othersShown() == 1 && m_right.othersShown() == 1; })) {
        return timeout("the windows do not show who else is there");
    }
    return {};
}

bool DemoRun::agree() const {
    return !m_left.text().isEmpty() && m_left.text() == m_right.text();
}

Result<> DemoRun::writeScreenshot(const QString& file) {
    constexpr int kGap = 16;
    using namespace std::chrono_literals;
    waitFor([] { return false; }, 500ms);  // animations come to rest
    const QImage left = m_left.window()->grabWindow();
    const QImage right = m_right.window()->grabWindow();
    QImage both(left.width() + kGap + right.width(), std::max(left.height(), right.height()),
                QImage::Format_RGB32);
    both.fill(QColor(0xC9, 0xCE, 0xD6));
    QPainter painter(&both);
    painter.drawImage(QRect(0, 0, left.width(), left.height()), left);
    painter.drawImage(QRect(left.width() + kGap, 0, right.width(), right.height()), right);
    painter.end();
    if (both.save(file)) return {};
    return Error{ErrorCode::PermissionDenied, "cannot write " + file.toStdString()};
}

}  // namespace kimdb::editor
