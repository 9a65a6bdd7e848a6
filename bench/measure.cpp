// SPDX-License-Identifier: MIT
#include "bench/measure.h"

#include <malloc.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>

namespace bench {

bool Options::wants(const std::string& metric) const {
    return only.empty() || std::regex_search(metric, std::regex(only));
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

double medianMs(int runs, const std::function<void()>& prepare, const std::function<void()>& work) {
    std::vector<double> times_ms;
    for (int i = 0; i < runs; ++i) {
        prepare();
        const auto begin = std::chrono::steady_clock::now();
        work();
        const std::chrono::duration<double, std::milli> time =
            std::chrono::steady_clock::now() - begin;
        times_ms.push_back(time.count());
    }
    return median(times_ms);
}

void result(const std::string& metric, double value, const char* unit) {
    const int digits = value >= 1000 ? 0 : value >= 10 ? 2 : 3;
    std::printf("result %s %.*f %s\n", metric.c_str(), digits, value, unit);
    std::fflush(stdout);
}

void require(bool right, const std::string& what) {
    if (right) return;
    std::fprintf(stderr, "bench_crdt: %s went wrong\n", what.c_str());
    std::exit(1);
}

std::size_t allocatedBytes() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

std::size_t peakResidentBytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("VmHWM:", 0) == 0) return std::stoull(line.substr(6)) * 1024;
    return 0;
}

std::size_t resetPeak() {
    malloc_trim(0);
    std::ofstream("/proc/self/clear_refs") << "5";
    return peakResidentBytes();
}

std::string dataFolder() {
    const char* folder = std::getenv("KIMDB_DATA_DIR");
    return folder ? folder : "../shared/data";
}

nlohmann::json load(const std::string& name) {
    gzFile file = gzopen((dataFolder() + "/" + name + ".json.gz").c_str(), "rb");
    if (!file) return nullptr;
    std::string text;
    char buffer[1 << 16];
    for (int n; (n = gzread(file, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    gzclose(file);
    return nlohmann::json::parse(text);
}

double Draw::real() {
    m_state += 0x6D2B79F5U;
    std::uint32_t t = (m_state ^ m_state >> 15) * (m_state | 1U);
    t = (t + (t ^ t >> 7) * (t | 61U)) ^ t;
    return (t ^ t >> 14) / 4294967296.0;
}

std::int64_t Draw::integer(std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(std::floor(real() * static_cast<double>(high - low + 1)));
}

std::string Draw::word(std::int64_t low, std::int64_t high) {
    std::string word;
    for (std::int64_t n = integer(low, high); n > 0; --n)
        word += static_cast<char>('a' + integer(0, 25));
    return word;
}

}  // namespace bench
