// SPDX-License-Identifier: MIT
#pragma once

#include <QStringList>

namespace kimdb::relay {

//! \brief `kimdb-relay token …`: makes keys and tokens and looks into tokens; needs no running
//! relay. \a arguments: what follows "token". Prints to stdout, complaints to stderr; returns the
//! exit code: 1 when it failed, 2 for options it does not understand.
int runTokenCommand(const QStringList& arguments);

}  // namespace kimdb::relay
