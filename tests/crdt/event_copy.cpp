// SPDX-License-Identifier: MIT
#include "crdt/event_copy.h"

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Event;
using crdt::Item;

namespace {

void put(std::map<std::string, Value>& attributes, const crdt::TextFormat& format) {
    if (format.value)
        attributes[format.key] = *format.value;
    else
        attributes.erase(format.key);
}

}  // namespace

void EventCopy::apply(const std::vector<Event>& events) {
    for (const Event& event : events) {
        switch (event.container.type()) {
            case ContainerType::Text:
                applyTo(m_texts[event.container], event);
                break;
            case ContainerType::List:
                applyTo(m_lists[event.container], event);
                break;
            case ContainerType::Map:
                applyTo(m_maps[event.container], event);
                break;
            case ContainerType::Set:
                applyTo(m_sets[event.container], event);
                break;
            case ContainerType::Counter:
                if (!event.counter) m_error = "a counter's event without value";
                m_counters[event.container] = event.counter.value_or(0);
                break;
        }
    }
}

void EventCopy::applyTo(Text& text, const Event& event) {
    for (const crdt::TextSplice& s : event.splices) {
        if (s.position + s.removed > text.units.size()) {
            m_error = "a splice out of range";
            return;
        }
        text.units.replace(s.position, s.removed, s.inserted);
        const auto at = text.attributes.begin() + static_cast<std::ptrdiff_t>(s.position);
        const auto gap = text.attributes.erase(at, at + static_cast<std::ptrdiff_t>(s.removed));
        text.attributes.insert(gap, s.inserted.size(), {});
    }
    for (const crdt::TextFormat& f : event.formats) {
        if (f.position + f.length > text.units.size()) {
            m_error = "a format out of range";
            return;
        }
        for (std::size_t i = 0; i < f.length; ++i) put(text.attributes[f.position + i], f);
        if (f.length == 0) put(text.last, f);
    }
}

void EventCopy::applyTo(std::vector<Item>& list, const Event& event) {
    for (const crdt::ListSplice& s : event.list_splices) {
        if (s.position + s.removed > list.size()) {
            m_error = "a list splice out of range";
            return;
        }
        const auto at = list.begin() + static_cast<std::ptrdiff_t>(s.position);
        const auto gap = list.erase(at, at + static_cast<std::ptrdiff_t>(s.removed));
        list.insert(gap, s.inserted.begin(), s.inserted.end());
    }
}

void EventCopy::applyTo(std::map<std::string, Item>& map, const Event& event) {
    for (const crdt::MapUpdate& update : event.updates) {
        const auto at = map.find(update.key);
        const auto before = at == map.end() ? std::nullopt : at->second.value;
        if (before != update.before) m_error = "an update of what was not there";
        if (update.after || update.container)
            map[update.key] = {update.after, update.container};
        else
            map.erase(update.key);
    }
}

void EventCopy::applyTo(std::map<Bytes, Value>& set, const Event& event) {
    for (const crdt::SetUpdate& update : event.set_updates) {
        const Bytes name = update.member.encode();
        if (set.count(name) == (update.present ? 1 : 0)) m_error = "a member comes or goes twice";
        if (update.present)
            set[name] = update.member;
        else
            set.erase(name);
    }
}

std::vector<crdt::TextSpan> EventCopy::spansOf(const Text& text) {
    std::vector<crdt::TextSpan> spans;
    for (std::size_t i = 0; i < text.units.size(); ++i) {
        if (spans.empty() || spans.back().attributes != text.attributes[i])
            spans.push_back({{}, text.attributes[i]});
        spans.back().text += text.units[i];
    }
    if (!text.last.empty()) spans.push_back({{}, text.last});
    return spans;
}

std::optional<std::string> EventCopy::difference(const crdt::Document& doc) const {
    if (!m_error.empty()) return m_error;
    for (const auto& [text, copy] : m_texts) {
        if (doc.text(text) != copy.units) return "events made another text";
        if (doc.spans(text) != spansOf(copy)) return "events made other attributes";
    }
    for (const auto& [list, copy] : m_lists)
        if (doc.items(list) != copy) return "events made another list";
    for (const auto& [counter, copy] : m_counters)
        if (doc.counter(counter) != copy) return "no event told of a counter";
    for (const auto& [map, copy] : m_maps) {
        std::map<std::string, Item> shown;
        for (const std::string& key : doc.keys(map))
            shown[key] = {doc.value(map, key), doc.container(map, key)};
        if (shown != copy) return "events made another map";
    }
    for (const auto& [set, copy] : m_sets) {
        std::vector<Value> members;
        for (const auto& [name, member] : copy) members.push_back(member);
        if (doc.members(set) != members) return "events made another set";
    }
    return std::nullopt;
}

}  // namespace kimdb::test
