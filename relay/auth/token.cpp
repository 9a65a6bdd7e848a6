// SPDX-License-Identifier: MIT
#include "relay/auth/token.h"

#include <algorithm>
#include <limits>

#include "relay/auth/base64url.h"

namespace kimdb::relay {
namespace {

Error refused(const char* why) {
    return {ErrorCode::AuthFailed, why};
}

struct Parts {
    ByteView header, payload, signature;
    ByteView signed_text;
};

std::optional<Parts> split(ByteView token) {
    const std::size_t first = token.find('.');
    if (first == ByteView::npos) return {};
    const std::size_t second = token.find('.', first + 1);
    if (second == ByteView::npos || token.find('.', second + 1) != ByteView::npos) return {};
    return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
                 token.substr(second + 1), token.substr(0, second)};
}

Result<Value> readPart(ByteView part) {
    const auto json = decodeBase64Url(part);
    if (!json) return refused("a part is not base64url");
    auto value = Value::fromJson(*json);
    if (!value || !value->asObject()) return refused("a part is no JSON object");
    return value;
}

const std::string* textAt(const Value::Object& object, const char* key) {
    const auto member = object.find(key);
    return member == object.end() ? nullptr : member->second.asString();
}

// Only members whose meaning is known here: a header may otherwise change how the rest is read.
Result<const VerificationKey*> keyOf(ByteView header, const KeySet& keys, std::string& key_id) {
    const auto value = readPart(header);
    if (!value) return value.error();
    const Value::Object& object = *value->asObject();
    for (const auto& [name, member] : object)
        if (name != "alg" && name != "kid" && name != "typ")
            return refused("the header has a member that is not taken");
    const std::string* algorithm = textAt(object, "alg");
    const std::string* id = textAt(object, "kid");
    if (!algorithm || !id) return refused("the header lacks \"alg\" or \"kid\"");
    if (object.contains("typ")) {
        const std::string* type = textAt(object, "typ");
        if (!type || *type != "JWT") return refused("the header has another \"typ\"");
    }
    const VerificationKey* key = isKeyId(*id) ? keys.find(*id) : nullptr;
    if (!key) return refused("the key set has no such key");
    if (*algorithm != nameOf(key->algorithm())) return refused("the key is for another algorithm");
    key_id = *id;
    return key;
}

// A time in ms, from whole seconds since 1970.
Result<std::optional<std::int64_t>> timeAt(const Value::Object& claims, const char* name) {
    const auto member = claims.find(name);
    if (member == claims.end()) return std::optional<std::int64_t>();
    constexpr std::int64_t kSecondsMax = 253'402'300'799;  // the end of the year 9999
    const std::int64_t* seconds = member->second.asInt();
    if (!seconds || *seconds < 0 || *seconds > kSecondsMax)
        return refused("a time is not in whole seconds");
    return std::optional(*seconds * 1000);
}

bool isFor(const Value::Object& claims, const std::string& audience) {
    const auto member = claims.find("aud");
    if (member == claims.end()) return false;
    if (const std::string* one = member->second.asString()) return *one == audience;
    const Value::Array* several = member->second.asArray();
    return several && std::any_of(several->begin(), several->end(), [&](const Value& value) {
               const std::string* one = value.asString();
               return one && *one == audience;
           });
}

Result<std::vector<Grant>> grantsOf(const Value::Object& claims) {
    std::vector<Grant> grants;
    const auto member = claims.find("grants");
    if (member == claims.end()) return grants;
    const Value::Object* given = member->second.asObject();
    if (!given || given->size() > TokenRules::kGrantsMax)
        return refused("\"grants\" is no object of up to 100 patterns");
    grants.reserve(given->size());
    for (const auto& [pattern, value] : *given) {
        const std::string* name = value.asString();
        const auto role = name ? roleNamed(*name) : std::nullopt;
        if (!role || !isPattern(pattern)) return refused("a grant is no pattern with a role");
        grants.push_back({pattern, *role});
    }
    return grants;
}

Result<> checkTimes(const Value::Object& claims, std::int64_t wall_ms, Identity& identity) {
    const auto expires = timeAt(claims, "exp");
    const auto begins = timeAt(claims, "nbf");
    const auto issued = timeAt(claims, "iat");
    if (!expires || !begins || !issued) return refused("a time is not in whole seconds");
    if (!*expires) return refused("\"exp\" is missing");
    identity.expires_ms = **expires + TokenRules::kLeewayMs;
    if (wall_ms >= identity.expires_ms) return refused("the token has expired");
    const std::int64_t latest = wall_ms + TokenRules::kLeewayMs;
    if (begins->value_or(0) > latest || issued->value_or(0) > latest)
        return refused("the token is not valid yet");
    return {};
}

}  // namespace

bool isUserName(std::string_view name) {
    if (name.empty() || name.size() > TokenRules::kUserBytesMax) return false;
    if (name == "*" || name == "anonymous") return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte >= 0x20 && byte != 0x7F;
    });
}

Result<Identity> identityOf(ByteView token, const KeySet& keys, const TokenRules& rules,
                            std::int64_t wall_ms) {
    if (token.size() > TokenRules::kBytesMax) return refused("the token is too long");
    const auto parts = split(token);
    if (!parts) return refused("the token has not three parts");
    Identity identity;
    const auto key = keyOf(parts->header, keys, identity.key_id);
    if (!key) return key.error();
    const auto signature = decodeBase64Url(parts->signature);
    if (!signature || !(*key)->verifies(parts->signed_text, *signature))
        return refused("the signature does not hold");
    const auto payload = readPart(parts->payload);
    if (!payload) return payload.error();
    const Value::Object& claims = *payload->asObject();
    if (auto ok = checkTimes(claims, wall_ms, identity); !ok) return ok.error();
    if (!isFor(claims, rules.audience)) return refused("the token is for another audience");
    const std::string* user = textAt(claims, "sub");
    if (!user || !isUserName(*user)) return refused("\"sub\" is no name of a user");
    identity.user = *user;
    if (claims.contains("jti")) {
        const std::string* id = textAt(claims, "jti");
        if (!id || id->empty()) return refused("\"jti\" is no text");
        identity.token_id = *id;
    }
    auto grants = grantsOf(claims);
    if (!grants) return grants.error();
    identity.grants = std::move(*grants);
    return identity;
}

}  // namespace kimdb::relay
