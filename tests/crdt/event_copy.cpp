// SPDX-License-Identifier: MIT
#include "crdt/event_copy.h"

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Event;

void EventCopy::apply(const std::vector<Event>& events, const crdt::Document& doc) {
    for (const Event& event : events) {
        switch (event.container.type()) {
            case ContainerType::Text:
                applyTo(m_texts[event.container], event);
                break;
            case ContainerType::Map:
                applyTo(m_maps[event.container], event);
                break;
            case ContainerType::Counter:
                m_counters[event.container] = doc.counter(event.container);
                break;
            default:
                break;
        }
    }
}

void EventCopy::applyTo(std::u16string& text, const Event& event) {
    for (const crdt::TextSplice& s : event.splices) {
        if (s.position + s.removed > text.size())
            m_error = "a splice out of range";
        else
            text.replace(s.position, s.removed, s.inserted);
    }
}

void EventCopy::applyTo(std::map<std::string, Value>& map, const Event& event) {
    for (const crdt::MapUpdate& update : event.updates) {
        const auto at = map.find(update.key);
        const auto before = at == map.end() ? std::nullopt : std::optional(at->second);
        if (before != update.before) m_error = "an update of what was not there";
        if (update.after)
            map[update.key] = *update.after;
        else
            map.erase(update.key);
    }
}

std::optional<std::string> EventCopy::difference(const crdt::Document& doc) const {
    if (!m_error.empty()) return m_error;
    for (const auto& [text, copy] : m_texts)
        if (doc.text(text) != copy) return "events made another text";
    for (const auto& [counter, copy] : m_counters)
        if (doc.counter(counter) != copy) return "no event told of a counter";
    for (const auto& [map, copy] : m_maps) {
        std::map<std::string, Value> shown;
        for (const std::string& key : doc.keys(map))
            if (const auto value = doc.value(map, key)) shown[key] = *value;
        if (shown != copy) return "events made another map";
    }
    return std::nullopt;
}

}  // namespace kimdb::test
