// SPDX-License-Identifier: MIT
// What a hostile program may write behind right checksums: the chunks of a document file, each with
// its length in front. A document that opens can be read, edited, undone and saved again.
#include <kimdb/crdt/document_file.h>

#include "core/bytes.h"
#include "crdt/crowd.h"
#include "crdt/file_chunks.h"
#include "crdt/people.h"
#include "fuzz/fuzz_target.h"

using namespace kimdb;
using crdt::ChunkReader;
using crdt::ChunkType;
using crdt::ChunkWriter;
using crdt::Compression;
using crdt::Detail;
using crdt::Document;
using crdt::DocumentFile;

namespace {

constexpr ReplicaId kSelf = 903;
constexpr ChunkType kChunks[] = {ChunkType::Clock,     ChunkType::Tree,     ChunkType::Text,
                                 ChunkType::Sequences, ChunkType::DeadText, ChunkType::Deps,
                                 ChunkType::Undo};

Bytes chunksOf(const Document& doc, Detail detail) {
    const Bytes file = doc.save({detail, false, true});
    const auto chunks = ChunkReader::open(file);
    Bytes out;
    for (const ChunkType type : kChunks) ByteWriter(out).bytes(*chunks->read(type));
    return out;
}

}  // namespace

std::vector<Bytes> fuzzSeeds() {
    std::vector<Bytes> seeds;
    for (std::uint64_t seed = 1; seeds.size() < 150; ++seed) {
        test::Crowd crowd(seed, 1 + seed % 3);
        crowd.run(seed % 20);
        Document doc(kSelf);
        for (const Change& change : crowd.changes) (void)doc.receive(change);
        (void)crowd.writes(doc, 4);
        seeds.push_back(chunksOf(doc, static_cast<Detail>(seed % 3)));
        if (seed % 4 || !doc.makeShallow()) continue;
        (void)crowd.writes(doc, 6);
        seeds.push_back(chunksOf(doc, Detail::Full));
    }
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(ByteView(reinterpret_cast<const char*>(data), size));
    ChunkWriter writer(Compression::None);
    for (const ChunkType type : kChunks) writer.add(type, in.bytes(in.remaining()));
    const auto file = DocumentFile::open(writer.finish());
    if (!file.ok()) return 0;
    auto document = file->document(kSelf);
    if (!document.ok()) return 0;
    fuzzRequire(!document->checkInvariants());
    (void)document->toValue();
    while (document->canUndo() && document->undo(1)) continue;
    document->begin();
    document->insertText(document->createContainer(test::kRoot, "t", crdt::ContainerType::Text), 1,
                         u"x");
    (void)document->commit(1);
    fuzzRequire(!document->checkInvariants());
    fuzzRequire(DocumentFile::open(document->save({Detail::Full, false})).ok());
    return 0;
}
