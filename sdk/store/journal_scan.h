// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "store/file_layer.h"
#include "store/journal_format.h"

namespace kimdb::store {

//! \brief A segment file as the scan found it. It stays open for the writer.
struct ScannedSegment {
    std::string name;  //!< in the journal folder
    std::unique_ptr<File> file;
    std::uint64_t file_bytes = 0;
    std::uint64_t segment = 0;  //!< 0: nothing was ever written
    SeqNo last = 0;             //!< highest sequence number in it
};

//! \brief What the journal still holds after a start.
struct JournalScan {
    std::vector<ScannedSegment> segments;
    std::vector<Bytes> records;  //!< batches floor + 1, floor + 2, … last
    SeqNo last = 0;
    //! Highest number that is known to be durable from the disk alone: stated by a group or
    //! applied.
    SeqNo stated = 0;
    bool tail_cut = false;  //!< a torn tail was found behind `last`
};

//! \brief Reads the journal in \a folder: recovery steps 3 to 6 of docs/STORAGE.md. Every file that
//! contributes is flushed to the disk before this returns (SYNC rule 2). Changes no byte.
//! \a floor is the smallest applied_seq of the shards, \a applied_max the largest.
//! Errors: StorageCorrupt naming file, byte range and lost batches; VersionTooNew; those of File.
Result<JournalScan> scanJournal(FileLayer& files, const std::string& folder, std::uint64_t store_id,
                                SeqNo floor, SeqNo applied_max);

//! \brief Whether a name in the journal folder is a finished segment file.
bool isSegmentName(std::string_view name);

}  // namespace kimdb::store
