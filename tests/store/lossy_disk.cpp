// SPDX-License-Identifier: MIT
#include "store/lossy_disk.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "store/lossy_vfs.h"

namespace kimdb::test {
namespace {

constexpr std::size_t kSectorBytes = 512;

std::string folderOf(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

Error errorOf(LossyDisk::Verdict verdict, const std::string& path) {
    if (verdict == LossyDisk::Verdict::Full)
        return {ErrorCode::StorageFull, path + ": no space left", true};
    return {ErrorCode::StorageFailed, path + ": input/output error"};
}

Error notFound(const std::string& path) {
    return {ErrorCode::NotFound, path + ": not there"};
}

}  // namespace

// What a sector holds after a power loss, of the versions that did not have to reach the disk.
// In order: as if the disk had written them one after the other up to number `until`.
struct LossyDisk::Survival {
    Random& random;
    std::uint64_t until = 0;
    bool in_order = false;
    std::uint64_t lost_percent = 50;

    template <class Versions, class Number>
    std::size_t count(const Versions& versions, Number number) {
        if (in_order) {
            std::size_t n = 0;
            while (n < versions.size() && number(versions[n]) <= until) ++n;
            return n;
        }
        if (random.below(100) < lost_percent) return 0;
        // Mostly the last one: the cache writes what is newest when it writes.
        return random.below(4) ? versions.size() : random.below(versions.size() + 1);
    }
};

class LossyDisk::OpenFile final : public store::File {
 public:
    OpenFile(LossyDisk& disk, std::shared_ptr<Inode> inode)
        : m_disk(disk), m_inode(std::move(inode)) {}

    Result<std::uint64_t> size() const override {
        const std::lock_guard lock(m_disk.m_mutex);
        return m_inode->now.size();
    }
    Result<Bytes> readAt(std::uint64_t offset, std::size_t bytes_max) const override {
        const std::lock_guard lock(m_disk.m_mutex);
        if (auto ok = m_disk.allowed(Op::Read, m_inode->path); !ok) return ok.error();
        if (offset >= m_inode->now.size()) return Bytes();
        return m_inode->now.substr(offset, bytes_max);
    }
    Result<> writeAt(std::uint64_t offset, ByteView bytes) override {
        const std::lock_guard lock(m_disk.m_mutex);
        const Verdict done = m_disk.writeAsked(*m_inode, offset, bytes);
        if (done == Verdict::Go) return {};
        return errorOf(done, m_inode->path);
    }
    Result<> syncData() override {
        const std::lock_guard lock(m_disk.m_mutex);
        const Verdict done = m_disk.syncAsked(*m_inode);
        if (done == Verdict::Go) return {};
        return errorOf(done, m_inode->path);
    }

 private:
    LossyDisk& m_disk;
    const std::shared_ptr<Inode> m_inode;
};

class LossyDisk::Lock final : public store::FolderLock {
 public:
    Lock(LossyDisk& disk, std::string path) : m_disk(disk), m_path(std::move(path)) {}
    ~Lock() override {
        const std::lock_guard lock(m_disk.m_mutex);
        m_disk.m_locked.erase(m_path);
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

 private:
    LossyDisk& m_disk;
    const std::string m_path;
};

LossyDisk::LossyDisk() {
    static std::atomic<int> disks = 0;
    m_vfs_name = "lossy-" + std::to_string(++disks);
    m_vfs = std::make_unique<LossyVfs>(*this, m_vfs_name.c_str());
}

LossyDisk::~LossyDisk() = default;

void LossyDisk::setHook(Hook hook) {
    const std::lock_guard lock(m_mutex);
    m_hook = std::move(hook);
}

void LossyDisk::setCapacity(std::uint64_t bytes) {
    const std::lock_guard lock(m_mutex);
    m_capacity = bytes;
}

std::uint64_t LossyDisk::usedBytes() const {
    const std::lock_guard lock(m_mutex);
    return m_used;
}

std::uint64_t LossyDisk::calls() const {
    const std::lock_guard lock(m_mutex);
    return m_calls;
}

void LossyDisk::weakenSqlite() {
    const std::lock_guard lock(m_mutex);
    m_weak_sqlite = true;
}

LossyDisk::Verdict LossyDisk::ask(Op op, const std::string& path) {
    ++m_calls;
    if (m_dead) return Verdict::Fail;
    const Verdict verdict = m_hook ? m_hook({op, path, m_calls}) : Verdict::Go;
    if (verdict != Verdict::Die) return verdict;
    m_dead = true;
    return Verdict::Fail;
}

Result<> LossyDisk::allowed(Op op, const std::string& path) {
    const Verdict verdict = ask(op, path);
    if (verdict == Verdict::Go || verdict == Verdict::Lie) return {};
    return errorOf(verdict, path);
}

std::shared_ptr<LossyDisk::Inode> LossyDisk::find(const std::string& path) const {
    const auto it = m_names.find(path);
    return it == m_names.end() ? nullptr : it->second;
}

std::shared_ptr<LossyDisk::Inode> LossyDisk::make(const std::string& path, bool folder) {
    auto inode = std::make_shared<Inode>();
    inode->folder = folder;
    change({folderOf(path), {{path, inode}}});
    return inode;
}

void LossyDisk::change(NameChange change) {
    for (const auto& [path, inode] : change.names) {
        if (const auto old = find(path); old && !inode) m_used -= old->now.size();
        if (inode) {
            m_names[path] = inode;
            inode->path = path;
        } else {
            m_names.erase(path);
        }
    }
    m_name_changes.push_back(std::move(change));
}

// False: the disk is full, and nothing was written.
bool LossyDisk::write(Inode& inode, std::uint64_t offset, ByteView bytes) {
    if (bytes.empty()) return true;
    const std::uint64_t end = offset + bytes.size();
    if (end > inode.now.size() && !resize(inode, end)) return false;
    std::copy(bytes.begin(), bytes.end(), inode.now.begin() + static_cast<std::ptrdiff_t>(offset));
    ++m_writes;
    for (std::size_t s = offset / kSectorBytes; s * kSectorBytes < end; ++s) {
        inode.forgotten.erase(s);
        inode.unflushed[s].push_back({m_writes, inode.now.substr(s * kSectorBytes, kSectorBytes)});
    }
    return true;
}

bool LossyDisk::resize(Inode& inode, std::uint64_t bytes) {
    const std::uint64_t before = inode.now.size();
    if (bytes > before && m_used + (bytes - before) > m_capacity) return false;
    m_used += bytes - before;
    inode.sizes.emplace_back(++m_writes, bytes);
    // What was behind the new end reads as zeros, should the file grow again.
    for (std::size_t s = bytes / kSectorBytes; s * kSectorBytes < before; ++s) {
        Bytes sector = inode.now.substr(s * kSectorBytes, kSectorBytes);
        std::fill(sector.begin() +
                      static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
                          std::max(bytes, s * kSectorBytes) - s * kSectorBytes, sector.size())),
                  sector.end(), '\0');
        inode.unflushed[s].push_back({m_writes, std::move(sector)});
    }
    inode.now.resize(bytes, '\0');
    return true;
}

void LossyDisk::flush(Inode& inode) {
    inode.durable.resize(inode.now.size(), '\0');
    for (const auto& [s, versions] : inode.unflushed) {
        const std::size_t at = s * kSectorBytes;
        if (at >= inode.now.size()) continue;
        const std::size_t n = std::min(kSectorBytes, inode.now.size() - at);
        inode.durable.replace(at, n, inode.now, at, n);
    }
    inode.unflushed.clear();
    inode.sizes.clear();
}

void LossyDisk::forget(Inode& inode) {
    for (auto& [s, versions] : inode.unflushed) {
        auto& gone = inode.forgotten[s];
        gone.insert(gone.end(), versions.begin(), versions.end());
    }
    inode.unflushed.clear();
}

LossyDisk::Verdict LossyDisk::writeAsked(Inode& inode, std::uint64_t offset, ByteView bytes) {
    const Verdict verdict = ask(Op::Write, inode.path);
    if (verdict == Verdict::Fail && !m_dead)
        (void)write(inode, offset, bytes.substr(0, bytes.size() / 2));  // torn
    if (verdict == Verdict::Fail || verdict == Verdict::Full) return verdict;
    return write(inode, offset, bytes) ? Verdict::Go : Verdict::Full;
}

LossyDisk::Verdict LossyDisk::syncAsked(Inode& inode) {
    const Verdict verdict = ask(Op::Sync, inode.path);
    if (verdict == Verdict::Go) flush(inode);
    if (verdict == Verdict::Lie) return Verdict::Go;
    if (verdict != Verdict::Go && !m_dead) forget(inode);
    return verdict;
}

void LossyDisk::flushNames(const std::string& folder) {
    for (const NameChange& change : m_name_changes) {
        if (change.folder != folder) continue;
        for (const auto& [path, inode] : change.names) {
            if (inode)
                m_durable_names[path] = inode;
            else
                m_durable_names.erase(path);
        }
    }
    std::erase_if(m_name_changes, [&](const NameChange& c) { return c.folder == folder; });
}

// A file system frees and fills the blocks of a file in the order of its log: as long as a file is
// not shortened on the disk, nothing written after the shortening is there; once it is, nothing
// from before.
Bytes LossyDisk::contentsAfter(const Inode& inode, Survival& survival) {
    Bytes out = inode.durable;
    std::uint64_t from = 0, until = UINT64_MAX;
    const std::size_t sized =
        survival.count(inode.sizes, [](const auto& size) { return size.first; });
    for (std::size_t i = 0; i < inode.sizes.size() && until == UINT64_MAX; ++i) {
        const auto& [number, bytes] = inode.sizes[i];
        const bool shorter = bytes < out.size();
        if (i >= sized && shorter) until = number;
        if (i >= sized) continue;
        out.resize(bytes, '\0');
        if (shorter) from = number;
    }
    for (const auto* some : {&inode.forgotten, &inode.unflushed})
        for (const auto& [s, versions] : *some) {
            const std::size_t n =
                survival.count(versions, [](const auto& version) { return version.number; });
            const std::size_t at = s * kSectorBytes;
            if (n == 0 || at >= out.size()) continue;
            const auto& [number, sector] = versions[n - 1];
            if (number <= from || number >= until) continue;
            const std::size_t length = std::min(sector.size(), out.size() - at);
            out.replace(at, length, sector, 0, length);
        }
    return out;
}

std::unique_ptr<LossyDisk> LossyDisk::afterPowerLoss(Random& random) const {
    const std::lock_guard lock(m_mutex);
    Names names = m_durable_names;
    const std::size_t kept = random.below(m_name_changes.size() + 1);
    for (std::size_t i = 0; i < kept; ++i)
        for (const auto& [path, inode] : m_name_changes[i].names) {
            if (inode)
                names[path] = inode;
            else
                names.erase(path);
        }
    Survival survival{random};
    survival.in_order = random.below(3) == 0;
    survival.until = m_writes - random.below(std::min<std::uint64_t>(m_writes, 40) + 1);
    survival.lost_percent = std::array<std::uint64_t, 4>{0, 10, 50, 100}[random.below(4)];

    auto after = std::make_unique<LossyDisk>();
    for (const auto& [path, inode] : names) {
        if (const std::string folder = folderOf(path);
            folder != "/" && !after->m_names.contains(folder))
            continue;  // the folder itself is gone
        auto copy = std::make_shared<Inode>();
        copy->folder = inode->folder;
        copy->path = path;
        copy->now = contentsAfter(*inode, survival);
        copy->durable = copy->now;
        after->m_used += copy->now.size();
        after->m_names[path] = std::move(copy);
    }
    after->m_durable_names = after->m_names;
    return after;
}

std::unique_ptr<LossyDisk> LossyDisk::afterKill() const {
    const std::lock_guard lock(m_mutex);
    auto after = std::make_unique<LossyDisk>();
    std::map<const Inode*, std::shared_ptr<Inode>> copies;
    const auto copyOf = [&](const std::shared_ptr<Inode>& inode) -> std::shared_ptr<Inode> {
        if (!inode) return nullptr;
        std::shared_ptr<Inode>& copy = copies[inode.get()];
        if (copy) return copy;
        copy = std::make_shared<Inode>();
        copy->folder = inode->folder;
        copy->path = inode->path;
        copy->now = inode->now;
        copy->durable = inode->durable;
        copy->unflushed = inode->unflushed;
        copy->sizes = inode->sizes;
        copy->forgotten = inode->forgotten;
        return copy;
    };
    for (const auto& [path, inode] : m_names) after->m_names[path] = copyOf(inode);
    for (const auto& [path, inode] : m_durable_names) after->m_durable_names[path] = copyOf(inode);
    for (NameChange change : m_name_changes) {
        for (auto& [path, inode] : change.names) inode = copyOf(inode);
        after->m_name_changes.push_back(std::move(change));
    }
    after->m_writes = m_writes;
    after->m_used = m_used;
    return after;
}

Bytes LossyDisk::contents(const std::string& path) const {
    const std::lock_guard lock(m_mutex);
    const auto inode = find(path);
    return inode ? inode->now : Bytes();
}

void LossyDisk::setContents(const std::string& path, Bytes bytes) {
    const std::lock_guard lock(m_mutex);
    const auto inode = find(path);
    inode->now = std::move(bytes);
    inode->durable = inode->now;
    inode->unflushed.clear();
    inode->forgotten.clear();
    inode->sizes.clear();
}

Result<std::unique_ptr<store::File>> LossyDisk::open(const std::string& path, Access access) {
    const std::lock_guard lock(m_mutex);
    if (auto ok = allowed(access == Access::Create ? Op::Create : Op::Open, path); !ok)
        return ok.error();
    auto inode = find(path);
    if (access == Access::Create) {
        const auto folder = find(folderOf(path));
        if (!folder || !folder->folder) return notFound(path);
        if (!inode) inode = make(path, false);
        (void)resize(*inode, 0);
    }
    if (!inode || inode->folder) return notFound(path);
    return std::unique_ptr<store::File>(std::make_unique<OpenFile>(*this, std::move(inode)));
}

Result<std::vector<std::string>> LossyDisk::list(const std::string& folder) {
    const std::lock_guard lock(m_mutex);
    if (auto ok = allowed(Op::Open, folder); !ok) return ok.error();
    const auto inode = find(folder);
    if (!inode) return notFound(folder);
    std::vector<std::string> names;
    for (const auto& [path, file] : m_names)
        if (folderOf(path) == folder) names.push_back(path.substr(folder.size() + 1));
    return names;
}

Result<> LossyDisk::makeFolder(const std::string& path) {
    const std::lock_guard lock(m_mutex);
    if (auto ok = allowed(Op::Create, path); !ok) return ok;
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string part = path.substr(0, end);
        if (!find(part)) (void)make(part, true);
        if (end == std::string::npos) return {};
    }
}

Result<> LossyDisk::rename(const std::string& from, const std::string& to) {
    const std::lock_guard lock(m_mutex);
    if (auto ok = allowed(Op::Rename, from); !ok) return ok;
    const auto inode = find(from);
    if (!inode) return notFound(from);
    if (const auto old = find(to)) m_used -= old->now.size();
    m_used += inode->now.size();  // change() takes it off with the old name
    change({folderOf(to), {{to, inode}, {from, nullptr}}});
    return {};
}

Result<> LossyDisk::remove(const std::string& path) {
    const std::lock_guard lock(m_mutex);
    if (auto ok = allowed(Op::Remove, path); !ok) return ok;
    if (find(path)) change({folderOf(path), {{path, nullptr}}});
    return {};
}

Result<> LossyDisk::syncFolder(const std::string& path) {
    const std::lock_guard lock(m_mutex);
    const Verdict verdict = ask(Op::SyncFolder, path);
    if (verdict == Verdict::Go) flushNames(path);
    if (verdict == Verdict::Go || verdict == Verdict::Lie) return {};
    return errorOf(verdict, path);
}

Result<std::unique_ptr<store::FolderLock>> LossyDisk::lock(const std::string& path) {
    const std::lock_guard guard(m_mutex);
    if (auto ok = allowed(Op::Create, path); !ok) return ok.error();
    if (!find(path)) (void)make(path, false);
    if (!m_locked.insert(path).second)
        return Error{ErrorCode::DatabaseBusy, path + ": the database is in use", true};
    return std::unique_ptr<store::FolderLock>(std::make_unique<Lock>(*this, path));
}

}  // namespace kimdb::test
