// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "core/change.h"

namespace kimdb::test {

struct GoldenChange {
    const char* name;
    Change change;
    const char* structure;  //!< hex
    const char* content;    //!< hex
};

//! \brief One change of every form of operation, in causal order, as the engine writes them, and
//! the bytes they have to be. A changed vector is a format change.
std::vector<GoldenChange> goldenChanges();

//! \brief Every form of an operation as the writer writes it, whether or not what it names is
//! there.
std::vector<GoldenChange> goldenForms();

}  // namespace kimdb::test
