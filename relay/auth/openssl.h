// SPDX-License-Identifier: MIT
// OpenSSL's objects with owners. Included by sources only.
#pragma once

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>

#include <memory>

#include <kimdb/ids.h>

namespace kimdb::relay {

template <auto free_function>
struct FreedBy {
    template <class T>
    void operator()(T* object) const {
        free_function(object);
    }
};
using MdContext = std::unique_ptr<EVP_MD_CTX, FreedBy<EVP_MD_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreedBy<EVP_PKEY_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, FreedBy<ECDSA_SIG_free>>;
using Number = std::unique_ptr<BIGNUM, FreedBy<BN_clear_free>>;
using ParamBuild = std::unique_ptr<OSSL_PARAM_BLD, FreedBy<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, FreedBy<OSSL_PARAM_free>>;

inline const unsigned char* octets(ByteView bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* octets(Bytes& bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

constexpr std::size_t kEd25519Bytes = 32;  // of a key, private or public
constexpr std::size_t kEd25519Signature = 64;
constexpr std::size_t kP256Bytes = 32;  // of a coordinate, of a private key, of r and of s
constexpr std::size_t kHmacBytes = 32;
constexpr std::size_t kHmacSecretMin = 32;  // RFC 7518 §3.2
constexpr std::size_t kHmacSecretMax = 512;

//! HMAC-SHA-256.
inline Bytes hmac(ByteView secret, ByteView message) {
    Bytes out(kHmacBytes, '\0');
    unsigned length = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), octets(message),
         message.size(), octets(out), &length);
    return length == kHmacBytes ? out : Bytes();
}

}  // namespace kimdb::relay
