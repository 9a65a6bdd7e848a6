// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include <kimdb/crdt/document.h>

#include "sync/document_log.h"

namespace kimdb::sync {

//! \brief Which own changes fall with a refused one (SYNC rule 11): those not acknowledged yet
//! whose operations need, transitively and under any own id, an id of it, or a container that no
//! write left in the log shows (spec/DECISIONS.md B3).
//!
//! Log order says nothing here: a change may have taken another's place after a fork, behind what
//! needs it. \a pending says of a change whether it is own, not acknowledged and no VOID; the
//! others are never taken. Returns \a refused and what falls with it, in log order. Errors: those
//! of the log.
using IsPending = std::function<bool(const Change&)>;
Result<std::vector<LogChange>> refusalClosure(const DocumentLog& log,
                                              std::vector<LogChange> refused,
                                              const IsPending& pending);

//! \brief Whether \a a and \a b are one edit: what was done by whom and when. They may have other
//! deps, for those lost in a fork are cut (docs/decisions/0042-forks.md).
bool isSameEdit(const Change& a, const Change& b);

}  // namespace kimdb::sync
