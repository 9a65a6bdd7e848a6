// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "core/clock.h"
#include "sync/identity.h"
#include "sync/rejected_list.h"
#include "sync/sync_engine.h"
#include "wire/records.h"

namespace kimdb::sync {

//! \brief What the engine has to say, kept until its state is whole again, so that the delegate may
//! call back (load a rebuilt document, append to it) without finding anything half done.
class Outbox {
 public:
    void send(const wire::Record& record);
    void notify(std::function<void(SyncDelegate&)> notice) {
        m_notices.push_back(std::move(notice));
    }
    void statusChanged(const std::string& document) { m_changed.insert(document); }
    void problem(Error error);
    //! Hands everything over, also what is added meanwhile; a call from inside a notice returns at
    //! once.
    void flush(SyncDelegate& delegate);
    //! Unsent records belong to a connection that is gone.
    void dropRecords() { m_messages.clear(); }

 private:
    std::deque<Bytes> m_messages;
    std::deque<std::function<void(SyncDelegate&)>> m_notices;
    std::set<std::string> m_changed;
    bool m_flushing = false;
};

class DocumentSync;

//! \brief One engine's parts that its documents share, and the session they speak in.
struct Shared {
    store::LogStore& store;
    const Clock& clock;
    Random& random;
    Identity identity;
    RejectedList rejected;
    Outbox outbox;
    bool minted = false;  //!< the open documents have to be told

    // The session; meaningful while online.
    bool online = false;
    std::uint64_t session = 0;
    std::string user;  //!< as whom the relay knows us
    Hash16 epoch;
    std::size_t push_bytes_max = 0;
    wire::Alias next_alias = 2;                    // even: the client's
    std::uint64_t push_number = 0;                 // grows over sessions too
    std::map<wire::Alias, DocumentSync*> aliases;  // in use; records for others are late ones
    //! Documents with something queued or not durable yet: the only ones a push or an fsync
    //! concerns.
    std::map<std::string, DocumentSync*> busy;

    //! New edits of every document get a new id (SYNC rule 5); durable with the next sync of the
    //! store.
    Result<> mint();
    //! The relay or the store cannot go on: ends the connection, to be tried again with back-off.
    void endSession(std::uint16_t code, const std::string& text);
};

}  // namespace kimdb::sync
