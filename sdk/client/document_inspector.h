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
    //! Remote changes that are not shown yet.
    static std::size_t waiting(const Document& document) { return document.m_impl->incoming(); }
};

}  // namespace kimdb
