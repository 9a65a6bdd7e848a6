// SPDX-License-Identifier: MIT
#include "relay/auth/signing_key.h"

#include <openssl/rand.h>

#include "relay/auth/base64url.h"
#include "relay/auth/jwk.h"
#include "relay/auth/openssl.h"
#include "relay/auth/token.h"

namespace kimdb::relay {
namespace {

using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;

Error failed() {
    return {ErrorCode::StorageFailed, "OpenSSL cannot make keys or signatures here"};
}

Bytes numberOf(const EVP_PKEY* key, const char* name) {
    BIGNUM* read = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &read) != 1) return {};
    const Number number(read);
    Bytes out(kP256Bytes, '\0');
    const int size = static_cast<int>(kP256Bytes);
    return BN_bn2binpad(number.get(), octets(out), size) == size ? out : Bytes();
}

Key edKey(const Bytes& private_half) {
    return Key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, octets(private_half),
                                            private_half.size()));
}

Bytes signedWith(EVP_PKEY* key, const EVP_MD* digest, ByteView message) {
    const MdContext context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (!key || !context || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, octets(message), message.size()) != 1)
        return {};
    Bytes out(size, '\0');
    if (EVP_DigestSign(context.get(), octets(out), &size, octets(message), message.size()) != 1)
        return {};
    out.resize(size);
    return out;
}

// OpenSSL writes DER, JOSE r and s side by side.
Bytes sideBySide(const Bytes& der) {
    const unsigned char* at = octets(der);
    const Signature both(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
    if (!both) return {};
    Bytes out(2 * kP256Bytes, '\0');
    const int size = static_cast<int>(kP256Bytes);
    if (BN_bn2binpad(ECDSA_SIG_get0_r(both.get()), octets(out), size) != size ||
        BN_bn2binpad(ECDSA_SIG_get0_s(both.get()), octets(out) + size, size) != size)
        return {};
    return out;
}

}  // namespace

Result<SigningKey> SigningKey::generate(Algorithm algorithm, const std::string& id) {
    if (!isKeyId(id))
        return Error{ErrorCode::InvalidArgument, "a key id is 1 to 64 of A-Z a-z 0-9 . _ -"};
    SigningKey key;
    key.m_id = id;
    key.m_algorithm = algorithm;
    if (algorithm == Algorithm::HS256) {
        key.m_private.assign(kHmacBytes, '\0');
        if (RAND_priv_bytes(octets(key.m_private), static_cast<int>(kHmacBytes)) != 1)
            return failed();
        return key;
    }
    if (algorithm == Algorithm::EdDSA) {
        const Key made(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
        std::size_t size = kEd25519Bytes, private_size = kEd25519Bytes;
        key.m_x.assign(size, '\0');
        key.m_private.assign(size, '\0');
        if (!made || EVP_PKEY_get_raw_public_key(made.get(), octets(key.m_x), &size) != 1 ||
            EVP_PKEY_get_raw_private_key(made.get(), octets(key.m_private), &private_size) != 1)
            return failed();
        return key;
    }
    const Key made(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    if (!made) return failed();
    key.m_x = numberOf(made.get(), OSSL_PKEY_PARAM_EC_PUB_X);
    key.m_y = numberOf(made.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
    key.m_private = numberOf(made.get(), OSSL_PKEY_PARAM_PRIV_KEY);
    if (key.m_x.empty() || key.m_y.empty() || key.m_private.empty()) return failed();
    return key;
}

Result<SigningKey> SigningKey::parse(std::string_view json) {
    const auto value = Value::fromJson(json);
    if (!value)
        return Error{ErrorCode::InvalidArgument, "the key is no JSON: " + value.error().message};
    auto jwk = readJwk(*value);
    if (!jwk) return jwk.error();
    SigningKey key;
    key.m_id = std::move(jwk->id);
    key.m_algorithm = jwk->algorithm;
    if (key.m_algorithm == Algorithm::HS256) {
        key.m_private = std::move(jwk->secret);
        return key;
    }
    if (jwk->private_half.empty())
        return Error{ErrorCode::InvalidArgument, "this is a public key: \"d\" is missing"};
    key.m_x = std::move(jwk->x);
    key.m_y = std::move(jwk->y);
    key.m_private = std::move(jwk->private_half);
    bool is_pair = false;
    if (key.m_algorithm == Algorithm::EdDSA) {
        const Key made = edKey(key.m_private);
        Bytes x(kEd25519Bytes, '\0');
        std::size_t size = x.size();
        is_pair =
            made && EVP_PKEY_get_raw_public_key(made.get(), octets(x), &size) == 1 && x == key.m_x;
    } else {
        is_pair = p256Key(key.m_x, key.m_y, key.m_private) != nullptr;
    }
    if (!is_pair)
        return Error{ErrorCode::InvalidArgument,
                     "\"d\" and the public half do not belong together"};
    return key;
}

std::string SigningKey::json(bool with_private_half) const {
    Value::Object object{{"kid", m_id}, {"alg", std::string(nameOf(m_algorithm))}};
    switch (m_algorithm) {
        case Algorithm::HS256:
            object["kty"] = "oct";
            object["k"] = encodeBase64Url(m_private);
            return Value(std::move(object)).toJson();
        case Algorithm::EdDSA:
            object["kty"] = "OKP";
            object["crv"] = "Ed25519";
            break;
        case Algorithm::ES256:
            object["kty"] = "EC";
            object["crv"] = "P-256";
            object["y"] = encodeBase64Url(m_y);
            break;
    }
    object["x"] = encodeBase64Url(m_x);
    if (with_private_half) object["d"] = encodeBase64Url(m_private);
    return Value(std::move(object)).toJson();
}

std::string SigningKey::toJson() const {
    return json(true);
}

std::string SigningKey::publicJson() const {
    return json(false);
}

Result<std::string> SigningKey::sign(std::string_view payload) const {
    const Value::Object header{{"alg", std::string(nameOf(m_algorithm))}, {"kid", m_id}};
    std::string text =
        encodeBase64Url(Value(header).toJson()) + "." + encodeBase64Url(Bytes(payload));
    Bytes signature;
    switch (m_algorithm) {
        case Algorithm::EdDSA:
            signature = signedWith(edKey(m_private).get(), nullptr, text);
            break;
        case Algorithm::ES256:
            signature =
                sideBySide(signedWith(p256Key(m_x, m_y, m_private).get(), EVP_sha256(), text));
            break;
        case Algorithm::HS256:
            signature = hmac(m_private, text);
            break;
    }
    if (signature.empty()) return failed();
    return text + "." + encodeBase64Url(signature);
}

Result<std::string> SigningKey::mint(const Identity& identity, const std::string& audience,
                                     std::int64_t issued_ms) const {
    if (!isUserName(identity.user))
        return Error{ErrorCode::InvalidArgument,
                     "a user is 1 to 128 bytes without control characters, and not \"*\" or "
                     "\"anonymous\""};
    Value::Object claims{{"sub", identity.user},
                         {"aud", audience},
                         {"iat", issued_ms / 1000},
                         {"exp", identity.expires_ms / 1000}};
    if (!identity.token_id.empty()) claims["jti"] = identity.token_id;
    if (identity.grants) {
        Value::Object grants;
        for (const Grant& grant : *identity.grants) {
            if (!isPattern(grant.pattern))
                return Error{ErrorCode::InvalidArgument,
                             "a grant is for \"collection/id\", with '*' for any characters"};
            grants[grant.pattern] = std::string(nameOf(grant.role));
        }
        claims["grants"] = std::move(grants);
    }
    auto token = sign(Value(std::move(claims)).toJson());
    if (token && token->size() > TokenRules::kBytesMax)
        return Error{ErrorCode::InvalidArgument,
                     "the token has more than 4096 bytes; give the "
                     "user fewer grants, with patterns"};
    return token;
}

}  // namespace kimdb::relay
