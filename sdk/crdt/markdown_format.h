// SPDX-License-Identifier: MIT
#pragma once

//! What reader and writer of Markdown agree on where Markdown has no word of its own:
//!   an empty paragraph          a line "<br>"; in a list item or quotation "<!-- -->"
//!   a hard line break           U+2028 in the text
//!   a white space at an edge    a character reference, &#32;
//!   a list item that is indented deeper than its list    markers in one line: "- - item"
namespace kimdb::crdt {

inline constexpr const char* kEmptyParagraph = "<br>";
inline constexpr const char* kEmptyItem = "<!-- -->";
inline constexpr char16_t kLineSeparator = 0x2028;
inline constexpr int kIndentMax = 32;  // what is deeper is shown at this depth
inline constexpr int kHeaderMax = 6;

}  // namespace kimdb::crdt
