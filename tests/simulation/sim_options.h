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
    NoLogHash,          //!< SUB names the hash the relay has, not ours (rule 19)
    EpochIgnored,       //!< SUB names the relay's epoch whatever ours is (rule 19)
    TornBatch,          //!< changes and the state beside them are two batches (rule 1)
    MarksById,          //!< own ids come back as marks whoever pushed them (decision 0040)
    RefusalForgotten,   //!< the relay does not keep what it has refused (rule 10)
    AckDropsUnsent,     //!< an ACK is read as if it covered the whole queue (rule 9)
    VoidLosesDeps,      //!< a refused change's VOID forgets its deps (rule 11)
};

struct NamedMutation {
    Mutation mutation;
    const char* name;
};
inline constexpr std::array kMutations{
    NamedMutation{Mutation::PushBeforeDurable, "push-before-durable"},
    NamedMutation{Mutation::AckBeforeDurable, "ack-before-durable"},
    NamedMutation{Mutation::CursorAtReceive, "cursor-at-receive"},
    NamedMutation{Mutation::NoLogHash, "no-log-hash"},
    NamedMutation{Mutation::TornBatch, "torn-batch"},
    NamedMutation{Mutation::MarksById, "marks-by-id"},
};

struct Options {
    std::uint64_t seed = 0;
    int steps = 1000;
    bool verbose = false;
    Mutation mutation = Mutation::None;
};

}  // namespace kimdb::sim
