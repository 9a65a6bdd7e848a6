// SPDX-License-Identifier: MIT
#include "relay/core/permissions.h"

#include "wire/records.h"

namespace kimdb::relay {
namespace {

constexpr char kPrefix[] = "acl/";
constexpr std::uint8_t kAllBits = wire::kRead | wire::kComment | wire::kWrite | wire::kAdmin;

std::string keyOf(const std::string& document, const std::string& user) {
    return kPrefix + document + '\n' + user;
}

std::uint8_t granted(const std::vector<Grant>& grants, const std::string& document) {
    Role greatest = Role::None;
    for (const Grant& grant : grants)
        if (grant.role > greatest && matches(grant.pattern, document)) greatest = grant.role;
    return permissionsOf(greatest);
}

}  // namespace

Result<> Permissions::load() {
    auto entries = m_commits.store().scan("", kPrefix);
    if (!entries.ok()) return entries.error();
    for (const auto& [key, value] : *entries) {
        const std::size_t split = key.find('\n');
        if (split == std::string::npos || value.size() != 1)
            return Error{ErrorCode::StorageCorrupt, "a permission entry of the relay is damaged"};
        const std::string document = key.substr(sizeof kPrefix - 1, split - (sizeof kPrefix - 1));
        m_entries[{document, key.substr(split + 1)}] = static_cast<std::uint8_t>(value[0]);
    }
    return {};
}

Result<> Permissions::set(const std::string& user, const std::string& document, std::uint8_t bits) {
    if (bits > kAllBits) return Error{ErrorCode::InvalidArgument, "unknown permission bits"};
    if (user.empty() || user.find('\n') != std::string::npos)
        return Error{ErrorCode::InvalidArgument, "a user name is not empty and one line"};
    std::string name = document;
    if (document != kEveryDocument) {
        auto parsed = DocumentName::parse(document);
        if (!parsed.ok()) return parsed.error();
        name = parsed->text();
    }
    store::Batch batch;
    batch.put("", keyOf(name, user), Bytes(1, static_cast<char>(bits)));
    auto seq = m_commits.commit(std::move(batch));
    if (!seq.ok()) return seq.error();
    m_entries[{name, user}] = bits;
    return {};
}

std::uint8_t Permissions::of(const Identity& who, const std::string& document) const {
    const std::string every_document = kEveryDocument, everybody = kEverybody;
    const auto entry = [&](const std::string& of_document, const std::string& of_user) {
        const auto found = m_entries.find(std::pair(of_document, of_user));
        return found == m_entries.end() ? std::nullopt : std::optional(found->second);
    };
    std::optional<std::uint8_t> bits = entry(document, who.user);
    if (!bits) bits = entry(document, everybody);
    if (!bits) bits = entry(every_document, who.user);
    if (!bits && who.grants) bits = granted(*who.grants, document);
    if (!bits) bits = entry(every_document, everybody).value_or(m_by_default);
    return mayRead(*bits) ? *bits : std::uint8_t{0};
}

bool allows(std::uint8_t permissions, OpClass op_class) {
    switch (op_class) {
        case OpClass::Content:
            return (permissions & wire::kWrite) != 0;
        case OpClass::Comment:
            return (permissions & (wire::kComment | wire::kWrite)) != 0;
        case OpClass::Admin:
            return (permissions & wire::kAdmin) != 0;
    }
    return false;
}

bool mayRead(std::uint8_t permissions) {
    return (permissions & wire::kRead) != 0;
}

}  // namespace kimdb::relay
