// SPDX-License-Identifier: MIT
#pragma once

#include <QString>

#include <string>

#include <kimdb/result.h>

namespace kimdb::relay {

//! \brief What is in a file, but never more than one byte above \a bytes_max: who parses it sees
//! that it is too long. Errors: PermissionDenied; the message names the file.
Result<std::string> contentOfSmallFile(const QString& path, std::size_t bytes_max);

}  // namespace kimdb::relay
