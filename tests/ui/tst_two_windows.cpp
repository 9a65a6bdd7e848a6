// SPDX-License-Identifier: MIT
// Two editor windows, each with its own database folder and connection, over a relay process.
#include <QQuickItem>
#include <QQuickWindow>
#include <QTemporaryDir>
#include <QTest>

#include "examples/collab-editor/editor_window.h"
#include "examples/collab-editor/relay_process.h"
#include "examples/collab-editor/typist.h"
#include "qml/remote_carets.h"
#include "support/patience.h"

using namespace kimdb::editor;

class TstTwoWindows : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase() { prepareApplication(); }
    void init();
    void cleanup();

    void typedTextAppearsInTheOtherWindow();
    void bothTypeAtOnce();
    void koreanCompositionSurvivesRemoteText();
    void undoTakesBackOnlyOnesOwn();
    void caretsAndNamesOfOthersAreShown();
    void clickOnAnAvatarShowsThatCaret();
    void titleIsShared();
    void offlineEditsMeetWhenTheRelayIsBack();
    void closedAndReopenedWithoutRelayShowsTheText();

 private:
    WindowOptions options(const QString& name) const;
    void focusOn(EditorWindow& window) { QVERIFY(Typist(window).focus()); }
    static void placeCaret(EditorWindow& window, int position) {
        window.textArea()->setProperty("cursorPosition", position);
    }
    static int caret(EditorWindow& window) {
        return window.textArea()->property("cursorPosition").toInt();
    }
    static QObject* documentOf(EditorWindow& window) {
        return window.window()->property("document").value<QObject*>();
    }
    static kimdb::qml::RemoteCarets* caretsIn(EditorWindow& window) {
        return window.window()->findChild<kimdb::qml::RemoteCarets*>();
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<RelayProcess> m_relay;
    std::unique_ptr<EditorWindow> m_ann;
    std::unique_ptr<EditorWindow> m_ben;
};

// Both windows show exactly this.
#define BOTH_SHOW(expected)                    \
    do {                                       \
        QTRY_COMPARE(m_ann->text(), expected); \
        QTRY_COMPARE(m_ben->text(), expected); \
    } while (false)

WindowOptions TstTwoWindows::options(const QString& name) const {
    WindowOptions options;
    options.database_path = m_folder->filePath(name.toLower());
    options.url = m_relay->url();
    options.document = "tests/two-windows";
    options.name = name;
    return options;
}

void TstTwoWindows::init() {
    m_folder = std::make_unique<QTemporaryDir>();
    m_relay = std::make_unique<RelayProcess>(m_folder->filePath("relay"), 0);
    const kimdb::Result<> started = m_relay->start();
    QVERIFY2(started, started ? "" : started.error().message.c_str());
    m_ann = std::make_unique<EditorWindow>(options("Ann"));
    m_ben = std::make_unique<EditorWindow>(options("Ben"));
    QVERIFY(m_ann->window() && m_ben->window());
    QTRY_VERIFY(m_ann->isOnline() && m_ben->isOnline());
}

void TstTwoWindows::cleanup() {
    m_ann.reset();
    m_ben.reset();
    const kimdb::Result<> stopped = m_relay->stop();
    QVERIFY2(stopped, stopped ? "" : stopped.error().message.c_str());
}

void TstTwoWindows::typedTextAppearsInTheOtherWindow() {
    focusOn(*m_ann);
    Typist(*m_ann).types(QStringLiteral("Hello, Ben 🙂\nsecond line"));
    BOTH_SHOW(QStringLiteral("Hello, Ben 🙂\nsecond line"));
    QTRY_VERIFY(m_ann->isSynced());
}

void TstTwoWindows::bothTypeAtOnce() {
    focusOn(*m_ann);
    Typist(*m_ann).types("A: \nB: ");
    BOTH_SHOW(QStringLiteral("A: \nB: "));
    placeCaret(*m_ann, 3);
    placeCaret(*m_ben, 7);
    // One letter here, one there, with whatever arrives in between.
    for (int i = 0; i < 12; ++i) {
        focusOn(*m_ann);
        Typist(*m_ann).types("a");
        focusOn(*m_ben);
        Typist(*m_ben).types("b");
    }
    BOTH_SHOW(QStringLiteral("A: aaaaaaaaaaaa\nB: bbbbbbbbbbbb"));
}

void TstTwoWindows::koreanCompositionSurvivesRemoteText() {
    focusOn(*m_ann);
    Typist(*m_ann).types("[]");
    BOTH_SHOW(QStringLiteral("[]"));
    focusOn(*m_ben);
    placeCaret(*m_ben, 1);
    Typist ben(*m_ben);
    ben.composes(QStringLiteral("ㅎ"));
    ben.composes(QStringLiteral("하"));

    const QString before = m_ben->text();
    auto* document = qobject_cast<kimdb::qml::DocumentElement*>(documentOf(*m_ann));
    QVERIFY(document->document()->text("text").insert(0, "remote "));
    auto* received = qobject_cast<kimdb::qml::DocumentElement*>(documentOf(*m_ben));
    QTRY_COMPARE(received->document()->text("text").toString(), QStringLiteral("remote []"));
    QCOMPARE(m_ben->text(), before);  // it waits
    QCOMPARE(m_ben->textArea()->property("preeditText").toString(), QStringLiteral("하"));

    ben.composes(QStringLiteral("한"));
    ben.commits(QStringLiteral("한"));
    ben.composes(QStringLiteral("글"));
    ben.commits(QStringLiteral("글"));
    BOTH_SHOW(QStringLiteral("remote [한글]"));
    QCOMPARE(caret(*m_ben), 10);
}

void TstTwoWindows::undoTakesBackOnlyOnesOwn() {
    focusOn(*m_ann);
    Typist(*m_ann).types("from Ann");
    BOTH_SHOW(QStringLiteral("from Ann"));
    focusOn(*m_ben);
    placeCaret(*m_ben, 8);
    Typist(*m_ben).types(", from Ben");
    BOTH_SHOW(QStringLiteral("from Ann, from Ben"));
    focusOn(*m_ann);
    Typist(*m_ann).presses(Qt::Key_Z, Qt::ControlModifier);
    BOTH_SHOW(QStringLiteral(", from Ben"));
    Typist(*m_ann).presses(Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
    BOTH_SHOW(QStringLiteral("from Ann, from Ben"));
    focusOn(*m_ben);
    Typist(*m_ben).presses(Qt::Key_Z, Qt::ControlModifier);
    BOTH_SHOW(QStringLiteral("from Ann"));
}

void TstTwoWindows::caretsAndNamesOfOthersAreShown() {
    focusOn(*m_ann);
    Typist(*m_ann).types("some text");
    BOTH_SHOW(QStringLiteral("some text"));
    kimdb::qml::RemoteCarets* carets = caretsIn(*m_ben);
    QVERIFY(carets);
    QTRY_COMPARE(carets->rowCount(), 1);
    const QModelIndex row = carets->index(0);
    QTRY_COMPARE(carets->data(row, kimdb::qml::RemoteCarets::NameRole).toString(),
                 QStringLiteral("Ann"));
    const auto rectangleAt = [&](int position) {
        QRectF rectangle;
        QMetaObject::invokeMethod(m_ben->textArea(), "positionToRectangle",
                                  Q_RETURN_ARG(QRectF, rectangle), Q_ARG(int, position));
        return rectangle;
    };
    const auto caretRect = [&] {
        return carets->data(row, kimdb::qml::RemoteCarets::CaretRole).toRectF();
    };
    QTRY_COMPARE(caretRect(), rectangleAt(9));
    QMetaObject::invokeMethod(m_ann->textArea(), "select", Q_ARG(int, 5), Q_ARG(int, 0));
    QTRY_COMPARE(caretRect(), rectangleAt(0));
    QTRY_COMPARE(carets->data(row, kimdb::qml::RemoteCarets::BoxesRole).toList().size(), 1);
    const auto colorOf = [&](EditorWindow& window) {
        return documentOf(window)->property("userColor").value<QColor>();
    };
    QTRY_VERIFY(colorOf(*m_ann) != colorOf(*m_ben));
    m_ann.reset();
    QTRY_COMPARE(carets->rowCount(), 0);
}

void TstTwoWindows::clickOnAnAvatarShowsThatCaret() {
    focusOn(*m_ann);
    for (int i = 0; i < 60; ++i) Typist(*m_ann).presses(Qt::Key_Return);
    QTRY_COMPARE(m_ben->text().size(), 60);
    QTRY_COMPARE(caretsIn(*m_ben)->rowCount(), 1);
    QQuickItem* flick = m_ben->textArea()->parentItem()->parentItem();
    QCOMPARE(flick->property("contentY").toReal(), 0.0);
    QQuickItem* avatar = nullptr;
    auto* people = m_ben->window()->property("people").value<QQuickItem*>();
    for (QQuickItem* item : people->childItems()) {
        if (item->property("initials").toString() == "A") avatar = item;
    }
    QVERIFY(avatar);
    const QPointF center = avatar->mapToScene({avatar->width() / 2, avatar->height() / 2});
    QTest::mouseClick(m_ben->window(), Qt::LeftButton, {}, center.toPoint());
    QTRY_VERIFY(flick->property("contentY").toReal() > 300);
}

void TstTwoWindows::titleIsShared() {
    Typist ann(*m_ann);
    QVERIFY(ann.focusTitle());
    ann.types("Harbour weekend\n");
    QVERIFY(m_ann->textArea()->hasActiveFocus());  // Return goes on in the text
    QTRY_VERIFY(m_ben->window()->title().startsWith("Harbour weekend"));
}

void TstTwoWindows::offlineEditsMeetWhenTheRelayIsBack() {
    focusOn(*m_ann);
    Typist(*m_ann).types("shared");
    BOTH_SHOW(QStringLiteral("shared"));
    QVERIFY(m_relay->stop());
    QTRY_VERIFY(!m_ann->isOnline() && !m_ben->isOnline());
    focusOn(*m_ann);
    placeCaret(*m_ann, 0);
    Typist(*m_ann).types("Ann ");
    focusOn(*m_ben);
    placeCaret(*m_ben, 6);
    Typist(*m_ben).types(" Ben");
    QCOMPARE(m_ann->text(), QStringLiteral("Ann shared"));
    QCOMPARE(m_ben->text(), QStringLiteral("shared Ben"));
    QTRY_VERIFY(m_ann->syncText().contains("waiting"));
    QVERIFY(m_relay->start());
    QTRY_COMPARE_WITH_TIMEOUT(m_ann->text(), QStringLiteral("Ann shared Ben"), 60'000);
    BOTH_SHOW(QStringLiteral("Ann shared Ben"));
    QTRY_VERIFY(m_ann->isSynced() && m_ben->isSynced());
}

void TstTwoWindows::closedAndReopenedWithoutRelayShowsTheText() {
    focusOn(*m_ann);
    Typist(*m_ann).types("kept");
    BOTH_SHOW(QStringLiteral("kept"));
    QVERIFY(m_relay->stop());
    m_ben.reset();
    m_ben = std::make_unique<EditorWindow>(options("Ben"));
    QCOMPARE(m_ben->text(), QStringLiteral("kept"));
    QVERIFY(!m_ben->isOnline());
}

QTEST_MAIN(TstTwoWindows)
#include "tst_two_windows.moc"
