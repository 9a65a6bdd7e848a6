// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace kimdb {

//! \brief True when \a text is well-formed UTF-8 (Unicode 15, table 3-7): no surrogates, no
//! overlong forms, nothing above U+10FFFF.
bool isValidUtf8(std::string_view text);

//! \brief The text with every maximal ill-formed part replaced by U+FFFD.
std::string sanitizedUtf8(std::string_view text);

//! \brief UTF-16 to UTF-8; every lone surrogate becomes U+FFFD.
std::string toUtf8(std::u16string_view text);

//! \brief Appends the UTF-16 \a text as toUtf8() has it; returns the number of its scalar values.
std::size_t appendUtf8(std::string& out, std::u16string_view text);

//! \brief UTF-8 to UTF-16. REQUIRES: isValidUtf8(text).
std::u16string toUtf16(std::string_view text);

//! \brief Number of Unicode scalar values. REQUIRES: isValidUtf8(text).
std::size_t scalarCount(std::string_view text);

//! \brief Bytes of the scalar that begins at \a at. REQUIRES: isValidUtf8(text), at < size.
inline std::size_t scalarBytes(std::string_view text, std::size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

//! \brief Number of UTF-16 units. REQUIRES: isValidUtf8(text).
std::size_t utf16Count(std::string_view text);

}  // namespace kimdb
