// SPDX-License-Identifier: MIT
// What stands in for libFuzzer in every build but the fuzz preset: runs the seeds of a fuzz target
// and a bounded number of their mutations. fuzz_x --write FOLDER saves the seeds for libFuzzer.
// KIMDB_SEED replays a run.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "fuzz/fuzz_target.h"

namespace {

using kimdb::Bytes;

constexpr int kRuns = 20'000;
constexpr std::size_t kInputBytesMax = 4096;

void run(const Bytes& input) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

class Mutator {
 public:
    Mutator(std::uint64_t seed, std::vector<Bytes> seeds)
        : m_random(seed), m_seeds(std::move(seeds)) {
        m_seeds.emplace_back();
    }

    Bytes next() {
        Bytes input = anySeed();
        for (std::uint64_t n = 1 + m_random.below(4); n > 0; --n) mutate(input);
        if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
        return input;
    }

 private:
    const Bytes& anySeed() { return m_seeds[m_random.below(m_seeds.size())]; }
    std::size_t place(const Bytes& input) { return m_random.below(input.size() + 1); }
    char byte() {
        static constexpr std::string_view kTelling("\0\1\x7F\x80\xFF", 5);
        if (m_random.below(2) == 0) return kTelling[m_random.below(kTelling.size())];
        return static_cast<char>(m_random.below(256));
    }

    void mutate(Bytes& input) {
        const std::size_t at = place(input);
        switch (m_random.below(5)) {
            case 0:
                if (at < input.size()) input[at] = byte();
                break;
            case 1:
                input.insert(at, 1, byte());
                break;
            case 2:
                input.erase(at, 1 + m_random.below(8));
                break;
            case 3:
                input.resize(at);
                break;
            default:
                input.resize(at);
                input += anySeed().substr(0, kInputBytesMax);
        }
    }

    kimdb::SeededRandom m_random;
    std::vector<Bytes> m_seeds;
};

int writeSeeds(const std::string& folder) {
    int number = 0;
    for (const Bytes& seed : fuzzSeeds()) {
        std::ofstream file(folder + "/seed" + std::to_string(number++), std::ios::binary);
        if (!file.write(seed.data(), static_cast<std::streamsize>(seed.size()))) return 1;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::string_view(argv[1]) == "--write") return writeSeeds(argv[2]);
    const char* chosen = std::getenv("KIMDB_SEED");
    const std::uint64_t seed = chosen ? std::strtoull(chosen, nullptr, 0) : std::random_device{}();
    std::printf("KIMDB_SEED=%llu\n", static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    for (const Bytes& input : fuzzSeeds()) run(input);
    Mutator mutator(seed, fuzzSeeds());
    for (int i = 0; i < kRuns; ++i) run(mutator.next());
    std::printf("%d inputs\n", kRuns);
}
