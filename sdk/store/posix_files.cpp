// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "store/file_layer.h"

namespace kimdb::store {
namespace {

Error osError(const std::string& path, const char* doing, int number) {
    const std::string text = path + ": " + doing + ": " + std::strerror(number);
    switch (number) {
        case ENOSPC:
        case EDQUOT:
            return {ErrorCode::StorageFull, text + "; free some space", true};
        case EACCES:
        case EPERM:
        case EROFS:
            return {
                ErrorCode::PermissionDenied,
                text + "; give this user permission to read and write the folder and its files"};
        case ENOENT:
            return {ErrorCode::NotFound, text};
        case ENOTDIR:
            return {ErrorCode::InvalidArgument, text};
        default:
            return {ErrorCode::StorageFailed, text};
    }
}

class PosixFile final : public File {
 public:
    PosixFile(int fd, std::string path) : m_fd(fd), m_path(std::move(path)) {}
    ~PosixFile() override { ::close(m_fd); }
    PosixFile(const PosixFile&) = delete;
    PosixFile& operator=(const PosixFile&) = delete;

    Result<std::uint64_t> size() const override {
        struct stat info {};
        if (::fstat(m_fd, &info) != 0) return osError(m_path, "cannot be examined", errno);
        return static_cast<std::uint64_t>(info.st_size);
    }

    Result<Bytes> readAt(std::uint64_t offset, std::size_t bytes_max) const override {
        Bytes out(bytes_max, '\0');
        std::size_t done = 0;
        while (done < bytes_max) {
            const auto at = static_cast<off_t>(offset + done);
            const ssize_t n = ::pread(m_fd, out.data() + done, bytes_max - done, at);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return osError(m_path, "cannot be read", errno);
            if (n == 0) break;
            done += static_cast<std::size_t>(n);
        }
        out.resize(done);
        return out;
    }

    Result<> writeAt(std::uint64_t offset, ByteView bytes) override {
        while (!bytes.empty()) {
            const ssize_t n =
                ::pwrite(m_fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return osError(m_path, "cannot be written", errno);
            offset += static_cast<std::uint64_t>(n);
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return {};
    }

    Result<> syncData() override {
#if defined(__APPLE__)
        if (::fcntl(m_fd, F_FULLFSYNC) == 0) return {};
#else
        if (::fdatasync(m_fd) == 0) return {};
#endif
        return osError(m_path, "cannot be flushed to the disk", errno);
    }

 private:
    int m_fd;
    std::string m_path;
};

std::string programName() {
#if defined(__linux__)
    return program_invocation_short_name;
#else
    return ::getprogname();
#endif
}

// flock() belongs to the open file, not to the process: a second open in this process is refused
// too, and the kernel releases it when the process dies, however it dies.
class PosixLock final : public FolderLock {
 public:
    explicit PosixLock(int fd) : m_fd(fd) {}
    ~PosixLock() override {
        if (::ftruncate(m_fd, 0) != 0) {
            // The text is for people only; the next holder writes its own.
        }
        ::close(m_fd);
    }
    PosixLock(const PosixLock&) = delete;
    PosixLock& operator=(const PosixLock&) = delete;

 private:
    int m_fd;
};

Error busy(int fd, const std::string& path) {
    char text[256];
    const ssize_t n = ::pread(fd, text, sizeof text, 0);
    std::string holder(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    if (holder.empty()) holder = "another process";
    return {ErrorCode::DatabaseBusy, path + ": the database is in use by " + holder, true};
}

class PosixFiles final : public FileLayer {
 public:
    Result<std::unique_ptr<File>> open(const std::string& path, Access access) override {
        const int flags = access == Access::Read        ? O_RDONLY
                          : access == Access::ReadWrite ? O_RDWR
                                                        : O_RDWR | O_CREAT | O_TRUNC;
        const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
        if (fd < 0) return osError(path, "cannot be opened", errno);
        return std::unique_ptr<File>(std::make_unique<PosixFile>(fd, path));
    }

    Result<std::vector<std::string>> list(const std::string& folder) override {
        DIR* dir = ::opendir(folder.c_str());
        if (!dir) return osError(folder, "cannot be listed", errno);
        std::vector<std::string> names;
        errno = 0;  // an error must not look like the end: what is not listed would be lost
        while (const dirent* entry = ::readdir(dir)) {
            const std::string name = entry->d_name;
            if (name != "." && name != "..") names.push_back(name);
            errno = 0;
        }
        const int failed = errno;
        ::closedir(dir);
        if (failed) return osError(folder, "cannot be listed", failed);
        std::sort(names.begin(), names.end());
        return names;
    }

    Result<> makeFolder(const std::string& path) override {
        for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
            const std::string part = path.substr(0, end);
            if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST)
                return osError(part, "cannot be made", errno);
            if (end == std::string::npos) return {};
        }
    }

    Result<> rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) == 0) return {};
        return osError(from, "cannot be renamed", errno);
    }

    Result<> remove(const std::string& path) override {
        if (::remove(path.c_str()) == 0 || errno == ENOENT) return {};
        return osError(path, "cannot be removed", errno);
    }

    Result<> syncFolder(const std::string& path) override {
        const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) return osError(path, "cannot be opened", errno);
        const int failed = ::fsync(fd) == 0 ? 0 : errno;
        ::close(fd);
        if (failed) return osError(path, "cannot be flushed to the disk", failed);
        return {};
    }

    Result<std::unique_ptr<FolderLock>> lock(const std::string& path) override {
        const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0) return osError(path, "cannot be opened", errno);
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
            const int number = errno;
            Error error =
                number == EWOULDBLOCK ? busy(fd, path) : osError(path, "cannot be locked", number);
            ::close(fd);
            return error;
        }
        auto held = std::make_unique<PosixLock>(fd);
        const std::string holder =
            "process " + std::to_string(::getpid()) + " (" + programName() + ")\n";
        if (::ftruncate(fd, 0) != 0) return osError(path, "cannot be written", errno);
        if (::pwrite(fd, holder.data(), holder.size(), 0) < 0)
            return osError(path, "cannot be written", errno);
        return std::unique_ptr<FolderLock>(std::move(held));
    }
};

}  // namespace

FileLayer& posixFiles() {
    static PosixFiles files;
    return files;
}

}  // namespace kimdb::store
