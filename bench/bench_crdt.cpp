// SPDX-License-Identifier: MIT
// Speed, size and memory of the CRDT engine beside the libraries a user would pick instead, in one
// go on the same data. A case prints `result METRIC VALUE UNIT` (ours: the median of several runs),
// then per peer `result METRIC@PEER …` and `ratio METRIC@PEER X`, below 1 when we are ahead. What
// the metrics mean: bench/README.md.
//   bench_crdt [--peers FOLDER] [--no-peers] [--runs N] [--peer-runs N] [--only REGEX]
// Data: KIMDB_DATA_DIR, default ../shared/data; without it the cases on recorded traces fall away.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/crdt_bench.h"
#include "core/utf8.h"

using namespace kimdb;
using bench::Patch;
using crdt::Document;
using nlohmann::json;

namespace {

constexpr double kMegabyte = 1e6;
constexpr int kMixedEdits = 5000;  // of each of two replicas
const std::string kLocal = "one.mjs local automerge-paper";
const std::string kUpdates = "one.mjs localupd automerge-paper";

bench::Peers::Reading at(const char* pointer, double scale = 1) {
    return [=](const json& line) -> std::optional<double> {
        const auto value = bench::numberAt(line, pointer);
        return value ? std::optional(*value * scale) : std::nullopt;
    };
}

std::vector<Patch> patchesOf(const json& data) {
    std::vector<Patch> patches;
    for (const json& p : data["patches"])
        patches.push_back({p[0], p[1], toUtf16(p[2].get<std::string>())});
    return patches;
}

// Every edit its own transaction, change, undo capture and event. The peers' has no listener and
// no undo.
void localEdits(bench::Crdt& run, const json& data) {
    const std::vector<Patch> patches = patchesOf(data);
    Document doc;
    std::size_t events = 0;
    const auto prepare = [&] {
        doc = Document(1);
        doc.onEvent([&](const std::vector<crdt::Event>& e) { events += e[0].splices.size(); });
    };
    const auto edit = [&] {
        std::int64_t time_ms = 0;
        for (const Patch& patch : patches) (void)bench::write(doc, patch, time_ms += 100);
    };
    run.time("crdt.local_ms", kLocal, at("/ms"), prepare, edit);
    bench::require(doc.textUtf8(bench::kText) == data["end"] && events > 0, "automerge-paper");

    doc = Document();
    const std::size_t before = bench::allocatedBytes();
    const std::size_t resident = bench::resetPeak();
    prepare();
    edit();
    const double allocated = static_cast<double>(bench::allocatedBytes() - before) / kMegabyte;
    const auto memory = [](const json& line) -> std::optional<double> {
        const auto heap = bench::numberAt(line, "/mem/jsHeap");
        const auto outside = bench::numberAt(line, "/mem/external");
        if (!heap || !outside) return std::nullopt;
        return (std::max(0.0, *heap) + std::max(0.0, *outside)) / kMegabyte;
    };
    run.value("crdt.memory_edited_mb", allocated, "MB", kLocal, memory);
    bench::result("crdt.memory_edited_peak_mb",
                  static_cast<double>(bench::peakResidentBytes() - resident) / kMegabyte, "MB");
    bench::files(run, doc);
}

// The same with an encoded change per edit, and those applied by another replica.
void encodedEdits(bench::Crdt& run, const json& data) {
    const std::vector<Patch> patches = patchesOf(data);
    Document doc;
    std::vector<Bytes> updates;
    const auto fresh = [&] { doc = Document(1); };
    run.time(
        "crdt.local_updates_ms", kUpdates, at("/ms"),
        [&] {
            fresh();
            updates.clear();
        },
        [&] {
            std::int64_t time_ms = 0;
            for (const Patch& patch : patches)
                if (const auto change = bench::write(doc, patch, time_ms += 100))
                    updates.push_back(encodeChange(*change));
        });
    std::size_t bytes = 0;
    for (const Bytes& update : updates) bytes += update.size();
    run.value("crdt.update_bytes", static_cast<double>(bytes) / static_cast<double>(updates.size()),
              "bytes", kUpdates, at("/updateBytes", 1.0 / 259'778));
    run.time(
        "crdt.apply_each_ms", kUpdates,
        [](const json& line) -> std::optional<double> {
            if (line["appliedOneByOne"] != line["updates"]) return std::nullopt;  // gave up early
            return line["applyOneByOneMs"].get<double>() +
                   line["applyOneByOneTextMs"].get<double>();
        },
        fresh,
        [&] {
            for (const Bytes& update : updates) (void)doc.receive(*decodeChange(update));
            bench::require(doc.textLength(bench::kText) > 0, "apply each");
        });
    bench::require(doc.textUtf8(bench::kText) == data["end"], "apply each");
    run.time("crdt.apply_batch_ms", kUpdates, at("/applyBatchMs"), fresh,
             [&] { bench::receiveBatch(doc, updates); });
    bench::require(doc.textUtf8(bench::kText) == data["end"], "apply batch");
}

// The changes two people wrote, in the trace's order. Each starts from what its parents know.
std::vector<Bytes> friendsChanges(const json& data) {
    Document docs[2] = {Document(1), Document(2)};
    std::vector<Change> changes;
    std::vector<std::size_t> newest;  // of the other one's, in each transaction's past
    std::size_t delivered[2] = {0, 0};
    std::vector<std::size_t> sent[2];
    for (const json& txn : data["txns"]) {
        const std::size_t me = txn[0];
        std::size_t other = 0;  // 1 + index of the newest transaction of the other in the past
        for (const std::size_t parent : txn[1]) {
            const bool own = data["txns"][parent][0] == me;
            other = std::max(other, own ? newest[parent] : parent + 1);
        }
        newest.push_back(other);
        auto& others = sent[1 - me];
        for (std::size_t& i = delivered[me]; i < others.size() && others[i] < other; ++i)
            bench::require(docs[me].receive(changes[others[i]]).ok(), "friendsforever");
        sent[me].push_back(changes.size());
        const json& p = txn[2][0];
        changes.push_back(
            *bench::write(docs[me], {p[0], p[1], toUtf16(p[2].get<std::string>())}, 1));
    }
    std::vector<Bytes> encoded;
    for (const Change& change : changes) encoded.push_back(encodeChange(change));
    return encoded;
}

void friends(bench::Crdt& run) {
    const json data = bench::load("friendsforever");
    if (data.is_null()) return;
    const std::vector<Bytes> updates = friendsChanges(data);
    const std::string peers = "one.mjs conc friendsforever";
    Document doc;
    const auto fresh = [&] { doc = Document(3); };
    run.time("crdt.friends_each_ms", peers, at("/oneByOneMs"), fresh, [&] {
        for (const Bytes& update : updates) (void)doc.receive(*decodeChange(update));
        bench::require(doc.textLength(bench::kText) > 0, "friendsforever");
    });
    bench::require(doc.textUtf8(bench::kText) == data["end"], "friendsforever");
    run.time("crdt.friends_batch_ms", peers, at("/batchMs"), fresh,
             [&] { bench::receiveBatch(doc, updates); });
    bench::require(doc.textUtf8(bench::kText) == data["end"], "friendsforever");
}

// 1,540 replicas that know nothing of each other: case B3.5 of the crdt-benchmarks suite.
void manyAtOnePlace(bench::Crdt& run) {
    std::vector<Bytes> updates;
    for (ReplicaId id = 1; id <= 1540; ++id) {
        Document doc(id * 7919 % 1543);
        updates.push_back(encodeChange(*bench::write(doc, {0, 0, u"x"}, 1)));
    }
    Document doc;
    run.time(
        "crdt.insert_at_zero_ms", "one.mjs dmonad B3.5", at("/R/B3.5 insert text/oneByOne"),
        [&] { doc = Document(1); },
        [&] {
            for (const Bytes& update : updates) (void)doc.receive(*decodeChange(update));
            bench::require(doc.text(bench::kText).size() == 1540, "insert at zero");
        });
}

// 10,000 map, list and text operations of two replicas that do not see each other, each a change
// of its own; a third replica gets them in a batch. bench/peer_cases.mjs draws the same numbers.
void mixedMerge(bench::Crdt& run) {
    const auto root = crdt::ContainerId::root();
    std::vector<Bytes> updates;
    for (const ReplicaId id : {1, 2}) {
        Document doc(id);
        bench::Draw draw(static_cast<std::uint32_t>(id));
        const auto place = [&](std::size_t last) {
            return static_cast<std::size_t>(draw.integer(0, static_cast<std::int64_t>(last)));
        };
        std::size_t chars = 0, items = 0;
        for (int i = 0; i < kMixedEdits; ++i) {
            const std::int64_t what = draw.integer(0, 2);
            doc.begin();
            if (what == 0) {
                const std::string key = "k" + std::to_string(draw.integer(0, 99));
                doc.set(doc.createContainer(root, "map", crdt::ContainerType::Map), key,
                        draw.integer(0, 1'000'000));
            } else if (what == 1) {
                const std::size_t at = place(items++);
                doc.insertItems(doc.createContainer(root, "list", crdt::ContainerType::List), at,
                                {draw.integer(0, 1'000'000)});
            } else if (chars > 10 && draw.integer(0, 3) == 0) {
                doc.removeText(bench::kText, place(chars-- - 1), 1);
            } else {
                const std::string word = draw.word(1, 5);
                doc.insertText(bench::kText, place(chars), toUtf16(word));
                chars += word.size();
            }
            updates.push_back(encodeChange(*doc.commit(1)));
        }
    }
    Document doc;
    const double ms = bench::medianMs(
        run.options().runs, [&] { doc = Document(3); },
        [&] {
            bench::receiveBatch(doc, updates);
            bench::require(!doc.text(bench::kText).empty(), "mixed");
        });
    run.value("crdt.merge_10k_us_per_op", ms * 1000 / static_cast<double>(updates.size()), "us",
              "peer_cases.mjs mixed", at("/usPerOp"));
}

// Time per edit in a document of random edits, and in one ten times as long.
void growth(bench::Crdt& run) {
    if (!run.options().wants("crdt.growth_10x")) return;
    constexpr int kEdits = 20'000;
    double us[2] = {};
    for (const int size : {0, 1}) {
        Document doc(1);
        bench::Draw draw(7);
        const auto edit = [&](int n) {
            for (int i = 0; i < n; ++i) {
                const auto length = static_cast<std::int64_t>(doc.textLength(bench::kText));
                const auto place = static_cast<std::size_t>(draw.integer(0, length));
                const bool removes = i % 4 == 3 && place < static_cast<std::size_t>(length);
                (void)bench::write(doc, {place, removes ? 1U : 0U, removes ? u"" : u"ab"}, i);
            }
        };
        edit(size ? 400'000 : 40'000);
        us[size] = bench::medianMs(
                       5, [] {}, [&] { edit(kEdits); }) *
                   1000 / kEdits;
    }
    bench::result("crdt.edit_us", us[0], "us");
    bench::result("crdt.growth_10x", us[1] / us[0], "x");
}

// JavaScript peers compiled to wasm pay this for each call; it is part of their times.
void boundary(bench::Crdt& run) {
    const json& line = run.peers().answer("none", "peer_cases.mjs boundary");
    if (line.is_null()) return;
    bench::result("crdt.boundary_empty_call_ns", line["emptyNs"], "ns");
    bench::result("crdt.boundary_string_call_ns", line["stringNs"], "ns");
    bench::result("crdt.boundary_of_local_ms", line["stringNs"].get<double>() * 259'778 / 1e6,
                  "ms");
}

bench::Options optionsOf(int argc, char** argv) {
    bench::Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        const char* next = i + 1 < argc ? argv[i + 1] : "";
        if (name == "--no-peers") {
            options.peers = false;
            continue;
        }
        if (name == "--peers")
            options.folder = next;
        else if (name == "--runs")
            options.runs = std::atoi(next);
        else if (name == "--peer-runs")
            options.peer_runs = std::atoi(next);
        else if (name == "--only")
            options.only = next;
        else
            bench::require(false, "option " + name);
        ++i;
    }
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const bench::Options options = optionsOf(argc, argv);
    bench::Peers peers(options);
    bench::Crdt run(options, peers);
    boundary(run);
    if (const json data = bench::load("automerge-paper"); !data.is_null()) {
        if (run.wantsAny({"crdt.local_ms", "crdt.memory_edited_mb", "crdt.file_full_bytes",
                          "crdt.load_text_ms", "crdt.memory_loaded_mb", "crdt.memory_full_mb"}))
            localEdits(run, data);
        if (run.wantsAny({"crdt.local_updates_ms", "crdt.apply_each_ms", "crdt.apply_batch_ms"}))
            encodedEdits(run, data);
    }
    if (run.wantsAny({"crdt.friends_each_ms", "crdt.friends_batch_ms"})) friends(run);
    if (run.wantsAny({"crdt.insert_at_zero_ms"})) manyAtOnePlace(run);
    if (run.wantsAny({"crdt.merge_10k_us_per_op"})) mixedMerge(run);
    growth(run);
    bench::suite(run);
}
