// SPDX-License-Identifier: MIT
#include "relay/auth/jwk.h"

#include "relay/auth/base64url.h"
#include "relay/auth/openssl.h"

namespace kimdb::relay {
namespace {

Error broken(const std::string& what) {
    return {ErrorCode::InvalidArgument, what};
}

std::string textAt(const Value::Object& object, const char* key) {
    const auto member = object.find(key);
    const std::string* text = member == object.end() ? nullptr : member->second.asString();
    return text ? *text : std::string();
}

// Absent is fine; what is there has to be base64url.
bool readBytes(const Value::Object& object, const char* key, Bytes& out) {
    const auto member = object.find(key);
    if (member == object.end()) return true;
    const std::string* text = member->second.asString();
    auto bytes = text ? decodeBase64Url(*text) : std::nullopt;
    if (!bytes || bytes->empty()) return false;
    out = std::move(*bytes);
    return true;
}

Result<Algorithm> algorithmOf(const Value::Object& object) {
    const std::string type = textAt(object, "kty"), curve = textAt(object, "crv");
    const std::string named = textAt(object, "alg");
    const bool has_name = object.contains("alg");
    if (type == "OKP" && curve == "Ed25519") {
        if (has_name && named != "EdDSA") return broken("an Ed25519 key has \"alg\" \"EdDSA\"");
        return Algorithm::EdDSA;
    }
    if (type == "EC" && curve == "P-256") {
        if (has_name && named != "ES256") return broken("a P-256 key has \"alg\" \"ES256\"");
        return Algorithm::ES256;
    }
    if (type == "oct") {
        if (named != "HS256") return broken("a secret needs \"alg\" \"HS256\"");
        return Algorithm::HS256;
    }
    return broken(
        "\"kty\" and \"crv\" name no kind of key that is taken: OKP with Ed25519, EC with "
        "P-256, oct");
}

}  // namespace

Result<Jwk> readJwk(const Value& json) {
    const Value::Object* object = json.asObject();
    if (!object) return broken("a key is a JSON object");
    Jwk jwk;
    jwk.id = textAt(*object, "kid");
    if (!isKeyId(jwk.id)) return broken("\"kid\" is 1 to 64 of A-Z a-z 0-9 . _ -");
    auto algorithm = algorithmOf(*object);
    if (!algorithm) return algorithm.error();
    jwk.algorithm = *algorithm;
    if (object->contains("use") && textAt(*object, "use") != "sig")
        return broken("\"use\" is \"sig\" or absent");
    const bool readable = readBytes(*object, "x", jwk.x) && readBytes(*object, "y", jwk.y) &&
                          readBytes(*object, "k", jwk.secret) &&
                          readBytes(*object, "d", jwk.private_half);
    if (!readable) return broken("x, y, k and d are base64url without padding");
    if (jwk.algorithm == Algorithm::HS256) {
        if (jwk.secret.size() < kHmacSecretMin || jwk.secret.size() > kHmacSecretMax)
            return broken("\"k\" holds 32 to 512 bytes: openssl rand 32 | basenc --base64url");
        return jwk;
    }
    if (!jwk.secret.empty()) return broken("\"k\" is only for \"kty\" \"oct\"");
    const bool is_ed = jwk.algorithm == Algorithm::EdDSA;
    if (is_ed ? jwk.x.size() != kEd25519Bytes || !jwk.y.empty()
              : jwk.x.size() != kP256Bytes || jwk.y.size() != kP256Bytes)
        return broken("the public half has not the size of its curve");
    if (!jwk.private_half.empty() && jwk.private_half.size() != 32)
        return broken("the private half has not the size of its curve");
    if (!publicKeyOf(jwk)) return broken("the public half is no point of its curve");
    return jwk;
}

std::shared_ptr<evp_pkey_st> publicKeyOf(const Jwk& jwk) {
    if (jwk.algorithm != Algorithm::EdDSA) return p256Key(jwk.x, jwk.y, {});
    return {EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(jwk.x), jwk.x.size()),
            EVP_PKEY_free};
}

std::shared_ptr<evp_pkey_st> p256Key(const Bytes& x, const Bytes& y, const Bytes& private_half) {
    const Bytes point = "\x04" + x + y;  // uncompressed
    const bool is_pair = !private_half.empty();
    const Number secret(
        BN_bin2bn(octets(private_half), static_cast<int>(private_half.size()), nullptr));
    const ParamBuild build(OSSL_PARAM_BLD_new());
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    if (!secret || !build || !context ||
        !OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) ||
        !OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                          point.size()) ||
        (is_pair && !OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret.get())))
        return nullptr;
    const Params params(OSSL_PARAM_BLD_to_param(build.get()));
    EVP_PKEY* key = nullptr;
    if (!params || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
        EVP_PKEY_fromdata(context.get(), &key, is_pair ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                          params.get()) <= 0)
        return nullptr;
    std::shared_ptr<evp_pkey_st> owned(key, EVP_PKEY_free);
    const KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (!check || EVP_PKEY_public_check(check.get()) != 1) return nullptr;
    return !is_pair || EVP_PKEY_pairwise_check(check.get()) == 1 ? owned : nullptr;
}

}  // namespace kimdb::relay
