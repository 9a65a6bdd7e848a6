// SPDX-License-Identifier: MIT
#include "core/utf8.h"

#include <cstdint>

namespace kimdb {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::uint8_t at(std::string_view s, std::size_t i) {
    return static_cast<std::uint8_t>(s[i]);
}

// Length of the well-formed sequence at i, or 0; `bad` gets that of the maximal ill-formed part.
std::size_t sequenceAt(std::string_view s, std::size_t i, std::size_t& bad) {
    const std::uint8_t lead = at(s, i);
    bad = 1;
    if (lead < 0x80) return 1;
    std::size_t length = 0;
    std::uint8_t low = 0x80;
    std::uint8_t high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    for (std::size_t k = 1; k < length; ++k) {
        if (i + k >= s.size() || at(s, i + k) < low || at(s, i + k) > high) return bad = k, 0;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

void appendScalar(std::string& out, std::uint32_t c) {
    if (c < 0x80) {
        out.push_back(static_cast<char>(c));
    } else if (c < 0x800) {
        out.push_back(static_cast<char>(0xC0 | c >> 6));
        out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        out.push_back(static_cast<char>(0xE0 | c >> 12));
        out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
        out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
    } else {
        out.push_back(static_cast<char>(0xF0 | c >> 18));
        out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3F)));
        out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
        out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
    }
}

}  // namespace

bool isValidUtf8(std::string_view text) {
    std::size_t bad = 0;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t n = sequenceAt(text, i, bad);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

std::string sanitizedUtf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    std::size_t bad = 0;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t n = sequenceAt(text, i, bad);
        out.append(n ? text.substr(i, n) : kReplacement);
        i += n ? n : bad;
    }
    return out;
}

std::size_t appendUtf8(std::string& out, std::u16string_view text) {
    std::size_t scalars = 0;
    for (std::size_t i = 0; i < text.size(); ++i, ++scalars) {
        std::uint32_t c = text[i];
        if (c < 0x80) {
            out.push_back(static_cast<char>(c));
            continue;
        }
        if (c >= 0xD800 && c < 0xE000) {
            const bool pair =
                c < 0xDC00 && i + 1 < text.size() && text[i + 1] >= 0xDC00 && text[i + 1] < 0xE000;
            c = pair ? 0x10000 + ((c - 0xD800) << 10) + (text[i + 1] - 0xDC00) : 0xFFFD;
            if (pair) ++i;
        }
        appendScalar(out, c);
    }
    return scalars;
}

std::string toUtf8(std::u16string_view text) {
    std::string out;
    out.reserve(text.size());
    (void)appendUtf8(out, text);
    return out;
}

std::u16string toUtf16(std::string_view text) {
    std::u16string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const std::uint8_t lead = at(text, i);
        if (lead < 0x80) {
            out.push_back(lead);
            ++i;
            continue;
        }
        const std::size_t n = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        std::uint32_t c = lead & (0x7F >> n);
        for (std::size_t k = 1; k < n && i + k < text.size(); ++k)
            c = c << 6 | (at(text, i + k) & 0x3F);
        i += n;
        if (c < 0x10000) {
            out.push_back(static_cast<char16_t>(c));
        } else {
            out.push_back(static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10)));
            out.push_back(static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF)));
        }
    }
    return out;
}

std::size_t scalarCount(std::string_view text) {
    std::size_t n = 0;
    for (const char c : text) n += (static_cast<std::uint8_t>(c) & 0xC0) != 0x80;
    return n;
}

std::size_t utf16Count(std::string_view text) {
    std::size_t n = 0;
    for (const char c : text) {
        const auto b = static_cast<std::uint8_t>(c);
        n += ((b & 0xC0) != 0x80) + (b >= 0xF0);
    }
    return n;
}

}  // namespace kimdb
