// SPDX-License-Identifier: MIT
#include "store/block_codec.h"

#include <zstd.h>

#include <cassert>

#include "core/limits.h"
#include "store/batch_codec.h"

namespace kimdb::store {
namespace {

constexpr std::uint8_t kZstd = 1;
constexpr int kLevel = 3;  // zstd's default: a tenth of a flush's time, most of the gain

Error malformed() {
    return {ErrorCode::Malformed, "a block of a log breaks its grammar"};
}

}  // namespace

Bytes encodeBlock(const std::vector<LogEntry>& entries) {
    assert(!entries.empty());
    Bytes raw;
    for (const LogEntry& entry : entries) encodeEntry(raw, entry);
    Bytes out;
    ByteWriter(out).u8(kZstd);
    ByteWriter(out).varint(raw.size());
    const std::size_t head = out.size();
    out.resize(head + ZSTD_compressBound(raw.size()));
    const std::size_t size =
        ZSTD_compress(out.data() + head, out.size() - head, raw.data(), raw.size(), kLevel);
    assert(!ZSTD_isError(size));  // the bound is enough, and nothing else can fail
    out.resize(head + size);
    return out;
}

Result<std::vector<LogEntry>> decodeBlock(ByteView bytes) {
    ByteReader in(bytes);
    const std::uint8_t method = in.u8();
    const auto raw_bytes = static_cast<std::size_t>(in.varint(limits::kLogBlockRawBytesMax));
    if (!in.ok() || method != kZstd) return malformed();
    Bytes raw(raw_bytes, '\0');
    const ByteView packed = in.raw(in.remaining());
    const std::size_t size = ZSTD_decompress(raw.data(), raw.size(), packed.data(), packed.size());
    if (ZSTD_isError(size) || size != raw.size()) return malformed();
    std::vector<LogEntry> entries;
    ByteReader from(raw);
    while (from.ok() && !from.atEnd()) {
        entries.push_back(decodeEntry(from));
        if (entries.size() > 1 &&
            entries.back().position != entries[entries.size() - 2].position + 1)
            from.fail();
    }
    if (!from.done() || entries.empty()) return malformed();
    return entries;
}

}  // namespace kimdb::store
