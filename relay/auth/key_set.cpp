// SPDX-License-Identifier: MIT
#include "relay/auth/key_set.h"

#include <algorithm>

#include "relay/auth/jwk.h"
#include "relay/auth/openssl.h"

namespace kimdb::relay {
namespace {

// JOSE writes r and s side by side, OpenSSL reads DER.
Bytes derOf(ByteView signature) {
    Number r(BN_bin2bn(octets(signature), kP256Bytes, nullptr));
    Number s(BN_bin2bn(octets(signature.substr(kP256Bytes)), kP256Bytes, nullptr));
    const Signature both(ECDSA_SIG_new());
    if (!r || !s || !both || !ECDSA_SIG_set0(both.get(), r.get(), s.get())) return {};
    (void)r.release();  // both's now
    (void)s.release();
    unsigned char* der = nullptr;
    const int length = i2d_ECDSA_SIG(both.get(), &der);
    Bytes out;
    if (length > 0)
        out.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
    OPENSSL_free(der);
    return out;
}

bool verifiesWith(evp_pkey_st* key, const EVP_MD* digest, ByteView message, ByteView signature) {
    const MdContext context(EVP_MD_CTX_new());
    return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message),
                            message.size()) == 1;
}

}  // namespace

std::string_view nameOf(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::EdDSA:
            return "EdDSA";
        case Algorithm::ES256:
            return "ES256";
        case Algorithm::HS256:
            return "HS256";
    }
    return {};
}

bool VerificationKey::verifies(ByteView message, ByteView signature) const {
    switch (m_algorithm) {
        case Algorithm::EdDSA:
            return signature.size() == kEd25519Signature &&
                   verifiesWith(m_public.get(), nullptr, message, signature);
        case Algorithm::ES256: {
            if (signature.size() != 2 * kP256Bytes) return false;
            const Bytes der = derOf(signature);
            return !der.empty() && verifiesWith(m_public.get(), EVP_sha256(), message, der);
        }
        case Algorithm::HS256: {
            const Bytes own = hmac(m_secret, message);
            return own.size() == signature.size() &&
                   CRYPTO_memcmp(own.data(), signature.data(), own.size()) == 0;
        }
    }
    return false;
}

bool isKeyId(std::string_view id) {
    return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

Result<KeySet> KeySet::parse(std::string_view json) {
    if (json.size() > kFileBytesMax)
        return Error{ErrorCode::InvalidArgument, "a key set has at most 64 KiB"};
    const auto value = Value::fromJson(json);
    if (!value)
        return Error{ErrorCode::InvalidArgument,
                     "the key set is no JSON: " + value.error().message};
    const Value::Object* object = value->asObject();
    const auto member = object ? object->find("keys") : Value::Object::const_iterator();
    const Value::Array* keys =
        object && member != object->end() ? member->second.asArray() : nullptr;
    if (!keys || keys->empty() || keys->size() > kKeysMax)
        return Error{ErrorCode::InvalidArgument, "a key set is {\"keys\": […]} with 1 to 64 keys"};
    KeySet set;
    for (std::size_t i = 0; i < keys->size(); ++i) {
        auto jwk = readJwk((*keys)[i]);
        const std::string which = "key " + std::to_string(i + 1) + ": ";
        if (!jwk) return Error{ErrorCode::InvalidArgument, which + jwk.error().message};
        if (!jwk->private_half.empty())
            return Error{ErrorCode::InvalidArgument,
                         which + "a relay takes the public half only; take \"d\" out"};
        VerificationKey key;
        key.m_algorithm = jwk->algorithm;
        if (key.m_algorithm == Algorithm::HS256)
            key.m_secret = std::move(jwk->secret);
        else
            key.m_public = publicKeyOf(*jwk);
        if (!set.m_keys.emplace(jwk->id, std::move(key)).second)
            return Error{ErrorCode::InvalidArgument, which + "\"" + jwk->id + "\" is there twice"};
    }
    return set;
}

const VerificationKey* KeySet::find(std::string_view id) const {
    const auto key = m_keys.find(id);
    return key == m_keys.end() ? nullptr : &key->second;
}

}  // namespace kimdb::relay
