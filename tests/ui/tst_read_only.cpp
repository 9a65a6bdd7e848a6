// SPDX-License-Identifier: MIT
// Two editor windows of two people; the relay takes the right to edit from one of them. With
// KIMDB_SCREENSHOTS=FOLDER it leaves pictures of what that one sees.
#include <QClipboard>
#include <QGuiApplication>
#include <QQuickItem>
#include <QQuickWindow>
#include <QTemporaryDir>
#include <QTest>

#include <kimdb/qml/document_element.h>
#include <kimdb/relay/server.h>

#include "examples/collab-editor/editor_window.h"
#include "examples/collab-editor/typist.h"
#include "support/patience.h"

using namespace kimdb::editor;

namespace {

constexpr std::uint8_t kReader = 1;
constexpr std::uint8_t kWriter = 7;
const QString kDocument = QStringLiteral("tests/read-only");

}  // namespace

class TstReadOnly : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase() { prepareApplication(); }
    void init();
    void cleanup();

    void aReaderIsToldAndTypesNothing();
    void refusedTextIsKeptShownAndTakenBack();
    void refusedTextCanBeCopiedAndDiscarded();

 private:
    kimdb::Result<> startRelay();
    WindowOptions options(const QString& name, bool dark = false) const;
    void allow(const char* user, std::uint8_t bits) {
        const kimdb::Result<> done = m_relay->setPermission(user, kDocument, bits);
        QVERIFY2(done, done ? "" : done.error().message.c_str());
    }
    void types(EditorWindow& window, const QString& text) {
        QVERIFY(Typist(window).focus());
        Typist(window).types(text);
    }
    // Ben types while the relay is away and is a reader when it comes back.
    void losesTheRightWhileOffline(const QString& text);
    static kimdb::qml::DocumentElement* documentOf(EditorWindow& window) {
        return window.window()->property("document").value<kimdb::qml::DocumentElement*>();
    }
    static QString noticeOf(EditorWindow& window) {
        return window.window()->property("notice").value<QObject*>()->property("shown").toString();
    }
    static bool isReadOnly(EditorWindow& window) {
        return window.textArea()->property("readOnly").toBool();
    }
    void pictures(EditorWindow& window, const char* name);

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<kimdb::relay::Server> m_relay;
    std::uint16_t m_port = 0;
    std::unique_ptr<EditorWindow> m_ann;
    std::unique_ptr<EditorWindow> m_ben;
};

// Both windows show exactly this.
#define BOTH_SHOW(expected)                                         \
    do {                                                            \
        QTRY_COMPARE_WITH_TIMEOUT(m_ann->text(), expected, 60'000); \
        QTRY_COMPARE_WITH_TIMEOUT(m_ben->text(), expected, 60'000); \
    } while (false)

// A token is the name of its user.
kimdb::Result<> TstReadOnly::startRelay() {
    m_relay = std::make_unique<kimdb::relay::Server>(kimdb::relay::ServerOptions{
        .port = m_port,
        .storage = "sqlite:" + m_folder->filePath("relay"),
        .authenticate = [](const QByteArray& token) -> kimdb::Result<QString> {
            return QString::fromUtf8(token);
        }});
    auto started = m_relay->start();
    m_port = m_relay->port();
    return started;
}

WindowOptions TstReadOnly::options(const QString& name, bool dark) const {
    WindowOptions options;
    options.database_path = m_folder->filePath(name.toLower());
    options.url = m_relay->url();
    options.document = kDocument;
    options.name = name;
    options.token = name.toLower();
    options.dark = dark;
    return options;
}

void TstReadOnly::init() {
    m_folder = std::make_unique<QTemporaryDir>();
    m_port = 0;
    const kimdb::Result<> started = startRelay();
    QVERIFY2(started, started ? "" : started.error().message.c_str());
    m_ann = std::make_unique<EditorWindow>(options("Ann"));
    m_ben = std::make_unique<EditorWindow>(options("Ben"));
    QVERIFY(m_ann->window() && m_ben->window());
    QTRY_VERIFY(m_ann->isOnline() && m_ben->isOnline());
    types(*m_ann, "shared");
    BOTH_SHOW(QStringLiteral("shared"));
}

void TstReadOnly::cleanup() {
    m_ann.reset();
    m_ben.reset();
    m_relay.reset();
}

void TstReadOnly::pictures(EditorWindow& window, const char* name) {
    const QString folder = qEnvironmentVariable("KIMDB_SCREENSHOTS");
    if (folder.isEmpty()) return;
    for (const bool dark : {false, true}) {
        auto* theme = window.window();
        theme->setProperty("dark", dark);
        QMetaObject::invokeMethod(theme, "requestUpdate");
        window.window()->grabWindow().save(folder + '/' + name + (dark ? "-dark.png" : ".png"));
    }
}

void TstReadOnly::aReaderIsToldAndTypesNothing() {
    allow("ben", kReader);
    QTRY_VERIFY(isReadOnly(*m_ben));
    QTRY_COMPARE(m_ben->syncText(), QStringLiteral("Not allowed to edit"));
    QCOMPARE(noticeOf(*m_ben), QStringLiteral("You can read this document, but not change it."));
    QVERIFY(!isReadOnly(*m_ann));
    QVERIFY(noticeOf(*m_ann).isEmpty());
    types(*m_ben, "nothing of this");
    Typist(*m_ben).presses(Qt::Key_Backspace);
    Typist(*m_ben).presses(Qt::Key_Z, Qt::ControlModifier);
    Typist(*m_ben).composes(QStringLiteral("한"));
    Typist(*m_ben).commits(QStringLiteral("한"));
    QCOMPARE(m_ben->text(), QStringLiteral("shared"));
    QCOMPARE(m_ben->queued(), 0);
    types(*m_ann, " by Ann");  // and what others write goes on arriving
    BOTH_SHOW(QStringLiteral("shared by Ann"));
    pictures(*m_ben, "read-only");

    allow("ben", kWriter);
    QTRY_VERIFY(!isReadOnly(*m_ben));
    QVERIFY(noticeOf(*m_ben).isEmpty());
    m_ben->textArea()->setProperty("cursorPosition", 0);
    types(*m_ben, "Now ");
    BOTH_SHOW(QStringLiteral("Now shared by Ann"));
}

void TstReadOnly::losesTheRightWhileOffline(const QString& text) {
    QTRY_VERIFY(m_ben->isSynced());
    m_relay.reset();
    QTRY_VERIFY(!m_ben->isOnline());
    m_ben->textArea()->setProperty("cursorPosition", 6);
    types(*m_ben, text);
    QCOMPARE(m_ben->text(), "shared" + text);
    const kimdb::Result<> started = startRelay();
    QVERIFY2(started, started ? "" : started.error().message.c_str());
    allow("ben", kReader);
    QTRY_VERIFY_WITH_TIMEOUT(isReadOnly(*m_ben), 60'000);
    QTRY_COMPARE(m_ben->text(), QStringLiteral("shared"));
}

void TstReadOnly::refusedTextIsKeptShownAndTakenBack() {
    losesTheRightWhileOffline(", and a thought of Ben");
    QTRY_COMPARE(noticeOf(*m_ben), QStringLiteral("You can read this document, but not change it. "
                                                  "Some of your changes were not accepted; "
                                                  "they are kept."));
    kimdb::qml::DocumentElement* document = documentOf(*m_ben);
    QString kept;
    for (const QVariant& change : document->rejectedChanges())
        kept += change.toMap()["text"].toString();
    QCOMPARE(kept, QStringLiteral(", and a thought of Ben"));
    QMetaObject::invokeMethod(m_ben->window()->property("notice").value<QObject*>(), "acted");
    const auto* badge = m_ben->window()->property("badge").value<QObject*>();
    QTRY_VERIFY(badge->property("detailsShown").toBool());
    pictures(*m_ben, "refused");
    QVERIFY(!document->retryRejected().isEmpty());  // still a reader

    allow("ben", kWriter);
    QTRY_VERIFY(!isReadOnly(*m_ben));
    QCOMPARE(document->retryRejected(), QString());
    BOTH_SHOW(QStringLiteral("shared, and a thought of Ben"));
    QTRY_COMPARE(document->rejected(), 0);
    QVERIFY(noticeOf(*m_ben).isEmpty());
    QTRY_VERIFY(m_ben->isSynced());
}

void TstReadOnly::refusedTextCanBeCopiedAndDiscarded() {
    losesTheRightWhileOffline(" gone");
    kimdb::qml::DocumentElement* document = documentOf(*m_ben);
    QTRY_VERIFY(document->rejected() > 0);
    document->copyRejected();
    QCOMPARE(QGuiApplication::clipboard()->text(), QStringLiteral(" gone"));
    document->discardRejected();
    QTRY_COMPARE(document->rejected(), 0);
    QCOMPARE(noticeOf(*m_ben), QStringLiteral("You can read this document, but not change it."));
    BOTH_SHOW(QStringLiteral("shared"));
}

QTEST_MAIN(TstReadOnly)
#include "tst_read_only.moc"
