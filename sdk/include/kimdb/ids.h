// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <kimdb/result.h>

namespace kimdb {

//! \brief Bytes that travel: encoded changes, frames, values. Never interpreted as text.
using Bytes = std::string;
using ByteView = std::string_view;

//! \brief One (installation, user). Random 64 bits, never 0 (docs/PROTOCOL.md, "Identity").
using ReplicaId = std::uint64_t;

//! \brief Names one counter of one replica in one document: an operation, a character, an element.
//! Counters are dense per (document, incarnation, replica) and start at 1; 0 means "none".
struct OpId {
    ReplicaId replica = 0;
    std::uint64_t counter = 0;

    bool isNull() const { return counter == 0; }
    auto operator<=>(const OpId&) const = default;
};

//! \brief A validated document name "collection/id". Without a collection it is in "default".
//! Each part is ASCII [A-Za-z0-9._~-]{1,128}; "." and ".." are refused, a leading '~' is reserved.
class DocumentName {
 public:
    //! Errors: InvalidName, with the rule that is broken in the message.
    static Result<DocumentName> parse(std::string_view text);

    DocumentName() = default;
    std::string_view collection() const { return std::string_view(m_text).substr(0, m_slash); }
    std::string_view id() const { return std::string_view(m_text).substr(m_slash + 1); }
    //! "collection/id", always with the collection.
    const std::string& text() const { return m_text; }

    bool operator==(const DocumentName& o) const { return m_text == o.m_text; }
    auto operator<=>(const DocumentName& o) const { return m_text <=> o.m_text; }

 private:
    std::string m_text;
    std::size_t m_slash = 0;
};

}  // namespace kimdb

template <>
struct std::hash<kimdb::OpId> {
    std::size_t operator()(const kimdb::OpId& id) const noexcept {
        std::uint64_t x = id.replica * 0x9E3779B97F4A7C15ULL ^ id.counter;
        x ^= x >> 32;
        return static_cast<std::size_t>(x * 0xD6E8FEB86659FD93ULL);
    }
};
