// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "core/change.h"
#include "wire/change_batch.h"

namespace kimdb::test {

//! \brief One stream of one document as its author sees it. Text is opaque to the relay.
class Author {
 public:
    explicit Author(ReplicaId id, char salt = 's')
        : replica(id), m_key(SaltKey::from(std::string(16, salt))), m_salts(m_key) {}

    //! The next change of the stream.
    Change writes(const std::string& text, std::vector<OpId> deps = {});
    //! A change at counter \a first, whatever the head is.
    Change writesAt(std::uint64_t first, const std::string& text) const;
    //! A change at the next counter in a form of a later version; not taken into the stream.
    wire::Sealed seals() const;
    //! Takes the change into the stream: its VOID, or one that another copy made.
    void takes(const Change& change);
    Hash16 hashOf(const Change& change) const;

    ReplicaId replica;
    std::uint64_t head = 0;
    Hash16 hash;         //!< rolling hash at head
    Hash16 hash_before;  //!< in front of the last change written

 private:
    SaltKey m_key;
    mutable SaltTree m_salts;
};

//! \brief What was written in a change of an Author.
std::string textOf(const Change& change);

}  // namespace kimdb::test
