// SPDX-License-Identifier: MIT
#include "relay/mac_key.h"

#include <QFile>
#include <QSaveFile>

#include "core/clock.h"

namespace kimdb::relay {
namespace {

constexpr std::size_t kKeyBytes = 32;

}  // namespace

Result<Bytes> readOrMakeMacKey(const QString& folder) {
    const QString path = folder + "/relay.key";
    const std::string name = path.toStdString();
    if (QFile file(path); file.exists()) {
        if (!file.open(QIODevice::ReadOnly))
            return Error{ErrorCode::PermissionDenied, "cannot read " + name};
        const QByteArray key = file.read(kKeyBytes + 1);
        if (key.size() == kKeyBytes) return key.toStdString();
        return Error{ErrorCode::StorageCorrupt,
                     name + " is not a relay's key of 32 bytes; remove it to get a new one"};
    }
    const Bytes key = SystemRandom().bytes(kKeyBytes);
    QSaveFile file(path);
    const bool written = file.open(QIODevice::WriteOnly) &&
                         file.setPermissions(QFile::ReadOwner | QFile::WriteOwner) &&
                         file.write(key.data(), kKeyBytes) == kKeyBytes && file.commit();
    if (written) return key;
    return Error{ErrorCode::StorageFailed,
                 "cannot write " + name + ": " + file.errorString().toStdString()};
}

}  // namespace kimdb::relay
