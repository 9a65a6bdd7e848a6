// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <kimdb/ids.h>
#include <kimdb/result.h>

#include "relay/auth/key_set.h"
#include "relay/core/identity.h"

namespace kimdb::relay {

//! \brief What a token of KimDB says, and the rules by which it is believed. A token is a compact
//! JWS (RFC 7515 §7.1) whose payload is a JWT claims set (RFC 7519):
//!
//!     header   {"alg": "EdDSA", "kid": "2026"}            "typ": "JWT" may stand there; nothing
//!                                                         else, so no "crit", "jwk", "jku", "x5u"
//!     payload  {"sub": "ann", "aud": "kimdb", "exp": 1790000000,
//!               "grants": {"notes/*": "writer", "notes/rules": "reader"}}
//!
//! "sub", "aud" and "exp" have to be there; "nbf", "iat", "iss" and "jti" may be; what else is
//! there is ignored. "sub" is 1 to 128 bytes without control characters, and neither "*" nor
//! "anonymous". "aud" is the relay's name or a list with it. Times are whole seconds; clocks may
//! differ by kLeewayMs. Where several grants match a document the greatest role holds.
struct TokenRules {
    static constexpr std::size_t kBytesMax = 4096;
    static constexpr std::size_t kGrantsMax = 100;
    static constexpr std::size_t kUserBytesMax = 128;
    static constexpr std::int64_t kLeewayMs = 30'000;

    std::string audience = "kimdb";
};

//! \brief The identity behind \a token at \a wall_ms. Cheap tests come first, the signature before
//! anything of the payload is read. Errors: AuthFailed; the message is for the operator's log and
//! holds nothing of the token, peers are told one sentence for all. Thread: any.
Result<Identity> identityOf(ByteView token, const KeySet& keys, const TokenRules& rules,
                            std::int64_t wall_ms);

//! True for a name that "sub" may hold.
bool isUserName(std::string_view name);

}  // namespace kimdb::relay
