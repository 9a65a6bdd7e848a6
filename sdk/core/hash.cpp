// SPDX-License-Identifier: MIT
#include "core/hash.h"

#include <openssl/evp.h>

#include <cassert>
#include <cstring>
#include <memory>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace kimdb {
namespace {

// EVP_MD_fetch is slow; fetch once per process and keep one context per thread.
struct DigestContext {
    explicit DigestContext(const EVP_MD* digest) : md(digest), ctx(EVP_MD_CTX_new()) {}
    ~DigestContext() { EVP_MD_CTX_free(ctx); }
    DigestContext(const DigestContext&) = delete;
    DigestContext& operator=(const DigestContext&) = delete;

    void run(std::initializer_list<ByteView> parts, unsigned char* out) {
        EVP_DigestInit_ex2(ctx, md, nullptr);
        for (const ByteView part : parts) EVP_DigestUpdate(ctx, part.data(), part.size());
        unsigned int length = 0;
        EVP_DigestFinal_ex(ctx, out, &length);
    }
    const EVP_MD* md;
    EVP_MD_CTX* ctx;
};

void digest(const char* name, std::initializer_list<ByteView> parts, unsigned char* out) {
    if (std::strcmp(name, "MD5") == 0) {
        static EVP_MD* const md = EVP_MD_fetch(nullptr, "MD5", nullptr);
        thread_local DigestContext context(md);
        return context.run(parts, out);
    }
    static EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    thread_local DigestContext context(md);
    context.run(parts, out);
}

constexpr std::uint32_t kCastagnoli = 0x82F63B78;

std::uint32_t crc32cTable(ByteView data, std::uint32_t crc) {
    static const auto table = [] {
        std::array<std::uint32_t, 256> t{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t c = i;
            for (int k = 0; k < 8; ++k) c = (c >> 1) ^ ((c & 1) ? kCastagnoli : 0);
            t[i] = c;
        }
        return t;
    }();
    for (const char ch : data)
        crc = table[(crc ^ static_cast<std::uint8_t>(ch)) & 0xFF] ^ (crc >> 8);
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32cHardware(ByteView data, std::uint32_t crc) {
    const char* p = data.data();
    std::size_t n = data.size();
    std::uint64_t c = crc;
    for (; n >= 8; n -= 8, p += 8) {
        std::uint64_t word;
        std::memcpy(&word, p, 8);
        c = _mm_crc32_u64(c, word);
    }
    auto c32 = static_cast<std::uint32_t>(c);
    for (; n > 0; --n, ++p) c32 = _mm_crc32_u8(c32, static_cast<unsigned char>(*p));
    return c32;
}
#endif

}  // namespace

Hash16 Hash16::from(ByteView v) {
    assert(v.size() == 16);
    Hash16 h;
    std::memcpy(h.bytes.data(), v.data(), 16);
    return h;
}

Hash16 sha256Truncated(std::initializer_list<ByteView> parts) {
    unsigned char out[EVP_MAX_MD_SIZE];
    digest("SHA256", parts, out);
    return Hash16::from({reinterpret_cast<const char*>(out), 16});
}

Hash16 rollingHash(const Hash16& before, const Hash16& change) {
    return sha256Truncated({before.view(), change.view()});
}

int shardOfKey(ByteView key, int shard_count) {
    unsigned char out[EVP_MAX_MD_SIZE];
    digest("MD5", {key}, out);
    const std::uint32_t head =
        static_cast<std::uint32_t>(out[0]) << 24 | static_cast<std::uint32_t>(out[1]) << 16 |
        static_cast<std::uint32_t>(out[2]) << 8 | static_cast<std::uint32_t>(out[3]);
    return static_cast<int>(head % static_cast<std::uint32_t>(shard_count));
}

std::uint32_t crc32c(ByteView data, std::uint32_t seed) {
#if defined(__x86_64__)
    static const bool hardware = __builtin_cpu_supports("sse4.2");
    if (hardware) return ~crc32cHardware(data, ~seed);
#endif
    return ~crc32cTable(data, ~seed);
}

Hash16 SaltTree::node(std::uint64_t first) {
    int level = 0;  // how much of the cached path is still right
    if (m_valid)
        while (level < kLevels &&
               (first >> (4 * (kLevels - 1 - level))) == (m_cached >> (4 * (kLevels - 1 - level))))
            ++level;
    for (; level < kLevels; ++level) {
        const char nibble = static_cast<char>((first >> (4 * (kLevels - 1 - level))) & 0xF);
        m_path[level + 1] = sha256Truncated({m_path[level].view(), ByteView(&nibble, 1)});
    }
    m_cached = first;
    m_valid = true;
    return m_path[kLevels];
}

Hash16 SaltTree::salt(std::uint64_t first, std::uint64_t leaf) {
    char index[8];
    for (int i = 0; i < 8; ++i) index[i] = static_cast<char>(leaf >> (8 * i));
    return sha256Truncated({node(first).view(), ByteView(index, 8)});
}

}  // namespace kimdb
