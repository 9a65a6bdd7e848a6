// SPDX-License-Identifier: MIT
#include <kimdb/crdt/document_file.h>

#include "crdt/document_codec.h"
#include "crdt/undo_codec.h"

namespace kimdb::crdt {

// ---- writing ----

Bytes Document::save(const SaveOptions& options) const {
    if (options.undo && options.detail == Detail::Shallow) {  // not all of it can be undone then
        auto copy = DocumentFile::open(save({Detail::Full, false, true}))->document(replica());
        if (copy && copy->makeShallow()) return copy->save({Detail::Full, options.compress, true});
    }
    StateWriter state(*m_impl, options.detail);
    ChunkWriter out(options.compress ? Compression::Zstd : Compression::None);
    out.add(ChunkType::Clock, state.clock);
    out.add(ChunkType::Tree, state.tree);
    out.add(ChunkType::Text, state.text);
    out.add(ChunkType::Sequences, state.sequences);
    out.add(ChunkType::DeadText, state.dead_text, state.text);
    out.add(ChunkType::Deps, state.deps);
    if (options.undo) out.add(ChunkType::Undo, UndoCodec::encode(*m_impl, state.numbers()));
    const bool is_unchanged = m_impl->foreign_version == clock();
    for (const ForeignChunk& chunk : m_impl->foreign)
        if (chunk.type < kFirstVolatileChunk || is_unchanged) out.add(chunk);
    return out.finish();
}

Detail Document::detail() const {
    return m_impl->detail;
}

void Document::trim() {
    m_impl->containers.forEach([](Container& container) {
        if (container.text) container.text->trim();
    });
    m_impl->detail = std::max(m_impl->detail, Detail::Trimmed);
}

// ---- reading ----

struct DocumentFile::Parts {
    Bytes bytes;
    ChunkReader chunks;
};

DocumentFile::DocumentFile(std::unique_ptr<Parts> parts) : m_parts(std::move(parts)) {}
DocumentFile::~DocumentFile() = default;
DocumentFile::DocumentFile(DocumentFile&&) noexcept = default;
DocumentFile& DocumentFile::operator=(DocumentFile&&) noexcept = default;

const Bytes& DocumentFile::bytes() const {
    return m_parts->bytes;
}

Result<DocumentFile> DocumentFile::open(Bytes bytes) {
    auto parts = std::make_unique<Parts>();
    parts->bytes = std::move(bytes);
    Result<ChunkReader> chunks = ChunkReader::open(parts->bytes);
    if (!chunks) return chunks.error();
    parts->chunks = std::move(*chunks);
    if (!parts->chunks.has(ChunkType::Clock))
        return Error{ErrorCode::Malformed, "document file: the clock is missing"};
    return DocumentFile(std::move(parts));
}

namespace {

// Inflates a chunk and has it read.
template <class F>
Result<> read(const ChunkReader& chunks, ChunkType type, F&& f) {
    const Result<Bytes> chunk = chunks.read(type);
    return chunk ? f(*chunk) : chunk.error();
}

Result<> readTree(const ChunkReader& chunks, StateReader& state) {
    auto ok = read(chunks, ChunkType::Clock, [&](ByteView c) { return state.readClock(c); });
    if (ok) ok = read(chunks, ChunkType::Tree, [&](ByteView c) { return state.readTree(c); });
    return ok;
}

}  // namespace

Result<VectorClock> DocumentFile::version() const {
    Document document;
    StateReader state(*document.m_impl);
    const auto ok = read(m_parts->chunks, ChunkType::Clock,
                         [&](ByteView chunk) { return state.readClock(chunk); });
    if (!ok) return ok.error();
    return document.clock();
}

Result<std::string> DocumentFile::textUtf8(const ContainerId& text) const {
    Document document;
    StateReader state(*document.m_impl);
    if (auto ok = readTree(m_parts->chunks, state); !ok) return ok.error();
    Result<Bytes> chunk = m_parts->chunks.read(ChunkType::Text);
    if (!chunk) return chunk.error();
    std::size_t begin = 0;
    for (const StateReader::Sequence& sequence : state.sequences()) {
        const std::size_t bytes = sequence.bytes;
        if (bytes > chunk->size() - begin)
            return Error{ErrorCode::Malformed, "document file: text is missing"};
        if (sequence.container->id == text) {
            if (bytes == chunk->size()) return std::move(*chunk);
            return chunk->substr(begin, bytes);
        }
        begin += bytes;
    }
    return std::string();
}

Result<Document> DocumentFile::document(ReplicaId self) const {
    const ChunkReader& chunks = m_parts->chunks;
    Document document(self);
    StateReader state(*document.m_impl);
    if (auto ok = readTree(chunks, state); !ok) return ok.error();
    if (auto ok = read(chunks, ChunkType::Deps, [&](ByteView c) { return state.readDeps(c); }); !ok)
        return ok.error();
    const Result<Bytes> text = chunks.read(ChunkType::Text);
    if (!text) return text.error();
    const Result<Bytes> dead_text = chunks.read(ChunkType::DeadText, *text);
    if (!dead_text) return dead_text.error();
    const auto ok = read(chunks, ChunkType::Sequences, [&](ByteView sequences) {
        return state.readSequences(sequences, *text, *dead_text);
    });
    if (!ok) return ok.error();
    const auto undo = read(chunks, ChunkType::Undo, [&](ByteView stacks) {
        return UndoCodec::decode(stacks, *document.m_impl, state.numbers());
    });
    if (!undo) return undo.error();
    document.m_impl->foreign = chunks.foreign();
    document.m_impl->foreign_version = document.clock();
    return document;
}

}  // namespace kimdb::crdt
