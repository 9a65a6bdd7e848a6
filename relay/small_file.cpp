// SPDX-License-Identifier: MIT
#include "relay/small_file.h"

#include <QFile>

namespace kimdb::relay {

Result<std::string> contentOfSmallFile(const QString& path, std::size_t bytes_max) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return Error{ErrorCode::PermissionDenied,
                     "cannot read " + path.toStdString() + ": " + file.errorString().toStdString()};
    return file.read(static_cast<qint64>(bytes_max) + 1).toStdString();
}

}  // namespace kimdb::relay
