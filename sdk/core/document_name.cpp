// SPDX-License-Identifier: MIT
#include <algorithm>

#include <kimdb/ids.h>

#include "core/limits.h"

namespace kimdb {
namespace {

bool isNameChar(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '~' || c == '-';
}

Error invalid(const char* what, const char* rule) {
    return {ErrorCode::InvalidName, std::string("invalid document name: the ") + what + " " + rule};
}

Result<> checkPart(std::string_view part, const char* what) {
    if (part.empty()) return invalid(what, "is empty");
    if (part.size() > limits::kNamePartBytesMax)
        return invalid(what, "is longer than 128 characters");
    if (!std::all_of(part.begin(), part.end(), isNameChar))
        return invalid(what, "has a character outside A-Z a-z 0-9 . _ ~ -");
    if (part == "." || part == "..") return invalid(what, "must not be \".\" or \"..\"");
    if (part.front() == '~') return invalid(what, "starts with \"~\", which is reserved");
    return {};
}

}  // namespace

Result<DocumentName> DocumentName::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view collection =
        slash == std::string_view::npos ? "default" : text.substr(0, slash);
    const std::string_view id = slash == std::string_view::npos ? text : text.substr(slash + 1);
    if (auto ok = checkPart(collection, "collection"); !ok) return ok.error();
    if (auto ok = checkPart(id, "id"); !ok) return ok.error();
    DocumentName name;
    name.m_text.reserve(collection.size() + 1 + id.size());
    name.m_text.append(collection).append("/").append(id);
    name.m_slash = collection.size();
    return name;
}

}  // namespace kimdb
