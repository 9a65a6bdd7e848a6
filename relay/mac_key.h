// SPDX-License-Identifier: MIT
#pragma once

#include <QString>

#include <kimdb/ids.h>
#include <kimdb/result.h>

namespace kimdb::relay {

//! \brief The secret behind a relay's certificates: FOLDER/relay.key, 32 bytes, readable by its
//! user only, made at the first start. It is not part of a backup (SYNC rule 19).
//! Errors: StorageCorrupt (another size), PermissionDenied, StorageFailed.
Result<Bytes> readOrMakeMacKey(const QString& folder);

}  // namespace kimdb::relay
