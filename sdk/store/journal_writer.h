// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/file_layer.h"
#include "store/journal_scan.h"
#include "store/statistics.h"

namespace kimdb::store {

//! \brief What the name of a segment ends in that was put aside for a repair.
inline constexpr std::string_view kKeptSuffix = ".kept";

//! \brief Writes groups into segment files and gives emptied files a new life.
//!
//! Segment files are filled with zeros before use, so that an append changes no file size and
//! fdatasync has no metadata to write. A file is used again under a new segment id once every shard
//! holds all of its batches; a file in which a write or fdatasync failed is only ever deleted.
//!
//! Thread: write() from one thread; hasRecyclable() and recycle() from another one.
class JournalWriter {
 public:
    struct Options {
        std::string folder;
        std::uint64_t store_id = 0;
        std::size_t segment_bytes = 0;  //!< size of a file; one is larger when its first group is
        DurationCounter* fsyncs = nullptr;  //!< counts the groups' fdatasyncs; not owned
    };
    //! \a segments are what the scan found, all of them finished: writing goes on in a fresh
    //! segment id (SYNC rule 3). Batches up to \a last count from them.
    JournalWriter(FileLayer& files, Options options, std::vector<ScannedSegment> segments,
                  SeqNo last);

    //! Writes \a records as one group, from number \a first on, and flushes it to the disk.
    //! \a durable is durable_seq now. After an error nothing of the group counts; the next call
    //! writes into a fresh segment. Errors: StorageFull (retryable), PermissionDenied,
    //! StorageFailed.
    Result<> write(const std::vector<Bytes>& records, SeqNo first, SeqNo durable);

    //! A full segment holds nothing above \a flushed.
    bool hasRecyclable(SeqNo flushed) const;
    //! REQUIRES: every shard's applied_seq is durable and at least \a flushed.
    Result<> recycle(SeqNo flushed);
    //! Segments begun so far are not used again: recycle() renames them to NAME.kept, and nothing
    //! reads or removes them. For a damaged shard, which may lack what they hold. Thread: any.
    void keepPresent();
    //! The next group begins a new segment in a new file; until wipeEmptied() has succeeded emptied
    //! files are removed and none is used again, for behind what is written into it stands what it
    //! held. Thread: any.
    void beginErasing();
    //! Overwrites the emptied files with zeros. Thread: as recycle().
    Result<> wipeEmptied();
    //! Segment files, emptied ones too. Thread: any.
    std::size_t segmentCount() const;
    //! Bytes of the segments that may not be recycled yet.
    std::uint64_t liveBytes() const { return m_live_bytes; }

 private:
    struct Segment {
        std::string name;
        std::unique_ptr<File> file;
        std::uint64_t file_bytes = 0;
        std::uint64_t id = 0;
        SeqNo cut = 0;
        SeqNo last = 0;
        std::uint64_t end = kBlockBytes;  //!< where the next group goes
        bool failed = false;
    };
    std::string path(const std::string& name) const { return m_options.folder + "/" + name; }
    Result<> writeGroup(File& file, std::uint64_t at, const Bytes& group);
    Result<> openSegment(std::size_t span);
    void closeSegment();
    Result<Segment> takeFree(std::size_t bytes);
    Result<Segment> createFile(std::size_t bytes);
    Result<> fillFile(File& file, std::size_t bytes);

    FileLayer& m_files;
    const Options m_options;
    std::unique_ptr<Segment> m_current;  // the writing thread's own
    SeqNo m_last;                        // highest number that counts so far
    std::atomic<std::uint64_t> m_next_id = 1;
    std::atomic<std::uint64_t> m_keep_below = 0;  // segment ids
    std::atomic<std::uint64_t> m_live_bytes = 0;
    std::atomic<bool> m_begin_segment = false;
    std::atomic<bool> m_writing = false;  // there is a current segment

    mutable std::mutex m_mutex;  // guards the lists and the next file number
    std::list<Segment> m_full;
    std::list<Segment> m_free;
    bool m_erasing = false;
    std::uint64_t m_next_file = 1;
};

}  // namespace kimdb::store
