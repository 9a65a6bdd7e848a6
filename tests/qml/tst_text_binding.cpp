// SPDX-License-Identifier: MIT
// The editor component on a real database without a network. "Someone else" writes through the
// document's own handle: to the editor an edit it did not type is an edit it did not type.
#include <QClipboard>
#include <QGuiApplication>
#include <QInputMethodEvent>
#include <QQmlComponent>
#include <QQmlEngine>
#include <QQuickItem>
#include <QQuickTextDocument>
#include <QQuickWindow>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QTextDocument>

#include <kimdb/qml/document_element.h>
#include <kimdb/undo_manager.h>

#include "support/patience.h"

namespace {

constexpr char kWindow[] = R"(
    import QtQuick
    import KimDB
    Window {
        id: root
        required property string path
        property alias document: document
        property alias area: area
        width: 480; height: 320; visible: true
        Database { id: database; path: root.path }
        Document { id: document; database: database; documentId: "tests/text"; userName: "Ann" }
        CollabTextArea { id: area; anchors.fill: parent; focus: true; document: document }
    })";

}  // namespace

class TstTextBinding : public QObject {
    Q_OBJECT
 private slots:
    void init();
    void cleanup() { m_window.reset(); }

    void keystrokesReachTheDocument();
    void returnIsOneUnit();
    void pasteKeepsItsLines();
    void emojiIsTypedAndErasedWhole();
    void loneHighSurrogateWaitsForItsHalf();
    void loneHighSurrogateAloneIsDropped();
    void compositionIsNoEdit();
    void compositionCommitsWhereItStands();
    void remoteTextWaitsForTheComposition();
    void remoteRemovalAroundTheCompositionKeepsIt();
    void syllablesTypedInARowMeetRemoteText();
    void caretStaysInFrontOfTextAtIt();
    void caretMovesWithTextBeforeIt();
    void selectionSurvives_data();
    void selectionSurvives();
    void builtInUndoIsOff();
    void undoKeyTakesBackAndShows();
    void redoKeyBringsBack();
    void readOnlyTakesNoKeys();
    void viewStaysWhenTextAboveGrows();
    void reopenedDocumentIsShown();

 private:
    kimdb::Text text() {
        return m_window->property("document")
            .value<kimdb::qml::DocumentElement*>()
            ->document()
            ->text("text");
    }
    kimdb::Document* document() { return text().document(); }
    QQuickItem* area() { return m_window->property("area").value<QQuickItem*>(); }
    QQuickItem* editor() { return area()->property("editor").value<QQuickItem*>(); }
    QString shown() { return editor()->property("text").toString(); }
    int caret() { return editor()->property("cursorPosition").toInt(); }
    void placeCaret(int position) { editor()->setProperty("cursorPosition", position); }
    void selects(int anchor, int head) {
        QMetaObject::invokeMethod(editor(), "select", Q_ARG(int, anchor), Q_ARG(int, head));
    }
    void types(const QString& keys) {
        for (const char c : keys.toLatin1()) QTest::keyClick(m_window.get(), c);
    }
    void composes(const QString& preedit) {
        QInputMethodEvent event(preedit, {});
        QCoreApplication::sendEvent(editor(), &event);
    }
    void commits(const QString& committed, const QString& next_preedit = {}) {
        QInputMethodEvent event(next_preedit, {});
        event.setCommitString(committed);
        QCoreApplication::sendEvent(editor(), &event);
    }
    void someoneInserts(int position, const QString& inserted) {
        QVERIFY(text().insert(position, inserted));
    }
    void someoneRemoves(int position, int length) { QVERIFY(text().remove(position, length)); }
    void open();

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<QQmlEngine> m_engine;
    std::unique_ptr<QQuickWindow> m_window;
};

void TstTextBinding::init() {
    m_folder = std::make_unique<QTemporaryDir>();
    m_engine = std::make_unique<QQmlEngine>();
    m_engine->addImportPath("qrc:/qt/qml");
    open();
}

void TstTextBinding::open() {
    QQmlComponent component(m_engine.get());
    component.setData(kWindow, QUrl("qrc:/window.qml"));
    m_window.reset(qobject_cast<QQuickWindow*>(
        component.createWithInitialProperties({{"path", m_folder->filePath("database")}})));
    QVERIFY2(m_window, qPrintable(component.errorString()));
    m_window->requestActivate();
    QTRY_VERIFY(m_window->isActive());
    editor()->forceActiveFocus();
    QTRY_VERIFY(editor()->hasActiveFocus());
    QVERIFY(m_window->property("document").value<kimdb::qml::DocumentElement*>()->isReady());
}

void TstTextBinding::keystrokesReachTheDocument() {
    types("hello");
    QCOMPARE(text().toString(), QStringLiteral("hello"));
    placeCaret(2);
    types("y");
    QTest::keyClick(m_window.get(), Qt::Key_Delete);
    QCOMPARE(text().toString(), QStringLiteral("heylo"));
    QCOMPARE(shown(), text().toString());
}

void TstTextBinding::returnIsOneUnit() {
    types("ab");
    placeCaret(1);
    QTest::keyClick(m_window.get(), Qt::Key_Return);
    QTest::keyClick(m_window.get(), Qt::Key_Return, Qt::ShiftModifier);
    QCOMPARE(text().toString(), QStringLiteral("a\n\nb"));
    QTest::keyClick(m_window.get(), Qt::Key_Backspace);
    QCOMPARE(text().toString(), QStringLiteral("a\nb"));
}

void TstTextBinding::pasteKeepsItsLines() {
    types("<>");
    placeCaret(1);
    QGuiApplication::clipboard()->setText("one\r\ntwo\nthree");
    QTest::keySequence(m_window.get(), QKeySequence::Paste);
    QCOMPARE(text().toString(), QStringLiteral("<one\ntwo\nthree>"));
    selects(0, 5);
    QGuiApplication::clipboard()->setText("x");
    QTest::keySequence(m_window.get(), QKeySequence::Paste);
    QCOMPARE(text().toString(), QStringLiteral("xtwo\nthree>"));
}

void TstTextBinding::emojiIsTypedAndErasedWhole() {
    const QString boat = QString::fromUcs4(U"\U0001F6A3", 1);
    commits(boat);
    commits(QString::fromUcs4(U"\U0001F6A2", 1));  // shares the first half
    QCOMPARE(text().toString(), boat + QString::fromUcs4(U"\U0001F6A2", 1));
    placeCaret(2);
    commits(QString::fromUcs4(U"\U0001F6A4", 1));
    QCOMPARE(text().length(), 6);
    QTest::keyClick(m_window.get(), Qt::Key_Backspace);
    QCOMPARE(text().toString(), boat + QString::fromUcs4(U"\U0001F6A2", 1));
}

void TstTextBinding::loneHighSurrogateWaitsForItsHalf() {
    types("ab");
    placeCaret(1);
    commits(QString(QChar(0xD83D)));
    QCOMPARE(text().toString(), QStringLiteral("ab"));
    someoneInserts(0, "<");
    commits(QString(QChar(0xDEA3)));
    QTRY_COMPARE(shown(), text().toString());
    QCOMPARE(text().toString(), "<a" + QString::fromUcs4(U"\U0001F6A3", 1) + "b");
}

void TstTextBinding::loneHighSurrogateAloneIsDropped() {
    types("ab");
    commits(QString(QChar(0xD83D)));
    QTRY_COMPARE(shown(), QStringLiteral("ab"));
    QCOMPARE(text().toString(), QStringLiteral("ab"));
}

void TstTextBinding::compositionIsNoEdit() {
    types("a paragraph of some length");
    placeCaret(3);
    QSignalSpy changes(document(), &kimdb::Document::changed);
    composes(QStringLiteral("ㅎ"));
    composes(QStringLiteral("하"));
    composes(QStringLiteral("한"));
    QCOMPARE(changes.count(), 0);
    commits(QStringLiteral("한"));
    QCOMPARE(changes.count(), 1);
    QCOMPARE(text().toString(), QStringLiteral("a p한aragraph of some length"));
}

void TstTextBinding::compositionCommitsWhereItStands() {
    types("start end");
    placeCaret(5);
    composes(QStringLiteral("가"));
    commits(QStringLiteral("가"), QStringLiteral("ㄴ"));
    commits(QStringLiteral("나"));
    QCOMPARE(text().toString(), QStringLiteral("start가나 end"));
    QCOMPARE(caret(), 7);
}

void TstTextBinding::remoteTextWaitsForTheComposition() {
    types("start end");
    placeCaret(5);
    composes(QStringLiteral("하"));
    someoneInserts(0, ">> ");
    someoneInserts(text().length(), " <<");
    QCOMPARE(shown(), QStringLiteral("start end"));
    QCOMPARE(editor()->property("preeditText").toString(), QStringLiteral("하"));
    commits(QStringLiteral("한"));
    QCOMPARE(text().toString(), QStringLiteral(">> start한 end <<"));
    QTRY_COMPARE(shown(), text().toString());
    QCOMPARE(caret(), 9);
}

void TstTextBinding::remoteRemovalAroundTheCompositionKeepsIt() {
    types("one two three");
    placeCaret(5);
    composes(QStringLiteral("하"));
    someoneRemoves(3, 5);  // " two " is gone, the caret was in it
    commits(QStringLiteral("한"));
    QCOMPARE(text().toString(), QStringLiteral("one한three"));
    QTRY_COMPARE(shown(), text().toString());
    QCOMPARE(caret(), 4);
}

void TstTextBinding::syllablesTypedInARowMeetRemoteText() {
    types("[]");
    placeCaret(1);
    composes(QStringLiteral("안"));
    for (const QChar syllable : QStringLiteral("안녕하세")) {
        someoneInserts(0, "x");
        commits(QString(syllable), QStringLiteral("ㅇ"));
        someoneInserts(text().length(), "y");
    }
    commits(QStringLiteral("요"));
    QCOMPARE(text().toString(), QStringLiteral("xxxx[안녕하세요]yyyy"));
    QTRY_COMPARE(shown(), text().toString());
    QCOMPARE(caret(), 10);
}

void TstTextBinding::caretStaysInFrontOfTextAtIt() {
    types("ab");
    placeCaret(1);
    someoneInserts(1, "XYZ");
    QCOMPARE(shown(), QStringLiteral("aXYZb"));
    QCOMPARE(caret(), 1);
}

void TstTextBinding::caretMovesWithTextBeforeIt() {
    types("abcdef");
    placeCaret(4);
    someoneInserts(0, "12\n");
    QCOMPARE(caret(), 7);
    someoneRemoves(0, 5);
    QCOMPARE(caret(), 2);
    someoneRemoves(1, 3);
    QCOMPARE(caret(), 1);
    QCOMPARE(shown(), text().toString());
}

void TstTextBinding::selectionSurvives_data() {
    QTest::addColumn<int>("anchor");
    QTest::addColumn<int>("head");
    QTest::newRow("forward") << 4 << 7;
    QTest::newRow("backward") << 7 << 4;
}

void TstTextBinding::selectionSurvives() {
    QFETCH(int, anchor);
    QFETCH(int, head);
    types("one two three");
    selects(anchor, head);
    someoneInserts(7, "!");   // right behind it: not selected
    someoneInserts(4, "<<");  // right before it: not selected
    someoneInserts(0, "0 ");
    QCOMPARE(editor()->property("selectedText").toString(), QStringLiteral("two"));
    QCOMPARE(caret(), head < anchor ? 8 : 11);
    someoneInserts(9, "-");  // inside
    QCOMPARE(editor()->property("selectedText").toString(), QStringLiteral("t-wo"));
}

void TstTextBinding::builtInUndoIsOff() {
    types("abc");
    const auto* holder = editor()->property("textDocument").value<QQuickTextDocument*>();
    QVERIFY(!holder->textDocument()->isUndoRedoEnabled());
}

void TstTextBinding::undoKeyTakesBackAndShows() {
    types("first");
    document()->undoManager()->stopCapturing();
    for (int i = 0; i < 60; ++i) QTest::keyClick(m_window.get(), Qt::Key_Return);
    document()->undoManager()->stopCapturing();
    placeCaret(2);
    types("__");
    placeCaret(text().length());
    auto* flick = editor()->parentItem()->parentItem();
    QTRY_VERIFY(flick->property("contentY").toReal() > 0);
    QTest::keySequence(m_window.get(), QKeySequence::Undo);
    QVERIFY(text().toString().startsWith("first\n"));
    QCOMPARE(shown(), text().toString());
    QCOMPARE(caret(), 2);
    QTRY_VERIFY(flick->property("contentY").toReal() < 60);
}

void TstTextBinding::redoKeyBringsBack() {
    types("abc");
    QTest::keySequence(m_window.get(), QKeySequence::Undo);
    QCOMPARE(shown(), QString());
    QTest::keySequence(m_window.get(), QKeySequence::Redo);
    QCOMPARE(shown(), QStringLiteral("abc"));
    QCOMPARE(caret(), 3);
    QCOMPARE(text().toString(), QStringLiteral("abc"));
}

void TstTextBinding::readOnlyTakesNoKeys() {
    types("abc");
    area()->setProperty("readOnly", true);
    types("def");
    QCOMPARE(text().toString(), QStringLiteral("abc"));
    someoneInserts(0, "> ");
    QCOMPARE(shown(), QStringLiteral("> abc"));
}

void TstTextBinding::viewStaysWhenTextAboveGrows() {
    QString long_text;
    for (int i = 0; i < 80; ++i) long_text += QStringLiteral("line %1\n").arg(i);
    someoneInserts(0, long_text);
    auto* flick = editor()->parentItem()->parentItem();
    flick->setProperty("contentY", 800);
    const auto rectangle = [this](int position) {
        QRectF rect;
        QMetaObject::invokeMethod(editor(), "positionToRectangle", Q_RETURN_ARG(QRectF, rect),
                                  Q_ARG(int, position));
        return rect;
    };
    const int watched = int(text().toString().indexOf("line 30\n"));
    const qreal before = rectangle(watched).y() - flick->property("contentY").toReal();
    someoneInserts(0, "new\nlines\n");
    const qreal after = rectangle(watched + 10).y() - flick->property("contentY").toReal();
    QCOMPARE(after, before);
}

void TstTextBinding::reopenedDocumentIsShown() {
    types("kept on disk");
    m_window.reset();
    open();
    QCOMPARE(shown(), QStringLiteral("kept on disk"));
}

QTEST_MAIN(TstTextBinding)
#include "tst_text_binding.moc"
