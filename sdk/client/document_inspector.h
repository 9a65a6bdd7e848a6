// SPDX-License-Identifier: MIT
#pragma once

#include "client/document_impl.h"

namespace kimdb {

//! \brief What tests want to know of a document and no application needs.
class DocumentInspector {
 public:
    //! Under which id new edits are made.
    static ReplicaId replica(const Document& document) {
        return document.m_impl->replica.replica();
    }
    //! Last counter of \a replica that is shown; 0: none.
    static std::uint64_t head(const Document& document, ReplicaId replica) {
        return document.m_impl->replica.head(replica);
    }
};

}  // namespace kimdb
