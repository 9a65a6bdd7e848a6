// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include <kimdb/crdt/presence.h>
#include <kimdb/document.h>
#include <kimdb/presence.h>

namespace kimdb {

//! \brief What a session announced, as it came in. Empty `state`: it is gone.
struct PresenceNews {
    std::string document;
    std::uint64_t session = 0;
    std::uint64_t clock = 0;
    std::chrono::milliseconds ttl{};
    std::chrono::milliseconds received{};
    Bytes state;
};

class Presence::Impl {
 public:
    using States = std::map<std::uint64_t, crdt::PresenceState>;

    //! Sends what we show; the engine keeps to 20 a second and to the last one.
    void announceSelf();
    void receive(Presence& q, const PresenceNews& news);
    void expire(Presence& q, std::chrono::milliseconds now);
    //! Nobody is known to be here, e.g. while there is no connection.
    void clear(Presence& q);

    Document::Impl* document = nullptr;
    crdt::PresenceManager manager;
    crdt::PresenceState self;     //!< color is filled in when it is sent
    std::optional<QColor> color;  //!< nullopt: by the name
    bool announced = false;

 private:
    void emitGone(Presence& q, const States& before);
};

}  // namespace kimdb
