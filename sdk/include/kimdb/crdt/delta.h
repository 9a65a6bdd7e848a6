// SPDX-License-Identifier: MIT
#pragma once

#include <kimdb/crdt/document.h>

//! Texts as Deltas, the format of Quill and what binds to it (docs/CRDT.md, "Delta"):
//!
//!   [{"insert":"Title"},{"insert":"\n","attributes":{"header":1}},{"retain":3},{"delete":2},
//!    {"insert":{"image":"a.png"},"attributes":{"#1:5":"a comment"}}]
//!
//! A Delta of a whole text has one "\n" more than the text: that is the end of the text with the
//! attributes of its last paragraph, as an editor's last line always has a "\n". Positions and
//! lengths are UTF-16 units, an embed is one. Attributes of lines stand on their "\n". Comments are
//! attributes under their keys, which begin with '#'. Thread: that of the document.
namespace kimdb::crdt {

//! \brief Whether the comments of a text are part of its Delta.
enum class Comments : std::uint8_t { Keep, LeaveOut };

//! \brief What mark() is told for this attribute: None for links, for what belongs to lines
//! (header, list, indent, blockquote, code-block, align, direction), embeds and comments; else
//! After.
Expand expandOf(std::string_view key);

//! \brief A whole text: inserts only. Attributes whose value is null are left out. An embed whose
//! object is not a JSON object, or one with the only key "embed", is under that key.
Value toDelta(const Document& doc, const ContainerId& text, Comments comments = Comments::Keep);

//! \brief What an event of a text did, for an editor that shows what the text was before. REQUIRES:
//! \a doc has not changed since: to be called by its handler. An event of very many splices is told
//! as one replacement of the whole text.
Value toDelta(const Document& doc, const Event& event, Comments comments = Comments::Keep);

//! \brief Edits a text as a Delta says, as part of the open transaction, or not at all. Inserted
//! text has the given attributes and no others. An attribute on a comment's key: null removes the
//! whole comment; inserted or retained, it makes a comment of this replica, except beside or inside
//! the comment of that key. A Delta may delete the last "\n": what is then the last one becomes the
//! end of the text. \a delta is an array of operations or an object with one under "ops".
//! Errors: WrongType (no text), Malformed (no Delta), Unsupported (changes inside embeds),
//! InvalidArgument (behind the end of the text, or between the halves of a surrogate pair),
//! TooLarge (does not fit into one change, or nested too deeply). REQUIRES: an open transaction
//! that has not written much before.
Result<> applyDelta(Document& doc, const ContainerId& text, const Value& delta,
                    Comments comments = Comments::Keep);

//! \brief Replaces a text by a whole one. Everything is deleted first, so cursors and what others
//! insert meanwhile end up at its ends: editors apply changes instead. Without a "\n" at the end,
//! the last paragraph has no attributes. Errors: as applyDelta; InvalidArgument also for anything
//! but inserts. REQUIRES: as applyDelta.
Result<> setDelta(Document& doc, const ContainerId& text, const Value& delta,
                  Comments comments = Comments::Keep);

}  // namespace kimdb::crdt
