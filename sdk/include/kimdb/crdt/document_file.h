// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <kimdb/crdt/document.h>

namespace kimdb::crdt {

//! \brief A document in a file, read only as far as it is asked: checksums when it is opened, text
//! without structures when it is read, everything when it becomes a Document. The bytes are a
//! function of the document's version and detail alone. Thread: one at a time.
class DocumentFile {
 public:
    //! Checks the frame. Errors: Malformed; VersionTooNew or Unsupported (update the program).
    static Result<DocumentFile> open(Bytes bytes);
    ~DocumentFile();
    DocumentFile(DocumentFile&&) noexcept;
    DocumentFile& operator=(DocumentFile&&) noexcept;

    //! Errors of all: Malformed, Unsupported, TooLarge.
    Result<VectorClock> version() const;
    //! What a text shows; empty when there is none. Reads nothing but the text.
    Result<std::string> textUtf8(const ContainerId& text) const;
    //! The whole document, for edits and changes under the id \a self (0: read-only).
    Result<Document> document(ReplicaId self = 0) const;
    const Bytes& bytes() const;

 private:
    struct Parts;
    explicit DocumentFile(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> m_parts;
};

}  // namespace kimdb::crdt
