// SPDX-License-Identifier: MIT
#include <kimdb/store.h>

#include "store/engine.h"

namespace kimdb {

class Store::Impl {
 public:
    explicit Impl(std::unique_ptr<store::Engine> engine) : m_engine(std::move(engine)) {}
    store::Engine& engine() { return *m_engine; }

 private:
    std::unique_ptr<store::Engine> m_engine;
};

namespace {

// A record is named like a document, so the same rules hold.
Result<> checkName(std::string_view collection, std::string_view key) {
    const auto name = DocumentName::parse(std::string(collection) + '/' + std::string(key));
    if (!name) return name.error();
    return {};
}

Result<store::SeqNo> put(store::Engine& engine, std::string_view collection, std::string_view key,
                         Bytes value) {
    if (auto ok = checkName(collection, key); !ok) return ok.error();
    store::Batch batch;
    batch.putRecord(std::string(collection), std::string(key), std::move(value));
    return engine.commit(std::move(batch));
}

Result<> done(const Result<store::SeqNo>& committed) {
    if (!committed) return committed.error();
    return {};
}

}  // namespace

Store::Store(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& path) {
    return open(StoreOptions{.path = path});
}

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
    auto engine = store::Engine::open({.path = options.path,
                                       .shard_count = options.shard_count,
                                       .buffer_bytes = options.buffer_bytes,
                                       .flush_interval = options.flush_interval});
    if (!engine) return engine.error();
    return std::unique_ptr<Store>(new Store(std::make_unique<Impl>(std::move(*engine))));
}

Result<> Store::set(std::string_view collection, std::string_view key, Bytes value) {
    return done(put(m_impl->engine(), collection, key, std::move(value)));
}

std::future<Result<>> Store::setDurable(std::string_view collection, std::string_view key,
                                        Bytes value) {
    const auto committed = put(m_impl->engine(), collection, key, std::move(value));
    if (committed) return m_impl->engine().whenDurable(*committed);
    std::promise<Result<>> refused;
    refused.set_value(committed.error());
    return refused.get_future();
}

Result<> Store::remove(std::string_view collection, std::string_view key) {
    if (auto ok = checkName(collection, key); !ok) return ok;
    store::Batch batch;
    batch.eraseRecord(std::string(collection), std::string(key));
    return done(m_impl->engine().commit(std::move(batch)));
}

Result<std::optional<Bytes>> Store::get(std::string_view collection, std::string_view key) const {
    if (auto ok = checkName(collection, key); !ok) return ok.error();
    return m_impl->engine().record(std::string(collection), std::string(key));
}

Result<bool> Store::contains(std::string_view collection, std::string_view key) const {
    const auto value = get(collection, key);
    if (!value) return value.error();
    return value->has_value();
}

Result<std::vector<Store::Record>> Store::scan(std::string_view collection, std::string_view from,
                                               std::size_t limit) const {
    if (auto ok = checkName(collection, "x"); !ok) return ok.error();
    auto found = m_impl->engine().scanRecords(std::string(collection), std::string(from), limit);
    if (!found) return found.error();
    std::vector<Record> records;
    records.reserve(found->size());
    for (auto& [key, value] : *found) records.push_back({std::move(key), std::move(value)});
    return records;
}

Result<> Store::flush() {
    return m_impl->engine().flush();
}

Result<> Store::close() {
    return m_impl->engine().close();
}

}  // namespace kimdb
