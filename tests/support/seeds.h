// SPDX-License-Identifier: MIT
#pragma once

#include <QtGlobal>

#include "support/scale.h"

namespace kimdb::test {

//! \brief The seeds of a property test: 1 to \a usual times KIMDB_SCALE, or KIMDB_SEED alone. Says
//! which.
struct Seeds {
    std::uint64_t first = 1, last;

    explicit Seeds(std::uint64_t usual) : last(scaled(usual)) {
        if (qEnvironmentVariableIsSet("KIMDB_SEED"))
            first = last = qEnvironmentVariable("KIMDB_SEED").toULongLong();
        qInfo("seeds %llu to %llu", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(last));
    }
};

}  // namespace kimdb::test
