// SPDX-License-Identifier: MIT
#include <QSignalSpy>

#include "client/fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using namespace Qt::StringLiterals;

class tst_undo : public QObject {
    Q_OBJECT

 private slots:
    void init() {
        m_folder = std::make_unique<Folder>();
        m_database = m_folder->open();
        m_document = documentOf(*m_database);
        m_undo = m_document->undoManager();
    }
    void cleanup() { m_database.reset(); }

    void undoAndRedoText();
    void undoAndRedoMap();
    void firstUndoKeepsTheContainer();
    void editsCloseInTimeAreOneStep();
    void stopCapturingBeginsAStep();
    void availabilityIsSignalled();
    void undoOfNothingDoesNothing();
    void undoneTextIsJournalled();

 private:
    std::unique_ptr<Folder> m_folder;
    std::unique_ptr<Database> m_database;
    Document* m_document = nullptr;
    UndoManager* m_undo = nullptr;
};

void tst_undo::undoAndRedoText() {
    m_undo->setCaptureInterval(0);
    Text body = m_document->text(u"body"_s);
    KIMDB_VERIFY_OK(body.insert(0, u"one"_s));
    KIMDB_VERIFY_OK(body.insert(3, u" two"_s));
    KIMDB_VERIFY_OK(body.remove(0, 4));
    PlainCopy copy(m_document, body);
    const QStringList back{u"one two"_s, u"one"_s, QString()};
    for (const QString& text : back) {
        m_undo->undo();
        QCOMPARE(body.toString(), text);
        QCOMPARE(copy.text(), text);
    }
    const QStringList forth{u"one"_s, u"one two"_s, u"two"_s};
    for (const QString& text : forth) {
        m_undo->redo();
        QCOMPARE(body.toString(), text);
        QCOMPARE(copy.text(), text);
    }
}

void tst_undo::undoAndRedoMap() {
    m_undo->setCaptureInterval(0);
    Map root = m_document->root();
    KIMDB_VERIFY_OK(root.set(u"title"_s, u"old"_s));
    KIMDB_VERIFY_OK(root.set(u"title"_s, u"new"_s));
    m_undo->undo();
    QCOMPARE(root.value(u"title"_s), QVariant(u"old"_s));
    m_undo->undo();
    QVERIFY(!root.contains(u"title"_s));
    m_undo->redo();
    m_undo->redo();
    QCOMPARE(root.value(u"title"_s), QVariant(u"new"_s));
}

void tst_undo::firstUndoKeepsTheContainer() {
    Text body = m_document->text(u"body"_s);
    KIMDB_VERIFY_OK(body.insert(0, u"x"_s));
    m_undo->undo();
    QCOMPARE(body.toString(), QString());
    QVERIFY(m_document->root().contains(u"body"_s));
    QVERIFY(!m_undo->canUndo());
}

void tst_undo::editsCloseInTimeAreOneStep() {
    m_undo->setCaptureInterval(60'000);
    Text body = m_document->text(u"body"_s);
    for (const QChar c : u"typing"_s) KIMDB_VERIFY_OK(body.insert(body.length(), c));
    m_undo->undo();
    QCOMPARE(body.toString(), QString());
    m_undo->redo();
    QCOMPARE(body.toString(), u"typing"_s);
}

void tst_undo::stopCapturingBeginsAStep() {
    m_undo->setCaptureInterval(60'000);
    Text body = m_document->text(u"body"_s);
    KIMDB_VERIFY_OK(body.insert(0, u"one"_s));
    m_undo->stopCapturing();
    KIMDB_VERIFY_OK(body.insert(3, u" two"_s));
    m_undo->undo();
    QCOMPARE(body.toString(), u"one"_s);
}

void tst_undo::availabilityIsSignalled() {
    m_undo->setCaptureInterval(0);
    QSignalSpy changed(m_undo, &UndoManager::changed);
    Text body = m_document->text(u"body"_s);
    KIMDB_VERIFY_OK(body.insert(0, u"x"_s));
    QCOMPARE(changed.count(), 1);
    QVERIFY(m_undo->canUndo());
    QVERIFY(!m_undo->canRedo());
    m_undo->undo();
    QCOMPARE(changed.count(), 2);
    QVERIFY(m_undo->canRedo());
    KIMDB_VERIFY_OK(body.insert(0, u"y"_s));
    QVERIFY(!m_undo->canRedo());
}

void tst_undo::undoOfNothingDoesNothing() {
    QSignalSpy changed(m_document, &Document::changed);
    m_undo->undo();
    m_undo->redo();
    QCOMPARE(changed.count(), 0);
    QCOMPARE(m_document->syncStatus()->queued(), 0);
}

void tst_undo::undoneTextIsJournalled() {
    m_undo->setCaptureInterval(0);
    Text body = m_document->text(u"body"_s);
    KIMDB_VERIFY_OK(body.insert(0, u"stays"_s));
    KIMDB_VERIFY_OK(body.insert(5, u" goes"_s));
    m_undo->undo();
    m_database.reset();
    m_database = m_folder->open();
    QCOMPARE(documentOf(*m_database)->text(u"body"_s).toString(), u"stays"_s);
}

QTEST_GUILESS_MAIN(tst_undo)
#include "tst_undo.moc"
