// SPDX-License-Identifier: MIT
#pragma once

#include "core/bytes.h"
#include "crdt/document_impl.h"
#include "crdt/sequence_codec.h"

//! The undo stacks of one author in a document file (**format**), for whoever opens it under the
//! same id.
//!
//!   undo       u64 LE replica | stack of what can be undone | stack of what can be redone
//!   stack      varint n, n × item, the oldest first
//!   item       varint n ≥ 1, n × step | selection before | selection after
//!   selection  u8 0, or u8 1, container, cursor anchor, cursor head
//!   step       u8 kind, container, then
//!     0 deletions, 1 insertions and counts: varint n, n × (varint gap from the end of the one
//!                in front, ≥ 1 but for a first one; varint length - 1), text
//!     2 write    key of a map or set | id of a list's element; content before, content after
//!     3 move     id element, id slot before, id slot after
//!     4 mark     u8 0, key or u8 1, id of a comment; varint n, n × (anchor from, anchor to,
//!                content before), content after
//!   content    u8 bits 0-3 as a register's (document_codec.h) | any id origin | [value]
//!   anchor     u8 after | any id
//!
//! container = varint length, as in op_codec.h; cursor, key, text, value = varint length, bytes;
//! ids as in document_codec.h. A step is one that can be taken back in this document, or the file
//! is malformed.
namespace kimdb::crdt {

class UndoCodec {
 public:
    static Bytes encode(const Document::Impl& document, const FileReplicas& numbers);
    //! Does nothing when the stacks are another author's. Errors: Malformed. REQUIRES: \a document
    //! has its state.
    static Result<> decode(ByteView undo, Document::Impl& document, const FileReplicas& numbers);

 private:
    class Writer;
    class Reader;
};

}  // namespace kimdb::crdt
