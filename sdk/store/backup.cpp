// SPDX-License-Identifier: MIT
#include "store/backup.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <sstream>

#include "core/hash.h"
#include "store/folder.h"
#include "store/verify.h"

namespace kimdb::store {
namespace {

constexpr int kVersion = 1;
constexpr int kPagesPerStep = 256;
constexpr std::size_t kCopyBytes = 1 << 20;
constexpr std::size_t kManifestBytesMax = 4096;

Error stopped() {
    return {ErrorCode::Closed, "stopped before it was complete"};
}

struct Manifest {
    struct Entry {
        std::uint64_t bytes = 0;
        std::uint32_t crc = 0;
    };
    SeqNo seq = 0;
    std::vector<Entry> shards;
};

Bytes encodeManifest(const Manifest& manifest) {
    std::ostringstream out;
    out << "KimDB backup\nversion " << kVersion << "\nseq " << manifest.seq << "\nshards "
        << manifest.shards.size() << "\n";
    for (std::size_t i = 0; i < manifest.shards.size(); ++i)
        out << "shard-" << i << ".db " << manifest.shards[i].bytes << " " << manifest.shards[i].crc
            << "\n";
    Bytes text = out.str();
    return text + "crc32c " + std::to_string(crc32c(text)) + "\n";
}

Result<Manifest> decodeManifest(ByteView text) {
    const Error damaged{ErrorCode::StorageCorrupt,
                        "BACKUP is damaged or not a backup's; take another backup"};
    Manifest manifest;
    std::istringstream in{std::string(text)};
    std::string word, kind;
    int version = 0;
    std::size_t shards = 0;
    in >> word >> kind >> word >> version >> word >> manifest.seq >> word >> shards;
    if (version > kVersion)
        return Error{ErrorCode::VersionTooNew,
                     "the backup was made by a newer version; update "
                     "the program"};
    if (!in || shards < 1 || shards > limits::kShardCountMax) return damaged;
    for (std::size_t i = 0; i < shards; ++i) {
        Manifest::Entry entry;
        in >> word >> entry.bytes >> entry.crc;
        manifest.shards.push_back(entry);
    }
    if (!in || encodeManifest(manifest) != text) return damaged;
    return manifest;
}

Result<> writeFile(FileLayer& files, const std::string& path, ByteView bytes) {
    auto file = files.open(path, FileLayer::Access::Create);
    if (!file) return file.error();
    if (auto ok = (*file)->writeAt(0, bytes); !ok) return ok;
    return (*file)->syncData();
}

// Reads a file through, piece by piece.
template <class Use>
Result<> readThrough(FileLayer& files, const std::string& path, Use use) {
    auto file = files.open(path, FileLayer::Access::Read);
    if (!file) return file.error();
    for (std::uint64_t at = 0;;) {
        auto piece = (*file)->readAt(at, kCopyBytes);
        if (!piece) return piece.error();
        if (piece->empty()) return {};
        if (auto ok = use(at, *piece); !ok) return ok;
        at += piece->size();
    }
}

Result<Manifest::Entry> measure(FileLayer& files, const std::string& path) {
    Manifest::Entry entry;
    const auto ok = readThrough(files, path, [&](std::uint64_t, const Bytes& piece) -> Result<> {
        entry.bytes += piece.size();
        entry.crc = crc32c(piece, entry.crc);
        return {};
    });
    if (!ok) return ok.error();
    return entry;
}

// Missing or empty.
Result<> checkFree(FileLayer& files, const std::string& target) {
    const auto names = files.list(target);
    if (!names && names.error().code == ErrorCode::NotFound) return {};
    if (!names) return names.error();
    if (names->empty()) return {};
    return Error{ErrorCode::InvalidArgument, target + " is not empty; name another folder"};
}

// SQLite's online copy: what the reader's transaction sees, while others write.
Result<> copyShard(ShardReader& reader, const std::string& to, const char* vfs,
                   const Progress& progress, std::uint64_t done_before) {
    auto copy = Connection::open(to, Connection::Mode::Create, vfs);
    if (!copy) return copy.error();
    if (auto ok = copy->run("PRAGMA synchronous=OFF"); !ok) return ok;
    sqlite3_backup* backup =
        sqlite3_backup_init(copy->handle(), "main", reader.connection().handle(), "main");
    if (!backup) return copy->error();
    int code = SQLITE_OK;
    bool goes_on = true;
    while (goes_on && code == SQLITE_OK) {
        code = sqlite3_backup_step(backup, kPagesPerStep);
        const auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup));
        const auto left = static_cast<std::uint64_t>(sqlite3_backup_remaining(backup));
        goes_on = !progress || progress(done_before + total - left, done_before + total);
    }
    sqlite3_backup_finish(backup);
    if (!goes_on) return stopped();
    if (code == SQLITE_DONE) return {};
    return copy->error();
}

// The copies stand at one moment between flushes: each holds every batch up to the largest number.
Result<> setState(const std::string& path, const char* vfs, const char* name, std::int64_t value) {
    auto db = Connection::open(path, Connection::Mode::Write, vfs);
    if (!db) return db.error();
    ShardWriter writer;
    if (auto ok = writer.prepare(*db, path); !ok) return ok;
    return writer.putState(name, value);
}

Result<> syncFile(FileLayer& files, const std::string& path) {
    auto file = files.open(path, FileLayer::Access::ReadWrite);
    if (!file) return file.error();
    return (*file)->syncData();
}

Result<> verifyFile(const std::string& path, const char* vfs) {
    auto reader = ShardReader::open(path, vfs, 1 << 20);
    if (!reader) return reader.error();
    VerifyReport report;
    if (auto ok = verifyShard(**reader, path, report, {}); !ok) return ok;
    if (report.clean()) return {};
    return Error{ErrorCode::StorageCorrupt, report.damages.front() + "; take another backup"};
}

}  // namespace

Result<> writeBackup(FileLayer& files, const std::string& target,
                     std::vector<Shard::Lease>& readers, const Progress& progress) {
    if (auto ok = checkFree(files, target); !ok) return ok;
    if (auto ok = files.makeFolder(target); !ok) return ok;
    Manifest manifest;
    for (Shard::Lease& reader : readers) {
        auto applied =
            reader->connection().number("SELECT value FROM state WHERE name = 'applied_seq'");
        if (!applied) return applied.error();
        manifest.seq = std::max(manifest.seq, static_cast<SeqNo>(*applied));
    }
    std::uint64_t pages = 0;
    for (std::size_t i = 0; i < readers.size(); ++i) {
        const std::string path = Folder::shardPath(target, static_cast<int>(i));
        if (auto ok = copyShard(*readers[i], path, files.sqliteVfs(), progress, pages); !ok)
            return ok;
        if (auto ok = setState(path, files.sqliteVfs(), "applied_seq",
                               static_cast<std::int64_t>(manifest.seq));
            !ok)
            return ok;
        if (auto ok = syncFile(files, path); !ok) return ok;
        auto entry = measure(files, path);
        if (!entry) return entry.error();
        manifest.shards.push_back(*entry);
        pages += entry->bytes / 4096;
    }
    if (auto ok = writeFile(files, target + "/BACKUP.new", encodeManifest(manifest)); !ok)
        return ok;
    if (auto ok = files.rename(target + "/BACKUP.new", target + "/BACKUP"); !ok) return ok;
    return files.syncFolder(target);
}

namespace {

// One file into its new place, checked on the way and row by row.
Result<> restoreShard(FileLayer& files, const std::string& from, const std::string& to,
                      const Manifest::Entry& expected) {
    auto out = files.open(to, FileLayer::Access::Create);
    if (!out) return out.error();
    Manifest::Entry found;
    const auto ok = readThrough(files, from, [&](std::uint64_t at, const Bytes& piece) {
        found.bytes += piece.size();
        found.crc = crc32c(piece, found.crc);
        return (*out)->writeAt(at, piece);
    });
    if (!ok) return ok;
    if (found.bytes != expected.bytes || found.crc != expected.crc)
        return Error{ErrorCode::StorageCorrupt, from + " is damaged; take another backup"};
    out->reset();
    return verifyFile(to, files.sqliteVfs());
}

Result<> emptyFolder(FileLayer& files, const std::string& path) {
    const auto names = files.list(path);
    if (!names) return names.error().code == ErrorCode::NotFound ? Result<>() : names.error();
    const std::string folder = path + "/";
    for (const std::string& name : *names)
        if (name != "journal")
            if (auto ok = files.remove(folder + name); !ok) return ok;
    return {};
}

}  // namespace

Result<> restoreBackup(FileLayer& files, Random& random, const std::string& source,
                       const std::string& target, const Progress& progress) {
    if (auto ok = checkFree(files, target); !ok) return ok;
    auto file = files.open(source + "/BACKUP", FileLayer::Access::Read);
    if (!file && file.error().code == ErrorCode::NotFound)
        return Error{ErrorCode::InvalidArgument, source + " is not a complete backup"};
    if (!file) return file.error();
    auto text = (*file)->readAt(0, kManifestBytesMax);
    if (!text) return text.error();
    auto manifest = decodeManifest(*text);
    if (!manifest) return manifest.error();

    const std::string unfinished = target + ".restoring";
    if (auto ok = emptyFolder(files, unfinished); !ok) return ok;
    if (auto ok = files.makeFolder(unfinished + "/journal"); !ok) return ok;
    const FolderFormat format{.shard_count = static_cast<int>(manifest->shards.size()),
                              .store_id = random.next(),
                              .epoch = Hash16::from(random.bytes(16))};
    for (int i = 0; i < format.shard_count; ++i) {
        const std::string to = Folder::shardPath(unfinished, i);
        if (auto ok = restoreShard(files, Folder::shardPath(source, i), to,
                                   manifest->shards[static_cast<std::size_t>(i)]);
            !ok)
            return ok;
        if (auto ok = setState(to, files.sqliteVfs(), "store_id",
                               static_cast<std::int64_t>(format.store_id));
            !ok)
            return ok;
        if (auto ok = syncFile(files, to); !ok) return ok;
        if (progress && !progress(static_cast<std::uint64_t>(i) + 1, manifest->shards.size()))
            return stopped();
    }
    if (auto ok = writeFormat(files, unfinished, format); !ok) return ok;
    if (auto ok = files.rename(unfinished, target); !ok) return ok;
    const std::size_t slash = target.find_last_of('/');
    return files.syncFolder(slash == std::string::npos ? "." : target.substr(0, slash + 1));
}

}  // namespace kimdb::store
