// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace kimdb::sim {

//! \brief One rule broken on purpose, in the harness around the real code: the simulator must
//! notice.
enum class Mutation : std::uint8_t {
    None,
    PushBeforeDurable,  //!< the client's store calls a batch durable when it is written (rule 4)
    AckBeforeDurable,   //!< the relay's store does (rule 1)
    CursorAtReceive,    //!< SUB names what was received, not what is held (rule 14)
    NoReconcile,        //!< SUB names the epoch and log hash the relay has, not ours (rule 19)
    TornBatch,          //!< changes and the state beside them are two batches (rule 1)
    MarksById,          //!< own ids come back as marks whoever pushed them (decision 0040)
    AckCoversQueue,     //!< an ACK names more than the relay has taken (rule 9)
};

struct NamedMutation {
    Mutation mutation;
    const char* name;
};
inline constexpr std::array kMutations{
    NamedMutation{Mutation::PushBeforeDurable, "push-before-durable"},
    NamedMutation{Mutation::AckBeforeDurable, "ack-before-durable"},
    NamedMutation{Mutation::CursorAtReceive, "cursor-at-receive"},
    NamedMutation{Mutation::NoReconcile, "no-reconcile"},
    NamedMutation{Mutation::TornBatch, "torn-batch"},
    NamedMutation{Mutation::MarksById, "marks-by-id"},
    NamedMutation{Mutation::AckCoversQueue, "ack-covers-queue"},
};

struct Options {
    std::uint64_t seed = 0;
    int steps = 1000;
    bool verbose = false;
    Mutation mutation = Mutation::None;
};

}  // namespace kimdb::sim
