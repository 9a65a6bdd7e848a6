// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "wire/change_batch.h"
#include "wire/records.h"

namespace kimdb::test {

//! \brief Stands between a client and its socket and holds back other people's changes until they
//! are allowed in, one by one: what decides which edits of a replayed trace are concurrent.
//!
//! OPS and CHUNK are taken apart into records of one change each; everything else passes at once.
//! For one document per client. Thread: one.
class RecordGate {
 public:
    using Sink = std::function<void(const Bytes& message)>;
    explicit RecordGate(Sink to_client) : m_to_client(std::move(to_client)) {}

    //! A new connection: nothing of the old one comes through any more.
    void reset();
    //! What came from the relay.
    void incoming(ByteView message);
    //! What the client sends, as the relay shall get it.
    Bytes outgoing(ByteView message);
    //! The first \a changes changes of others may pass, those that already did included.
    void allow(std::size_t changes);
    //! How many changes of others have passed, each counted once.
    std::size_t passed() const { return m_passed; }
    //! Last counter of each other replica that has passed.
    const std::map<ReplicaId, std::uint64_t>& heads() const { return m_heads; }

 private:
    struct Piece {  // of an OPS or CHUNK: one position, or none of an empty CHUNK
        wire::Alias alias = 0;
        bool chunk = false;
        bool final = false;
        std::uint64_t prev = 0;
        std::uint64_t last = 0;
        Hash16 mac;
        std::optional<wire::BatchItem> item;
    };
    struct Subscription {
        std::int64_t time_base_ms = 0;
        wire::ReplicaTable from_relay;
        wire::ReplicaTable to_client;
        std::uint32_t credits_owed = 0;  // the client gives more, as it got more chunks
    };

    void hold(const Piece& part, const Bytes& batch);
    bool isNew(const Piece& piece) const;
    void release();
    void deliver(const Piece& piece);

    Sink m_to_client;
    std::map<wire::Alias, Subscription> m_subscriptions;
    std::deque<Piece> m_held;
    std::map<ReplicaId, std::uint64_t> m_heads;  // of others, passed
    std::set<ReplicaId> m_own;
    std::size_t m_allowed = 0;
    std::size_t m_passed = 0;
    bool m_releasing = false;
};

}  // namespace kimdb::test
