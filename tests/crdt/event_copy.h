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
    void apply(const std::vector<crdt::Event>& events);
    //! The first container that is not what the document shows, or an event that did not fit.
    std::optional<std::string> difference(const crdt::Document& doc) const;

 private:
    using Attributes = std::map<std::string, Value>;
    struct Text {
        std::u16string units;
        std::vector<Attributes> attributes;  // of each unit
        Attributes last;                     // of an unterminated last paragraph
    };
    void applyTo(Text& text, const crdt::Event& event);
    void applyTo(std::vector<crdt::Item>& list, const crdt::Event& event);
    void applyTo(std::map<std::string, crdt::Item>& map, const crdt::Event& event);
    void applyTo(std::map<Bytes, Value>& set, const crdt::Event& event);
    static std::vector<crdt::TextSpan> spansOf(const Text& text);

    std::map<crdt::ContainerId, Text> m_texts;
    std::map<crdt::ContainerId, std::vector<crdt::Item>> m_lists;
    std::map<crdt::ContainerId, std::map<std::string, crdt::Item>> m_maps;
    std::map<crdt::ContainerId, std::map<Bytes, Value>> m_sets;  // by encoding
    std::map<crdt::ContainerId, std::int64_t> m_counters;
    std::string m_error;
};

}  // namespace kimdb::test
