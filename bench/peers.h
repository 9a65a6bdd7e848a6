// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/measure.h"

namespace bench {

//! \brief The CRDT libraries a user would pick instead, run by node from a folder that holds their
//! adapters (../shared/peers/crdt, installed by `./dev bench crdt`). Each run is a process of its
//! own. Without the folder there is nothing to compare with and nothing is printed.
class Peers {
 public:
    using Reading = std::function<std::optional<double>(const nlohmann::json& line)>;

    explicit Peers(const Options& options);
    bool available() const { return m_available; }

    //! Runs \a script's case in every library that can do it, and prints for each the median of
    //! what \a read finds in its answer, and the ratio of \a ours to that (below 1: ours is
    //! better; times, sizes and memory). A case that was run before is not run again.
    void compare(const std::string& metric, double ours, const char* unit, const std::string& run,
                 const Reading& read);
    //! \brief One answer of one library; null when it has none.
    const nlohmann::json& answer(const std::string& library, const std::string& run);

 private:
    struct Run {
        std::vector<nlohmann::json> answers;
    };
    Run& runOf(const std::string& library, const std::string& run);
    nlohmann::json once(const std::string& library, const std::string& run) const;

    const Options& m_options;
    bool m_available = false;
    std::map<std::string, Run> m_runs;
};

//! \brief Reads the number at a JSON pointer, if there is one.
std::optional<double> numberAt(const nlohmann::json& line, const std::string& pointer);

}  // namespace bench
