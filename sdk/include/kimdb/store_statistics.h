// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kimdb {

//! \brief How long something took, counted in powers of two. A plain value.
struct DurationHistogram {
    //! Bucket i counts what took less than 2^i microseconds and at least half of that.
    std::array<std::uint64_t, 32> buckets{};

    std::uint64_t count() const;
    //! Upper bound of the bucket below which \a share (0 to 1) of all durations are; 0 when there
    //! are none.
    std::chrono::microseconds percentile(double share) const;
};

//! \brief One SQLite file of a store.
struct ShardStatistics {
    std::string path;
    bool serves = true;      //!< false: it is damaged, see last_error
    std::uint64_t rows = 0;  //!< records and log entries in the file; what is buffered is not in it
    std::uint64_t file_bytes = 0;
    std::uint64_t wal_bytes = 0;    //!< of the write-ahead log beside it; 0: all is checkpointed
    std::uint64_t applied_seq = 0;  //!< every write up to this one is in the file
    std::string last_error;         //!< empty: none since the store was opened
};

//! \brief What a store is doing.
struct StoreStatistics {
    std::uint64_t writes = 0;   //!< since it was opened
    double writes_per_s = 0;    //!< over the last ten seconds
    std::uint64_t last = 0;     //!< number of the last write batch
    std::uint64_t durable = 0;  //!< batches up to this one are on the disk
    std::uint64_t flushed = 0;  //!< batches up to this one are in the SQLite files
    std::uint64_t buffered_rows = 0;
    std::uint64_t buffered_bytes = 0;
    std::uint64_t journal_bytes = 0;     //!< that are not flushed yet
    std::uint64_t journal_segments = 0;  //!< files, also emptied ones
    std::uint64_t cache_hits = 0;
    std::uint64_t cache_misses = 0;
    std::uint64_t cache_bytes = 0;
    std::uint64_t retries = 0;             //!< of flushes of a busy file or on a full disk
    DurationHistogram flush_time;          //!< of one memory table into the files
    DurationHistogram fsync_time;          //!< of one group of the journal
    std::uint64_t scrubbed_rows = 0;       //!< that the background has checked
    std::vector<std::string> last_errors;  //!< newest last, a few
    std::vector<ShardStatistics> shards;
};

}  // namespace kimdb
