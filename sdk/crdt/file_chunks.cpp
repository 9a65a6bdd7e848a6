// SPDX-License-Identifier: MIT
#include "crdt/file_chunks.h"

#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <memory>

#include "core/hash.h"
#include "core/limits.h"

namespace kimdb::crdt {

namespace {

constexpr ByteView kMagic = "KimDBdoc";
constexpr std::uint8_t kVersion = 1;
constexpr int kLevel = 19;               // files are written seldom and read often
constexpr std::size_t kDeflateMin = 64;  // below, a frame costs more than it saves
constexpr int kWindowLogMax = 27;
enum Coding : std::uint8_t { kPlain = 0, kZstd = 1, kZstdBehindText = 2 };

Error malformed(const char* what) {
    return {ErrorCode::Malformed, std::string("document file: ") + what};
}

// The smallest window that reaches from the end of the chunk to the front of the prefix.
int windowLog(std::size_t size) {
    int log = 10;
    while (log < kWindowLogMax && (std::size_t{1} << log) < size) ++log;
    return log;
}

Bytes deflate(ByteView inflated, ByteView prefix) {
    const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                       ZSTD_freeCCtx);
    ZSTD_CCtx* c = context.get();
    ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);  // the chunk says it
    ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, windowLog(inflated.size() + prefix.size()));
    if (!prefix.empty()) ZSTD_CCtx_refPrefix(c, prefix.data(), prefix.size());
    Bytes out(ZSTD_compressBound(inflated.size()), '\0');
    const std::size_t n =
        ZSTD_compress2(c, out.data(), out.size(), inflated.data(), inflated.size());
    assert(!ZSTD_isError(n));
    out.resize(n);
    return out;
}

Result<Bytes> inflate(ByteView bytes, std::uint64_t expected, ByteView prefix) {
    const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                       ZSTD_freeDCtx);
    ZSTD_DCtx* c = context.get();
    const int window = windowLog(static_cast<std::size_t>(expected) + prefix.size());
    ZSTD_DCtx_setParameter(c, ZSTD_d_windowLogMax, std::max(window, 10));
    if (!prefix.empty()) ZSTD_DCtx_refPrefix(c, prefix.data(), prefix.size());
    Bytes out;
    out.resize(std::min<std::uint64_t>(expected, 8 * bytes.size() + 1024));
    ZSTD_inBuffer from{bytes.data(), bytes.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    for (;;) {
        const std::size_t left = ZSTD_decompressStream(c, &to, &from);
        if (ZSTD_isError(left)) return malformed("a chunk cannot be inflated");
        if (left == 0) break;
        if (to.pos < to.size) {
            if (from.pos == from.size) return malformed("a chunk is cut off");
            continue;
        }
        if (to.size == expected) return malformed("a chunk is longer than it says");
        out.resize(std::min<std::uint64_t>(expected, 2 * to.size));
        to = {out.data(), out.size(), to.pos};
    }
    if (to.pos != expected || from.pos != from.size) return malformed("a chunk has another length");
    return out;
}

}  // namespace

// ---- writing ----

ChunkWriter::ChunkWriter(Compression compression) : m_compression(compression) {
    m_file = kMagic;
    ByteWriter(m_file).u8(kVersion);
}

void ChunkWriter::add(ChunkType type, ByteView inflated, ByteView prefix) {
    if (inflated.empty()) return;
    const std::size_t begin = m_file.size();
    ByteWriter out(m_file);
    out.u8(static_cast<std::uint8_t>(type));
    Bytes deflated;
    if (m_compression == Compression::Zstd && inflated.size() >= kDeflateMin)
        deflated = deflate(inflated, prefix);
    if (deflated.empty() || deflated.size() >= inflated.size()) {
        out.u8(kPlain);
        out.bytes(inflated);
    } else {
        out.u8(prefix.empty() ? kZstd : kZstdBehindText);
        out.varint(deflated.size());
        out.varint(inflated.size());
        out.raw(deflated);
    }
    end(begin);
}

void ChunkWriter::add(const ForeignChunk& chunk) {
    m_file.append(chunk.bytes);
}

void ChunkWriter::end(std::size_t begin) {
    ByteWriter(m_file).u32(crc32c(ByteView(m_file).substr(begin)));
}

Bytes ChunkWriter::finish() {
    const std::uint32_t crc = crc32c(m_file);
    ByteWriter out(m_file);
    out.u8(0);
    out.u32(crc);
    return std::move(m_file);
}

// ---- reading ----

Result<> ChunkReader::readChunk(ByteReader& in, std::uint8_t type, std::size_t begin,
                                ByteView file) {
    Chunk chunk;
    chunk.type = static_cast<ChunkType>(type);
    chunk.coding = in.u8();
    const std::uint64_t size = in.varint(file.size());
    chunk.inflated = chunk.coding == kPlain ? size : in.varint();
    chunk.bytes = in.raw(static_cast<std::size_t>(size));
    const ByteView whole = file.substr(begin, in.position() - begin);
    const std::uint32_t crc = in.u32();
    if (!in.ok()) return malformed("cut off");
    if (crc != crc32c(whole)) return malformed("a chunk is damaged");
    const bool known =
        type <= static_cast<std::uint8_t>(ChunkType::Undo) || chunk.type == ChunkType::Names;
    if (!known && type < kFirstOptionalChunk)
        return Error{ErrorCode::Unsupported,
                     "document file: written by a newer program that this one cannot follow"};
    if (!known) {
        m_foreign.push_back({type, Bytes(file.substr(begin, in.position() - begin))});
        return {};
    }
    if (chunk.coding > kZstdBehindText) return malformed("an unknown coding");
    if (chunk.inflated > limits::kFileChunkBytesMax)
        return Error{ErrorCode::TooLarge, "document file: a chunk is larger than 256 MiB"};
    m_chunks.push_back(chunk);
    return {};
}

Result<ChunkReader> ChunkReader::open(ByteView file) {
    if (file.substr(0, kMagic.size()) != kMagic) return malformed("not a document file");
    ByteReader in(file);
    in.raw(kMagic.size());
    const std::uint8_t version = in.u8();
    if (!in.ok()) return malformed("cut off");
    if (version != kVersion)
        return Error{ErrorCode::VersionTooNew, "document file: version " + std::to_string(version) +
                                                   " is newer than this program; update it"};
    ChunkReader reader;
    std::uint8_t last = 0;
    for (;;) {
        const std::size_t begin = in.position();
        const std::uint8_t type = in.u8();
        if (!in.ok()) return malformed("cut off");
        if (type == 0) {
            const std::uint32_t crc = in.u32();
            if (!in.done() || crc != crc32c(file.substr(0, begin))) return malformed("damaged");
            return reader;
        }
        if (type <= last) return malformed("chunks are not in order");
        last = type;
        if (auto ok = reader.readChunk(in, type, begin, file); !ok) return ok.error();
    }
}

const ChunkReader::Chunk* ChunkReader::find(ChunkType type) const {
    const auto chunk = std::find_if(m_chunks.begin(), m_chunks.end(),
                                    [type](const Chunk& c) { return c.type == type; });
    return chunk == m_chunks.end() ? nullptr : &*chunk;
}

Result<Bytes> ChunkReader::read(ChunkType type, ByteView prefix) const {
    const Chunk* chunk = find(type);
    if (!chunk) return Bytes();
    if (chunk->coding == kPlain) return Bytes(chunk->bytes);
    return inflate(chunk->bytes, chunk->inflated,
                   chunk->coding == kZstdBehindText ? prefix : ByteView());
}

}  // namespace kimdb::crdt
