// SPDX-License-Identifier: MIT
#include "store/record_store.h"

namespace kimdb {

namespace {

// A record is named like a document, so the same rules hold.
Result<> checkName(std::string_view collection, std::string_view key) {
    const auto name = DocumentName::parse(std::string(collection) + '/' + std::string(key));
    if (!name) return name.error();
    return {};
}

template <class T>
std::future<Result<T>> ready(Result<T> result) {
    std::promise<Result<T>> promise;
    promise.set_value(std::move(result));
    return promise.get_future();
}

}  // namespace

// Wall time at which what is written now expires; 0: never.
Result<std::int64_t> Store::Impl::expiry(std::chrono::milliseconds ttl) const {
    if (ttl.count() < 0)
        return Error{ErrorCode::InvalidArgument, "a time to live is negative; 0 means for ever"};
    if (ttl.count() == 0) return std::int64_t{0};
    const std::int64_t now_ms = m_engine->now();
    return ttl.count() > INT64_MAX - now_ms ? INT64_MAX : now_ms + ttl.count();
}

Result<RecordVersion> Store::Impl::append(WriteBatch writes) {
    store::Batch batch;
    std::vector<store::Condition> conditions;
    for (WriteBatch::Demand& d : writes.m_demands) {
        if (auto ok = checkName(d.collection, d.key); !ok) return ok.error();
        conditions.push_back({std::move(d.collection), std::move(d.key), d.version});
    }
    for (WriteBatch::Write& w : writes.m_writes) {
        if (auto ok = checkName(w.collection, w.key); !ok) return ok.error();
        const auto expires_ms = expiry(w.ttl);
        if (!expires_ms) return expires_ms.error();
        if (w.value)
            batch.putRecord(std::move(w.collection), std::move(w.key), std::move(*w.value),
                            *expires_ms);
        else
            batch.eraseRecord(std::move(w.collection), std::move(w.key));
    }
    return m_engine->commit(std::move(batch), conditions);
}

void WriteBatch::set(std::string collection, std::string key, Bytes value, WriteOptions options) {
    if (options.if_version) require(collection, key, *options.if_version);
    m_writes.push_back({std::move(collection), std::move(key), std::move(value), options.ttl});
}

void WriteBatch::remove(std::string collection, std::string key,
                        std::optional<RecordVersion> if_version) {
    if (if_version) require(collection, key, *if_version);
    m_writes.push_back({std::move(collection), std::move(key), std::nullopt});
}

void WriteBatch::require(std::string collection, std::string key, RecordVersion version) {
    m_demands.push_back({std::move(collection), std::move(key), version});
}

Store::Store(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& path) {
    StoreOptions options;
    options.path = path;
    return open(options);
}

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
    auto engine = store::Engine::open({.path = options.path,
                                       .shard_count = options.shard_count,
                                       .buffer_bytes = options.buffer_bytes,
                                       .buffer_rows = options.buffer_rows,
                                       .flush_interval = options.flush_interval,
                                       .cache_bytes = options.cache_bytes});
    if (!engine) return engine.error();
    return std::unique_ptr<Store>(new Store(std::make_unique<Impl>(std::move(*engine), options)));
}

Result<RecordVersion> Store::commit(WriteBatch batch) {
    return m_impl->settle(m_impl->append(std::move(batch)));
}

Acknowledgements Store::write(WriteBatch batch) {
    const auto version = m_impl->append(std::move(batch));
    return {ready(version),
            version ? m_impl->engine().whenDurable(*version) : ready<void>(version.error())};
}

Result<RecordVersion> Store::set(std::string_view collection, std::string_view key, Bytes value,
                                 const WriteOptions& options) {
    WriteBatch batch;
    batch.set(std::string(collection), std::string(key), std::move(value), options);
    return commit(std::move(batch));
}

std::future<Result<>> Store::setDurable(std::string_view collection, std::string_view key,
                                        Bytes value, const WriteOptions& options) {
    WriteBatch batch;
    batch.set(std::string(collection), std::string(key), std::move(value), options);
    return write(std::move(batch)).durable;
}

Result<> Store::remove(std::string_view collection, std::string_view key,
                       std::optional<RecordVersion> if_version) {
    WriteBatch batch;
    batch.remove(std::string(collection), std::string(key), if_version);
    const auto version = commit(std::move(batch));
    if (!version) return version.error();
    return {};
}

Result<std::optional<Store::Record>> Store::find(std::string_view collection,
                                                 std::string_view key) const {
    if (auto ok = checkName(collection, key); !ok) return ok.error();
    auto found = m_impl->engine().record(collection, key);
    if (!found) return found.error();
    if (!*found) return std::optional<Record>();
    return std::optional<Record>(
        Record{std::string(key), std::move((*found)->value), (*found)->version});
}

Result<std::optional<Bytes>> Store::get(std::string_view collection, std::string_view key) const {
    auto found = find(collection, key);
    if (!found) return found.error();
    if (!*found) return std::optional<Bytes>();
    return std::optional<Bytes>(std::move((*found)->value));
}

Result<bool> Store::contains(std::string_view collection, std::string_view key) const {
    const auto found = find(collection, key);
    if (!found) return found.error();
    return found->has_value();
}

Result<std::vector<Store::Record>> Store::scan(std::string_view collection, std::string_view from,
                                               std::size_t limit) const {
    if (auto ok = checkName(collection, "x"); !ok) return ok.error();
    auto found = m_impl->engine().scanRecords(std::string(collection), std::string(from), limit);
    if (!found) return found.error();
    std::vector<Record> records;
    records.reserve(found->size());
    for (auto& [key, record] : *found)
        records.push_back({std::move(key), std::move(record.value), record.version});
    return records;
}

Result<std::uint64_t> Store::count(std::string_view collection) const {
    if (auto ok = checkName(collection, "x"); !ok) return ok.error();
    return m_impl->engine().countRecords(std::string(collection));
}

int Store::shardOf(std::string_view collection, std::string_view key) const {
    return store::Memtable::shardOfRecord({collection, key}, m_impl->engine().shardCount());
}

std::vector<Error> Store::damages() const {
    return m_impl->engine().damages();
}

Result<> Store::flush() {
    return m_impl->engine().flush();
}

Result<> Store::close() {
    return m_impl->close();
}

Store::Transaction Store::begin() {
    return Transaction(*this);
}

Result<std::optional<Bytes>> Store::Transaction::get(std::string_view collection,
                                                     std::string_view key) {
    Name name(collection, key);
    const auto mine = m_writes.find(name);
    if (mine != m_writes.end()) return mine->second.value;
    auto found = m_store.find(collection, key);
    if (!found) return found.error();
    // The first version read is the one that has to hold: a later one is a conflict already.
    m_read.try_emplace(std::move(name), *found ? (*found)->version : 0);
    if (!*found) return std::optional<Bytes>();
    return std::optional<Bytes>(std::move((*found)->value));
}

void Store::Transaction::set(std::string_view collection, std::string_view key, Bytes value,
                             std::chrono::milliseconds ttl) {
    m_writes[Name(collection, key)] = {std::move(value), ttl};
}

void Store::Transaction::remove(std::string_view collection, std::string_view key) {
    m_writes[Name(collection, key)] = {};
}

WriteBatch Store::Transaction::take() {
    WriteBatch batch;
    for (const auto& [name, version] : std::exchange(m_read, {}))
        batch.require(name.first, name.second, version);
    for (auto& [name, write] : std::exchange(m_writes, {})) {
        if (write.value)
            batch.set(name.first, name.second, *write.value, {.ttl = write.ttl});
        else
            batch.remove(name.first, name.second);
    }
    return batch;
}

Result<RecordVersion> Store::Transaction::commit() {
    return m_store.commit(take());
}

Acknowledgements Store::Transaction::write() {
    return m_store.write(take());
}

}  // namespace kimdb
