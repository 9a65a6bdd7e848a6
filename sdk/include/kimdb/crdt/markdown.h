// SPDX-License-Identifier: MIT
#pragma once

#include <kimdb/crdt/delta.h>

//! Texts as Markdown: CommonMark 0.30 with strikethrough and task lists. Between the two stand
//! Deltas with Quill's attributes: bold, italic, strike, code, link; header, list, indent,
//! blockquote, code-block (true or a language); the embeds {"image": url} with the attribute alt,
//! and {"divider": true} on a line of its own. docs/CRDT.md, "Markdown", says what is kept and what
//! is not. Thread: any; the document's for those that take one.
namespace kimdb::crdt {

//! \brief Reads Markdown as the Delta of a whole text. Any bytes are Markdown; invalid UTF-8
//! becomes U+FFFD. Errors: TooLarge (it, or its URLs, more than limits::kChangeBytesMax).
Result<Value> deltaFromMarkdown(std::string_view markdown);

//! \brief Writes the Delta of a whole text as Markdown that reads as the same Delta, as far as
//! Markdown can say it; what it cannot say is left out. Errors: as readers of Deltas (delta.h);
//! InvalidArgument for anything but inserts.
Result<std::string> markdownFromDelta(const Value& delta);

//! \brief Errors: as markdownFromDelta.
Result<std::string> toMarkdown(const Document& doc, const ContainerId& text);

//! \brief As setDelta(). Errors: of deltaFromMarkdown and setDelta.
Result<> setMarkdown(Document& doc, const ContainerId& text, std::string_view markdown);

}  // namespace kimdb::crdt
