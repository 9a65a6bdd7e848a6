// SPDX-License-Identifier: MIT
#pragma once

#include "core/bytes.h"
#include "wire/change_batch.h"

namespace kimdb::wire {

inline Bytes encodeItems(const std::vector<BatchItem>& items, ReplicaTable& table,
                         std::size_t known, std::int64_t time_base_ms) {
    BatchEncoder encoder(table, known, time_base_ms);
    for (const BatchItem& item : items) {
        if (const auto* change = std::get_if<Change>(&item))
            encoder.add(*change);
        else if (const auto* sealed = std::get_if<Sealed>(&item))
            encoder.addSealed(*sealed);
        else
            encoder.addMark(std::get<Mark>(item));
    }
    return encoder.finish();
}

//! \brief The encoding of \a items for the receiver that \a batch was made for: the same bytes
//! again, if there is only one. \a table: as it is after decoding.
inline Bytes reencoded(ByteView batch, const std::vector<BatchItem>& items,
                       const ReplicaTable& table, std::int64_t time_base_ms) {
    ByteReader in(batch);
    const std::uint64_t head = batch.empty() ? 0 : in.varint();
    const std::uint64_t added = head & 1 ? in.varint() : 0;
    ReplicaTable stated;
    for (std::size_t i = 0; i < head / 2 + added; ++i) stated.indexOf(table.at(i));
    return encodeItems(items, stated, head / 2, time_base_ms);
}

}  // namespace kimdb::wire
