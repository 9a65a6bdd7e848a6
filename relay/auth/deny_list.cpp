// SPDX-License-Identifier: MIT
#include "relay/auth/deny_list.h"

namespace kimdb::relay {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r";
    const std::size_t begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace

Result<DenyList> DenyList::parse(std::string_view text) {
    if (text.size() > kFileBytesMax)
        return Error{ErrorCode::InvalidArgument, "a deny list has at most 8 MiB"};
    DenyList list;
    for (int number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        line = trimmed(line.substr(0, line.find('#')));
        if (line.empty()) continue;
        const std::size_t blank = line.find(' ');
        const std::string_view kind = line.substr(0, blank);
        const std::string_view name =
            blank == std::string_view::npos ? std::string_view() : trimmed(line.substr(blank));
        if (name.empty() || (kind != "user" && kind != "token"))
            return Error{ErrorCode::InvalidArgument, "line " + std::to_string(number) +
                                                         ": an entry is \"user NAME\" or "
                                                         "\"token ID\""};
        (kind == "user" ? list.m_users : list.m_tokens).emplace(name);
    }
    return list;
}

}  // namespace kimdb::relay
