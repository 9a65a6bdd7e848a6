// SPDX-License-Identifier: MIT
#include "simulation/sim_world.h"

namespace kimdb::sim {
namespace {

constexpr char32_t kBmpFirst = 0x4E00;  // CJK ideographs: one UTF-16 unit each
constexpr char32_t kBmpEnd = 0x9F00;
constexpr char32_t kAstralFirst = 0x20000;  // and their extension B: a surrogate pair each
constexpr char32_t kAstralEnd = 0x2A000;

// Decodes the scalar at the front of \a utf8 and removes it; 0 for a byte that starts none.
char32_t takeScalar(std::string_view& utf8) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(utf8[i]); };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
    char32_t c = 0;
    std::size_t n = 1;
    if ((byte(0) & 0xF0) == 0xE0 && utf8.size() >= 3 && tail(1) && tail(2)) {
        c = (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
        n = 3;
    } else if ((byte(0) & 0xF8) == 0xF0 && utf8.size() >= 4 && tail(1) && tail(2) && tail(3)) {
        c = (byte(0) & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 |
            (byte(3) & 0x3Fu);
        n = 4;
    }
    utf8.remove_prefix(n);
    return c;
}

bool isToken(char32_t c) {
    return (c >= kBmpFirst && c < kBmpEnd) || (c >= kAstralFirst && c < kAstralEnd);
}

}  // namespace

Token tokenOf(std::uint64_t number) {
    if (number % 3 == 2) return kAstralFirst + static_cast<char32_t>(number);
    return kBmpFirst + static_cast<char32_t>(number);
}

std::u16string utf16Of(Token token) {
    if (token < 0x10000) return {static_cast<char16_t>(token)};
    return {static_cast<char16_t>(0xD800 + ((token - 0x10000) >> 10)),
            static_cast<char16_t>(0xDC00 + ((token - 0x10000) & 0x3FF))};
}

std::vector<Token> tokensOf(std::string_view utf8) {
    std::vector<Token> tokens;
    while (!utf8.empty())
        if (const char32_t c = takeScalar(utf8); isToken(c)) tokens.push_back(c);
    return tokens;
}

std::string labelOf(OpId id) {
    char label[64];
    std::snprintf(label, sizeof label, "%016llx:%llu", static_cast<unsigned long long>(id.replica),
                  static_cast<unsigned long long>(id.counter));
    return label;
}

std::string World::label(const Change& change) const {
    std::string out = labelOf({change.replica, change.first});
    if (change.is_void) out += " VOID";
    for (const Token token : tokensIn(change)) {
        char label[16];
        std::snprintf(label, sizeof label, " U+%05X", static_cast<unsigned>(token));
        out += label;
    }
    return out;
}

void World::trace(const char* format, ...) const {
    if (!options.verbose) return;
    std::printf("%8lld  ", static_cast<long long>(clock.steadyTime().count()));
    va_list arguments;
    va_start(arguments, format);
    std::vprintf(format, arguments);
    va_end(arguments);
    std::putchar('\n');
}

}  // namespace kimdb::sim
