// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <kimdb/crdt/document.h>

namespace kimdb::crdt {

//! \brief What one participant shows of itself in one document. Never stored.
struct PresenceState {
    std::string name;              //!< for people; UTF-8, at most 64 bytes are kept
    std::uint32_t color = 0;       //!< 0xRRGGBB
    std::optional<Cursor> anchor;  //!< selection start (equals head when nothing is selected)
    std::optional<Cursor> head;    //!< the caret
    Value::Object custom;          //!< application data, e.g. a game position

    //! At most limits::kPresenceBytesMax. Errors: TooLarge.
    Result<Bytes> encode() const;
    static Result<PresenceState> decode(ByteView bytes);
    bool operator==(const PresenceState&) const = default;
};

//! \brief Per-replica last-writer-wins map with clock and time-out. Time is passed in. One thread.
class PresenceManager {
 public:
    //! Applies what a session (a replica's connection) announced. \a clock grows per session; older
    //! ones are ignored. Empty \a state: the session is gone. Returns whether anything changed.
    bool apply(std::uint64_t session, std::uint64_t clock, std::chrono::milliseconds ttl,
               const std::optional<PresenceState>& state, std::chrono::milliseconds now);
    //! Drops sessions not heard of within their time to live. Returns whether any was dropped.
    bool expire(std::chrono::milliseconds now);
    void clear();
    const std::map<std::uint64_t, PresenceState>& states() const { return m_states; }

 private:
    struct Seen {
        std::uint64_t clock = 0;
        std::chrono::milliseconds until{};
    };
    std::map<std::uint64_t, PresenceState> m_states;
    std::map<std::uint64_t, Seen> m_seen;
};

}  // namespace kimdb::crdt
