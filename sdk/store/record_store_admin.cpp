// SPDX-License-Identifier: MIT
// What operators ask of a store of records; the engine does it.
#include <istream>
#include <ostream>

#include "store/backup.h"
#include "store/json_lines.h"
#include "store/record_store.h"
#include "store/reshard.h"

namespace kimdb {

StoreStatistics Store::statistics() const {
    return m_impl->engine().statistics();
}

ShardStatistics Store::shardStats(int shard) const {
    const auto all = m_impl->engine().statistics().shards;
    const auto index = static_cast<std::size_t>(shard);
    return shard >= 0 && index < all.size() ? all[index] : ShardStatistics{.serves = false};
}

Result<std::vector<std::string>> Store::verify(const StoreProgress& progress) const {
    auto report = m_impl->engine().verify(progress);
    if (!report) return report.error();
    return std::move(report->damages);
}

Result<> Store::backup(const std::string& folder, const StoreProgress& progress) const {
    return m_impl->engine().backup(folder, progress);
}

Result<> Store::restore(const std::string& backup, const std::string& folder,
                        const StoreProgress& progress) {
    SystemRandom random;
    return store::restoreBackup(store::posixFiles(), random, backup, folder, progress);
}

Result<> Store::reshard(const std::string& folder, int shard_count, const StoreProgress& progress) {
    SystemRandom random;
    return store::reshard(store::posixFiles(), random, folder, shard_count, progress);
}

Result<> Store::exportTo(std::ostream& out, const StoreProgress& progress) const {
    const auto sink = [&](ByteView line) {
        out << line << '\n';
        return out.good();
    };
    auto done = store::exportJsonLines(m_impl->engine(), sink, progress);
    if (!done && !out)
        return Error{ErrorCode::StorageFailed, "the export cannot be written; is the disk full?"};
    return done;
}

Result<> Store::importFrom(std::istream& in, const StoreProgress& progress) {
    const auto source = [&]() -> std::optional<Bytes> {
        Bytes line;
        if (!std::getline(in, line)) return {};
        return line;
    };
    return store::importJsonLines(m_impl->engine(), source, progress);
}

Result<> Store::eraseTraces() {
    return m_impl->engine().eraseTraces();
}

}  // namespace kimdb
