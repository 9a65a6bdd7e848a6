// SPDX-License-Identifier: MIT
// 1. The store is opened and flushed: the shards hold everything, the journal nothing of use.
// 2. reshard/ gets the new shards, complete and flushed to the disk, and its own FORMAT with a new
//    store id, a new epoch and the new number of shards. A reshard/ whose FORMAT is not that of the
//    folder does not count and is removed by the next open.
// 3. The folder's FORMAT is exchanged for that one: from here on the new shards count.
// 4. They are moved over the old ones, and reshard/ is removed; an open goes on with this. Old
//    segments carry the old store id and are nobody's.
#include "store/reshard.h"

#include <algorithm>

#include "store/engine.h"
#include "store/folder.h"

namespace kimdb::store {
namespace {

constexpr const char* kFolder = "/reshard";
constexpr std::uint64_t kRowsPerProgress = 4'096;

// A table whose rows are copied as they are, checksum included: a damaged row stays one.
struct Table {
    const char* name;
    int columns;
    bool records;  // by collection and key; else by document
};
const Table kTables[] = {{"log", 11, false},      {"blocks", 5, false}, {"block_streams", 6, false},
                         {"snapshots", 4, false}, {"meta", 4, false},   {"records", 6, true}};

std::string insertInto(const Table& table) {
    std::string sql = std::string("INSERT INTO ") + table.name + " VALUES(";
    for (int i = 1; i <= table.columns; ++i) sql += (i > 1 ? ",?" : "?") + std::to_string(i);
    return sql + ")";
}

class Copier {
 public:
    Copier(FileLayer& files, const FolderFormat& format, const std::string& folder,
           const Progress& progress)
        : m_files(files), m_format(format), m_folder(folder), m_progress(progress) {}

    Result<> create();
    Result<> copy(ShardReader& from);
    Result<> finish(SeqNo applied);

 private:
    struct Target {
        std::string path;
        Connection db;
        std::vector<Statement> inserts;  // by table
        ShardWriter writer;
        std::uint64_t shard_seq = 0;
        std::int64_t rows = 0;
    };
    Target& targetOf(const Table& table, ByteView first, ByteView second);
    Result<> copyTable(ShardReader& from, std::size_t table);
    Result<> copyDocuments(ShardReader& from);
    Result<> copied();

    FileLayer& m_files;
    const FolderFormat& m_format;
    const std::string m_folder;
    const Progress& m_progress;
    std::vector<std::unique_ptr<Target>> m_targets;
    std::uint64_t m_rows = 0;
};

Result<> Copier::create() {
    for (int i = 0; i < m_format.shard_count; ++i) {
        auto target = std::make_unique<Target>();
        target->path = Folder::shardPath(m_folder, i);
        const ShardPlace place{target->path, i, m_format.shard_count, m_format.store_id,
                               m_files.sqliteVfs()};
        if (auto ok = Shard::create(place); !ok) return ok;
        auto db = Connection::open(target->path, Connection::Mode::Write, m_files.sqliteVfs());
        if (!db) return db.error();
        target->db = std::move(*db);
        // Nothing counts before all is complete and flushed.
        if (auto ok = target->db.run("PRAGMA journal_mode=DELETE; PRAGMA synchronous=OFF; BEGIN");
            !ok)
            return ok;
        if (auto ok = target->writer.prepare(target->db, target->path); !ok) return ok;
        for (const Table& table : kTables) {
            auto insert = target->db.prepare(insertInto(table).c_str());
            if (!insert) return insert.error();
            target->inserts.push_back(std::move(*insert));
        }
        m_targets.push_back(std::move(target));
    }
    return {};
}

Copier::Target& Copier::targetOf(const Table& table, ByteView first, ByteView second) {
    const int shard = table.records
                          ? Memtable::shardOfRecord({first, second}, m_format.shard_count)
                          : Memtable::shardOfDocument(std::string(first), m_format.shard_count);
    return *m_targets[static_cast<std::size_t>(shard)];
}

Result<> Copier::copied() {
    if (++m_rows % kRowsPerProgress == 0 && m_progress && !m_progress(m_rows, 0))
        return Error{ErrorCode::Closed, "stopped; the database is as it was"};
    return {};
}

Result<> Copier::copyTable(ShardReader& from, std::size_t index) {
    const Table& table = kTables[index];
    auto rows = from.connection().prepare((std::string("SELECT * FROM ") + table.name).c_str());
    if (!rows) return rows.error();
    for (;;) {
        auto more = rows->step();
        if (!more) return more.error();
        if (!*more) return {};
        Target& target = targetOf(table, rows->bytes(0), rows->bytes(1));
        Statement& insert = target.inserts[index];
        for (int i = 0; i < table.columns; ++i) insert.bindColumn(i + 1, *rows, i);
        if (auto ok = insert.run(); !ok) return ok;
        target.rows += table.records || index == 0;
        if (auto ok = copied(); !ok) return ok;
    }
}

// Numbered anew, in the order of the old shard's feed.
Result<> Copier::copyDocuments(ShardReader& from) {
    for (std::uint64_t after = 0;;) {
        auto page = from.feed(after, 1'000);
        if (!page) return page.error();
        if (page->empty()) return {};
        for (const FeedItem& item : *page) {
            after = item.shard_seq;
            auto row = from.document(item.doc);
            if (!row) return row.error();
            Target& target = targetOf(kTables[0], item.doc, {});
            row->shard_seq = ++target.shard_seq;
            target.rows +=
                static_cast<std::int64_t>(row->packed - std::min(row->packed, row->trimmed));
            if (auto ok = target.writer.putDocumentRow(item.doc, *row); !ok) return ok;
            if (auto ok = copied(); !ok) return ok;
        }
    }
}

Result<> Copier::copy(ShardReader& from) {
    for (std::size_t i = 0; i < std::size(kTables); ++i)
        if (auto ok = copyTable(from, i); !ok) return ok;
    return copyDocuments(from);
}

Result<> Copier::finish(SeqNo applied) {
    for (auto& target : m_targets) {
        const std::pair<const char*, std::int64_t> states[] = {
            {"applied_seq", static_cast<std::int64_t>(applied)},
            {"shard_seq", static_cast<std::int64_t>(target->shard_seq)},
            {"rows", target->rows}};
        for (const auto& [name, value] : states)
            if (auto ok = target->writer.putState(name, value); !ok) return ok;
        if (auto ok = target->db.run("COMMIT; PRAGMA journal_mode=WAL"); !ok) return ok;
        const std::string path = target->path;
        target.reset();
        auto file = m_files.open(path, FileLayer::Access::ReadWrite);
        if (!file) return file.error();
        if (auto ok = (*file)->syncData(); !ok) return ok;
    }
    return {};
}

Result<Bytes> readSmall(FileLayer& files, const std::string& path) {
    auto file = files.open(path, FileLayer::Access::Read);
    if (!file) return file.error();
    return (*file)->readAt(0, 4096);
}

Result<> removeFolder(FileLayer& files, const std::string& path) {
    auto names = files.list(path);
    if (!names) return names.error().code == ErrorCode::NotFound ? Result<>() : names.error();
    const std::string folder = path + "/";
    for (const std::string& name : *names)
        if (auto ok = files.remove(folder + name); !ok) return ok;
    return files.remove(path);
}

}  // namespace

Result<> finishReshard(FileLayer& files, const std::string& path) {
    const std::string fresh = path + kFolder;
    const auto names = files.list(fresh);
    if (!names && names.error().code == ErrorCode::NotFound) return {};
    if (!names) return names.error();
    auto present = readSmall(files, path + "/FORMAT");
    if (!present) return present.error();
    auto wanted = readSmall(files, fresh + "/FORMAT");
    if (wanted && *wanted == *present) {
        auto format = decodeFormat(*present);
        if (!format) return format.error();
        for (int i = 0; i < limits::kShardCountMax; ++i) {
            const std::string old = Folder::shardPath(path, i);
            const std::string made = Folder::shardPath(fresh, i);
            const bool moves = std::find(names->begin(), names->end(),
                                         made.substr(fresh.size() + 1)) != names->end();
            if (!moves && i < format->shard_count) continue;  // moved before
            for (const char* rest : {"-wal", "-shm"})
                if (auto ok = files.remove(old + rest); !ok) return ok;
            if (auto ok = moves ? files.rename(made, old) : files.remove(old); !ok) return ok;
        }
        if (auto ok = files.syncFolder(path); !ok) return ok;
    }
    if (auto ok = removeFolder(files, fresh); !ok) return ok;
    return files.syncFolder(path);
}

Result<> reshard(FileLayer& files, Random& random, const std::string& path, int shard_count,
                 const Progress& progress) {
    if (shard_count < 1 || shard_count > limits::kShardCountMax)
        return Error{ErrorCode::InvalidArgument, "the number of shards must be 1 to 8"};
    auto text = readSmall(files, path + "/FORMAT");
    if (!text) return text.error();
    auto old = decodeFormat(*text);
    if (!old) return old.error();
    EngineOptions options;
    options.path = path;
    options.shard_count = old->shard_count;
    options.files = &files;
    options.random = &random;
    auto engine = Engine::open(options);
    if (!engine) return engine.error();
    const std::string fresh = path + kFolder;
    const FolderFormat format{.shard_count = shard_count,
                              .store_id = random.next(),
                              .epoch = Hash16::from(random.bytes(16))};
    if (auto ok = removeFolder(files, fresh); !ok) return ok;
    if (auto ok = files.makeFolder(fresh); !ok) return ok;
    Copier copier(files, format, fresh, progress);
    Result<> done = copier.create();
    if (done)
        done = (*engine)->withQuietShards([&](ShardReader& reader) { return copier.copy(reader); });
    if (done) done = copier.finish((*engine)->lastSeq());
    if (done) done = writeFormat(files, fresh, format);
    if (!done) {
        (void)removeFolder(files, fresh);
        return done;
    }
    // The lock is kept until the end: nobody opens what is half moved.
    if (auto ok = (*engine)->closeButKeepLock(); !ok) return ok;
    if (auto ok = writeFormat(files, path, format); !ok) return ok;
    return finishReshard(files, path);
}

}  // namespace kimdb::store
