// SPDX-License-Identifier: MIT
// Speed of the store beside those that people use instead: the same rows, the same durability, in
// the same run. Metrics: bench/README.md. Works in a folder of its own below TMPDIR, which should
// be on the disk that is to be measured.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include <kimdb/store.h>

#include "bench/measure.h"
#include "bench/store_peers.h"
#include "store/engine.h"

using namespace kimdb;
using namespace std::chrono_literals;
using bench::Rows;
using Watch = std::chrono::steady_clock;

namespace {

constexpr const char* kCollection = "rows";
constexpr std::size_t kCacheBytes = 64 << 20;
constexpr std::size_t kReads = 500'000;
constexpr std::size_t kPlainRows = 1'000;  // of SQLite with a flush per row
constexpr std::size_t kSinglePuts = 1'000;
constexpr std::size_t kPacedPerS = 100'000;

struct Arguments {
    bench::Options common{.runs = 3};
    std::size_t rows = 1'000'000;
    bool growth = false;
    bool scaling = false;
};

double secondsSince(Watch::time_point begin) {
    return std::chrono::duration<double>(Watch::now() - begin).count();
}

double percentile(std::vector<double> values, double part) {
    const auto at = static_cast<std::size_t>(part * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at),
                     values.end());
    return values[at];
}

template <class T>
T must(Result<T> result) {
    if (!result) bench::failPeer(result.error().message);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

//! \brief An empty folder on the disk that is measured.
class Folder {
 public:
    Folder() {
        static int folders = 0;
        m_path = std::filesystem::temp_directory_path() /
                 ("kimdb-bench-" + std::to_string(::getpid()) + "-" + std::to_string(++folders));
        std::filesystem::remove_all(m_path);
        std::filesystem::create_directories(m_path);
    }
    ~Folder() { std::filesystem::remove_all(m_path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string path() const { return m_path.string(); }
    std::size_t bytes() const {
        std::size_t sum = 0;
        for (const auto& e : std::filesystem::recursive_directory_iterator(m_path))
            if (e.is_regular_file()) sum += e.file_size();
        return sum;
    }

 private:
    std::filesystem::path m_path;
};

std::unique_ptr<Store> openStore(const Folder& folder, int shards = 8) {
    StoreOptions options;
    options.path = folder.path() + "/store";
    options.shard_count = shards;
    return must(Store::open(options));
}

// Every row a call of its own; the last one is waited for, and with it all.
void putAll(Store& store, const Rows& rows, std::size_t from, std::size_t to) {
    for (std::size_t n = from; n + 1 < to; ++n)
        must(store.set(kCollection, rows.key(n), Bytes(rows.value(n))));
    must(store.setDurable(kCollection, rows.key(to - 1), Bytes(rows.value(to - 1))).get());
}

std::size_t getAll(const Store& store, const Rows& rows,
                   const std::vector<std::uint32_t>& numbers) {
    std::size_t found = 0;
    for (const std::uint32_t n : numbers) {
        const auto value = store.get(kCollection, rows.key(n));
        found += value.ok() && *value && **value == rows.value(n);
    }
    return found;
}

double fdatasyncP50Ms(const Folder& folder) {
    const int fd = ::open((folder.path() + "/sync").c_str(), O_RDWR | O_CREAT, 0644);
    const std::string block(4096, 's');
    std::vector<double> times_ms;
    for (int i = 0; i < 300; ++i) {
        if (::pwrite(fd, block.data(), block.size(), i % 16 * 4096) < 0)
            bench::failPeer("cannot write");
        const auto begin = Watch::now();
        ::fdatasync(fd);
        if (i >= 20) times_ms.push_back(secondsSince(begin) * 1e3);
    }
    ::close(fd);
    return bench::median(times_ms);
}

// Of the whole process, and of the thread that asks: what a loaded machine does not change.
double cpuSeconds(int who) {
    rusage used{};
    ::getrusage(who, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

//! What one pass of a store over all rows gave.
struct Pass {
    double burst_per_s = 0;       //!< until the last row is durable
    double burst_cpu_us = 0;      //!< per row, all threads
    double burst_put_cpu_us = 0;  //!< of the thread that puts
    double main_per_s = 0;        //!< until all are in the main tables
    double cached_per_s = 0;
    double cold_per_s = 0;
    double space_ratio = 0;
};

class BurstCpu {
 public:
    void note(Pass& pass, std::size_t rows) const {
        const double scale = 1e6 / static_cast<double>(rows);
        pass.burst_cpu_us = (cpuSeconds(RUSAGE_SELF) - m_all) * scale;
        pass.burst_put_cpu_us = (cpuSeconds(RUSAGE_THREAD) - m_own) * scale;
    }

 private:
    const double m_all = cpuSeconds(RUSAGE_SELF);
    const double m_own = cpuSeconds(RUSAGE_THREAD);
};

class StoreBench {
 public:
    explicit StoreBench(const Arguments& arguments)
        : m_arguments(arguments),
          m_rows(arguments.rows),
          m_warm(bench::drawRows(std::min<std::size_t>(arguments.rows, 100'000), kReads)),
          m_cold(bench::drawRows(arguments.rows, kReads)) {}

    void run() {
        passes();
        if (m_arguments.common.wants("store.put_p50_ms")) latencies();
        recovery();
        logAppends();
        if (m_arguments.scaling) scaling();
        if (m_arguments.growth) growth();
    }

 private:
    using Passes = std::vector<Pass>;

    static double medianOf(const Passes& passes, double Pass::*what) {
        std::vector<double> values;
        for (const Pass& pass : passes) values.push_back(pass.*what);
        return bench::median(values);
    }

    Pass ours() const {
        Folder folder;
        Pass pass;
        {
            auto store = openStore(folder);
            const auto begin = Watch::now();
            const BurstCpu cpu;
            putAll(*store, m_rows, 0, m_rows.count());
            pass.burst_per_s = rate(m_rows.count(), begin);
            cpu.note(pass, m_rows.count());
            must(store->flush());
            pass.main_per_s = rate(m_rows.count(), begin);
            if (!wantsReads()) return pass;
            (void)getAll(*store, m_rows, m_warm);
            pass.cached_per_s =
                readRate([&](const auto& n) { return getAll(*store, m_rows, n); }, m_warm);
            must(store->close());
        }
        pass.space_ratio = ratio(folder.bytes(), m_rows.rawBytes());
        auto store = openStore(folder);
        pass.cold_per_s =
            readRate([&](const auto& n) { return getAll(*store, m_rows, n); }, m_cold);
        return pass;
    }

    Pass theirs(const bench::StorePeerKind& kind) const {
        Folder folder;
        Pass pass;
        const bool plain = kind.per_commit == 1;
        const std::size_t count = plain ? std::min(kPlainRows, m_rows.count()) : m_rows.count();
        const auto get = [&](bench::StorePeer& peer, const std::vector<std::uint32_t>& numbers) {
            return readRate([&](const auto& n) { return peer.get(m_rows, n); }, numbers);
        };
        {
            auto peer = kind.open(folder.path(), kCacheBytes);
            const auto begin = Watch::now();
            const BurstCpu cpu;
            peer->put(m_rows, 0, count, kind.per_commit, true);
            pass.burst_per_s = rate(count, begin);
            cpu.note(pass, count);
            peer->settle();
            pass.main_per_s = rate(count, begin);
            if (plain || !wantsReads()) return pass;
            (void)peer->get(m_rows, m_warm);
            pass.cached_per_s = get(*peer, m_warm);
        }
        pass.space_ratio = ratio(folder.bytes(), m_rows.rawBytes());
        auto peer = kind.open(folder.path(), kCacheBytes);
        pass.cold_per_s = get(*peer, m_cold);
        return pass;
    }

    bool wantsReads() const {
        const auto& o = m_arguments.common;
        return o.wants("store.read_cached_per_s") || o.wants("store.read_shard_per_s") ||
               o.wants("store.space_ratio");
    }

    // Ours and theirs take turns, so that a machine that slows down slows all.
    void passes() {
        Passes our_passes;
        std::vector<Passes> peers(m_arguments.common.peers ? bench::storePeers().size() : 0);
        for (int i = 0; i < m_arguments.common.runs; ++i) {
            our_passes.push_back(ours());
            for (std::size_t p = 0; p < peers.size() && i < m_arguments.common.peer_runs; ++p)
                peers[p].push_back(theirs(bench::storePeers()[p]));
        }
        report("store.burst_durable_per_s", our_passes, peers, &Pass::burst_per_s, "1/s");
        report("store.burst_cpu_us", our_passes, peers, &Pass::burst_cpu_us, "us");
        report("store.burst_put_cpu_us", our_passes, peers, &Pass::burst_put_cpu_us, "us");
        report("store.main_tables_rows_per_s", our_passes, peers, &Pass::main_per_s, "1/s");
        report("store.read_cached_per_s", our_passes, peers, &Pass::cached_per_s, "1/s");
        report("store.read_shard_per_s", our_passes, peers, &Pass::cold_per_s, "1/s");
        report("store.space_ratio", our_passes, peers, &Pass::space_ratio, "x");
    }

    void report(const std::string& metric, const Passes& our_passes,
                const std::vector<Passes>& peers, double Pass::*what, const char* unit) const {
        if (!m_arguments.common.wants(metric)) return;
        const double our = medianOf(our_passes, what);
        bench::result(metric, our, unit);
        for (std::size_t p = 0; p < peers.size(); ++p) {
            const double their = medianOf(peers[p], what);
            if (their == 0) continue;
            const std::string name = metric + "@" + bench::storePeers()[p].name;
            bench::result(name, their, unit);
            std::printf("ratio %s %.3f\n", name.c_str(),
                        unit[0] == '1' ? their / our : our / their);
        }
        std::fflush(stdout);
    }

    void latencies() const {
        Folder folder;
        const double sync_ms = fdatasyncP50Ms(folder);
        bench::result("store.fdatasync_p50_ms", sync_ms, "ms");
        paced(sync_ms);
        single();
    }

    // A writer that puts 100,000 rows a second, evenly; a second thread waits for each to be
    // durable.
    void paced(double sync_ms) const {
        Folder folder;
        auto store = openStore(folder);
        const std::size_t count = std::min<std::size_t>(m_rows.count(), 3 * kPacedPerS);
        std::vector<Watch::time_point> begun(count);
        std::vector<double> buffered_ms(count), durable_ms(count);
        std::vector<std::future<Result<>>> futures(count);
        std::atomic<std::size_t> written = 0;
        std::thread waiter([&] {
            for (std::size_t n = 0; n < count; ++n) {
                while (written.load(std::memory_order_acquire) <= n) std::this_thread::yield();
                must(futures[n].get());
                durable_ms[n] = secondsSince(begun[n]) * 1e3;
            }
        });
        const auto start = Watch::now();
        for (std::size_t n = 0; n < count; ++n) {
            if (n % 100 == 0)
                std::this_thread::sleep_until(
                    start + std::chrono::microseconds(n * 1'000'000 / kPacedPerS));
            begun[n] = Watch::now();
            futures[n] = store->setDurable(kCollection, m_rows.key(n), Bytes(m_rows.value(n)));
            buffered_ms[n] = secondsSince(begun[n]) * 1e3;
            written.store(n + 1, std::memory_order_release);
        }
        const double per_s = rate(count, start);
        waiter.join();
        bench::result("store.put_paced_per_s", per_s, "1/s");
        bench::result("store.put_buffered_p50_ms", percentile(buffered_ms, 0.5), "ms");
        bench::result("store.put_buffered_p99_ms", percentile(buffered_ms, 0.99), "ms");
        bench::result("store.put_p50_ms", percentile(durable_ms, 0.5), "ms");
        bench::result("store.put_p99_ms", percentile(durable_ms, 0.99), "ms");
        std::printf("ratio store.put_p50_ms@8_fdatasyncs %.3f\n",
                    percentile(durable_ms, 0.5) / (8 * sync_ms));
    }

    // One client that waits for each put, beside SQLite in WAL mode that does the same.
    void single() const {
        std::vector<double> ratios, ours_ms;
        for (int i = 0; i < m_arguments.common.runs; ++i) {
            Folder our_folder, their_folder;
            auto store = openStore(our_folder);
            const auto& sqlite = bench::storePeers()[bench::storePeers().size() - 2];
            auto peer = sqlite.open(their_folder.path(), kCacheBytes);
            std::vector<double> our_ms, their_ms;
            for (std::size_t n = 0; n < std::min(kSinglePuts, m_rows.count()); ++n) {
                auto begin = Watch::now();
                must(store->setDurable(kCollection, m_rows.key(n), Bytes(m_rows.value(n))).get());
                our_ms.push_back(secondsSince(begin) * 1e3);
                begin = Watch::now();
                peer->put(m_rows, n, n + 1, 1, true);
                their_ms.push_back(secondsSince(begin) * 1e3);
            }
            ours_ms.push_back(bench::median(our_ms));
            ratios.push_back(bench::median(our_ms) / bench::median(their_ms));
        }
        bench::result("store.single_put_p50_ms", bench::median(ours_ms), "ms");
        bench::result("store.single_ratio", bench::median(ratios), "x");
    }

    // A child puts all rows, has them durable, and dies before they are flushed to the shards.
    void recovery() const {
        if (!m_arguments.common.wants("store.recovery_s")) return;
        std::vector<double> times_s;
        for (int i = 0; i < m_arguments.common.runs; ++i) {
            Folder folder;
            const pid_t child = ::fork();
            if (child == 0) {
                StoreOptions options;
                options.path = folder.path() + "/store";
                options.buffer_bytes = std::size_t{1} << 30;
                options.flush_interval = 1h;
                auto store = must(Store::open(options));
                putAll(*store, m_rows, 0, m_rows.count());
                ::_exit(0);
            }
            ::waitpid(child, nullptr, 0);
            const auto begin = Watch::now();
            auto store = openStore(folder);
            times_s.push_back(secondsSince(begin));
            bench::require(getAll(*store, m_rows, m_cold) == m_cold.size(), "the recovery");
        }
        bench::result("store.recovery_s", bench::median(times_s), "s");
    }

    void logAppends() const {
        if (!m_arguments.common.wants("store.log_append_per_s")) return;
        constexpr int kAppends = 200'000, kPerBatch = 100, kDocuments = 64;
        std::vector<double> rates;
        for (int run = 0; run < m_arguments.common.runs; ++run) {
            Folder folder;
            auto engine = must(store::Engine::open({.path = folder.path() + "/store"}));
            std::vector<std::uint64_t> last(kDocuments, 0);
            store::SeqNo seq = 0;
            const auto begin = Watch::now();
            for (int n = 0; n < kAppends;) {
                store::Batch batch;
                for (int i = 0; i < kPerBatch; ++i, ++n) {
                    const auto d = static_cast<std::size_t>(n % kDocuments);
                    batch.append("bench/" + std::to_string(d), entryAt(++last[d]));
                }
                seq = must(engine->commit(std::move(batch)));
            }
            must(engine->whenDurable(seq).get());
            rates.push_back(rate(kAppends, begin));
        }
        bench::result("store.log_append_per_s", bench::median(rates), "1/s");
    }

    static store::LogEntry entryAt(std::uint64_t position) {
        store::LogEntry e;
        e.position = position;
        e.replica = 1;
        e.first = position;
        e.count = 1;
        e.user = "someone";
        e.change = std::string(60, 'c');
        return e;
    }

    void scaling() const {
        for (const int shards : {1, 2, 4, 8}) {
            Folder folder;
            auto store = openStore(folder, shards);
            const auto begin = Watch::now();
            putAll(*store, m_rows, 0, m_rows.count());
            const double burst = rate(m_rows.count(), begin);
            must(store->flush());
            const std::string name = "store.shards_" + std::to_string(shards);
            bench::result(name + "_durable_per_s", burst, "1/s");
            bench::result(name + "_main_tables_rows_per_s", rate(m_rows.count(), begin), "1/s");
        }
    }

    void growth() const {
        const Rows rows(10'000'000);
        Folder folder;
        auto store = openStore(folder);
        std::size_t from = 0;
        for (const std::size_t to : {std::size_t{100'000}, std::size_t{1'000'000}, rows.count()}) {
            const auto begin = Watch::now();
            putAll(*store, rows, from, to);
            const double durable = rate(to - from, begin);
            must(store->flush());
            const std::string name = "store.growth_to_" + std::to_string(to);
            bench::result(name + "_durable_per_s", durable, "1/s");
            bench::result(name + "_rows_per_s", rate(to - from, begin), "1/s");
            from = to;
        }
        bench::result("store.sustained_memory_mb",
                      static_cast<double>(bench::peakResidentBytes() - rows.rawBytes()) / 1e6,
                      "MB");
    }

    static double rate(std::size_t count, Watch::time_point begin) {
        return static_cast<double>(count) / secondsSince(begin);
    }
    static double ratio(std::size_t a, std::size_t b) {
        return static_cast<double>(a) / static_cast<double>(b);
    }
    template <class Get>
    static double readRate(Get get, const std::vector<std::uint32_t>& numbers) {
        const auto begin = Watch::now();
        const std::size_t found = get(numbers);
        const double per_s = rate(numbers.size(), begin);
        bench::require(found == numbers.size(), "reading what was written");
        return per_s;
    }

    const Arguments& m_arguments;
    const Rows m_rows;
    const std::vector<std::uint32_t> m_warm, m_cold;
};

Arguments parse(int argc, char** argv) {
    Arguments out;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
        if (name == "--no-peers") {
            out.common.peers = false;
        } else if (name == "--growth") {
            out.growth = true;
        } else if (name == "--scaling") {
            out.scaling = true;
        } else if (value && name == "--only") {
            out.common.only = argv[++i];
        } else if (value && name == "--runs") {
            out.common.runs = out.common.peer_runs = std::max(1, std::atoi(argv[++i]));
        } else if (value && name == "--rows") {
            out.rows = std::max<std::size_t>(1'000, std::strtoull(argv[++i], nullptr, 10));
        } else {
            std::fprintf(stderr,
                         "bench_store [--runs N] [--rows N] [--only REGEX] [--no-peers] "
                         "[--scaling] [--growth]\n");
            std::exit(2);
        }
    }
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments = parse(argc, argv);
    StoreBench(arguments).run();
}
