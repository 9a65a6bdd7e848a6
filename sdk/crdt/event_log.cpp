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

bool join(ListSplice& last, const ListSplice& next) {
    if (next.removed == 0 && next.position == last.position + last.inserted.size()) {
        last.inserted.insert(last.inserted.end(), next.inserted.begin(), next.inserted.end());
        return true;
    }
    if (!next.inserted.empty() || !last.inserted.empty() || next.position != last.position)
        return false;
    last.removed += next.removed;
    return true;
}

// Whether its events can have nothing but splices, whenever they were made.
bool isPlainText(const Container& container) {
    return container.text && !container.marks;
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
    if (m_made < m_count) {
        m_events.emplace_back();
        m_containers.push_back(nullptr);
        m_touched.emplace_back();
        ++m_made;
    }
    Event& event = m_events[m_count - 1];
    event.origin = m_origin;
    event.splices.clear();
    if (m_containers[m_count - 1] == &container && isPlainText(container)) return event;
    m_touched[m_count - 1].shown.clear();
    m_touched[m_count - 1].marked.clear();
    event.container = container.id;
    m_containers[m_count - 1] = &container;
    event.formats.clear();
    event.list_splices.clear();
    event.updates.clear();
    event.set_updates.clear();
    event.counter.reset();
    return event;
}

void EventLog::splice(Container& text, const Rga::Splice& splice) {
    if (!isListening()) return;
    Event& event = eventOf(text);
    TextSplice next{splice.position, splice.removed, toUtf16(splice.utf8)};
    if (event.splices.empty() || !join(event.splices.back(), next))
        event.splices.push_back(std::move(next));
    if (text.marks && splice.inserted > 0)
        m_touched[text.event_index].shown.push_back({splice.slot, splice.inserted});
}

void EventLog::mark(Container& text, const MarkKey& key, Marks::Point from, Marks::Point to) {
    if (!isListening()) return;
    eventOf(text);
    m_touched[text.event_index].marked.push_back({key, {from, to, nullptr}});
}

void EventLog::splice(Container& list, ListSplice splice) {
    if (!isListening()) return;
    Event& event = eventOf(list);
    if (event.list_splices.empty() || !join(event.list_splices.back(), splice))
        event.list_splices.push_back(std::move(splice));
}

void EventLog::update(Container& map, MapUpdate update) {
    if (isListening()) eventOf(map).updates.push_back(std::move(update));
}

void EventLog::update(Container& set, SetUpdate update) {
    if (isListening()) eventOf(set).set_updates.push_back(std::move(update));
}

void EventLog::count(Container& counter) {
    if (isListening()) eventOf(counter).counter = counter.counter->value();
}

// As things are now that the batch is done, so it does not matter what happened twice.
void EventLog::addFormats(const Container& text, const Touched& touched, Event& event) const {
    const Marks& marks = *text.marks;
    const auto add = [&](std::size_t position, std::size_t length, const MarkKey& key,
                         const Marks::Mark* mark) {
        TextFormat next{position, length, key.isComment() ? commentKey(key.comment) : key.text,
                        mark ? mark->value : std::nullopt};
        const bool joins = !event.formats.empty() && length > 0 &&
                           event.formats.back().key == next.key &&
                           event.formats.back().value == next.value &&
                           event.formats.back().position + event.formats.back().length == position;
        if (joins)
            event.formats.back().length += length;
        else
            event.formats.push_back(std::move(next));
    };
    const auto addStretch = [&](const MarkKey& key, const Marks::Stretch& s, bool has_value) {
        const std::size_t begin = marks.positionOf(s.from);
        const std::size_t end = marks.positionOf(s.to);
        if (begin < end) add(begin, end - begin, key, has_value ? s.winner : nullptr);
    };
    for (const SlotRun& run : touched.shown)
        for (const MarkKey& key : marks.keys())
            for (const Marks::Stretch& s :
                 marks.stretches(key, {run.first, false}, {run.first + run.count - 1, true}))
                if (s.winner && s.winner->value) addStretch(key, s, true);
    for (const auto& [key, range] : touched.marked) {
        for (const Marks::Stretch& s : marks.stretches(key, range.from, range.to))
            addStretch(key, s, s.winner && s.winner->value);
        if (range.to == Marks::Point{kEndSlot, true})
            add(text.text->length(), 0, key, marks.at(key, kEndSlot));
    }
}

void EventLog::deliver() {
    if (m_count == 0 || !isListening()) return;
    for (std::size_t i = 0; i < m_count; ++i)
        if (m_containers[i]->marks) addFormats(*m_containers[i], m_touched[i], m_events[i]);
    if (m_made > m_count) {
        m_events.resize(m_count);
        m_touched.resize(m_count);
        m_containers.resize(m_count);
        m_made = m_count;
    }
    m_handler(m_events);
}

}  // namespace kimdb::crdt
