// SPDX-License-Identifier: MIT
#pragma once

#include <QByteArray>

#include <optional>

namespace kimdb::relay {

//! \brief Longest head of an opening request: bounds what a stranger can make us hold.
inline constexpr qsizetype kHeadBytesMax = 8 << 10;

//! \brief An HTTP answer that ends the connection instead of the WebSocket handshake.
struct HeadRefusal {
    int status = 0;
    QByteArray reason;  //!< the status' phrase
    QByteArray text;    //!< one line for people

    QByteArray toHttp() const;
};

//! \brief How far the head of a request has arrived. \a bytes: what was read of it so far.
enum class HeadState { Incomplete, Complete, TooLong };
HeadState headState(const QByteArray& bytes);

//! \brief Looks at a complete head before the WebSocket code does: it must be an upgrade that
//! speaks kimdb.v1, and must not come from another site's web page. A browser names the page's site
//! in Origin; programs send none. On a loopback listener the site must be this machine by name too,
//! else a name that a foreign DNS server points at 127.0.0.1 would pass. Nothing: it may go on.
std::optional<HeadRefusal> refusalOf(const QByteArray& head, bool loopback_listener);

}  // namespace kimdb::relay
