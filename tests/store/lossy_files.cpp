// SPDX-License-Identifier: MIT
#include "store/lossy_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace kimdb::test {
namespace {

constexpr std::size_t kSectorBytes = 512;

Bytes contentsOf(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

ByteView sectorOf(const Bytes& bytes, std::size_t sector) {
    const std::size_t at = sector * kSectorBytes;
    return at < bytes.size() ? ByteView(bytes).substr(at, kSectorBytes) : ByteView();
}

std::size_t sectors(const Bytes& bytes) {
    return (bytes.size() + kSectorBytes - 1) / kSectorBytes;
}

}  // namespace

class LossyFiles::LossyFile final : public store::File {
 public:
    LossyFile(LossyFiles& layer, std::shared_ptr<Disk> disk, std::unique_ptr<store::File> file)
        : m_layer(layer), m_disk(std::move(disk)), m_file(std::move(file)) {}

    Result<std::uint64_t> size() const override { return m_file->size(); }
    Result<Bytes> readAt(std::uint64_t offset, std::size_t bytes_max) const override {
        return m_file->readAt(offset, bytes_max);
    }
    Result<> writeAt(std::uint64_t offset, ByteView bytes) override {
        if (auto ok = m_layer.ask("write", path()); !ok) return ok;
        const std::lock_guard lock(m_layer.m_mutex);
        for (std::size_t s = offset / kSectorBytes; s * kSectorBytes < offset + bytes.size(); ++s)
            m_disk->poisoned.erase(s);
        return m_file->writeAt(offset, bytes);
    }
    Result<> syncData() override {
        const Result<> allowed = m_layer.ask("sync", path());
        const std::lock_guard lock(m_layer.m_mutex);
        Disk& disk = *m_disk;
        const Bytes now = contentsOf(disk.path);
        const Bytes before = disk.durable;
        disk.durable.resize(now.size(), '\0');
        for (std::size_t s = 0; s < sectors(now); ++s) {
            const ByteView sector = sectorOf(now, s);
            if (sector == sectorOf(before, s)) continue;
            if (!allowed) disk.poisoned.insert(s);
            if (disk.poisoned.contains(s)) continue;
            std::copy(sector.begin(), sector.end(),
                      disk.durable.begin() + static_cast<std::ptrdiff_t>(s * kSectorBytes));
        }
        return allowed;
    }

 private:
    std::string path() const {
        const std::lock_guard lock(m_layer.m_mutex);
        return m_disk->path;
    }
    LossyFiles& m_layer;
    const std::shared_ptr<Disk> m_disk;
    std::unique_ptr<store::File> m_file;
};

void LossyFiles::setFault(Fault fault) {
    const std::lock_guard lock(m_mutex);
    m_fault = std::move(fault);
}

Result<> LossyFiles::ask(const std::string& call, const std::string& path) {
    Fault fault;
    {
        const std::lock_guard lock(m_mutex);
        fault = m_fault;
    }
    return fault ? fault(call, path) : Result<>();
}

std::shared_ptr<LossyFiles::Disk> LossyFiles::diskOf(const std::string& path) {
    std::shared_ptr<Disk>& disk = m_disks[path];
    if (!disk) disk = std::make_shared<Disk>(Disk{path, contentsOf(path), {}});  // was there before
    return disk;
}

void LossyFiles::losePower(const std::string& folder, const std::string& image,
                           Random& random) const {
    const std::lock_guard lock(m_mutex);
    for (const auto& [path, disk] : m_disks) {
        const bool shard = path.find("/shard-") != std::string::npos;  // SQLite's own business
        if (shard || !path.starts_with(folder + "/") || !std::filesystem::exists(path)) continue;
        const std::string copy = image + path.substr(folder.size());
        if (!disk->name_durable && random.below(2)) {
            std::filesystem::remove(copy);
            continue;
        }
        Bytes after = contentsOf(path);
        Bytes before = disk->durable;
        before.resize(after.size(), '\0');
        for (std::size_t s = 0; s < sectors(after); ++s) {
            const bool lost = disk->poisoned.contains(s) || random.below(2) == 0;
            const ByteView old = sectorOf(before, s);
            if (lost && old != sectorOf(after, s))
                std::copy(old.begin(), old.end(),
                          after.begin() + static_cast<std::ptrdiff_t>(s * kSectorBytes));
        }
        std::ofstream(copy, std::ios::binary | std::ios::trunc) << after;
    }
}

Result<std::unique_ptr<store::File>> LossyFiles::open(const std::string& path, Access access) {
    if (access == Access::Create)
        if (auto ok = ask("create", path); !ok) return ok.error();
    std::shared_ptr<Disk> disk;
    {
        const std::lock_guard lock(m_mutex);
        const bool fresh = access == Access::Create && !std::filesystem::exists(path);
        disk = diskOf(path);
        if (fresh) disk->name_durable = false;
    }
    auto file = store::posixFiles().open(path, access);
    if (!file) return file.error();
    return std::unique_ptr<store::File>(
        std::make_unique<LossyFile>(*this, std::move(disk), std::move(*file)));
}

Result<std::vector<std::string>> LossyFiles::list(const std::string& folder) {
    return store::posixFiles().list(folder);
}

Result<> LossyFiles::makeFolder(const std::string& path) {
    return store::posixFiles().makeFolder(path);
}

Result<> LossyFiles::rename(const std::string& from, const std::string& to) {
    if (auto ok = ask("rename", from); !ok) return ok;
    const std::lock_guard lock(m_mutex);
    const std::shared_ptr<Disk> moved = diskOf(from);
    moved->path = to;
    moved->name_durable = false;
    m_disks.erase(from);
    m_disks[to] = moved;
    return store::posixFiles().rename(from, to);
}

Result<> LossyFiles::remove(const std::string& path) {
    if (auto ok = ask("remove", path); !ok) return ok;
    const std::lock_guard lock(m_mutex);
    m_disks.erase(path);
    return store::posixFiles().remove(path);
}

Result<> LossyFiles::syncFolder(const std::string& path) {
    if (auto ok = ask("sync folder", path); !ok) return ok;
    const std::lock_guard lock(m_mutex);
    for (auto& [file, disk] : m_disks)
        if (std::filesystem::path(file).parent_path() == path) disk->name_durable = true;
    return store::posixFiles().syncFolder(path);
}

Result<std::unique_ptr<store::FolderLock>> LossyFiles::lock(const std::string& path) {
    return store::posixFiles().lock(path);
}

}  // namespace kimdb::test
