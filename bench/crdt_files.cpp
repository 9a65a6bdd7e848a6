// SPDX-License-Identifier: MIT
// What a document costs in a file and, read again, in memory.
#include <kimdb/crdt/document_file.h>

#include "bench/crdt_bench.h"

using namespace kimdb;
using crdt::Detail;
using crdt::Document;
using crdt::DocumentFile;
using nlohmann::json;

namespace bench {

namespace {

constexpr double kMegabyte = 1e6;
const std::string kLocal = "one.mjs local automerge-paper";
const std::string kLoad = "one.mjs load automerge-paper";

// The smallest file of a peer of that kind.
std::optional<double> leastSize(const json& line, const char* kind) {
    std::optional<double> best;
    for (const auto& [name, size] : line.value("sizes", json::object()).items())
        if (name.find(kind) != std::string::npos && size.is_number())
            best = std::min(best.value_or(1e18), size.get<double>());
    return best;
}

std::optional<double> fullBytes(const json& line) {
    return leastSize(line, "full");
}

std::optional<double> textBytes(const json& line) {
    return leastSize(line, "no history");
}

// The least of a number over the files that a peer read.
std::optional<double> leastOf(const json& line, std::optional<double> (*number)(const json& file)) {
    std::optional<double> best;
    for (const auto& [name, file] : line.value("load", json::object()).items())
        if (const auto n = number(file)) best = std::min(best.value_or(1e18), *n);
    return best;
}

std::optional<double> loadText(const json& line) {
    return leastOf(line, [](const json& file) { return numberAt(file, "/loadTextMs"); });
}

std::optional<double> memory(const json& line) {
    return leastOf(line, [](const json& file) -> std::optional<double> {
        const auto heap = numberAt(file, "/mem/jsHeap");
        const auto outside = numberAt(file, "/mem/external");
        if (!heap || !outside) return std::nullopt;
        return (std::max(0.0, *heap) + std::max(0.0, *outside)) / kMegabyte;
    });
}

}  // namespace

void files(Crdt& run, const Document& doc) {
    const Bytes full = doc.save();
    const Bytes trimmed = doc.save({Detail::Trimmed, true});
    const Bytes shallow = doc.save({Detail::Shallow, true});
    const std::string text = doc.textUtf8(kText);
    run.value("crdt.file_full_bytes", static_cast<double>(full.size()), "bytes", kLocal, fullBytes);
    result("crdt.file_trimmed_bytes", static_cast<double>(trimmed.size()), "bytes");
    run.value("crdt.file_text_bytes", static_cast<double>(shallow.size()), "bytes", kLocal,
              textBytes);

    std::string loaded;
    run.time(
        "crdt.load_text_ms", kLoad, loadText, [&] { loaded.clear(); },
        [&] { loaded = *DocumentFile::open(full)->textUtf8(kText); });
    require(loaded == text, "text of a file");
    Document opened;
    const auto forget = [&] { opened = Document(); };
    const double load_ms = medianMs(run.options().runs, forget,
                                    [&] { opened = *DocumentFile::open(full)->document(2); });
    result("crdt.load_full_ms", load_ms, "ms");
    require(opened.textUtf8(kText) == text, "document of a file");
    forget();
    loaded = {};
    result("crdt.save_full_ms",
           medianMs(
               3, [] {}, [&] { (void)doc.save(); }),
           "ms");

    const std::size_t before = allocatedBytes();
    const DocumentFile file = *DocumentFile::open(full);
    std::string shown = *file.textUtf8(kText);
    const std::size_t with_text = allocatedBytes();
    run.value("crdt.memory_loaded_mb", static_cast<double>(with_text - before) / kMegabyte, "MB",
              kLoad, memory);
    shown = {};
    const std::size_t with_file = allocatedBytes();
    opened = *file.document(2);
    run.value("crdt.memory_full_mb", static_cast<double>(allocatedBytes() - with_file) / kMegabyte,
              "MB", kLoad, memory);
}

}  // namespace bench
