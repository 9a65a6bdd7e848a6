// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace kimdb::crdt {

//! \brief A stretch of a line with one format; an image is one too.
struct MarkdownRun {
    std::u16string text;
    bool bold = false, italic = false, strike = false, code = false;
    bool has_link = false, is_image = false;
    std::string link;
    std::string source;  //!< of an image
    std::u16string alt;

    bool isLike(const MarkdownRun& other) const {
        return bold == other.bold && italic == other.italic && strike == other.strike &&
               code == other.code && has_link == other.has_link && link == other.link &&
               !is_image && !other.is_image;
    }
};

//! \brief How a line may go on and what begins it.
struct MarkdownLineStyle {
    std::string next_line;      //!< what stands in front of a line that continues it
    bool can_continue = false;  //!< else a hard break is a character reference
    bool is_header = false;     //!< '#' may end it
};

//! \brief A line's text as Markdown, so that it is read as these runs. REQUIRES: neighbours are not
//! alike; no run is empty; no newline.
std::string markdownLine(const std::vector<MarkdownRun>& runs, const MarkdownLineStyle& style);

//! \brief A word of a fence's info string.
std::string markdownWord(std::string_view utf8);

}  // namespace kimdb::crdt
