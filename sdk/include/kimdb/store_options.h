// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace kimdb {

//! \brief When a write counts as done.
enum class Durability {
    Buffered,  //!< visible to every read; on the disk a moment later
    Durable,   //!< on the disk: it survives a kill and a power loss
};

//! \brief How a Store is opened. What is out of range is refused with InvalidArgument.
struct StoreOptions {
    //! A folder of the store's own: missing, empty, or made by a Store before.
    std::string path;
    //! Number of SQLite files, 1 to 8. Must be what the folder was made with.
    int shard_count = 8;
    //! Memory for what the SQLite files do not hold yet, at least 64 KiB. When writes come faster
    //! than they can be moved on, up to four times this is used, and then writes wait.
    std::size_t buffer_bytes = 64 << 20;
    //! While writes arrive, nothing is moved into the SQLite files below this many, unless they
    //! take twice buffer_bytes or the journal has become long.
    std::size_t buffer_rows = 10'000;
    //! When nothing was written for so long, the buffer is moved into the SQLite files. At least
    //! 1 ms.
    std::chrono::milliseconds flush_interval{100};
    //! Memory for what was read: half for records, half for pages of the SQLite files.
    std::size_t cache_bytes = 64 << 20;
    //! So often expired records are removed and one of the SQLite files is checked row by row, in
    //! the background; what is found is in statistics(). 0: never.
    std::chrono::milliseconds maintenance_interval{60'000};
    //! What set(), remove() and commit() wait for before they return.
    Durability durability = Durability::Buffered;

    //! \brief For phones: at most 8 MB of memory, and at most 1 MB on the disk when empty.
    static StoreOptions small() {
        StoreOptions options;
        options.shard_count = 2;
        options.buffer_bytes = 512 << 10;
        options.buffer_rows = 1'000;
        options.cache_bytes = 1 << 20;
        return options;
    }
};

}  // namespace kimdb
