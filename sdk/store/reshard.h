// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "core/clock.h"
#include "store/file_layer.h"
#include "store/progress.h"

namespace kimdb::store {

//! \brief Gives the database folder \a path another number of shards. The store must not be open.
//! Crash-safe: the new shards are made beside the old ones, and exchanging FORMAT makes them
//! count; an open after a crash finishes or forgets the rest. A new epoch begins, since
//! feeds are numbered anew. \a progress hears rows. Errors: as Engine::open(); StorageCorrupt when
//! a shard is damaged; Closed when \a progress said stop, with the folder as it was.
Result<> reshard(FileLayer& files, Random& random, const std::string& path, int shard_count,
                 const Progress& progress = {});

//! \brief Finishes or forgets a reshard that was interrupted. REQUIRES: the folder is locked.
Result<> finishReshard(FileLayer& files, const std::string& path);

}  // namespace kimdb::store
