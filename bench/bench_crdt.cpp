// SPDX-License-Identifier: MIT
// Speed of the CRDT engine: `result METRIC VALUE UNIT` per line, median of several runs. Reads the
// traces in KIMDB_DATA_DIR; what is missing is left out.
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

#include "core/change.h"
#include "core/utf8.h"

using namespace kimdb;
using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Document;
using nlohmann::json;

namespace {

constexpr int kRuns = 9;
const ContainerId kText = ContainerId::child(ContainerId::root(), "t", ContainerType::Text);

struct Patch {
    std::size_t position = 0;
    std::size_t removed = 0;
    std::u16string inserted;
};

json load(const char* name) {
    const char* folder = std::getenv("KIMDB_DATA_DIR");
    const std::string path = std::string(folder ? folder : "../shared/data") + "/" + name;
    gzFile file = gzopen((path + ".json.gz").c_str(), "rb");
    if (!file) return nullptr;
    std::string text;
    char buffer[1 << 16];
    for (int n; (n = gzread(file, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    gzclose(file);
    return json::parse(text);
}

// Milliseconds of `work`, the median of kRuns; `prepare` is not measured.
void measure(const char* metric, const std::function<void()>& prepare,
             const std::function<void()>& work) {
    std::vector<double> times_ms;
    for (int i = 0; i < kRuns; ++i) {
        prepare();
        const auto begin = std::chrono::steady_clock::now();
        work();
        const std::chrono::duration<double, std::milli> time =
            std::chrono::steady_clock::now() - begin;
        times_ms.push_back(time.count());
    }
    std::sort(times_ms.begin(), times_ms.end());
    std::printf("result %s %.2f ms\n", metric, times_ms[kRuns / 2]);
}

void require(bool right, const char* what) {
    if (right) return;
    std::fprintf(stderr, "bench_crdt: %s went wrong\n", what);
    std::exit(1);
}

std::optional<Change> write(Document& doc, const Patch& patch, std::int64_t time_ms) {
    doc.begin();
    if (patch.removed) doc.removeText(kText, patch.position, patch.removed);
    if (!patch.inserted.empty()) doc.insertText(kText, patch.position, patch.inserted);
    return doc.commit(time_ms);
}

// Every edit its own transaction, change, undo capture and event.
void localEdits() {
    const json data = load("automerge-paper");
    if (data.is_null()) return;
    std::vector<Patch> patches;
    for (const json& p : data["patches"])
        patches.push_back({p[0], p[1], toUtf16(p[2].get<std::string>())});
    Document doc;
    std::size_t events = 0;
    measure(
        "crdt.local_ms",
        [&] {
            doc = Document(1);
            doc.onEvent([&](const std::vector<crdt::Event>& e) { events += e[0].splices.size(); });
        },
        [&] {
            std::int64_t time_ms = 0;
            for (const Patch& patch : patches) write(doc, patch, time_ms += 100);
        });
    require(doc.textUtf8(kText) == data["end"] && events > 0, "automerge-paper");
}

std::vector<Change> friendsChanges(const json& data) {
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
            require(docs[me].receive(changes[others[i]]).ok(), "friendsforever");
        sent[me].push_back(changes.size());
        const json& p = txn[2][0];
        changes.push_back(*write(docs[me], {p[0], p[1], toUtf16(p[2].get<std::string>())}, 1));
    }
    return changes;
}

void remoteChanges() {
    const json data = load("friendsforever");
    if (data.is_null()) return;
    const std::vector<Change> changes = friendsChanges(data);
    Document doc;
    const auto fresh = [&] { doc = Document(3); };
    measure("crdt.friends_each_ms", fresh, [&] {
        for (const Change& change : changes) (void)doc.receive(change);
    });
    require(doc.textUtf8(kText) == data["end"], "friendsforever");
    measure("crdt.friends_batch_ms", fresh, [&] { (void)doc.receiveAll(changes); });
    require(doc.textUtf8(kText) == data["end"], "friendsforever");
}

void manyAtOnePlace() {
    std::vector<Change> changes;
    for (ReplicaId id = 1; id <= 1540; ++id) {
        Document doc(id * 7919 % 1543);
        changes.push_back(*write(doc, {0, 0, u"x"}, 1));
    }
    Document doc;
    measure(
        "crdt.insert_at_zero_ms", [&] { doc = Document(1); },
        [&] {
            for (const Change& change : changes) (void)doc.receive(change);
        });
    require(doc.textLength(kText) == 1540, "insert at zero");
}

}  // namespace

int main() {
    localEdits();
    remoteChanges();
    manyAtOnePlace();
}
