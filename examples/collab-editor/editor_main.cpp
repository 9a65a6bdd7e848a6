// SPDX-License-Identifier: MIT
// kimdb-editor: one collaborative editor window.

#include <QCommandLineParser>
#include <QDir>
#include <QGuiApplication>
#include <QQuickWindow>
#include <QStandardPaths>

#include "editor_window.h"

namespace {

QString defaultName() {
    const QString user = qEnvironmentVariable("USER");
    return user.isEmpty() ? QStringLiteral("Guest") : user;
}

}  // namespace

int main(int argc, char** argv) {
    // Kept from Qt's X11 plugin, which takes --name for itself.
    const QStringList arguments(argv, argv + argc);
    QGuiApplication app(argc, argv);
    kimdb::editor::prepareApplication();
    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral("A text that several people write together."));
    parser.addHelpOption();
    parser.addVersionOption();
    const QString folder =
        QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) + "/kimdb-editor";
    const QCommandLineOption db("db", "Database folder, made when absent.", "DIR", folder);
    const QCommandLineOption url("url", "Relay to sync with; empty: offline only.", "URL",
                                 "ws://localhost:40000");
    const QCommandLineOption document("document", "Document to open.", "ID", "welcome");
    const QCommandLineOption name("name", "Your name, as others see it.", "NAME", defaultName());
    const QCommandLineOption dark("dark", "Dark colours, whatever the platform says.");
    parser.addOptions({db, url, document, name, dark});
    parser.process(arguments);

    kimdb::editor::WindowOptions options;
    options.database_path = QDir(parser.value(db)).absolutePath();
    options.url = QUrl(parser.value(url));
    options.document = parser.value(document);
    options.name = parser.value(name);
    if (parser.isSet(dark)) options.dark = true;
    const kimdb::editor::EditorWindow window(options);
    return window.window() ? QGuiApplication::exec() : 1;
}
