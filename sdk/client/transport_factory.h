// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>

#include "net/transport.h"

namespace kimdb {

using TransportFactory = std::function<std::unique_ptr<net::Transport>()>;

//! \brief How databases opened from now on in this process reach a relay: a seam for tests, which
//! put a transport of theirs before the real one. Empty: a WebSocketTransport. Thread: the one that
//! opens databases.
void setTransportFactory(TransportFactory factory);

std::unique_ptr<net::Transport> makeTransport();

}  // namespace kimdb
