// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <kimdb/ids.h>

#include "core/clock.h"
#include "store/log_store.h"

namespace kimdb::sync {

//! \brief Under which replica ids this installation writes and wrote (SYNC rules 5 and 6).
//!
//! `current` is for new edits only; changes already queued keep the id they were made under. The
//! fingerprint is a hint that the folder was copied: when it differs, a new current id exists in
//! memory at once and reaches the disk with the first write, so that a copy which never writes
//! leaves no trace. A plain value: change a copy, save() it into the batch, and keep the copy when
//! the commit succeeded.
class Identity {
 public:
    //! Reads the list, or starts one. Errors: StorageCorrupt.
    static Result<Identity> load(const store::LogStore& store, const Bytes& fingerprint,
                                 Random& random);

    ReplicaId current() const { return m_current; }
    bool owns(ReplicaId id) const;
    //! False while `current` is in memory only: the next write must save() it.
    bool saved() const { return m_saved; }

    //! New edits get a new id from here on.
    void mint(Random& random);
    //! Adds the id of a derived stream; `current` stays.
    void adopt(ReplicaId derived);
    void save(store::Batch& batch);

 private:
    std::vector<ReplicaId> m_ids;  // in the order they were added
    ReplicaId m_current = 0;
    Bytes m_fingerprint;
    bool m_saved = false;
};

}  // namespace kimdb::sync
