// SPDX-License-Identifier: MIT
// kimdb-relay: a relay as a program. Prints one line when it serves; exit code 0 after SIGTERM or
// SIGINT, 1 when it cannot start or its store fails, 2 for options it does not understand. SIGHUP
// makes it read key set and deny list again. `kimdb-relay token` is token_command.cpp.
#include <QCommandLineParser>
#include <QCoreApplication>

#include <cstdio>
#include <optional>

#include <kimdb/relay/server.h>

#include "relay/process_signals.h"
#include "relay/token_command.h"

namespace {

using kimdb::relay::Server;
using kimdb::relay::ServerOptions;

constexpr int kFailed = 1;
constexpr int kBadOptions = 2;

void complain(const QString& text) {
    std::fprintf(stderr, "kimdb-relay: %s\n", qPrintable(text.simplified()));
}

void tell(const QString& text) {
    std::fprintf(stdout, "%s\n", qPrintable(text));
    std::fflush(stdout);
}

class CommandLine {
 public:
    CommandLine() {
        m_parser.setApplicationDescription("The KimDB relay: stores and passes on changes.");
        m_parser.addOptions({m_port, m_storage, m_data, m_listen, m_key_set, m_deny_list,
                             m_audience, m_anonymous, m_restored});
        m_parser.addHelpOption();
        m_parser.addVersionOption();
    }

    //! Nothing, and a line on stderr, when it cannot be understood. Ends the process for --help.
    std::optional<ServerOptions> read(const QStringList& arguments) {
        if (!m_parser.parse(arguments)) return refuse(m_parser.errorText());
        if (m_parser.isSet("help")) m_parser.showHelp();
        if (m_parser.isSet("version")) m_parser.showVersion();
        if (!m_parser.positionalArguments().isEmpty())
            return refuse("unexpected \"" + m_parser.positionalArguments().first() + '"');
        if (m_parser.isSet(m_storage) && m_parser.isSet(m_data))
            return refuse("--storage and --data say the same; give one of them");
        ServerOptions options;
        bool number = false;
        options.port = m_parser.value(m_port).toUShort(&number);
        if (!number) return refuse("--port takes a number from 0 to 65535");
        options.storage = m_parser.value(m_storage);
        if (m_parser.isSet(m_data)) options.storage = "sqlite:" + m_parser.value(m_data);
        options.listen = m_parser.value(m_listen);
        options.anonymous_from_anywhere = m_parser.isSet(m_anonymous);
        options.restored = m_parser.isSet(m_restored);
        options.key_set = m_parser.value(m_key_set);
        options.deny_list = m_parser.value(m_deny_list);
        options.audience = m_parser.value(m_audience);
        if (options.anonymous_from_anywhere && !options.key_set.isEmpty())
            return refuse("--anonymous-from-anywhere and --key-set contradict each other");
        if (!options.deny_list.isEmpty() && options.key_set.isEmpty())
            return refuse("--deny-list needs --key-set: without keys there are no users");
        return options;
    }

 private:
    static std::nullopt_t refuse(const QString& text) {
        complain(text + " (see --help)");
        return std::nullopt;
    }

    QCommandLineParser m_parser;
    const ServerOptions m_defaults;
    QCommandLineOption m_port{"port", "Port to listen on; 0 takes a free one.", "number",
                              QString::number(m_defaults.port)};
    QCommandLineOption m_storage{"storage", "Where changes are kept: sqlite:FOLDER.", "url",
                                 m_defaults.storage};
    QCommandLineOption m_data{"data", "Short for --storage sqlite:FOLDER.", "folder"};
    QCommandLineOption m_listen{"listen", "Address to listen on; 0.0.0.0 is every one.", "address",
                                m_defaults.listen};
    QCommandLineOption m_key_set{
        "key-set", "Let in who has a token signed with a key of this JWK Set, nobody else.",
        "file"};
    QCommandLineOption m_deny_list{
        "deny-list", "Users and tokens that are refused: lines \"user NAME\", \"token ID\".",
        "file"};
    QCommandLineOption m_audience{"audience", "What the claim \"aud\" of tokens has to name.",
                                  "name", m_defaults.audience};
    QCommandLineOption m_anonymous{"anonymous-from-anywhere",
                                   "Let everybody who reaches the port read and write everything."};
    QCommandLineOption m_restored{"restored",
                                  "The folder was put back from a backup: begin a new epoch."};
};

}  // namespace

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    QCoreApplication::setApplicationName("kimdb-relay");
    QCoreApplication::setApplicationVersion(Server::version());
    if (app.arguments().value(1) == "token")
        return kimdb::relay::runTokenCommand(app.arguments().mid(2));
    const auto options = CommandLine().read(app.arguments());
    if (!options) return kBadOptions;

    kimdb::relay::ProcessSignals process_signals;
    Server server(*options);
    QObject::connect(&server, &Server::errorOccurred, [](const kimdb::Error& error) {
        complain(QString::fromStdString(error.message));
        // Only a new start reads such a store again; whoever supervises us does that.
        if (error.code == kimdb::ErrorCode::StorageFailed) QCoreApplication::exit(kFailed);
    });
    QObject::connect(&server, &Server::stopped, &app, &QCoreApplication::quit);
    QObject::connect(&process_signals, &kimdb::relay::ProcessSignals::terminationRequested, &server,
                     &Server::stop);
    QObject::connect(&process_signals, &kimdb::relay::ProcessSignals::reloadRequested, &server,
                     [&] {
                         const auto read = server.reload();
                         complain(read ? "key set and deny list are read again"
                                       : QString::fromStdString(read.error().message) +
                                             "; what was read before holds");
                     });
    QObject::connect(&server, &Server::tokenRefused,
                     [](const QString& why) { complain("a token was refused: " + why); });
    if (const auto started = server.start(); !started) {
        complain(QString::fromStdString(started.error().message));
        return kFailed;
    }
    tell(QString("kimdb-relay %1 listening on %2, data in %3")
             .arg(Server::version(), server.url().toString(), server.folder()));
    if (options->anonymous_from_anywhere)
        complain("every client that reaches this address may read and write everything");
    return QCoreApplication::exec();
}
