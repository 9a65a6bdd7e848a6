// SPDX-License-Identifier: MIT
#include "bench/crdt_bench.h"

#include <algorithm>
#include <utility>

namespace bench {

using kimdb::crdt::Document;

std::optional<kimdb::Change> write(Document& doc, const Patch& patch, std::int64_t time_ms) {
    doc.begin();
    if (patch.removed) doc.removeText(kText, patch.position, patch.removed);
    if (!patch.inserted.empty()) doc.insertText(kText, patch.position, patch.inserted);
    return doc.commit(time_ms);
}

void receiveBatch(Document& doc, const std::vector<kimdb::Bytes>& updates) {
    std::vector<kimdb::Change> changes;
    changes.reserve(updates.size());
    for (const kimdb::Bytes& update : updates) {
        kimdb::Result<kimdb::Change> change = kimdb::decodeChange(update);
        changes.push_back(std::move(*change));
    }
    require(doc.receiveAll(changes).ok(), "a batch");
}

bool Crdt::wantsAny(std::initializer_list<const char*> metrics) const {
    return std::any_of(metrics.begin(), metrics.end(),
                       [&](const char* metric) { return m_options.wants(metric); });
}

void Crdt::time(const std::string& metric, const std::string& peer_run, const Peers::Reading& read,
                const std::function<void()>& prepare, const std::function<void()>& work) {
    const bool wanted = m_options.wants(metric);
    const double ours = medianMs(wanted ? m_options.runs : 1, prepare, work);
    if (wanted) value(metric, ours, "ms", peer_run, read);
}

void Crdt::value(const std::string& metric, double ours, const char* unit,
                 const std::string& peer_run, const Peers::Reading& read) {
    if (!m_options.wants(metric)) return;
    result(metric, ours, unit);
    m_peers.compare(metric, ours, unit, peer_run, read);
}

}  // namespace bench
