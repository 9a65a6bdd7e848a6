// SPDX-License-Identifier: MIT
// The small components of the module KimDB: what they say and whether it can be read.
#include <QColor>
#include <QQmlComponent>
#include <QQmlEngine>
#include <QQuickItem>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include <kimdb/qml/document_element.h>
#include "qml/participants.h"
#include "support/patience.h"

namespace {

constexpr char kScene[] = R"(
    import QtQuick
    import KimDB
    Item {
        id: root
        required property string path
        property string name: "tests/components"
        property alias database: database
        property alias document: document
        property alias title: title
        property alias badge: badge
        property alias people: people
        readonly property var theme: Theme
        Database { id: database; path: root.path }
        Document { id: document; database: database; documentId: root.name; userName: "Ann Lee" }
        DocumentValue { id: title; document: document; key: "title" }
        SyncBadge { id: badge; document: document }
        PresenceBar { id: people; document: document }
    })";

qreal luminance(const QColor& color) {
    const auto linear = [](qreal c) {
        return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) +
           0.0722 * linear(color.blueF());
}

//! WCAG 2 contrast ratio.
qreal contrast(const QColor& a, const QColor& b) {
    const qreal bright = std::max(luminance(a), luminance(b));
    const qreal dark = std::min(luminance(a), luminance(b));
    return (bright + 0.05) / (dark + 0.05);
}

}  // namespace

class TstComponents : public QObject {
    Q_OBJECT
 private slots:
    void init();
    void cleanup() { m_scene.reset(); }

    void textCanBeRead_data();
    void textCanBeRead();
    void initials_data();
    void initials();
    void valueFollowsTheDocument();
    void busyFolderIsToldAndRetried();
    void badNameIsTold();
    void badgeSaysWhereTheDataIs();
    void aloneNobodyElseIsShown();

 private:
    std::unique_ptr<QQuickItem> scene(const QString& path);
    kimdb::qml::DocumentElement* document() {
        return m_scene->property("document").value<kimdb::qml::DocumentElement*>();
    }

    QTemporaryDir m_folder;
    std::unique_ptr<QQmlEngine> m_engine;
    std::unique_ptr<QQuickItem> m_scene;
};

std::unique_ptr<QQuickItem> TstComponents::scene(const QString& path) {
    QQmlComponent component(m_engine.get());
    component.setData(kScene, QUrl("qrc:/scene.qml"));
    QObject* made = component.createWithInitialProperties({{"path", path}});
    if (!made) qWarning("%s", qPrintable(component.errorString()));
    return std::unique_ptr<QQuickItem>(qobject_cast<QQuickItem*>(made));
}

void TstComponents::init() {
    m_engine = std::make_unique<QQmlEngine>();
    m_engine->addImportPath("qrc:/qt/qml");
    m_scene = scene(m_folder.filePath(QTest::currentTestFunction()));
    QVERIFY(m_scene);
}

void TstComponents::textCanBeRead_data() {
    QTest::addColumn<bool>("dark");
    QTest::newRow("light") << false;
    QTest::newRow("dark") << true;
}

void TstComponents::textCanBeRead() {
    QFETCH(bool, dark);
    auto* theme = m_scene->property("theme").value<QObject*>();
    theme->setProperty("dark", dark);
    const auto token = [&](const char* name) { return theme->property(name).value<QColor>(); };
    for (const char* under : {"ground", "surface", "raised", "hover"}) {
        QVERIFY2(contrast(token("text"), token(under)) >= 7, under);
        QVERIFY2(contrast(token("muted"), token(under)) >= 4.5, under);
    }
    for (const char* state : {"good", "warn", "bad", "accent"}) {
        QVERIFY2(contrast(token(state), token("surface")) >= 4.5, state);
    }
    QVERIFY(contrast(document()->userColor(), Qt::white) >= 4.5);
}

void TstComponents::initials_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("expected");
    QTest::newRow("two words") << "Ann Lee"
                               << "AL";
    QTest::newRow("three words") << "anna maria lind"
                                 << "AM";
    QTest::newRow("korean") << QStringLiteral("김민준") << QStringLiteral("김");
    QTest::newRow("outside the plane")
        << QString::fromUcs4(U"\U0001F642x", 2) << QString::fromUcs4(U"\U0001F642", 1);
    QTest::newRow("none") << "  "
                          << "?";
}

void TstComponents::initials() {
    QFETCH(QString, name);
    QTEST(kimdb::qml::Participants::initials(name), "expected");
}

void TstComponents::valueFollowsTheDocument() {
    auto* title = m_scene->property("title").value<QObject*>();
    QVERIFY(!title->property("value").isValid());
    QVERIFY(document()->document()->update({{"title", "Harbour"}}));
    QCOMPARE(title->property("value").toString(), QStringLiteral("Harbour"));
    title->setProperty("value", QStringLiteral("Weekend"));
    QCOMPARE(document()->document()->root().value("title").toString(), QStringLiteral("Weekend"));
}

void TstComponents::busyFolderIsToldAndRetried() {
    const auto second = scene(m_folder.filePath(QTest::currentTestFunction()));
    auto* database = second->property("database").value<kimdb::qml::DatabaseElement*>();
    QVERIFY(!database->isReady());
    QVERIFY(!database->error().isEmpty());
    m_scene.reset();
    database->retry();
    QVERIFY2(database->isReady(), qPrintable(database->error()));
    QVERIFY(database->error().isEmpty());
    QVERIFY(second->property("document").value<kimdb::qml::DocumentElement*>()->isReady());
}

void TstComponents::badNameIsTold() {
    document()->setDocumentId("not a name");
    QVERIFY(!document()->isReady());
    QVERIFY(!document()->error().isEmpty());
    document()->setDocumentId("a-name");
    QVERIFY(document()->isReady());
    QVERIFY(document()->error().isEmpty());
}

void TstComponents::badgeSaysWhereTheDataIs() {
    auto* badge = m_scene->property("badge").value<QQuickItem*>();
    QVERIFY(document()->document()->update({{"title", "x"}}));
    QTRY_VERIFY(document()->syncState() != kimdb::qml::DocumentElement::SyncState::Saving);
    QVERIFY(!document()->syncText().isEmpty());
    QTRY_COMPARE(badge->property("shownText").toString(), document()->syncText());
    QTRY_COMPARE(badge->property("shownState").toInt(), int(document()->syncState()));
}

void TstComponents::aloneNobodyElseIsShown() {
    auto* people = m_scene->property("people").value<QQuickItem*>();
    QCOMPARE(people->property("count").toInt(), 0);
    QVERIFY(document()->userColor().isValid());
}

QTEST_MAIN(TstComponents)
#include "tst_components.moc"
