// SPDX-License-Identifier: MIT
// kimdb-demo: the relay as a child process and two editor windows on one document, each with a
// database and a connection of its own. With a display: play with them. Without: they play.

#include <QCommandLineParser>
#include <QDir>
#include <QFileInfo>
#include <QGuiApplication>
#include <QQuickWindow>
#include <QScreen>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTextStream>
#include <cstring>

#include "demo_run.h"

namespace {

using namespace kimdb::editor;
constexpr quint16 kDefaultPort = 40000;

struct Options {
    bool unattended = false;
    bool dark = false;
    quint16 port = kDefaultPort;
    QString folder;
    QString screenshot;
};

void say(const QString& line) {
    QTextStream(stdout) << "kimdb-demo: " << line << Qt::endl;
}

int fail(const QString& line) {
    QTextStream(stderr) << "kimdb-demo: " << line << Qt::endl;
    return 1;
}

bool hasDisplay() {
    return qEnvironmentVariableIsSet("DISPLAY") || qEnvironmentVariableIsSet("WAYLAND_DISPLAY") ||
           qEnvironmentVariableIsSet("QT_QPA_PLATFORM");
}

//! Beside bin/ in a build tree; the working directory when that cannot be written.
QString defaultScreenshot() {
    QDir folder(QCoreApplication::applicationDirPath());
    if (folder.cdUp() && QFileInfo(folder.absolutePath()).isWritable()) {
        return folder.filePath("kimdb-demo.png");
    }
    return QDir::current().filePath("kimdb-demo.png");
}

Options parse(const QCoreApplication& app) {
    QCommandLineParser parser;
    parser.setApplicationDescription(
        "Starts kimdb-relay and two collaborative editor windows on one document.");
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption headless(
        {"headless", "auto"},
        "Type into both windows, restart the relay in between, compare, "
        "write a screenshot and end.");
    const QCommandLineOption port("port", "Port of the relay; another one when it is taken.",
                                  "PORT", QString::number(kDefaultPort));
    const QCommandLineOption data("data", "Folder for the relay's and both windows' data.", "DIR");
    const QCommandLineOption screenshot("screenshot", "Where to write it.", "FILE",
                                        defaultScreenshot());
    const QCommandLineOption dark("dark", "Dark colours.");
    parser.addOptions({headless, port, data, screenshot, dark});
    parser.process(app);

    Options options;
    options.unattended = parser.isSet(headless) || !hasDisplay();
    options.dark = parser.isSet(dark);
    options.port = parser.value(port).toUShort();
    if (parser.isSet(data)) {
        options.folder = QDir(parser.value(data)).absolutePath();
    } else if (!options.unattended) {
        options.folder =
            QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) + "/kimdb-demo";
    }
    options.screenshot = QFileInfo(parser.value(screenshot)).absoluteFilePath();
    return options;
}

WindowOptions person(const QString& name, const Options& options, const QUrl& url) {
    WindowOptions window;
    window.database_path = options.folder + "/" + name.section(' ', 0, 0).toLower();
    window.url = url;
    window.name = name;
    if (options.dark || options.unattended) window.dark = options.dark;
    return window;
}

//! Left and right half of the screen; a screen nobody looks at may be small.
void arrange(QQuickWindow* left, QQuickWindow* right, bool unattended) {
    const QRect screen = left->screen()->availableGeometry();
    QSize size(720, 560);
    if (!unattended) size = size.boundedTo({screen.width() / 2 - 12, screen.height() - 60});
    const int top = screen.top() + (screen.height() - size.height()) / 2;
    left->resize(size);
    right->resize(size);
    left->setPosition(screen.center().x() - size.width() - 6, top);
    right->setPosition(screen.center().x() + 6, top);
}

int runUnattended(const Options& options, RelayProcess& relay, EditorWindow& left,
                  EditorWindow& right) {
    DemoRun demo(relay, left, right);
    const kimdb::Result<> done = demo.run();
    const kimdb::Result<> shot = demo.writeScreenshot(options.screenshot);
    if (!done) return fail(QString::fromStdString(done.error().message));
    if (!shot) return fail(QString::fromStdString(shot.error().message));
    say(QStringLiteral("both windows show the same %1 characters; screenshot: %2")
            .arg(left.text().size())
            .arg(options.screenshot));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const bool headless = std::any_of(argv, argv + argc, [](const char* argument) {
        return !std::strcmp(argument, "--headless") || !std::strcmp(argument, "--auto");
    });
    if (!hasDisplay()) qputenv("QT_QPA_PLATFORM", "offscreen");
    if ((headless || qgetenv("QT_QPA_PLATFORM") == "offscreen") &&
        !qEnvironmentVariableIsSet("QT_QUICK_BACKEND")) {
        qputenv("QT_QUICK_BACKEND", "software");  // no GPU to be expected
    }
    QGuiApplication app(argc, argv);
    prepareApplication();
    Options options = parse(app);
    QTemporaryDir temporary;
    if (options.folder.isEmpty()) options.folder = temporary.path();
    if (!QDir().mkpath(options.folder)) return fail("cannot make the folder " + options.folder);

    if (!RelayProcess::isFree(options.port)) {
        say(QStringLiteral("port %1 is taken; another one is used").arg(options.port));
        options.port = 0;
    }
    RelayProcess relay(options.folder + "/relay", options.port);
    const kimdb::Result<> started = relay.start();
    if (!started) return fail(QString::fromStdString(started.error().message));
    say(relay.greeting());
    say("data in " + options.folder);

    EditorWindow left(person("Ann Lee", options, relay.url()));
    EditorWindow right(person("Ben Kim", options, relay.url()));
    if (!left.window() || !right.window()) return fail("the windows could not be made");
    arrange(left.window(), right.window(), options.unattended);
    return options.unattended ? runUnattended(options, relay, left, right)
                              : QGuiApplication::exec();
}
