// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include <kimdb/value.h>

#include "relay/auth/key_set.h"

namespace kimdb::relay {

//! \brief A JWK (RFC 7517), read and not judged any further. Bytes that are absent are empty.
struct Jwk {
    std::string id;
    Algorithm algorithm = Algorithm::EdDSA;
    Bytes x, y;          //!< public
    Bytes secret;        //!< HS256: "k"
    Bytes private_half;  //!< "d"
};

//! Errors: InvalidArgument, with the rule that is broken.
Result<Jwk> readJwk(const Value& json);

//! The public half as OpenSSL has it; nullptr: no point of its curve.
std::shared_ptr<evp_pkey_st> publicKeyOf(const Jwk& jwk);

//! A key of P-256, checked; an empty \a private_half: the public half alone. nullptr: no point of
//! the curve, or halves that do not belong together.
std::shared_ptr<evp_pkey_st> p256Key(const Bytes& x, const Bytes& y, const Bytes& private_half);

}  // namespace kimdb::relay
