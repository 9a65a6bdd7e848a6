// SPDX-License-Identifier: MIT
#include "relay/core/identity.h"

#include <array>

#include "wire/records.h"

namespace kimdb::relay {
namespace {

constexpr std::array<std::string_view, 5> kNames{"none", "reader", "commenter", "writer", "admin"};

bool isNameCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '~' || c == '-';
}

// '*' is any run of characters. Where the text goes wrong behind a '*', the run gets one longer.
bool matchesHalf(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, run = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            run = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++run;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace

std::optional<Role> roleNamed(std::string_view name) {
    for (std::size_t i = 0; i < kNames.size(); ++i)
        if (kNames[i] == name) return static_cast<Role>(i);
    return {};
}

std::string_view nameOf(Role role) {
    return kNames[static_cast<std::size_t>(role)];
}

std::uint8_t permissionsOf(Role role) {
    constexpr std::array<std::uint8_t, 5> kBits{
        0, wire::kRead, wire::kRead | wire::kComment, wire::kRead | wire::kComment | wire::kWrite,
        wire::kRead | wire::kComment | wire::kWrite | wire::kAdmin};
    return kBits[static_cast<std::size_t>(role)];
}

bool isPattern(std::string_view pattern) {
    constexpr std::size_t kBytesMax = 257;  // two names and the '/'
    if (pattern == "*") return true;
    if (pattern.size() > kBytesMax) return false;
    const std::size_t slash = pattern.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == pattern.size()) return false;
    for (std::size_t i = 0; i < pattern.size(); ++i)
        if (i != slash && pattern[i] != '*' && !isNameCharacter(pattern[i])) return false;
    return true;
}

bool matches(std::string_view pattern, std::string_view document) {
    if (pattern == "*") return true;
    const std::size_t p = pattern.find('/'), d = document.find('/');
    if (p == std::string_view::npos || d == std::string_view::npos) return false;
    return matchesHalf(pattern.substr(0, p), document.substr(0, d)) &&
           matchesHalf(pattern.substr(p + 1), document.substr(d + 1));
}

}  // namespace kimdb::relay
