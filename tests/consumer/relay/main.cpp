// SPDX-License-Identifier: MIT
// A program that carries a relay of its own: it starts on a free port and goes away in order.
#include <QCoreApplication>
#include <QTemporaryDir>
#include <QTimer>

#include <kimdb/relay/server.h>

int main(int argc, char** argv) {
    using namespace std::chrono_literals;
    QCoreApplication application(argc, argv);
    const QTemporaryDir folder;
    kimdb::relay::Server server({.port = 0, .storage = "sqlite:" + folder.filePath("data")});
    QObject::connect(&server, &kimdb::relay::Server::stopped, &application,
                     [] { QCoreApplication::exit(0); });
    if (!server.start().ok() || server.port() == 0) return 1;
    QTimer::singleShot(0, &server, &kimdb::relay::Server::stop);
    QTimer::singleShot(60s, &application, [] { QCoreApplication::exit(2); });
    return QCoreApplication::exec();
}
