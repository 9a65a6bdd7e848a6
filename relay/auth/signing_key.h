// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "relay/auth/key_set.h"
#include "relay/core/identity.h"

namespace kimdb::relay {

//! \brief The half that makes tokens. It belongs to who lets users in (an application's server, an
//! operator), not to the relay. Thread: const, shared freely.
class SigningKey {
 public:
    //! A new key; \a id as a KeySet wants it. Errors: InvalidArgument (id), StorageFailed (OpenSSL
    //! has no randomness).
    static Result<SigningKey> generate(Algorithm algorithm, const std::string& id);
    //! A JWK with its private half. Errors: InvalidArgument.
    static Result<SigningKey> parse(std::string_view json);

    const std::string& id() const { return m_id; }
    Algorithm algorithm() const { return m_algorithm; }
    std::string toJson() const;      //!< with the private half
    std::string publicJson() const;  //!< for a relay's key set; of HS256 the secret itself

    //! The compact JWS of \a payload, whatever it is.
    Result<std::string> sign(std::string_view payload) const;
    //! A token as TokenRules describes it; \a identity.expires_ms is written in whole seconds.
    //! Errors: InvalidArgument (user, a grant), as sign().
    Result<std::string> mint(const Identity& identity, const std::string& audience,
                             std::int64_t issued_ms) const;

 private:
    std::string json(bool with_private_half) const;

    std::string m_id;
    Algorithm m_algorithm = Algorithm::EdDSA;
    Bytes m_x, m_y, m_private;  // HS256: m_private is the secret
};

}  // namespace kimdb::relay
