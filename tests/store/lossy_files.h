// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "core/clock.h"
#include "store/file_layer.h"

namespace kimdb::test {

//! \brief The operating system's files with a disk that can fail and lose power, for what goes
//! through the file layer (the journal and FORMAT; SQLite has files of its own).
//!
//! A write is in the page cache until the file is flushed; losePower() keeps of what was not
//! flushed any sectors it likes. As on Linux, a failed flush leaves its pages clean: a later flush
//! that succeeds does not write them. Thread: any.
class LossyFiles final : public store::FileLayer {
 public:
    //! What a call may be told to do. Asked with the name of the call ("write", "sync", "create",
    //! "rename", "remove", "sync folder") and the path; an error makes the call fail.
    using Fault = std::function<Result<>(const std::string& call, const std::string& path)>;
    void setFault(Fault fault);

    //! Makes \a image, a copy of \a folder, what the disk could hold after a power loss now.
    //! REQUIRES: nobody writes to the folder.
    void losePower(const std::string& folder, const std::string& image, Random& random) const;

    Result<std::unique_ptr<store::File>> open(const std::string& path, Access access) override;
    Result<std::vector<std::string>> list(const std::string& folder) override;
    Result<> makeFolder(const std::string& path) override;
    Result<> rename(const std::string& from, const std::string& to) override;
    Result<> remove(const std::string& path) override;
    Result<> syncFolder(const std::string& path) override;
    Result<std::unique_ptr<store::FolderLock>> lock(const std::string& path) override;

 private:
    class LossyFile;
    struct Disk {
        std::string path;                // follows a rename
        Bytes durable;                   // contents after the last flush
        std::set<std::size_t> poisoned;  // sectors a failed flush has forgotten
        bool name_durable = true;
    };
    Result<> ask(const std::string& call, const std::string& path);
    std::shared_ptr<Disk> diskOf(const std::string& path);

    mutable std::mutex m_mutex;
    Fault m_fault;
    std::map<std::string, std::shared_ptr<Disk>> m_disks;
};

}  // namespace kimdb::test
