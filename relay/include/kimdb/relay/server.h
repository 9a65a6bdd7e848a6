// SPDX-License-Identifier: MIT
#pragma once

#include <QByteArray>
#include <QObject>
#include <QString>
#include <QUrl>

#include <cstdint>
#include <functional>
#include <memory>

#include <kimdb/result.h>

namespace kimdb::relay {

//! \brief How a relay is opened. The defaults are those of `kimdb-relay` without options: nobody
//! but programs on this machine can reach it.
struct ServerOptions {
    std::uint16_t port = 40000;         //!< 0: a free one, see Server::port()
    QString storage = "sqlite:./data";  //!< "sqlite:FOLDER"; the folder is made when missing
    QString listen = "127.0.0.1";       //!< an address of this machine; "0.0.0.0", "::": all
    //! Clients without a token are taken from other machines too. Everybody who reaches the port
    //! may then read and write everything.
    bool anonymous_from_anywhere = false;
    //! File with the keys (a JWK Set, docs/PROTOCOL.md "Tokens") that clients' tokens are checked
    //! with. With it nobody is let in without a token, and without a grant nobody may do anything.
    QString key_set;
    QString deny_list;           //!< file with users and tokens that are refused; see reload()
    QString audience = "kimdb";  //!< what the claim "aud" of tokens has to name
    //! Instead of key_set: which user a client's token belongs to, asked in the server's thread
    //! when it connects; an error refuses it (4401). Without either there are no users but
    //! "anonymous" and every token is refused.
    std::function<Result<QString>(const QByteArray& token)> authenticate;
    //! The folder was put back from a backup: clients compare what they hold and supply what is
    //! missing. Set it for the first start after that.
    bool restored = false;
};

//! \brief A relay: takes WebSocket connections of KimDB clients (KRP/1, docs/PROTOCOL.md), orders
//! and stores their changes durably, and passes them on.
//!
//! ```cpp kimdb::relay::Server server({.port = 40000, .storage = "sqlite:./data"}); if (auto ok =
//! server.start(); !ok) qFatal("%s", ok.error().message.c_str()); ```
//! Thread: the one that made it, which needs a running event loop; signals arrive there. Several
//! per process are fine, each with a folder of its own. Owner: the caller or the parent; the
//! destructor stops.
class Server : public QObject {
    Q_OBJECT

 public:
    explicit Server(ServerOptions options = {}, QObject* parent = nullptr);
    ~Server() override;

    //! \brief Opens the folder, recovers it and listens. Nothing is left behind on an error.
    //! Errors: InvalidArgument (storage or address), AddressInUse, DatabaseBusy (the message names
    //! who has the folder), VersionTooNew, PermissionDenied, StorageCorrupt, StorageFull,
    //! StorageFailed.
    //! REQUIRES: not running.
    Result<> start();

    //! \brief Goes away in order: no new connections; what was pushed is made durable and
    //! acknowledged; every client is told to come back later (4100); the folder is flushed and
    //! released. Returns then; stopped() follows when the last connection is closed, within two
    //! seconds. Without effect when not running.
    void stop();

    bool isRunning() const;
    std::uint16_t port() const;  //!< 0 when not running
    QUrl url() const;            //!< "ws://127.0.0.1:40000"
    QString folder() const;      //!< absolute

    //! \brief Reads key_set and deny_list again; sessions whose key is gone or whose user or token
    //! is denied now end (4401). Errors: InvalidArgument, PermissionDenied, with file and place;
    //! then all stays as it was. Closed when not running.
    Result<> reload();

    //! \brief What \a user may do with \a document: bits 1 read, 2 comment, 4 write, 8 admin. It
    //! holds for every change decided after the call; who is connected is told. Returns when it is
    //! durable: a few milliseconds on a healthy disk. "*" stands for every user, or for every
    //! document without an entry of its own. Who connects without a token is the user "anonymous".
    //! Errors: InvalidName, InvalidArgument, those of the store; Timeout (it holds, but the disk
    //! has not taken it in 5 s); Closed when not running.
    Result<> setPermission(const QString& user, const QString& document, std::uint8_t bits);

    static QString version();

 signals:
    void started();
    void stopped();
    void peerConnected(quint64 peer);  //!< a WebSocket is open; nobody is known yet
    void peerDisconnected(quint64 peer);
    void tokenRefused(const QString& why);  //!< holds nothing of the token
    //! The store or the listener failed. With StorageFull the relay goes on when there is space
    //! again; with StorageFailed it takes nothing more until it is started anew.
    void errorOccurred(const kimdb::Error& error);

 private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace kimdb::relay
