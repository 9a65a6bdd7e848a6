// SPDX-License-Identifier: MIT
#include <QCoreApplication>
#include <QDebug>

#include <kimdb/kimdb.h>

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    auto database = kimdb::Database::open("notes");  // a folder; needs no network
    if (!database) qFatal("%s", database.error().message.c_str());
    kimdb::Document* document = (*database)->document("notes/shopping").value();
    (*database)->connectTo(QUrl("ws://localhost:40000"));

    kimdb::Text text = document->text("body");
    if (!document->update({{"title", "Shopping"}})) return 1;
    if (!text.insert(text.length(), "Milk, eggs. ")) return 1;

    QObject::connect(document->syncStatus(), &kimdb::SyncStatus::changed, &app, [&] {
        qInfo() << document->syncStatus()->text() << text.toString();
        if (document->syncStatus()->state() == kimdb::SyncStatus::State::Synced) app.quit();
    });
    return app.exec();
}
