// SPDX-License-Identifier: MIT
#include "tidy/source_tree.h"

#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QProcess>

namespace tidy {

namespace {

QStringList knownToGit(const QString& root) {
    QProcess git;
    git.setWorkingDirectory(root);
    git.start("git", {"ls-files", "-z"});
    if (!git.waitForFinished() || git.exitCode() != 0) return {};
    return QString::fromUtf8(git.readAllStandardOutput()).split(QChar('\0'), Qt::SkipEmptyParts);
}

void walk(const QDir& folder, const QString& prefix, QStringList& found) {
    if (folder.exists("CMakeCache.txt")) return;
    for (const QString& name : folder.entryList(QDir::Files)) found << prefix + name;
    for (const QString& name :
         folder.entryList(QDir::Dirs | QDir::NoDotAndDotDot | QDir::NoSymLinks))
        if (!name.startsWith("build")) walk(folder.filePath(name), prefix + name + '/', found);
}

}  // namespace

bool SourceFile::isSource() const {
    static const QStringList suffixes{".h", ".cpp", ".qml", ".js", ".cmake", ".sh", ".py"};
    for (const QString& suffix : suffixes)
        if (path.endsWith(suffix)) return true;
    return fileName() == "CMakeLists.txt" || text.startsWith("#!");
}

std::vector<SourceFile> readTree(const QString& root) {
    QStringList paths = knownToGit(root);
    if (paths.isEmpty()) walk(QDir(root), {}, paths);
    std::vector<SourceFile> files;
    for (const QString& path : paths) {
        QFile file(root + '/' + path);
        if (!file.open(QIODevice::ReadOnly)) continue;  // deleted, and git does not know yet
        const QByteArray bytes = file.readAll();
        if (!bytes.contains('\0')) files.push_back({path, QString::fromUtf8(bytes)});
    }
    return files;
}

}  // namespace tidy
