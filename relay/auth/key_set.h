// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <kimdb/ids.h>
#include <kimdb/result.h>
#include <kimdb/value.h>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace kimdb::relay {

enum class Algorithm : std::uint8_t {
    EdDSA,  //!< Ed25519 (RFC 8032, RFC 8037)
    ES256,  //!< ECDSA on P-256 with SHA-256 (RFC 7518 §3.4)
    HS256,  //!< HMAC with SHA-256 (RFC 7518 §3.2): whoever can check a token can make one
};

std::string_view nameOf(Algorithm algorithm);

//! \brief A key that signatures are checked with. The algorithm is the key's: what a token says
//! about it can only be the same. Thread: const, shared freely.
class VerificationKey {
 public:
    Algorithm algorithm() const { return m_algorithm; }
    //! Of HS256 in a time that does not depend on where the signatures differ.
    bool verifies(ByteView message, ByteView signature) const;

 private:
    friend class KeySet;
    friend class SigningKey;
    Algorithm m_algorithm = Algorithm::EdDSA;
    std::shared_ptr<evp_pkey_st> m_public;  // EdDSA, ES256
    Bytes m_secret;                         // HS256
};

//! \brief The keys a relay trusts, by their ids: a JWK Set (RFC 7517) of these.
//!
//!     {"keys": [{"kid": "2026", "kty": "OKP", "crv": "Ed25519", "x": "…"},
//!               {"kid": "web", "kty": "EC", "crv": "P-256", "x": "…", "y": "…"},
//!               {"kid": "own", "kty": "oct", "alg": "HS256", "k": "…"}]}
//!
//! Every key has a "kid" of [A-Za-z0-9._-]{1,64} of its own. "alg" may be missing unless it is
//! HS256, which has to be asked for. An HS256 secret has at least 32 bytes. Private halves are
//! refused: a relay that does not have them cannot lose them. Thread: a plain value.
class KeySet {
 public:
    static constexpr std::size_t kFileBytesMax = 64 * 1024;
    static constexpr std::size_t kKeysMax = 64;

    //! Errors: InvalidArgument; the message names the key and the cure, never a secret.
    static Result<KeySet> parse(std::string_view json);

    //! nullptr: no such key.
    const VerificationKey* find(std::string_view id) const;
    std::size_t size() const { return m_keys.size(); }

 private:
    std::map<std::string, VerificationKey, std::less<>> m_keys;
};

bool isKeyId(std::string_view id);

}  // namespace kimdb::relay
