// SPDX-License-Identifier: MIT
#include "crdt/event_log.h"

#include "core/utf8.h"

namespace kimdb::crdt {

namespace {

// Makes `last` say what both say, if one splice can: typing on, deleting on in either direction.
bool join(TextSplice& last, const TextSplice& next) {
    if (next.removed == 0 && next.position == last.position + last.inserted.size()) {
        last.inserted += next.inserted;
        return true;
    }
    if (!next.inserted.empty() || !last.inserted.empty()) return false;
    if (next.position == last.position) {
        last.removed += next.removed;
        return true;
    }
    if (next.position + next.removed != last.position) return false;
    last.position = next.position;
    last.removed += next.removed;
    return true;
}

}  // namespace

void EventLog::begin(Origin origin) {
    m_origin = origin;
    m_count = 0;
    ++m_batch;
}

Event& EventLog::eventOf(Container& container) {
    if (container.event_batch == m_batch) return m_events[container.event_index];
    container.event_batch = m_batch;
    container.event_index = m_count++;
    if (m_events.size() < m_count) m_events.emplace_back();
    if (m_containers.size() < m_count) m_containers.push_back(nullptr);
    Event& event = m_events[m_count - 1];
    if (m_containers[m_count - 1] != &container) event.container = container.id;
    m_containers[m_count - 1] = &container;
    event.origin = m_origin;
    event.splices.clear();
    event.updates.clear();
    return event;
}

void EventLog::splice(Container& text, std::size_t position, std::size_t removed,
                      std::string_view inserted) {
    if (!isListening()) return;
    Event& event = eventOf(text);
    TextSplice next{position, removed, toUtf16(inserted)};
    if (event.splices.empty() || !join(event.splices.back(), next))
        event.splices.push_back(std::move(next));
}

void EventLog::update(Container& map, MapUpdate update) {
    if (isListening()) eventOf(map).updates.push_back(std::move(update));
}

void EventLog::count(Container& counter) {
    if (isListening()) eventOf(counter);
}

void EventLog::deliver() {
    if (m_count == 0 || !isListening()) return;
    m_events.resize(m_count);
    m_containers.resize(m_count);
    m_handler(m_events);
}

}  // namespace kimdb::crdt
