// SPDX-License-Identifier: MIT
#pragma once

#include <variant>
#include <vector>

#include "core/change.h"

namespace kimdb::wire {

//! \brief Replica ids already named in one direction of one document alias: an id crosses the wire once, later
//! it is an index. The relay keeps one per room for OPS and CHUNK, so that a broadcast is encoded once; a batch states
//! the table's size before the ids it adds, and an overlap with what is known must be equal.
class ReplicaTable {
   public:
    std::size_t size() const { return m_ids.size(); }
    ReplicaId at(std::size_t index) const { return m_ids[index]; }
    //! Index of \a id, appended when it is new.
    std::size_t indexOf(ReplicaId id);

   private:
    friend class BatchEncoder;
    friend Result<std::vector<std::variant<Change, struct Mark>>> decodeBatch(ByteView, ReplicaTable&, std::int64_t);
    std::vector<ReplicaId> m_ids;
};

//! \brief A change the receiver has itself, body left out (own changes in OPS and CHUNK).
struct Mark {
    ReplicaId replica = 0;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    bool operator==(const Mark&) const = default;
};
using BatchItem = std::variant<Change, Mark>;

//! \brief Encodes changes in order with what the session already knows left out: an own keystroke that
//! continues a run takes <= 10 bytes. Bytes: docs/PROTOCOL.md "Change batch".
class BatchEncoder {
   public:
    //! \a known: how many ids of \a table the receiver has for sure; later ones are stated again.
    BatchEncoder(ReplicaTable& table, std::size_t known, std::int64_t time_base_ms);
    void add(const Change& change);
    void addMark(const Mark& mark);
    std::size_t bytes() const;  //!< so far, about
    Bytes finish();

   private:
    ReplicaTable& m_table;
    std::size_t m_known;
    std::int64_t m_time_base_ms;
    std::int64_t m_time_before_ms;
    std::size_t m_count = 0;
    std::vector<std::pair<std::size_t, std::uint64_t>> m_next;  // replica index -> expected first
    Bytes m_items;
};

//! \brief Strict inverse; extends \a table by the ids the batch adds. Errors: Malformed, TooLarge, Unsupported.
//! Changes are valid envelopes (validateChange).
Result<std::vector<BatchItem>> decodeBatch(ByteView batch, ReplicaTable& table, std::int64_t time_base_ms);

}  // namespace kimdb::wire
