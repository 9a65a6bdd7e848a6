// SPDX-License-Identifier: MIT
#include "relay/gatekeeper.h"

#include "relay/small_file.h"

namespace kimdb::relay {
namespace {

Error in(const QString& path, const Error& error) {
    return {error.code, path.toStdString() + ": " + error.message};
}

}  // namespace

Gatekeeper::Gatekeeper(QString key_set, QString deny_list, const QString& audience)
    : m_key_set_path(std::move(key_set)),
      m_deny_list_path(std::move(deny_list)),
      m_rules{audience.toStdString()} {}

Result<> Gatekeeper::load() {
    KeySet keys;
    DenyList denied;
    if (isConfigured()) {
        const auto text = contentOfSmallFile(m_key_set_path, KeySet::kFileBytesMax);
        if (!text) return text.error();
        auto read = KeySet::parse(*text);
        if (!read) return in(m_key_set_path, read.error());
        keys = std::move(*read);
    }
    if (!m_deny_list_path.isEmpty()) {
        const auto text = contentOfSmallFile(m_deny_list_path, DenyList::kFileBytesMax);
        if (!text) return text.error();
        auto read = DenyList::parse(*text);
        if (!read) return in(m_deny_list_path, read.error());
        denied = std::move(*read);
    }
    m_keys = std::move(keys);
    m_denied = std::move(denied);
    return {};
}

Result<Identity> Gatekeeper::admit(ByteView token, std::int64_t wall_ms, std::string& why) const {
    auto who = identityOf(token, m_keys, m_rules, wall_ms);
    if (!who)
        why = who.error().message;
    else if (m_denied.denies(*who))
        why = "the user or the token is on the deny list";
    else
        return who;
    return Error{ErrorCode::AuthFailed, "the token is not valid here"};
}

bool Gatekeeper::isUnwanted(const Identity& identity) const {
    return m_denied.denies(identity) || !m_keys.find(identity.key_id);
}

}  // namespace kimdb::relay
