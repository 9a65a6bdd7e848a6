// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "crdt/container.h"

//! What turns one state of a container into another of the same document. Ids tell what is the same
//! in both: the order of two characters never turns, so both texts are walked side by side once.
//! A nullptr container is one that nothing was done to.
namespace kimdb::crdt {

//! \brief A stretch of characters that both texts show, in UTF-16 units.
struct KeptRun {
    std::size_t from = 0, to = 0, length = 0;
};

//! Their stretches go to \a kept, ascending; nullptr: not needed.
std::vector<TextSplice> textSplices(const Container* from, const Container* to,
                                    std::vector<KeptRun>* kept);

//! Attributes that what is kept has to lose or to get, and those of the rest.
std::vector<TextFormat> textFormats(const std::vector<TextSpan>& from,
                                    const std::vector<TextSpan>& to,
                                    const std::vector<KeptRun>& kept);

std::vector<TextSpan> spansOf(const Container* text);

}  // namespace kimdb::crdt
