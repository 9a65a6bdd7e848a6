// SPDX-License-Identifier: MIT
#include "core/clock.h"

#include <openssl/rand.h>

#include <cstdlib>

namespace kimdb {

std::int64_t SystemClock::wallTime() const {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::chrono::milliseconds SystemClock::steadyTime() const {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch());
}

ReplicaId Random::replicaId() {
    ReplicaId id = 0;
    while (id == 0) id = next();
    return id;
}

Bytes Random::bytes(std::size_t n) {
    Bytes out;
    while (out.size() < n) {
        const std::uint64_t word = next();
        for (int i = 0; i < 8 && out.size() < n; ++i)
            out.push_back(static_cast<char>(word >> (8 * i)));
    }
    return out;
}

std::uint64_t SystemRandom::next() {
    std::uint64_t word = 0;
    // Without randomness no id is safe; there is nothing sensible to go on with.
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&word), sizeof word) != 1) std::abort();
    return word;
}

}  // namespace kimdb
