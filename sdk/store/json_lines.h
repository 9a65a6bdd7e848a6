// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "store/engine.h"

//! A store as text, one JSON object per line, for people and other programs:
//!
//!   {"record":"c/k","value":V,"expires_ms":n}            expires_ms only if it expires
//!   {"entry":doc,"position":n,"replica":"hex","first":n,"count":n,"received_ms":n,"user":text,
//!    "flags":n,"log_hash":B,"change":B}
//!   {"trimmed":doc,"position":n}                         before the entries behind it
//!   {"key":doc,"name":B,"value":B}
//!   {"snapshot":doc,"position":n,"bytes":B}
//!
//! B is {"$bytes":"<base64>"}, V is a text if it is UTF-8, else B.
namespace kimdb::store {

//! \brief Takes a line without its end. False: stop.
using LineSink = std::function<bool(ByteView line)>;
//! \brief Gives the next line without its end; nothing at the end.
using LineSource = std::function<std::optional<Bytes>()>;

//! \brief Writes everything that is not expired. What is written meanwhile may or may not be in it;
//! for one moment's state restore a backup and export that. Errors: of reads; Closed when stopped.
Result<> exportJsonLines(const Engine& engine, const LineSink& sink, const Progress& progress = {});

//! \brief Writes what the lines say, in batches of a few thousand, and waits until it is durable.
//! Records replace those of the same name. A document must not exist: InvalidArgument, with the
//! line's number; so for a line that is not understood (Malformed). What came before it stays.
Result<> importJsonLines(Engine& engine, const LineSource& source, const Progress& progress = {});

}  // namespace kimdb::store
