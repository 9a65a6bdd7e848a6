// SPDX-License-Identifier: MIT
// kimdb-game: two to four players in one arena; or, with --bot, a player without a window.

#include <QCommandLineParser>
#include <QDir>
#include <QFile>
#include <QGuiApplication>
#include <QQmlApplicationEngine>
#include <QQuickStyle>
#include <QStandardPaths>
#include <QTextStream>
#include <QUuid>

#include <kimdb/database.h>
#include "bot.h"

namespace {

using namespace kimdb::game;

struct Options {
    QString folder;
    QUrl url;
    QString document;
    QString name;
    bool dark = false;
    std::optional<BotOptions> bot;
};

int fail(const QString& message) {
    QTextStream(stderr) << "kimdb-game: " << message << Qt::endl;
    return 1;
}

Options parse(const QStringList& arguments) {
    QCommandLineParser parser;
    parser.setApplicationDescription("An arena for two to four players, online or not.");
    parser.addHelpOption();
    parser.addVersionOption();
    const QString data = QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation);
    const QCommandLineOption db("db", "Folder for the player and its database.", "DIR",
                                data + "/kimdb-game");
    const QCommandLineOption url("url", "Relay to play over; empty: alone.", "URL",
                                 "ws://localhost:40000");
    const QCommandLineOption document("document", "The arena.", "ID", "arena");
    const QCommandLineOption name("name", "Your name.", "NAME", qEnvironmentVariable("USER", "me"));
    const QCommandLineOption dark("dark", "Dark colours.");
    const QCommandLineOption bot(
        "bot", "Play without a window; scores as JSON on stdout, progress on stderr.");
    const QCommandLineOption seconds("seconds", "Bot: stop after this time.", "N");
    const QCommandLineOption items("until-items", "Bot: stop when N items are taken.", "N");
    const QCommandLineOption players("players", "Bot: wait for N players.", "N", "1");
    const QCommandLineOption speed("speed", "Bot: times a human's speed.", "F", "1");
    const QCommandLineOption seed("seed", "Bot: of its random steps.", "N", "1");
    parser.addOptions({db, url, document, name, dark, bot, seconds, items, players, speed, seed});
    parser.process(arguments);

    Options options{QDir(parser.value(db)).absolutePath(),
                    QUrl(parser.value(url)),
                    parser.value(document),
                    parser.value(name),
                    parser.isSet(dark),
                    {}};
    if (!parser.isSet(bot)) return options;
    BotOptions wanted;
    if (parser.isSet(items)) wanted.until_items = parser.value(items).toInt();
    if (parser.isSet(seconds))
        wanted.duration = std::chrono::seconds(parser.value(seconds).toInt());
    if (!wanted.until_items && !wanted.duration) wanted.duration = std::chrono::seconds(10);
    wanted.players = parser.value(players).toInt();
    wanted.speed = parser.value(speed).toDouble();
    wanted.seed = parser.value(seed).toUInt();
    options.bot = wanted;
    return options;
}

//! The player of this folder: a random id, kept. Empty when it cannot be written.
QString playerId(const QString& folder) {
    if (!QDir().mkpath(folder)) return {};
    QFile file(folder + "/player");
    if (file.open(QIODevice::ReadOnly)) return QString::fromLatin1(file.readAll()).trimmed();
    if (!file.open(QIODevice::WriteOnly)) return {};
    const QString id = QUuid::createUuid().toString(QUuid::WithoutBraces);
    return file.write(id.toLatin1() + '\n') > 0 ? id : QString();
}

int runBot(const Options& options, const QString& player) {
    auto opened = kimdb::Database::open(options.folder + "/database");
    if (!opened) return fail(QString::fromStdString(opened.error().message));
    kimdb::Database& database = **opened;
    const auto document = database.document(options.document);
    if (!document) return fail(QString::fromStdString(document.error().message));
    if (!options.url.isEmpty()) (void)database.connectTo(options.url);
    Game game(*document, player, options.name);
    Bot bot(*document, &game, *options.bot);
    QObject::connect(&bot, &Bot::progressed,
                     [](int items) { QTextStream(stderr) << "taken " << items << Qt::endl; });
    QObject::connect(&bot, &Bot::done, QCoreApplication::instance(), &QCoreApplication::quit);
    QCoreApplication::exec();
    QTextStream(stdout) << bot.report() << Qt::endl;
    const kimdb::Result<> flushed = database.flush();
    return flushed ? 0 : fail(QString::fromStdString(flushed.error().message));
}

int runWindow(const Options& options, const QString& player) {
    QQuickStyle::setStyle("Basic");
    QQmlApplicationEngine engine;
    engine.addImportPath("qrc:/qt/qml");
    QVariantMap properties{{"databasePath", options.folder + "/database"},
                           {"relayUrl", options.url},
                           {"documentId", options.document},
                           {"playerId", player},
                           {"userName", options.name}};
    if (options.dark) properties.insert("dark", true);
    engine.setInitialProperties(properties);
    engine.load(QUrl("qrc:/qt/qml/KimDB/Game/Main.qml"));
    return engine.rootObjects().isEmpty() ? 1 : QGuiApplication::exec();
}

}  // namespace

int main(int argc, char** argv) {
    // Kept from Qt's X11 plugin, which takes --name for itself.
    const QStringList arguments(argv, argv + argc);
    const bool headless = arguments.contains("--bot");
    std::unique_ptr<QCoreApplication> app;
    if (headless) {
        app = std::make_unique<QCoreApplication>(argc, argv);
    } else {
        app = std::make_unique<QGuiApplication>(argc, argv);
    }
    QCoreApplication::setApplicationName("kimdb-game");
    QCoreApplication::setApplicationVersion(KIMDB_VERSION);
    const Options options = parse(arguments);
    const QString player = playerId(options.folder);
    if (player.isEmpty()) return fail("cannot write to " + options.folder);
    return options.bot ? runBot(options, player) : runWindow(options, player);
}
