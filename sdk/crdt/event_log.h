// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include <kimdb/crdt/document.h>

#include "crdt/container.h"

namespace kimdb::crdt {

//! \brief Collects what one transaction or batch did, an event per container, and hands it over.
//! Does nothing while nobody listens.
class EventLog {
 public:
    using Handler = std::function<void(const std::vector<Event>&)>;

    void setHandler(Handler handler) { m_handler = std::move(handler); }
    Handler takeHandler() { return std::exchange(m_handler, nullptr); }
    bool isListening() const { return static_cast<bool>(m_handler); }
    void begin(Origin origin);
    void splice(Container& text, const Rga::Splice& splice);
    //! A mark came to win, or lost its value, on [from, to).
    void mark(Container& text, const MarkKey& key, Marks::Point from, Marks::Point to);
    void splice(Container& list, ListSplice splice);
    void update(Container& map, MapUpdate update);
    void update(Container& set, SetUpdate update);
    //! The value of a counter may be another.
    void count(Container& counter);
    //! Calls the handler if anything happened since begin().
    void deliver();

 private:
    // What may have other attributes now.
    struct Touched {
        std::vector<SlotRun> shown;
        std::vector<std::pair<MarkKey, Marks::Stretch>> marked;
    };
    Event& eventOf(Container& container);
    void addFormats(const Container& text, const Touched& touched, Event& event) const;

    Handler m_handler;
    std::vector<Event> m_events;  // kept between batches: the same text is edited again and again
    std::vector<const Container*> m_containers;  // of m_events
    std::vector<Touched> m_touched;              // of m_events
    std::size_t m_made = 0;                      // of each of them
    std::size_t m_count = 0;                     // that are of this batch
    std::size_t m_batch = 0;
    Origin m_origin = Origin::Local;
};

}  // namespace kimdb::crdt
