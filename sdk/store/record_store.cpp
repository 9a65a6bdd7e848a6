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
Result<DocumentName> nameOf(std::string_view collection, std::string_view key) {
    return DocumentName::parse(std::string(collection) + '/' + std::string(key));
}

}  // namespace

Store::Store(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& path) {
    auto engine = store::Engine::open({.path = path});
    if (!engine.ok()) return engine.error();
    return std::unique_ptr<Store>(new Store(std::make_unique<Impl>(std::move(*engine))));
}

Result<> Store::set(std::string_view collection, std::string_view key, Bytes value) {
    const auto name = nameOf(collection, key);
    if (!name.ok()) return name.error();
    store::Batch batch;
    batch.putRecord(std::string(collection), std::string(key), std::move(value));
    const auto seq = m_impl->engine().commit(std::move(batch));
    return seq.ok() ? Result<>() : seq.error();
}

Result<> Store::setDurable(std::string_view collection, std::string_view key, Bytes value) {
    if (auto done = set(collection, key, std::move(value)); !done.ok()) return done;
    return m_impl->engine().whenDurable(m_impl->engine().lastSeq()).get();
}

Result<> Store::remove(std::string_view collection, std::string_view key) {
    const auto name = nameOf(collection, key);
    if (!name.ok()) return name.error();
    store::Batch batch;
    batch.eraseRecord(std::string(collection), std::string(key));
    const auto seq = m_impl->engine().commit(std::move(batch));
    return seq.ok() ? Result<>() : seq.error();
}

Result<std::optional<Bytes>> Store::get(std::string_view collection, std::string_view key) const {
    const auto name = nameOf(collection, key);
    if (!name.ok()) return name.error();
    return m_impl->engine().record(std::string(collection), std::string(key));
}

Result<std::vector<Store::Record>> Store::scan(std::string_view collection, std::string_view from,
                                               std::size_t limit) const {
    const auto name = nameOf(collection, "x");
    if (!name.ok()) return name.error();
    auto found = m_impl->engine().scanRecords(std::string(collection), std::string(from), limit);
    if (!found.ok()) return found.error();
    std::vector<Record> records;
    records.reserve(found->size());
    for (auto& [key, value] : *found) records.push_back({std::move(key), std::move(value)});
    return records;
}

}  // namespace kimdb
