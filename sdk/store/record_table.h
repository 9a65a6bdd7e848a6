// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/log_store.h"

namespace kimdb::store {

//! \brief A record as the store keeps it.
struct StoredRecord {
    Bytes value;
    SeqNo version = 0;            //!< number of the batch that wrote it
    std::int64_t expires_ms = 0;  //!< 0: never

    bool expired(std::int64_t now_ms) const { return expires_ms != 0 && expires_ms <= now_ms; }
    bool operator==(const StoredRecord&) const = default;
};

//! \brief Rows in the order of their keys, made for many insertions in random order.
//!
//!     m_firsts   [ -∞ | k41 | k97 | … ]      the first entry of every leaf but the first
//!     m_leaves   [ 1–40 | 41–96 | 97–… ]     up to 128 entries: 16 bytes of the key, row
//!     m_rows     rows as they came; they never move
//!
//! Two binary searches over packed arrays find a place; only keys with the same first 16 bytes are
//! looked up in their rows. A full leaf is split in two, at its end when keys come in order.
//! Invariants: no leaf is empty; entries ascend in a leaf and from leaf to leaf.
//! Thread: const functions from any thread while nobody inserts.
class SortedRows {
 public:
    struct Row {
        std::string key;
        std::optional<StoredRecord> value;  //!< nothing: erased
    };

 private:
    static constexpr std::size_t kLeafEntries = 128;
    // A key's first bytes, as big-endian numbers.
    struct Head {
        std::uint64_t high = 0, low = 0;
        bool operator==(const Head& o) const { return high == o.high && low == o.low; }
        bool operator<(const Head& o) const { return high != o.high ? high < o.high : low < o.low; }
    };
    struct Entry {
        Head head;
        Row* row = nullptr;
    };
    struct Leaf {
        std::size_t count = 0;
        std::array<Entry, kLeafEntries> entries;
    };

 public:
    class Iterator {
     public:
        using value_type = Row;
        using reference = const Row&;
        using pointer = const Row*;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;

        const Row& operator*() const { return *(*m_leaves)[m_leaf]->entries[m_at].row; }
        const Row* operator->() const { return &**this; }
        Iterator& operator++() {
            if (++m_at == (*m_leaves)[m_leaf]->count) ++m_leaf, m_at = 0;
            return *this;
        }
        bool operator==(const Iterator&) const = default;

     private:
        friend class SortedRows;
        using Leaves = std::vector<std::unique_ptr<Leaf>>;
        Iterator(const Leaves& leaves, std::size_t leaf, std::size_t at)
            : m_leaves(&leaves), m_leaf(leaf), m_at(at) {}
        const Leaves* m_leaves;
        std::size_t m_leaf, m_at;
    };

    //! The row of \a key, made without a value when it is missing.
    Row& row(std::string key);
    //! Null when there is none.
    const Row* find(std::string_view key) const;
    //! The first row whose key is not before \a key.
    Iterator lowerBound(std::string_view key) const;
    Iterator begin() const { return {m_leaves, 0, 0}; }
    Iterator end() const { return {m_leaves, m_leaves.size(), 0}; }
    std::size_t size() const { return m_rows.size(); }

 private:
    struct Place {
        std::size_t leaf = 0, at = 0;
        bool found = false;
    };
    struct Key;
    Place locate(const Key& key) const;
    void insert(Place place, const Entry& entry);

    std::vector<Entry> m_firsts;
    std::vector<std::unique_ptr<Leaf>> m_leaves;
    std::deque<Row> m_rows;
};

//! \brief The records of one shard in one memtable, by collection.
using RecordTable = std::map<std::string, SortedRows, std::less<>>;

}  // namespace kimdb::store
