// SPDX-License-Identifier: MIT
#pragma once

#include <sqlite3.h>

#include "store/lossy_disk.h"

namespace kimdb::test {

//! \brief SQLite's view of a LossyDisk: a registered VFS whose locks and -shm memory are the
//! disk's own, so that connections of one process see each other as over a real file. Thread: any.
class LossyVfs {
 public:
    LossyVfs(LossyDisk& disk, const char* name);
    ~LossyVfs();
    LossyVfs(const LossyVfs&) = delete;
    LossyVfs& operator=(const LossyVfs&) = delete;

 private:
    friend class LossyVfsFile;
    static LossyDisk& diskOf(sqlite3_vfs* vfs) { return *static_cast<LossyDisk*>(vfs->pAppData); }
    static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out);
    static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder);
    static int access(sqlite3_vfs* vfs, const char* name, int flags, int* out);
    static int fullPath(sqlite3_vfs* vfs, const char* name, int bytes_max, char* out);

    sqlite3_vfs m_vfs{};
};

}  // namespace kimdb::test
