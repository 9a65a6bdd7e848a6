// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <set>

#include "wire/change_batch.h"
#include "wire/records.h"

namespace kimdb::relay {

class Room;
class Session;

//! \brief Where a subscription stands on its way to the live changes (SYNC rule 15).
enum class Stage : std::uint8_t {
    Answering,  //!< SUBOK has not left yet
    Chunks,     //!< catching up by CHUNKs, paced by CREDIT
    Log,        //!< continued from the log by OPS, paced by what the connection takes
    Live,       //!< gets what becomes durable, turn by turn
    Denied,     //!< may not read: nothing but answers to its own pushes and PERM
};

//! \brief What a member last announced about itself. Never stored.
struct PresenceState {
    std::uint64_t clock = 0;
    std::uint32_t ttl_ms = 0;
    Bytes state;
    std::chrono::milliseconds heard{0};  //!< steady time of the last announcement
    std::chrono::milliseconds told{0};   //!< steady time of the last broadcast
    bool due = false;                    //!< heard something that was not broadcast yet
};

//! \brief One document within one session. Owner: the session. Thread: the core's.
struct Subscription {
    Session& session;
    Room& room;
    wire::Alias alias = 0;
    Stage stage = Stage::Answering;
    std::uint8_t permissions = 0;
    std::uint64_t sent = 0;         //!< the one position up to which the peer was sent the log
    bool final_chunk_due = false;   //!< catch-up must end with a CHUNK that says so
    int chunks_outstanding = 0;     //!< CHUNKs without CREDIT
    std::size_t ids_known = 0;      //!< entries of the room's replica table the peer has
    wire::ReplicaTable push_ids{};  //!< table of the other direction
    //! Positions above `sent` of changes this very session pushed and was acknowledged: they go out
    //! as marks (docs/decisions/0040-marks.md).
    std::set<std::uint64_t> own{};
    std::optional<PresenceState> presence{};
    std::optional<std::chrono::milliseconds> seen_at{};
};

}  // namespace kimdb::relay
