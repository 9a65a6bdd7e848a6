// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <kimdb/ids.h>

#include "core/clock.h"
#include "core/hash.h"
#include "store/log_store.h"

namespace kimdb::relay {

using PeerId = std::uint64_t;  //!< a connection; never reused within a process

//! \brief What the core wants done. Called synchronously from inside the core's calls.
class CoreDelegate {
   public:
    virtual ~CoreDelegate() = default;
    //! One call per peer and turn. \a head and \a body are sent as one message; body may be shared by many peers.
    virtual void send(PeerId peer, Bytes message) = 0;
    virtual void close(PeerId peer, std::uint16_t code, const std::string& text) = 0;
};

//! \brief The relay without sockets, threads and timers: sessions, sequencer decisions, rooms and plans (SYNC
//! rules 1, 7-10, 14, 15, 17, 19). It reads a change's clear header and treats its operations as bytes. The same
//! code runs behind the WebSocket edge and in the simulator. One thread.
class RelayCore {
   public:
    struct Options {
        bool allow_anonymous = true;  //!< everybody without a token is user "anonymous", admin on everything
    };
    RelayCore(store::LogStore& store, const Clock& clock, Random& random, CoreDelegate& delegate, Options options);
    ~RelayCore();

    //! Reads or makes store id and epoch. \a restored: the store came from a backup: a new epoch begins.
    Result<> open(bool restored = false);

    void peerOpened(PeerId peer, bool loopback);
    void peerClosed(PeerId peer);
    void receive(PeerId peer, ByteView message);
    //! Bytes the edge still holds for the peer (backpressure).
    void setPeerBacklog(PeerId peer, std::size_t bytes);
    //! End of a turn of the event loop: flushes what is due per peer.
    void endTurn();
    void tick();
    void durable(store::SeqNo seq);

    //! One switch per user and document (issue A): journalled and ordered with the changes; PERM to live sessions.
    //! \a user "*": everybody; \a document "*": every document without an own entry.
    Result<> setPermission(const std::string& user, const std::string& document, std::uint8_t permissions);

    struct Stats {
        std::size_t peers = 0;
        std::size_t rooms = 0;
        std::uint64_t changes_accepted = 0;
        std::uint64_t changes_refused = 0;
    };
    Stats stats() const;
    Hash16 epoch() const;

   private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace kimdb::relay
