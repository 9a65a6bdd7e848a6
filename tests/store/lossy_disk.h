// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "store/file_layer.h"

namespace kimdb::test {

class LossyVfs;
class LossyVfsFile;

//! \brief A disk in memory that can fail, fill up, lie and lose power. The store sees it as its
//! file layer, SQLite as a VFS on the same files, so one cut hits the journal and the shards alike.
//!
//! A write is in the page cache until its file is flushed. Of what was not flushed a power loss
//! keeps what it likes, in sectors of 512 bytes and in any order; of names made, renamed and
//! removed but not flushed with their folder it keeps the first few (file systems log names in
//! order). As on Linux, a failed flush leaves its pages clean: a later one that succeeds does not
//! write them.
//!
//! Thread: any; every call is one moment under the disk's own lock.
class LossyDisk final : public store::FileLayer {
 public:
    enum class Op { Open, Create, Read, Write, Truncate, Sync, Rename, Remove, SyncFolder };
    struct Call {
        Op op;
        std::string path;
        std::uint64_t number;  //!< counted from 1 over the disk's life
    };
    //! Lie: says it is done, but nothing reaches the disk (a flush). Die: this call and all after
    //! it fail, as if the power was off.
    enum class Verdict { Go, Fail, Full, Lie, Die };
    //! Asked before every call, under the disk's lock; it may call afterPowerLoss() or afterKill().
    using Hook = std::function<Verdict(const Call& call)>;

    LossyDisk();
    ~LossyDisk() override;
    LossyDisk(const LossyDisk&) = delete;
    LossyDisk& operator=(const LossyDisk&) = delete;

    void setHook(Hook hook);
    //! What the files may take together; growing beyond is Full.
    void setCapacity(std::uint64_t bytes);
    std::uint64_t usedBytes() const;
    std::uint64_t calls() const;
    //! From now on a shard that asks SQLite for synchronous=FULL gets NORMAL.
    void weakenSqlite();

    //! A disk with what could be left if the power went now.
    std::unique_ptr<LossyDisk> afterPowerLoss(Random& random) const;
    //! A disk as it is if the process dies now: the page cache stays, unflushed.
    std::unique_ptr<LossyDisk> afterKill() const;

    //! The file as programs see it now; for tests that look at it or damage it.
    Bytes contents(const std::string& path) const;
    //! On the disk at once.
    void setContents(const std::string& path, Bytes bytes);

    Result<std::unique_ptr<store::File>> open(const std::string& path, Access access) override;
    Result<std::vector<std::string>> list(const std::string& folder) override;
    Result<> makeFolder(const std::string& path) override;
    Result<> rename(const std::string& from, const std::string& to) override;
    Result<> remove(const std::string& path) override;
    Result<> syncFolder(const std::string& path) override;
    Result<std::unique_ptr<store::FolderLock>> lock(const std::string& path) override;
    const char* sqliteVfs() const override { return m_vfs_name.c_str(); }

 private:
    friend class LossyVfs;
    friend class LossyVfsFile;
    class OpenFile;
    class Lock;
    struct Survival;
    struct Inode {
        struct Version {
            std::uint64_t number;
            Bytes sector;
        };
        bool folder = false;
        std::string path;                                              // its last one
        Bytes now;                                                     // the page cache
        Bytes durable;                                                 // after the last flush
        std::map<std::size_t, std::vector<Version>> unflushed;         // by sector
        std::vector<std::pair<std::uint64_t, std::size_t>> sizes;      // unflushed ones
        std::map<std::size_t, std::vector<Version>> forgotten;         // their flush has failed
        std::set<LossyVfsFile*> connections;                           // SQLite's locks
        std::vector<std::unique_ptr<std::array<char, 32768>>> memory;  // SQLite's -shm
    };
    using Names = std::map<std::string, std::shared_ptr<Inode>>;
    struct NameChange {
        std::string folder;
        std::vector<std::pair<std::string, std::shared_ptr<Inode>>> names;  // null = gone
    };

    Verdict ask(Op op, const std::string& path);
    Result<> allowed(Op op, const std::string& path);
    std::shared_ptr<Inode> find(const std::string& path) const;
    std::shared_ptr<Inode> make(const std::string& path, bool folder);
    void change(NameChange change);
    bool write(Inode& inode, std::uint64_t offset, ByteView bytes);
    bool resize(Inode& inode, std::uint64_t bytes);
    void flush(Inode& inode);
    void forget(Inode& inode);
    static Bytes contentsAfter(const Inode& inode, Survival& survival);
    void flushNames(const std::string& folder);
    Verdict writeAsked(Inode& inode, std::uint64_t offset, ByteView bytes);
    Verdict syncAsked(Inode& inode);

    mutable std::recursive_mutex m_mutex;
    Hook m_hook;
    bool m_dead = false;
    bool m_weak_sqlite = false;
    std::uint64_t m_calls = 0;
    std::uint64_t m_writes = 0;
    std::uint64_t m_capacity = UINT64_MAX;
    std::uint64_t m_used = 0;
    Names m_names;
    Names m_durable_names;
    std::vector<NameChange> m_name_changes;  // unflushed, in order
    std::set<std::string> m_locked;
    std::string m_vfs_name;
    std::unique_ptr<LossyVfs> m_vfs;
};

}  // namespace kimdb::test
