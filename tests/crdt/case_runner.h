// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

#include "core/change.h"
#include "crdt/event_copy.h"

namespace kimdb::test {

//! \brief Runs one case of conformance-kimdb (format: spec/CASES.md) against the engine.
class CaseRunner {
 public:
    explicit CaseRunner(const nlohmann::json& test_case);
    //! What went wrong first; nothing when all deliveries, steps, cursors and counts are right.
    std::optional<std::string> run();

 private:
    std::optional<std::string> write(std::size_t n);
    std::optional<std::string> deliver(std::size_t order);
    void perform(crdt::Document& doc, const nlohmann::json& op);
    void performOnText(crdt::Document& doc, const nlohmann::json& op);
    void performOnList(crdt::Document& doc, const nlohmann::json& op);
    nlohmann::json spansOf(const crdt::Document& doc) const;
    std::optional<std::string> compare(const crdt::Document& doc,
                                       const nlohmann::json& state) const;

    const nlohmann::json& m_case;
    std::vector<crdt::Document> m_docs;
    std::vector<EventCopy> m_copies;  // of m_docs, kept up to date by events alone
    std::map<std::size_t, Change> m_changes;
    std::vector<std::set<std::size_t>> m_past;
    std::map<std::size_t, crdt::Cursor> m_cursors;
    std::size_t m_txn = 0;                          // that is being written
    std::size_t m_op = 0;                           // and its operation
    std::map<std::string, std::string> m_comments;  // the case's names -> keys
    std::map<std::string, std::string> m_comment_names;
};

//! UTF-16 position of a scalar position.
std::size_t unitOf(const std::u16string& text, std::size_t scalar);
nlohmann::json jsonOf(const Value& value);
Value valueOf(const nlohmann::json& json);

}  // namespace kimdb::test
