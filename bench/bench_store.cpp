// SPDX-License-Identifier: MIT
// Speed of the store: `result METRIC VALUE UNIT` per line, median of several runs. Works in a
// folder of its own below TMPDIR, which should be on the disk that is to be measured.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "store/engine.h"

using namespace kimdb;
using Watch = std::chrono::steady_clock;

namespace {

constexpr int kRuns = 5;
constexpr int kAppends = 200'000;
constexpr int kAppendsPerBatch = 100;
constexpr int kDocuments = 64;
constexpr int kSinglePuts = 1'000;

double secondsSince(Watch::time_point begin) {
    return std::chrono::duration<double>(Watch::now() - begin).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

[[noreturn]] void fail(const Error& error) {
    std::fprintf(stderr, "bench_store: %s\n", error.message.c_str());
    std::exit(1);
}

// An open engine in a fresh folder that is removed at the end.
class Bench {
 public:
    Bench()
        : m_path(std::filesystem::temp_directory_path() /
                 ("kimdb-bench-" + std::to_string(::getpid()))) {
        std::filesystem::remove_all(m_path);
        auto engine = store::Engine::open({.path = m_path.string()});
        if (!engine) fail(engine.error());
        m_engine = std::move(*engine);
    }
    ~Bench() {
        m_engine.reset();
        std::filesystem::remove_all(m_path);
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    store::SeqNo commit(store::Batch batch) {
        auto seq = m_engine->commit(std::move(batch));
        if (!seq) fail(seq.error());
        return *seq;
    }
    void waitDurable(store::SeqNo seq) {
        if (auto ok = m_engine->whenDurable(seq).get(); !ok) fail(ok.error());
    }

 private:
    std::filesystem::path m_path;
    std::unique_ptr<store::Engine> m_engine;
};

store::LogEntry entryAt(std::uint64_t position) {
    store::LogEntry e;
    e.position = position;
    e.replica = 1;
    e.first = position;
    e.count = 1;
    e.user = "someone";
    e.change = std::string(60, 'c');
    return e;
}

// Log appends in batches, from the first commit until the last is durable.
double appendsPerSecond() {
    Bench bench;
    std::vector<std::string> names;
    for (int i = 0; i < kDocuments; ++i) names.push_back("bench/" + std::to_string(i));
    std::vector<std::uint64_t> last(kDocuments, 0);
    store::SeqNo seq = 0;
    const auto begin = Watch::now();
    for (int n = 0; n < kAppends;) {
        store::Batch batch;
        for (int i = 0; i < kAppendsPerBatch; ++i, ++n) {
            const auto d = static_cast<std::size_t>(n % kDocuments);
            batch.append(names[d], entryAt(++last[d]));
        }
        seq = bench.commit(std::move(batch));
    }
    bench.waitDurable(seq);
    return kAppends / secondsSince(begin);
}

// One client that waits for each put.
double singlePutMedianMs() {
    Bench bench;
    std::vector<double> times;
    for (int i = 0; i < kSinglePuts; ++i) {
        store::Batch batch;
        batch.putRecord("bench", "key" + std::to_string(i), std::string(75, 'v'));
        const auto begin = Watch::now();
        bench.waitDurable(bench.commit(std::move(batch)));
        times.push_back(secondsSince(begin) * 1e3);
    }
    return median(times);
}

}  // namespace

int main() {
    std::vector<double> appends, puts;
    for (int run = 0; run < kRuns; ++run) {
        appends.push_back(appendsPerSecond());
        puts.push_back(singlePutMedianMs());
    }
    std::printf("result store.log_append_per_s %.0f 1/s\n", median(appends));
    std::printf("result store.single_put_p50_ms %.3f ms\n", median(puts));
    return 0;
}
