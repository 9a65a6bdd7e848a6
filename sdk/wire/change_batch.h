// SPDX-License-Identifier: MIT
#pragma once

#include <unordered_map>
#include <variant>
#include <vector>

#include "core/change.h"

namespace kimdb::wire {

//! \brief Replica ids already named in one direction of one document alias: an id crosses the wire
//! once, later it is an index. The relay keeps one per room for OPS and CHUNK, so that a broadcast
//! is encoded once; a batch states the table's size before the ids it adds, and an overlap with
//! what is known must be equal (docs/decisions/0003-broadcast-encoded-once.md).
class ReplicaTable {
 public:
    std::size_t size() const { return m_ids.size(); }
    //! REQUIRES: index < size().
    ReplicaId at(std::size_t index) const { return m_ids[index]; }
    //! Index of \a id, appended when it is new.
    std::size_t indexOf(ReplicaId id);
    //! Takes what a batch states: \a ids stand at \a base and on. Errors: Malformed (a hole, a
    //! contradiction, an id named twice), TooLarge; then the table may have grown.
    Result<> extend(std::size_t base, const std::vector<ReplicaId>& ids);

 private:
    std::vector<ReplicaId> m_ids;
    std::unordered_map<ReplicaId, std::size_t> m_indices;
};

//! \brief A change the receiver has itself, body left out (own changes in OPS and CHUNK).
struct Mark {
    ReplicaId replica = 0;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    bool operator==(const Mark&) const = default;
};

//! \brief A change in a form of a later version: encrypted, signed or compressed. Who does not
//! know the form finds where it ends and to which stream it belongs, and refuses this one change.
struct Sealed {
    static constexpr std::uint8_t kEncrypted = 16;
    static constexpr std::uint8_t kSigned = 32;
    static constexpr std::uint8_t kCompressed = 64;

    Change head;           //!< what stands in the clear; neither structure nor content
    std::uint8_t how = 0;  //!< bits above, at least one
    Bytes body;            //!< everything else, laid out by the version that builds it
    bool operator==(const Sealed&) const = default;
};
using BatchItem = std::variant<Change, Mark, Sealed>;

//! \brief What the items before tell about the next one; the same on both sides.
struct BatchContext {
    std::size_t replica = 0;  //!< index, of the item before
    std::int64_t time_ms = 0;
    std::unordered_map<std::size_t, std::uint64_t> next_first;  //!< 1 where there is none

    std::uint64_t nextFirst(std::size_t index) const;
    void passed(std::size_t index, std::uint64_t first, std::uint64_t count);
};

//! \brief Encodes changes in order with what the session already knows left out: an own keystroke
//! that continues a run takes <= 10 bytes. Bytes: docs/PROTOCOL.md "Change batch". There is one
//! encoding of the same items with the same table and \a known.
class BatchEncoder {
 public:
    //! \a known: how many ids of \a table the receiver has for sure; later ones are stated again.
    //! REQUIRES: known <= table.size(); 0 <= time_base_ms <= limits::kCounterMax. Owner of
    //! \a table: the caller, outlives this.
    BatchEncoder(ReplicaTable& table, std::size_t known, std::int64_t time_base_ms);
    //! REQUIRES: validateChange(change) is ok.
    void add(const Change& change);
    void addMark(const Mark& mark);
    //! REQUIRES: validateChange(sealed.head) is ok, it has neither structure nor content.
    void addSealed(const Sealed& sealed);
    //! What counts against limits::kChunkBytesMax: the bytes so far, about, and at least 8 for an
    //! item. So a batch that is closed when this reaches the limit keeps limits::kBatchItemsMax.
    std::size_t bytes() const;
    Bytes finish();

 private:
    void writeClear(const Change& change, std::uint8_t shape, std::uint8_t how);
    void writeHead(std::uint8_t flags, std::uint8_t more, std::size_t index, std::uint64_t first,
                   std::uint64_t count);

    ReplicaTable& m_table;
    std::size_t m_known;
    std::size_t m_count = 0;
    BatchContext m_context;
    Bytes m_items;
};

//! \brief Strict inverse; extends \a table by the ids the batch adds. Refuses whatever
//! BatchEncoder would not have written. Changes are valid envelopes (validateChange) that fit
//! limits::kChangeBytesMax. All or nothing, except that the table may have grown.
//! Errors: Malformed, TooLarge.
//! Allocates <= 16 × input + 64 KiB, and sizeof(BatchItem) for each item that is really there
//! (<= limits::kBatchItemsMax).
Result<std::vector<BatchItem>> decodeBatch(ByteView batch, ReplicaTable& table,
                                           std::int64_t time_base_ms);

}  // namespace kimdb::wire
