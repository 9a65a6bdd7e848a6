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

}  // namespace kimdb::relay
