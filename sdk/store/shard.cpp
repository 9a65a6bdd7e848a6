// SPDX-License-Identifier: MIT
#include "store/shard.h"

namespace kimdb::store {

Result<> Shard::create(const ShardPlace& place) {
    auto db = Connection::open(place.path, Connection::Mode::Create, place.vfs);
    if (!db) return db.error();
    return createShardTables(*db, place);
}

Result<std::unique_ptr<Shard>> Shard::open(const ShardPlace& place) {
    std::unique_ptr<Shard> shard(new Shard(place));
    if (auto ok = shard->openWriter(); !ok) return ok.error();
    if (auto ok = shard->checkState(); !ok) return ok.error();
    return shard;
}

std::unique_ptr<Shard> Shard::damaged(const ShardPlace& place, Error damage) {
    std::unique_ptr<Shard> shard(new Shard(place));
    shard->m_damage = std::move(damage);
    return shard;
}

Shard::~Shard() {
    m_readers.clear();  // the writer goes last: the last connection empties the WAL
}

std::optional<Error> Shard::damage() const {
    const std::lock_guard lock(m_mutex);
    return m_damage;
}

Result<> Shard::noteDamage(Result<> done) {
    if (done || done.error().code != ErrorCode::StorageCorrupt) return done;
    const std::lock_guard lock(m_mutex);
    m_damage = done.error();
    return done;
}

Result<> Shard::openWriter() {
    auto db = Connection::open(m_place.path, Connection::Mode::Write, m_place.vfs);
    if (!db) return db.error();
    m_db = std::move(*db);
    const std::string setup =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
        "PRAGMA cache_size=-" +
        std::to_string(m_place.cache_bytes / 1024);
    if (auto ok = m_db.run(setup.c_str()); !ok) return ok;
    auto version = shardVersion(m_db);
    if (!version) return version.error();
    if (*version < kShardVersion)
        if (auto ok = upgradeShard(m_db); !ok) return ok;
    // The checkpoint flushes what a killed process left in the WAL without an fsync: until then
    // applied_seq may not be trusted, a power loss could take it back after the journal was
    // recycled (SYNC rule 2).
    if (auto ok = m_db.run("PRAGMA wal_checkpoint(TRUNCATE)"); !ok) return ok;
    return m_writer.prepare(m_db, m_place.path);
}

Result<std::int64_t> Shard::state(const char* name) {
    auto query = m_db.prepare("SELECT value, crc FROM state WHERE name = ?1");
    if (!query) return query.error();
    query->bindText(1, name);
    auto row = query->step();
    if (!row) return row.error();
    const std::int64_t value = *row ? query->integer(0) : 0;
    if (!*row || query->integer(1) != std::int64_t{stateChecksum(name, value)})
        return Error{ErrorCode::StorageCorrupt,
                     m_place.path + ": its state \"" + name + "\" is damaged; restore a backup"};
    return value;
}

Result<> Shard::checkState() {
    const std::pair<const char*, std::int64_t> expected[] = {
        {"store_id", static_cast<std::int64_t>(m_place.store_id)},
        {"shard", m_place.index},
        {"shards", m_place.count},
    };
    for (const auto& [name, value] : expected) {
        auto found = state(name);
        if (!found) return found.error();
        if (*found != value)
            return Error{ErrorCode::StorageCorrupt, m_place.path +
                                                        ": belongs to another place (its " + name +
                                                        " differs); put the right file back"};
    }
    auto applied = state("applied_seq");
    if (!applied) return applied.error();
    auto shard_seq = state("shard_seq");
    if (!shard_seq) return shard_seq.error();
    m_applied = static_cast<SeqNo>(*applied);
    m_shard_seq = static_cast<std::uint64_t>(*shard_seq);
    auto rows = state("rows");
    if (!rows) return rows.error();
    m_rows = *rows;
    return {};
}

Result<> Shard::apply(const Memtable& table) {
    if (const auto damaged = damage()) return *damaged;
    m_writer.setRows(m_rows);  // also after a transaction that failed
    auto done = noteDamage(m_db.transaction([&]() -> Result<> {
        if (auto ok = m_writer.write(table, m_place.index); !ok) return ok;
        return m_writer.putState("applied_seq", static_cast<std::int64_t>(table.last()));
    }));
    if (!done) return done;
    m_applied = table.last();
    m_rows = m_writer.rows();
    m_shard_seq = table.shardSeqs()[static_cast<std::size_t>(m_place.index)];
    return done;
}

Result<> Shard::advance(SeqNo applied) {
    if (const auto damaged = damage()) return *damaged;
    auto done = noteDamage(m_db.transaction(
        [&] { return m_writer.putState("applied_seq", static_cast<std::int64_t>(applied)); }));
    if (done) m_applied = applied;
    return done;
}

Result<bool> Shard::packSome() {
    if (damage() || m_writer.packable().empty()) return false;
    const std::string doc = *m_writer.packable().begin();
    auto done = noteDamage(m_db.transaction([&] { return m_writer.packBlock(doc); }));
    if (!done) return done.error();
    return !m_writer.packable().empty();
}

Result<> Shard::clean() {
    if (const auto damaged = damage()) return *damaged;
    auto checkpoint = m_db.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!checkpoint) return checkpoint.error();
    auto row = checkpoint->step();
    if (!row) return row.error();
    if (checkpoint->integer(0) != 0)
        return Error{ErrorCode::StorageFailed,
                     m_place.path + ": a reader holds on to an older state; try again", true};
    return {};
}

Shard::Lease::~Lease() {
    if (!m_reader) return;
    const std::lock_guard lock(m_shard->m_mutex);
    m_shard->m_readers.push_back(std::move(m_reader));
}

Result<Shard::Lease> Shard::reader() const {
    {
        const std::lock_guard lock(m_mutex);
        if (m_damage) return *m_damage;
        if (!m_readers.empty()) {
            Lease lease(*this, std::move(m_readers.back()));
            m_readers.pop_back();
            return lease;
        }
    }
    auto opened = ShardReader::open(m_place.path, m_place.vfs, m_place.cache_bytes);
    if (!opened) return opened.error();
    return Lease(*this, std::move(*opened));
}

}  // namespace kimdb::store
