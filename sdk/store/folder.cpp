// SPDX-License-Identifier: MIT
#include "store/folder.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "core/hash.h"
#include "store/journal_scan.h"
#include "store/reshard.h"
#include "store/shard.h"

namespace kimdb::store {
namespace {

constexpr std::size_t kFormatBytesMax = 4096;
constexpr ByteView kFormatHead = "KimDB store\nversion ";

std::string hex(std::uint64_t value, int digits) {
    char text[20];
    std::snprintf(text, sizeof text, "%0*llx", digits, static_cast<unsigned long long>(value));
    return text;
}

std::string hex(ByteView bytes) {
    std::string text;
    for (const char c : bytes) text += hex(static_cast<std::uint8_t>(c), 2);
    return text;
}

Error tooNew(const std::string& path) {
    return {ErrorCode::VersionTooNew,
            path + " was written by a newer version of KimDB; update the program"};
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::uint32_t bigEndian(ByteView bytes) {
    std::uint32_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
}

// SQLite keeps user_version at byte 60 and application_id at 68 of the file (its "Database File
// Format", 1.3). Read without SQLite, which would write while opening.
Result<> checkShardVersion(FileLayer& files, const std::string& path) {
    auto file = files.open(path, FileLayer::Access::Read);
    if (!file) return file.error();
    auto head = (*file)->readAt(0, 100);
    if (!head) return head.error();
    const ByteView bytes = *head;
    if (bytes.size() < 100 || !bytes.starts_with("SQLite format 3") ||
        bigEndian(bytes.substr(68, 4)) != static_cast<std::uint32_t>(kShardApplication))
        return Error{ErrorCode::StorageCorrupt,
                     path + " bytes 0-99: not the header of a shard; restore a backup"};
    if (bigEndian(bytes.substr(60, 4)) > kShardVersion) return tooNew(path);
    return {};
}

Result<> checkSegmentVersion(FileLayer& files, const std::string& path) {
    auto file = files.open(path, FileLayer::Access::Read);
    if (!file) return file.error();
    auto head = (*file)->readAt(0, kBlockBytes);
    if (!head) return head.error();
    const auto ok = checkSegmentHeader(*head);
    if (!ok && ok.error().code == ErrorCode::VersionTooNew) return tooNew(path);
    return {};  // damage is the scan's matter
}

// What is in the folder, found out without changing it.
struct Contents {
    bool made = false;  // FORMAT is there
    FolderFormat format;
    std::array<std::optional<Error>, limits::kShardCountMax> damages;  // of shards
};

class Inspector {
 public:
    Inspector(FileLayer& files, const std::string& path, int shard_count)
        : m_files(files), m_path(path), m_shard_count(shard_count) {}

    Result<Contents> inspect() {
        auto names = m_files.list(m_path);
        if (!names && names.error().code == ErrorCode::NotFound) return Contents{};
        if (!names) return names.error();
        if (!contains(*names, "FORMAT")) {
            if (names->empty()) return Contents{};
            if (contains(*names, "LOCK")) return checkUnfinished();
            if (contains(*names, "BACKUP"))
                return Error{ErrorCode::InvalidArgument,
                             m_path + " is a backup; restore it into another folder"};
            return Error{ErrorCode::InvalidArgument,
                         m_path +
                             " holds files that are not a KimDB database; name an empty "
                             "folder or one that does not exist"};
        }
        Contents out;
        out.made = true;
        if (auto ok = readFormat(out.format); !ok) return ok.error();
        if (out.format.shard_count != m_shard_count)
            return Error{ErrorCode::ShardCountMismatch,
                         m_path + " has " + std::to_string(out.format.shard_count) +
                             " shards, not " + std::to_string(m_shard_count) +
                             "; open it with that number, or reshard it"};
        if (contains(*names, "reshard")) return out;  // files may be on their way; look again then
        if (auto ok = checkFiles(*names, out); !ok) return ok.error();
        return out;
    }

 private:
    // With LOCK it is ours. While a folder is made its journal is empty; otherwise FORMAT was lost.
    Result<Contents> checkUnfinished() {
        auto segments = m_files.list(m_path + "/journal");
        if (segments && !segments->empty())
            return Error{ErrorCode::StorageCorrupt,
                         m_path + "/FORMAT is missing; restore a backup"};
        return Contents{};
    }

    Result<> readFormat(FolderFormat& out) {
        const std::string path = m_path + "/FORMAT";
        auto file = m_files.open(path, FileLayer::Access::Read);
        if (!file) return file.error();
        auto text = (*file)->readAt(0, kFormatBytesMax);
        if (!text) return text.error();
        auto format = decodeFormat(*text);
        if (format) return out = *format, Result<>();
        if (format.error().code == ErrorCode::VersionTooNew) return tooNew(path);
        return Error{ErrorCode::StorageCorrupt, path + ": " + format.error().message};
    }

    // One damaged shard does not keep the others from serving. A newer version does, and so does a
    // missing file: it may be put back, and must then not lack what came meanwhile.
    Result<> checkFiles(const std::vector<std::string>& names, Contents& out) {
        for (int i = 0; i < m_shard_count; ++i) {
            const std::string path = Folder::shardPath(m_path, i);
            if (!contains(names, path.substr(m_path.size() + 1)))
                return Error{ErrorCode::StorageCorrupt,
                             path + " is missing; put it back or restore a backup"};
            Result<> ok = checkShardVersion(m_files, path);
            if (!ok && ok.error().code != ErrorCode::StorageCorrupt) return ok;
            if (!ok) out.damages[static_cast<std::size_t>(i)] = ok.error();
        }
        auto segments = m_files.list(m_path + "/journal");
        if (!segments)
            return Error{ErrorCode::StorageCorrupt,
                         m_path + "/journal is missing; put it back or restore a backup"};
        for (const std::string& name : *segments)
            if (isSegmentName(name))
                if (auto ok = checkSegmentVersion(m_files, m_path + "/journal/" + name); !ok)
                    return ok;
        return {};
    }

    FileLayer& m_files;
    const std::string& m_path;
    int m_shard_count;
};

// The folder's own name, and its parents' if they were made with it. All of them, always: who died
// before he came to it may have made them. One that may not be read was not made by us.
Result<> syncParents(FileLayer& files, const std::string& path) {
    for (std::filesystem::path folder = path; folder.has_relative_path();) {
        folder = folder.parent_path();
        const auto ok = files.syncFolder(folder.empty() ? "." : folder.string());
        if (!ok && ok.error().code != ErrorCode::PermissionDenied) return ok;
    }
    return {};
}

// FORMAT comes last: a folder that has it has everything.
Result<> make(FileLayer& files, const std::string& path, const FolderFormat& format) {
    if (auto ok = files.makeFolder(path + "/journal"); !ok) return ok;
    for (int i = 0; i < format.shard_count; ++i) {
        const std::string shard = Folder::shardPath(path, i);
        for (const char* rest : {"", "-journal", "-wal", "-shm"})  // of an interrupted making
            if (auto ok = files.remove(shard + rest); !ok) return ok;
        const ShardPlace place{shard, i, format.shard_count, format.store_id, files.sqliteVfs()};
        if (auto ok = Shard::create(place); !ok) return ok;
        auto file = files.open(shard, FileLayer::Access::ReadWrite);
        if (!file) return file.error();
        if (auto ok = (*file)->syncData(); !ok) return ok;
    }
    if (auto ok = syncParents(files, path); !ok) return ok;
    return writeFormat(files, path, format);
}

}  // namespace

Result<> writeFormat(FileLayer& files, const std::string& path, const FolderFormat& format) {
    const std::string unfinished = path + "/FORMAT.new";
    {
        auto file = files.open(unfinished, FileLayer::Access::Create);
        if (!file) return file.error();
        if (auto ok = (*file)->writeAt(0, encodeFormat(format)); !ok) return ok;
        if (auto ok = (*file)->syncData(); !ok) return ok;
    }
    if (auto ok = files.rename(unfinished, path + "/FORMAT"); !ok) return ok;
    return files.syncFolder(path);
}

Bytes encodeFormat(const FolderFormat& format) {
    Bytes text(kFormatHead);
    text += std::to_string(format.version) + "\nshards " + std::to_string(format.shard_count) +
            "\nid " + hex(format.store_id, 16) + "\n";
    if (format.version >= 2) text += "epoch " + hex(format.epoch.view()) + "\n";
    return text + "crc32c " + hex(crc32c(text), 8) + "\n";
}

Result<FolderFormat> decodeFormat(ByteView text) {
    FolderFormat format{.version = 0};
    if (text.starts_with(kFormatHead))
        std::from_chars(text.data() + kFormatHead.size(), text.data() + text.size(),
                        format.version);
    if (format.version > kFolderVersion)
        return Error{ErrorCode::VersionTooNew, "written by a newer version; update the program"};
    unsigned long long id = 0;
    char epoch[33] = "";
    const int read =
        std::sscanf(std::string(text).c_str(),
                    "KimDB store\nversion %*d\nshards %d\nid %16llx\nepoch %32[0-9a-f]\n",
                    &format.shard_count, &id, epoch);
    format.store_id = id;
    for (std::size_t i = 0; i < 16 && epoch[0]; ++i)
        std::sscanf(epoch + 2 * i, "%2hhx", &format.epoch.bytes[i]);
    if (read < 2 || encodeFormat(format) != text)
        return Error{ErrorCode::Malformed, "not the format file of a KimDB database, or damaged"};
    return format;
}

Result<Folder> Folder::open(FileLayer& files, Random& random, const std::string& path,
                            int shard_count) {
    Inspector inspector(files, path, shard_count);
    if (auto refused = inspector.inspect(); !refused) return refused.error();
    if (auto ok = files.makeFolder(path); !ok) return ok.error();
    auto lock = files.lock(path + "/LOCK");
    if (!lock) return lock.error();
    if (auto ok = finishReshard(files, path); !ok) return ok.error();
    auto contents = inspector.inspect();  // again: until now another process could have made it
    if (!contents) return contents.error();
    FolderFormat& format = contents->format;
    if (!contents->made) {
        format.shard_count = shard_count;
        format.store_id = random.next();
        format.epoch = Hash16::from(random.bytes(16));
        if (auto ok = make(files, path, format); !ok) return ok.error();
    } else if (format.version < kFolderVersion) {
        // First of all, so that no older program opens what is half of the old and half of the new.
        format.version = kFolderVersion;
        format.epoch = Hash16::from(random.bytes(16));
        if (auto ok = writeFormat(files, path, format); !ok) return ok.error();
    }
    Folder folder;
    folder.m_path = path;
    folder.m_format = format;
    folder.m_damages = contents->damages;
    folder.m_lock = std::move(*lock);
    return folder;
}

}  // namespace kimdb::store
