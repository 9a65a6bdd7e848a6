// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <string>
#include <vector>

#include "store/memtable.h"
#include "store/shard_schema.h"

namespace kimdb::store {

//! \brief What the one writing connection of a shard does to its rows. Every call is part of a
//! transaction that the caller has begun. Thread: one at a time.
class ShardWriter {
 public:
    //! REQUIRES: \a db outlives it.
    Result<> prepare(Connection& db, const std::string& path);
    //! Writes what of \a table belongs to shard \a index.
    Result<> write(const Memtable& table, int index);
    Result<> putState(ByteView name, std::int64_t value);
    //! Records and log entries in the file, as the open transaction leaves it.
    std::int64_t rows() const { return m_rows; }
    void setRows(std::int64_t rows) { m_rows = rows; }
    Result<> putDocumentRow(const std::string& doc, const DocumentRow& row);
    //! Documents with so many entries outside of blocks that the oldest should be packed.
    const std::set<std::string>& packable() const { return m_packable; }
    //! Packs one block of \a doc, if enough of its entries are cold.
    Result<> packBlock(const std::string& doc);

 private:
    Result<> writeDocument(const std::string& doc, const Memtable::Document& document);
    Result<> writeRecord(const std::string& collection, const SortedRows::Row& row);
    Result<> writeKeys(const std::string& doc, const Memtable::Document& document);
    Result<> writeSnapshots(const std::string& doc, const Memtable::Document& document);
    Result<> trimDocument(const std::string& doc, DocumentRow& row, std::uint64_t up_to);
    Result<> putEntry(const std::string& doc, const LogEntry& entry);
    Result<> replacePacked(const std::string& doc, const LogEntry& entry);
    Result<DocumentRow> documentRow(const std::string& doc);
    //! The block that holds \a position; empty when there is none.
    Result<std::vector<LogEntry>> blockAt(const std::string& doc, std::uint64_t position);
    Result<std::vector<LogEntry>> coldEntries(const std::string& doc, const DocumentRow& row);
    Result<> putBlock(const std::string& doc, const std::vector<LogEntry>& entries);
    Result<> putBlockStreams(const std::string& doc, const std::vector<LogEntry>& entries);
    Result<> eraseBlock(const std::string& doc, std::uint64_t last);
    Error damaged(const std::string& what) const;

    std::string m_path;
    Statement m_put_entry, m_put_key, m_erase_key, m_add_record, m_change_record, m_erase_record,
        m_put_state;
    Statement m_get_document, m_put_document, m_put_snapshot, m_erase_snapshot;
    Statement m_trim_log, m_trim_blocks, m_trim_streams, m_get_block, m_put_block, m_erase_block;
    Statement m_put_stream, m_erase_streams, m_cold;
    std::set<std::string> m_packable;
    Connection* m_db = nullptr;
    std::int64_t m_rows = 0;
};

}  // namespace kimdb::store
