// SPDX-License-Identifier: MIT
#include "client/fingerprint.h"

#include <QFile>
#include <QSysInfo>

#include "core/bytes.h"
#include "core/hash.h"

#ifdef Q_OS_UNIX
#include <sys/stat.h>
#include <sys/statvfs.h>
#endif

namespace kimdb {

Bytes installationFingerprint(const QString& folder) {
    Bytes facts;
    ByteWriter writer(facts);
    writer.bytes(QSysInfo::machineUniqueId().toStdString());
#ifdef Q_OS_UNIX
    const QByteArray path = QFile::encodeName(folder);
    struct stat file {};
    struct statvfs file_system {};
    if (::stat(path.constData(), &file) != 0) return {};
    if (::statvfs(path.constData(), &file_system) != 0) return {};
    writer.u64(file_system.f_fsid);
    writer.u64(file.st_ino);
#else
    writer.bytes(folder.toStdString());
#endif
    return Bytes(sha256Truncated({facts}).view());
}

}  // namespace kimdb
