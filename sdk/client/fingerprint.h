// SPDX-License-Identifier: MIT
#pragma once

#include <QString>

#include <kimdb/ids.h>

namespace kimdb {

//! \brief A hint that a database folder was copied or moved to another machine (SYNC rule 5): hash
//! of the machine's id, the file system's id and the folder's inode. Renaming the folder does not
//! change it. Empty when the folder cannot be examined.
Bytes installationFingerprint(const QString& folder);

}  // namespace kimdb
