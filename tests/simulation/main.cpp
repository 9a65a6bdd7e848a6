// SPDX-License-Identifier: MIT
// sim_cluster --seeds N [--from S] [--steps N]    runs N seeds and names those that fail
// sim_cluster --seed S --verbose [--steps N]      replays one with a readable trace
// --fork-limits N: so many seeds may meet what decision 0042 leaves open; none without it.
// Both take --mutation NAME (see sim_options.h).
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "simulation/sim_cluster.h"

using namespace kimdb::sim;

namespace {

struct Arguments {
    Options options;
    std::uint64_t from = 1;
    std::uint64_t seeds = 1;
    std::uint64_t fork_limits = 0;
    bool ok = true;
};

Mutation mutationNamed(const std::string& name, bool& ok) {
    for (const NamedMutation& m : kMutations)
        if (name == m.name) return m.mutation;
    ok = false;
    return Mutation::None;
}

Arguments parse(int argc, char** argv) {
    Arguments a;
    for (int i = 1; i < argc && a.ok; ++i) {
        const std::string option = argv[i];
        const auto number = [&] {
            a.ok = a.ok && i + 1 < argc;
            return a.ok ? std::strtoull(argv[++i], nullptr, 10) : 0;
        };
        if (option == "--verbose")
            a.options.verbose = true;
        else if (option == "--seed")
            a.from = number();
        else if (option == "--from")
            a.from = number();
        else if (option == "--seeds")
            a.seeds = number();
        else if (option == "--fork-limits")
            a.fork_limits = number();
        else if (option == "--steps")
            a.options.steps = static_cast<int>(number());
        else if (option == "--mutation" && i + 1 < argc)
            a.options.mutation = mutationNamed(argv[++i], a.ok);
        else
            a.ok = false;
    }
    return a;
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments = parse(argc, argv);
    if (!arguments.ok) {
        std::fprintf(stderr,
                     "usage: sim_cluster [--seeds N] [--from S] [--seed S] [--steps N] [--verbose] "
                     "[--fork-limits N] [--mutation NAME]\n");
        return 2;
    }
    const auto start = std::chrono::steady_clock::now();
    std::uint64_t failed = 0;
    std::uint64_t limited = 0;
    for (std::uint64_t seed = arguments.from; seed < arguments.from + arguments.seeds; ++seed) {
        Options options = arguments.options;
        options.seed = seed;
        Cluster cluster(options);
        if (const auto violation = cluster.run()) {
            std::printf("seed %llu: %s\nreplay: %s --seed %llu --steps %d --verbose\n",
                        static_cast<unsigned long long>(seed), violation->c_str(), argv[0],
                        static_cast<unsigned long long>(seed), options.steps);
            std::fflush(stdout);
            ++failed;
        } else if (cluster.metForkLimit()) {
            std::printf("seed %llu met the limit of decision 0042\n",
                        static_cast<unsigned long long>(seed));
            ++limited;
        }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("%llu seeds, %.1f s, %llu with a violation, %llu met the limit of decision 0042\n",
                static_cast<unsigned long long>(arguments.seeds), took.count(),
                static_cast<unsigned long long>(failed), static_cast<unsigned long long>(limited));
    return failed == 0 && limited <= arguments.fork_limits ? 0 : 1;
}
