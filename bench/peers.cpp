// SPDX-License-Identifier: MIT
#include "bench/peers.h"

#include <chrono>
#include <cstdio>
#include <filesystem>

namespace bench {

namespace {

// As the adapters are called. Yjs stands there twice: what it keeps by default, and everything.
constexpr const char* kLibraries[] = {"dt",    "jsonjoy",   "yjs",     "loro",
                                      "ywasm", "automerge", "yjs-nogc"};
constexpr int kSecondsMax = 180;   // of one run; what takes longer has no result
constexpr double kLongRunS = 8.0;  // is not repeated

std::string quoted(const std::string& text) {
    return "'" + text + "'";
}

}  // namespace

std::optional<double> numberAt(const nlohmann::json& line, const std::string& pointer) {
    const nlohmann::json::json_pointer at(pointer);
    if (!line.contains(at) || !line[at].is_number()) return std::nullopt;
    return line[at].get<double>();
}

Peers::Peers(const Options& options) : m_options(options) {
    const auto modules = std::filesystem::path(options.folder) / "node_modules";
    m_available = options.peers && std::filesystem::exists(modules);
}

nlohmann::json Peers::once(const std::string& library, const std::string& run) const {
    const std::string script = run.substr(0, run.find(' '));
    const std::string arguments = run.substr(run.find(' ') + 1);
    const std::string folder = std::filesystem::absolute(m_options.folder).string();
    const std::string data = std::filesystem::absolute(dataFolder()).string();
    const std::string command = "cd " + quoted(folder) + " && TRACE_DATA=" + quoted(data) +
                                " PEER_TMP=" + quoted(folder + "/tmp") + " timeout " +
                                std::to_string(kSecondsMax) +
                                " node --expose-gc --max-old-space-size=6000 " + script + " " +
                                library + " " + arguments + " 2>/dev/null";
    FILE* pipe = popen(command.c_str(), "r");
    std::string output;
    char buffer[1 << 14];
    for (std::size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, n);
    pclose(pipe);
    const std::size_t begin = output.rfind("\n{");
    const std::string line = begin == std::string::npos ? output : output.substr(begin + 1);
    return nlohmann::json::parse(line, nullptr, false);
}

Peers::Run& Peers::runOf(const std::string& library, const std::string& run) {
    const auto [at, fresh] = m_runs.try_emplace(library + " " + run);
    for (int i = 0; fresh && i < m_options.peer_runs; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        const nlohmann::json answer = once(library, run);
        if (!answer.is_object()) break;
        at->second.answers.push_back(answer);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        if (took.count() > kLongRunS) break;
    }
    return at->second;
}

const nlohmann::json& Peers::answer(const std::string& library, const std::string& run) {
    static const nlohmann::json none;
    if (!m_available) return none;
    const Run& found = runOf(library, run);
    return found.answers.empty() ? none : found.answers.front();
}

void Peers::compare(const std::string& metric, double ours, const char* unit,
                    const std::string& run, const Reading& read) {
    if (!m_available) return;
    for (const char* library : kLibraries) {
        std::vector<double> values;
        for (const nlohmann::json& answer : runOf(library, run).answers)
            if (const auto value = read(answer); value && *value > 0) values.push_back(*value);
        if (values.empty()) {
            std::printf("# %s@%s: no result\n", metric.c_str(), library);
            continue;
        }
        const double theirs = median(values);
        result(metric + "@" + library, theirs, unit);
        std::printf("ratio %s@%s %.4f\n", metric.c_str(), library, ours / theirs);
        std::fflush(stdout);
    }
}

}  // namespace bench
