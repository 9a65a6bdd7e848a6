// SPDX-License-Identifier: MIT
#include "simulation/sim_store.h"

namespace kimdb::sim {
namespace {

// The changes of a batch, and what is written beside them.
std::pair<store::Batch, store::Batch> tear(const store::Batch& batch) {
    std::pair<store::Batch, store::Batch> out;
    for (const store::Batch::Op& op : batch.ops()) {
        if (const auto* append = std::get_if<store::Batch::Append>(&op))
            out.first.append(append->doc, append->entry);
        else if (const auto* replace = std::get_if<store::Batch::Replace>(&op))
            out.first.replace(replace->doc, replace->entry);
        else if (const auto* put = std::get_if<store::Batch::Put>(&op))
            out.second.put(put->doc, put->key, put->value);
        else if (const auto* erase = std::get_if<store::Batch::Erase>(&op))
            out.second.erase(erase->doc, erase->key);
    }
    return out;
}

}  // namespace

Result<store::SeqNo> SimStore::commit(store::Batch batch) {
    if (m_lie == Lie::TornBatches) {
        auto [changes, keys] = tear(batch);
        if (!changes.empty() && !keys.empty()) {
            if (auto seq = m_disk.commit(std::move(changes)); !seq) return seq;
            batch = std::move(keys);
        }
    }
    auto seq = m_disk.commit(std::move(batch));
    if (seq) m_written = *seq;
    return seq;
}

}  // namespace kimdb::sim
