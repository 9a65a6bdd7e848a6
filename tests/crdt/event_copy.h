// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

namespace kimdb::test {

//! \brief Plain copies of a document's containers that only its events keep up to date, as a view
//! of it would.
class EventCopy {
 public:
    void apply(const std::vector<crdt::Event>& events, const crdt::Document& doc);
    //! The first container that is not what the document shows, or an event that did not fit.
    std::optional<std::string> difference(const crdt::Document& doc) const;

 private:
    void applyTo(std::u16string& text, const crdt::Event& event);
    void applyTo(std::map<std::string, Value>& map, const crdt::Event& event);

    std::map<crdt::ContainerId, std::u16string> m_texts;
    std::map<crdt::ContainerId, std::map<std::string, Value>> m_maps;
    std::map<crdt::ContainerId, std::int64_t> m_counters;
    std::string m_error;
};

}  // namespace kimdb::test
