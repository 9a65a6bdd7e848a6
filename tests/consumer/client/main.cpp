// SPDX-License-Identifier: MIT
// An application of the installed SDK: what it wrote is there when it opens the folder again.
#include <QCoreApplication>
#include <QTemporaryDir>

#include <kimdb/kimdb.h>

namespace {

bool write(const QString& folder) {
    auto database = kimdb::Database::open(folder);
    if (!database.ok()) return false;
    auto document = (*database)->document("notes/1");
    if (!document.ok()) return false;
    return (*document)->update({{"title", "Hello"}}).ok() &&
           (*document)->text("body").insert(0, "KimDB").ok() && (*database)->flush().ok();
}

bool read(const QString& folder) {
    auto database = kimdb::Database::open(folder);
    if (!database.ok()) return false;
    auto document = (*database)->document("notes/1");
    return document.ok() && (*document)->root().value("title") == "Hello" &&
           (*document)->text("body").toString() == "KimDB";
}

}  // namespace

int main(int argc, char** argv) {
    const QCoreApplication application(argc, argv);
    const QTemporaryDir folder;
    return write(folder.path()) && read(folder.path()) ? 0 : 1;
}
