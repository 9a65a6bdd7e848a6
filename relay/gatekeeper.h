// SPDX-License-Identifier: MIT
#pragma once

#include <QString>

#include "relay/auth/deny_list.h"
#include "relay/auth/key_set.h"
#include "relay/auth/token.h"

namespace kimdb::relay {

//! \brief Lets users in by their tokens: the key set and the deny list as they are in their files
//! now. Thread: one.
class Gatekeeper {
 public:
    Gatekeeper(QString key_set, QString deny_list, const QString& audience);

    //! Whether there is a key set at all.
    bool isConfigured() const { return !m_key_set_path.isEmpty(); }
    //! Reads both files; on an error what was read before stays. Errors: InvalidArgument,
    //! PermissionDenied; the message names the file.
    Result<> load();
    //! Errors: AuthFailed with one sentence for all reasons. \a why gets the reason, for a log.
    Result<Identity> admit(ByteView token, std::int64_t wall_ms, std::string& why) const;
    //! Let in once, to be sent away now.
    bool isUnwanted(const Identity& identity) const;

 private:
    QString m_key_set_path;
    QString m_deny_list_path;
    TokenRules m_rules;
    KeySet m_keys;
    DenyList m_denied;
};

}  // namespace kimdb::relay
