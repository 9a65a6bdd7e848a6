// SPDX-License-Identifier: MIT
// Markdown from outside: all of it can be read, and what it was read as is written and read again
// as the same.
#include <kimdb/crdt/markdown.h>

#include "crdt/markdown_source.h"
#include "fuzz/fuzz_target.h"

using namespace kimdb;

std::vector<Bytes> fuzzSeeds() {
    std::vector<Bytes> seeds{"* a\n\n  b\n> c\n\n[d]: e\n[d] <f@g.h> &eacute;\n",
                             "a\n===\n<div>\n"};
    for (std::uint64_t seed = 1; seed <= 200; ++seed)
        seeds.push_back(*crdt::markdownFromDelta(test::MarkdownSource(seed).document()));
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto delta = crdt::deltaFromMarkdown({reinterpret_cast<const char*>(data), size});
    if (!delta) return 0;
    const auto written = crdt::markdownFromDelta(*delta);
    fuzzRequire(written.ok());
    const auto again = crdt::deltaFromMarkdown(*written);
    fuzzRequire(again.ok() && *again == *delta);
    return 0;
}
