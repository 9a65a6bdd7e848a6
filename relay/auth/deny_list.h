// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <string>
#include <string_view>

#include <kimdb/result.h>

#include "relay/core/identity.h"

namespace kimdb::relay {

//! \brief Users and single tokens that are refused though their signatures hold. A text file, one
//! entry a line: "user NAME", or "token ID" for the claim "jti"; empty lines and what follows '#'
//! say nothing. Thread: a plain value.
class DenyList {
 public:
    static constexpr std::size_t kFileBytesMax = 8 * 1024 * 1024;

    //! Errors: InvalidArgument; the message names the line.
    static Result<DenyList> parse(std::string_view text);

    bool denies(const Identity& identity) const {
        return m_users.contains(identity.user) ||
               (!identity.token_id.empty() && m_tokens.contains(identity.token_id));
    }

 private:
    std::set<std::string, std::less<>> m_users;
    std::set<std::string, std::less<>> m_tokens;
};

}  // namespace kimdb::relay
