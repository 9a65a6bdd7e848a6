// SPDX-License-Identifier: MIT
// A QML application of the installed module: a database, a document and what shows them.
#include <QGuiApplication>
#include <QQmlApplicationEngine>
#include <QQmlContext>
#include <QTemporaryDir>

int main(int argc, char** argv) {
    qputenv("QT_QPA_PLATFORM", "offscreen");
    const QGuiApplication application(argc, argv);
    const QTemporaryDir folder;
    QQmlApplicationEngine engine;
    engine.addImportPath(IMPORT_PATH);
    engine.addImportPath("qrc:/qt/qml");
    engine.rootContext()->setContextProperty("folder", folder.filePath("database"));
    engine.loadData(R"(
        import QtQuick
        import KimDB
        Item {
            property alias ready: page.ready
            Database { id: store; path: folder }
            Document { id: page; database: store; documentId: "hello" }
            CollabTextArea { anchors.fill: parent; document: page }
            PresenceBar { document: page }
            SyncBadge { document: page }
        })");
    if (engine.rootObjects().isEmpty()) return 1;
    return engine.rootObjects().constFirst()->property("ready").toBool() ? 0 : 2;
}
