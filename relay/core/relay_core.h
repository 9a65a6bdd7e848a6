// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <kimdb/ids.h>

#include "core/clock.h"
#include "core/hash.h"
#include "relay/core/identity.h"
#include "store/log_store.h"

namespace kimdb::relay {

using PeerId = std::uint64_t;  //!< a connection; never reused within a process

//! \brief What the core wants done. Called synchronously from inside the core's calls; of those it
//! may call back only setPeerBacklog().
class CoreDelegate {
 public:
    virtual ~CoreDelegate() = default;
    //! One message of 1..n records. A turn has one per peer, more only when it gets long.
    virtual void send(PeerId peer, Bytes message) = 0;
    //! The peer is forgotten already: what it still says is ignored, peerClosed() is not needed.
    virtual void close(PeerId peer, std::uint16_t code, const std::string& text) = 0;
};

//! \brief The relay without sockets, threads and timers: sessions, sequencer decisions, rooms and
//! plans (SYNC rules 1, 7-10, 12-15, 17, 19, 21). It reads a change's clear header and treats its
//! operations as bytes. The same code runs behind the WebSocket edge and in the simulator.
//!
//! A *turn* is any number of calls of peerOpened, peerClosed, receive, durable, setPeerBacklog and
//! setPermission, then endTurn(). Except for what ends a connection, nothing leaves before
//! endTurn(): ACKs first, then what became durable, then catch-up, then presence.
//! Thread: one. Owner: the edge or the simulator; store, clock, random and delegate outlive it.
class RelayCore {
 public:
    struct Options {
        bool allow_anonymous = true;  //!< who has no token is user "anonymous"
        bool anonymous_from_loopback_only = true;
        //! Bits of wire::Permission where no entry says otherwise. All: admin on everything.
        std::uint8_t default_permissions = 15;
        //! Who a token speaks for. None: no key set is configured, every token is refused. The
        //! error goes to the peer.
        std::function<Result<Identity>(ByteView token)> authenticate;
        //! Secret behind the certificates of OPS and CHUNK (SYNC rule 19), kept outside what is
        //! backed up. Empty: one is drawn for the life of this object.
        Bytes mac_key;
    };
    RelayCore(store::LogStore& store, const Clock& clock, Random& random, CoreDelegate& delegate,
              Options options);
    ~RelayCore();

    //! Reads or makes store id and epoch, and writes down the start, so that an unwritable store
    //! shows here.
    //! \a restored: the store came from a backup: a new epoch begins. Errors: those of the store.
    Result<> open(bool restored = false);

    void peerOpened(PeerId peer, bool loopback);
    void peerClosed(PeerId peer);
    void receive(PeerId peer, ByteView message);
    //! The peer broke the protocol below the records (a text frame): ERROR 4001 and close.
    void violated(PeerId peer, const std::string& what);
    //! Bytes the edge still holds for the peer (backpressure). An edge that never calls it has no
    //! backlog.
    void setPeerBacklog(PeerId peer, std::size_t bytes);
    void durable(store::SeqNo seq);
    void endTurn();
    //! At least every 50 ms: time-outs, heartbeats, presence. Ends a turn.
    void tick();
    //! Tells every peer that the relay goes away (4100) and closes it. What was not answered yet is
    //! pushed again.
    void closeAll();

    //! One switch per user and document (issue A): journalled and ordered with the changes; PERM to
    //! live sessions.
    //! \a user "*": everybody; \a document "*": every document without an own entry. Ends a turn.
    //! Errors: InvalidName, InvalidArgument, those of the store.
    Result<> setPermission(const std::string& user, const std::string& document,
                           std::uint8_t permissions);

    //! Ends the sessions (4401) of those who are not to be here any more. Ends a turn.
    void endSessionsOf(const std::function<bool(const Identity&)>& unwanted);

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
