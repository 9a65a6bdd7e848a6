// SPDX-License-Identifier: MIT
#include "store/lossy_vfs.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace kimdb::test {

using Verdict = LossyDisk::Verdict;

// One open file of one connection. The locks are SQLite's: five levels on the file (sqlite3.h,
// xLock), and eight slots on the shared memory of a WAL, each shared or exclusive (xShmLock).
class LossyVfsFile {
 public:
    LossyVfsFile(LossyDisk& disk, std::shared_ptr<LossyDisk::Inode> inode, bool names_follow_sync)
        : m_disk(disk), m_inode(std::move(inode)), m_names_follow_sync(names_follow_sync) {
        m_inode->connections.insert(this);
    }
    ~LossyVfsFile() { m_inode->connections.erase(this); }
    LossyVfsFile(const LossyVfsFile&) = delete;
    LossyVfsFile& operator=(const LossyVfsFile&) = delete;

    static const sqlite3_io_methods kMethods;

 private:
    // What SQLite allocates: its own head, then the object.
    struct Slot {
        sqlite3_file base;
        LossyVfsFile* file;
    };
    friend class LossyVfs;
    static LossyVfsFile& of(sqlite3_file* file) { return *reinterpret_cast<Slot*>(file)->file; }
    auto locked() { return std::unique_lock(m_disk.m_mutex); }

    static int close(sqlite3_file* file);
    static int read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset);
    static int write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 offset);
    static int truncate(sqlite3_file* file, sqlite3_int64 bytes);
    static int sync(sqlite3_file* file, int flags);
    static int size(sqlite3_file* file, sqlite3_int64* out);
    static int lock(sqlite3_file* file, int level);
    static int unlock(sqlite3_file* file, int level);
    static int checkReserved(sqlite3_file* file, int* out);
    static int control(sqlite3_file* file, int operation, void* argument);
    static int sectorSize(sqlite3_file*) { return 4096; }
    static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }
    static int shmMap(sqlite3_file* file, int region, int bytes, int extend, void volatile** out);
    static int shmLock(sqlite3_file* file, int offset, int n, int flags);
    static void shmBarrier(sqlite3_file* file);
    static int shmUnmap(sqlite3_file* file, int remove);

    int othersLevel() const {
        int level = SQLITE_LOCK_NONE;
        for (const LossyVfsFile* other : m_inode->connections)
            if (other != this) level = std::max(level, other->m_level);
        return level;
    }

    LossyDisk& m_disk;
    const std::shared_ptr<LossyDisk::Inode> m_inode;
    bool m_names_follow_sync;  // as in SQLite's own VFS: the first flush of a new WAL or journal
    int m_level = SQLITE_LOCK_NONE;
    unsigned m_shared = 0;  // bits: slots of the shared memory
    unsigned m_exclusive = 0;
};

const sqlite3_io_methods LossyVfsFile::kMethods = {
    2,        close,         read,    write,      truncate,        sync,   size,    lock,
    unlock,   checkReserved, control, sectorSize, characteristics, shmMap, shmLock, shmBarrier,
    shmUnmap, nullptr,       nullptr,
};

int LossyVfsFile::close(sqlite3_file* file) {
    LossyDisk& disk = of(file).m_disk;
    const std::lock_guard lock(disk.m_mutex);
    delete &of(file);
    return SQLITE_OK;
}

int LossyVfsFile::read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) {
    LossyVfsFile& f = of(file);
    const auto lock = f.locked();
    if (f.m_disk.ask(LossyDisk::Op::Read, f.m_inode->path) != Verdict::Go) return SQLITE_IOERR_READ;
    const Bytes& now = f.m_inode->now;
    const auto from = std::min(static_cast<std::size_t>(offset), now.size());
    const std::size_t n = std::min(static_cast<std::size_t>(bytes), now.size() - from);
    std::memcpy(out, now.data() + from, n);
    if (n == static_cast<std::size_t>(bytes)) return SQLITE_OK;
    std::memset(static_cast<char*>(out) + n, 0, static_cast<std::size_t>(bytes) - n);
    return SQLITE_IOERR_SHORT_READ;
}

int LossyVfsFile::write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 offset) {
    LossyVfsFile& f = of(file);
    const auto lock = f.locked();
    const ByteView view(static_cast<const char*>(from), static_cast<std::size_t>(bytes));
    switch (f.m_disk.writeAsked(*f.m_inode, static_cast<std::uint64_t>(offset), view)) {
        case Verdict::Go:
            return SQLITE_OK;
        case Verdict::Full:
            return SQLITE_FULL;
        default:
            return SQLITE_IOERR_WRITE;
    }
}

int LossyVfsFile::truncate(sqlite3_file* file, sqlite3_int64 bytes) {
    LossyVfsFile& f = of(file);
    const auto lock = f.locked();
    if (f.m_disk.ask(LossyDisk::Op::Truncate, f.m_inode->path) != Verdict::Go)
        return SQLITE_IOERR_TRUNCATE;
    return f.m_disk.resize(*f.m_inode, static_cast<std::uint64_t>(bytes)) ? SQLITE_OK : SQLITE_FULL;
}

int LossyVfsFile::sync(sqlite3_file* file, int) {
    LossyVfsFile& f = of(file);
    const auto lock = f.locked();
    if (f.m_disk.syncAsked(*f.m_inode) != Verdict::Go) return SQLITE_IOERR_FSYNC;
    if (f.m_names_follow_sync)
        f.m_disk.flushNames(f.m_inode->path.substr(0, f.m_inode->path.rfind('/')));
    f.m_names_follow_sync = false;
    return SQLITE_OK;
}

int LossyVfsFile::size(sqlite3_file* file, sqlite3_int64* out) {
    const auto lock = of(file).locked();
    *out = static_cast<sqlite3_int64>(of(file).m_inode->now.size());
    return SQLITE_OK;
}

int LossyVfsFile::lock(sqlite3_file* file, int level) {
    LossyVfsFile& f = of(file);
    const auto lock = f.locked();
    if (f.m_level >= level) return SQLITE_OK;
    const int others = f.othersLevel();
    if (level == SQLITE_LOCK_SHARED && others >= SQLITE_LOCK_PENDING) return SQLITE_BUSY;
    if (level > SQLITE_LOCK_SHARED && others >= SQLITE_LOCK_RESERVED) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_EXCLUSIVE && others == SQLITE_LOCK_SHARED) {
        f.m_level = SQLITE_LOCK_PENDING;
        return SQLITE_BUSY;
    }
    f.m_level = level;
    return SQLITE_OK;
}

int LossyVfsFile::unlock(sqlite3_file* file, int level) {
    const auto lock = of(file).locked();
    of(file).m_level = std::min(of(file).m_level, level);
    return SQLITE_OK;
}

int LossyVfsFile::checkReserved(sqlite3_file* file, int* out) {
    LossyVfsFile& f = of(file);
    const auto lock = f.locked();
    *out = std::max(f.m_level, f.othersLevel()) >= SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

int LossyVfsFile::control(sqlite3_file* file, int operation, void* argument) {
    const auto lock = of(file).locked();
    if (operation != SQLITE_FCNTL_PRAGMA || !of(file).m_disk.m_weak_sqlite) return SQLITE_NOTFOUND;
    char** pragma = static_cast<char**>(argument);  // [1] its name, [2] what it is set to
    if (std::strcmp(pragma[1], "synchronous") == 0 && pragma[2]) std::strcpy(pragma[2], "1");
    return SQLITE_NOTFOUND;  // go on with it
}

int LossyVfsFile::shmMap(sqlite3_file* file, int region, int bytes, int extend,
                         void volatile** out) {
    LossyVfsFile& f = of(file);
    const auto lock = f.locked();
    auto& memory = f.m_inode->memory;
    *out = nullptr;
    const auto index = static_cast<std::size_t>(region);
    using Region = std::array<char, 32768>;
    if (static_cast<std::size_t>(bytes) != sizeof(Region)) return SQLITE_IOERR_SHMMAP;
    if (index >= memory.size() && !extend) return SQLITE_OK;
    while (memory.size() <= index) memory.push_back(std::make_unique<Region>());
    *out = memory[index]->data();
    return SQLITE_OK;
}

int LossyVfsFile::shmLock(sqlite3_file* file, int offset, int n, int flags) {
    LossyVfsFile& f = of(file);
    const auto lock = f.locked();
    const unsigned slots = ((1U << n) - 1) << offset;
    if (flags & SQLITE_SHM_UNLOCK) {
        f.m_shared &= ~slots;
        f.m_exclusive &= ~slots;
        return SQLITE_OK;
    }
    const bool exclusive = flags & SQLITE_SHM_EXCLUSIVE;
    for (const LossyVfsFile* other : f.m_inode->connections)
        if (other != &f && ((other->m_exclusive | (exclusive ? other->m_shared : 0)) & slots))
            return SQLITE_BUSY;
    (exclusive ? f.m_exclusive : f.m_shared) |= slots;
    return SQLITE_OK;
}

void LossyVfsFile::shmBarrier(sqlite3_file* file) {
    const auto lock = of(file).locked();
}

int LossyVfsFile::shmUnmap(sqlite3_file* file, int remove) {
    LossyVfsFile& f = of(file);
    const auto lock = f.locked();
    f.m_shared = f.m_exclusive = 0;
    if (remove) f.m_inode->memory.clear();
    return SQLITE_OK;
}

LossyVfs::LossyVfs(LossyDisk& disk, const char* name) {
    sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
    m_vfs.iVersion = 2;
    m_vfs.szOsFile = sizeof(LossyVfsFile::Slot);
    m_vfs.mxPathname = 512;
    m_vfs.zName = name;
    m_vfs.pAppData = &disk;
    m_vfs.xOpen = open;
    m_vfs.xDelete = remove;
    m_vfs.xAccess = access;
    m_vfs.xFullPathname = fullPath;
    m_vfs.xRandomness = system->xRandomness;
    m_vfs.xSleep = system->xSleep;
    m_vfs.xCurrentTime = system->xCurrentTime;
    m_vfs.xCurrentTimeInt64 = system->xCurrentTimeInt64;
    m_vfs.xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
    sqlite3_vfs_register(&m_vfs, 0);
}

LossyVfs::~LossyVfs() {
    sqlite3_vfs_unregister(&m_vfs);
}

int LossyVfs::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    file->pMethods = nullptr;
    LossyDisk& disk = diskOf(vfs);
    const std::lock_guard lock(disk.m_mutex);
    const std::string path = name ? name : "";
    std::shared_ptr<LossyDisk::Inode> inode = name ? disk.find(path) : nullptr;
    if (name) {
        const bool fresh = !inode && (flags & SQLITE_OPEN_CREATE);
        const auto op = fresh ? LossyDisk::Op::Create : LossyDisk::Op::Open;
        const Verdict verdict = disk.ask(op, path);
        if (verdict == Verdict::Full) return SQLITE_FULL;
        if (verdict != Verdict::Go) return SQLITE_CANTOPEN;
        if (fresh) inode = disk.make(path, false);
        if (!inode || inode->folder) return SQLITE_CANTOPEN;
    } else {
        inode = std::make_shared<LossyDisk::Inode>();  // a temporary file without a name
    }
    const bool beside = flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL);
    auto* opened = new (std::nothrow)
        LossyVfsFile(disk, std::move(inode), beside && (flags & SQLITE_OPEN_CREATE));
    if (!opened) return SQLITE_NOMEM;
    reinterpret_cast<LossyVfsFile::Slot*>(file)->file = opened;
    file->pMethods = &LossyVfsFile::kMethods;
    if (out) *out = flags;
    return SQLITE_OK;
}

int LossyVfs::remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    LossyDisk& disk = diskOf(vfs);
    const std::lock_guard lock(disk.m_mutex);
    const std::string path = name;
    if (!disk.find(path)) return SQLITE_IOERR_DELETE_NOENT;
    if (disk.ask(LossyDisk::Op::Remove, path) != Verdict::Go) return SQLITE_IOERR_DELETE;
    disk.change({path.substr(0, path.rfind('/')), {{path, nullptr}}});
    if (sync_folder) disk.flushNames(path.substr(0, path.rfind('/')));
    return SQLITE_OK;
}

int LossyVfs::access(sqlite3_vfs* vfs, const char* name, int, int* out) {
    LossyDisk& disk = diskOf(vfs);
    const std::lock_guard lock(disk.m_mutex);
    const auto inode = disk.find(name);
    *out = inode && !inode->now.empty();
    return SQLITE_OK;
}

int LossyVfs::fullPath(sqlite3_vfs*, const char* name, int bytes_max, char* out) {
    sqlite3_snprintf(bytes_max, out, "%s", name);
    return SQLITE_OK;
}

}  // namespace kimdb::test
