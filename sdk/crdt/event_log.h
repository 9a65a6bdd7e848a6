// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string_view>
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
    bool isListening() const { return static_cast<bool>(m_handler); }
    void begin(Origin origin);
    void splice(Container& text, std::size_t position, std::size_t removed,
                std::string_view inserted);
    void update(Container& map, MapUpdate update);
    //! The value of a counter may be another.
    void count(Container& counter);
    //! Calls the handler if anything happened since begin().
    void deliver();

 private:
    Event& eventOf(Container& container);

    Handler m_handler;
    std::vector<Event> m_events;  // kept between batches: the same text is edited again and again
    std::vector<const Container*> m_containers;  // of m_events
    std::size_t m_count = 0;
    std::size_t m_batch = 0;
    Origin m_origin = Origin::Local;
};

}  // namespace kimdb::crdt
