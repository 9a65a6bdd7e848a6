// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "core/change.h"
#include "relay/core/commit_order.h"
#include "relay/core/identity.h"

namespace kimdb::relay {

//! \brief Who may do what: bits of wire::Permission per user and document, journalled in the order
//! of the changes they judge (SYNC rule 12). The entry of a document goes before the entry for all
//! documents, a user's before everybody's. What a token grants holds where there is none but the
//! one for everybody and all documents: so who is let down here stays down while a token lives.
//! Thread: the core's. Stored under document "", keys "acl/DOCUMENT\nUSER".
class Permissions {
 public:
    static constexpr char kEverybody[] = "*";
    static constexpr char kEveryDocument[] = "*";

    Permissions(CommitOrder& commits, std::uint8_t by_default)
        : m_commits(commits), m_by_default(by_default) {}

    //! Errors: those of the store; StorageCorrupt.
    Result<> load();
    //! Takes effect at once; who is told of it waits for durability. Errors: InvalidArgument,
    //! InvalidName, store's.
    Result<> set(const std::string& user, const std::string& document, std::uint8_t bits);
    //! Without the right to read there is no other right.
    std::uint8_t of(const Identity& who, const std::string& document) const;

 private:
    CommitOrder& m_commits;
    std::uint8_t m_by_default;
    std::map<std::pair<std::string, std::string>, std::uint8_t> m_entries;  // (document, user)
};

//! \brief True when \a permissions allow a change of \a op_class (SYNC rule 12).
bool allows(std::uint8_t permissions, OpClass op_class);
bool mayRead(std::uint8_t permissions);

}  // namespace kimdb::relay
