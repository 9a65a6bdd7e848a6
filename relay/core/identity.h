// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kimdb::relay {

//! \brief What somebody may do with a document; each has what the ones before it have (SYNC
//! rule 12).
enum class Role : std::uint8_t { None, Reader, Commenter, Writer, Admin };

std::optional<Role> roleNamed(std::string_view name);
std::string_view nameOf(Role role);
//! Bits of wire::Permission.
std::uint8_t permissionsOf(Role role);

//! \brief A role on every document that a pattern "collection/id" matches. In each half '*' stands
//! for any characters, "*" alone for every document.
struct Grant {
    std::string pattern;
    Role role = Role::None;
    bool operator==(const Grant&) const = default;
};

bool isPattern(std::string_view pattern);
//! Takes time in proportion to the product of the lengths, whatever the pattern.
bool matches(std::string_view pattern, std::string_view document);

//! \brief Who a peer is, as its token says.
struct Identity {
    static constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();

    std::string user;
    std::int64_t expires_ms = kForEver;  //!< wall clock
    std::string token_id;                //!< for the deny list; may be empty
    std::string key_id;                  //!< of the key that signed the token
    //! Where the relay's own entries say nothing; nullopt: the relay's default holds there.
    std::optional<std::vector<Grant>> grants;
};

}  // namespace kimdb::relay
