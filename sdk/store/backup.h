// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "core/clock.h"
#include "store/file_layer.h"
#include "store/progress.h"
#include "store/shard.h"

//! A backup (docs/STORAGE.md "Backup") is a folder with the shards as one moment saw them and
//!
//!   BACKUP    text: version, shard count, batch number, each file's size and CRC32C; made last
namespace kimdb::store {

//! \brief Writes the shards behind \a readers, which stand in read transactions begun at one moment
//! between two flushes, into \a target, which must not exist or be empty.
//! Errors: InvalidArgument; those of files and shards; Closed when \a progress said stop.
Result<> writeBackup(FileLayer& files, const std::string& target,
                     std::vector<Shard::Lease>& readers, const Progress& progress);

//! \brief Makes the database folder \a target from the backup \a source: checks each file's CRC and
//! every row, then begins a new epoch with a new store id. All or nothing: until it is complete it
//! is in `target.restoring`. REQUIRES: \a target does not exist or is empty.
//! Errors: InvalidArgument (no backup; the target is in use); StorageCorrupt naming the damage.
Result<> restoreBackup(FileLayer& files, Random& random, const std::string& source,
                       const std::string& target, const Progress& progress = {});

}  // namespace kimdb::store
