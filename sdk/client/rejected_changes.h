// SPDX-License-Identifier: MIT
#pragma once

#include <QByteArray>
#include <QList>

#include <kimdb/database.h>

#include "sync/rejected_list.h"

namespace kimdb {

//! \brief A refused change in words for people.
RejectedChange describe(const sync::Rejected& entry);

//! \brief The list as JSON for a support case or another program: format, then one object per
//! change with id, document, code, reason, time (ISO 8601, UTC), text, and the change itself
//! (docs/PROTOCOL.md, "Change envelope") in Base64.
QByteArray exported(const std::vector<sync::Rejected>& entries);

}  // namespace kimdb
