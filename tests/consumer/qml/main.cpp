// SPDX-License-Identifier: MIT
// A QML application of the installed module: its types can be imported and made.
#include <QGuiApplication>
#include <QQmlApplicationEngine>

int main(int argc, char** argv) {
    qputenv("QT_QPA_PLATFORM", "offscreen");
    const QGuiApplication application(argc, argv);
    QQmlApplicationEngine engine;
    engine.addImportPath(IMPORT_PATH);
    engine.addImportPath("qrc:/qt/qml");
    engine.loadData(R"(
        import QtQuick
        import KimDB
        Item {
            CollabTextArea { anchors.fill: parent }
            SyncBadge {}
        })");
    return engine.rootObjects().isEmpty() ? 1 : 0;
}
