// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

//! What every case of bench_crdt is made with: times, memory, data, the lines it prints.
namespace bench {

//! \brief What the command line asks for.
struct Options {
    int runs = 9;        //!< of ours; the median counts
    int peer_runs = 3;   //!< processes per peer and case, one when it takes long
    bool peers = true;   //!< --no-peers
    std::string only;    //!< --only REGEX: of metrics
    std::string folder;  //!< --peers FOLDER: where the adapters are installed
    bool wants(const std::string& metric) const;
};

double median(std::vector<double> values);

//! \brief Milliseconds that \a work takes, the median of \a runs; \a prepare is not measured.
double medianMs(int runs, const std::function<void()>& prepare, const std::function<void()>& work);

//! \brief Prints `result METRIC VALUE UNIT`.
void result(const std::string& metric, double value, const char* unit);

//! \brief Ends the benchmark when it did not compute what it should.
void require(bool right, const std::string& what);

//! \brief Bytes that are allocated now, as malloc counts them.
std::size_t allocatedBytes();
//! \brief Highest resident size since resetPeak(), which also says what is resident now. Linux.
std::size_t peakResidentBytes();
std::size_t resetPeak();

std::string dataFolder();
//! \brief A trace of KIMDB_DATA_DIR; null when it is not there.
nlohmann::json load(const std::string& name);

//! \brief mulberry32, drawn from as the peers' adapters do, so that they get the same data.
class Draw {
 public:
    explicit Draw(std::uint32_t seed) : m_state(seed) {}
    double real();  //!< in [0, 1)
    std::int64_t integer(std::int64_t low, std::int64_t high);
    std::string word(std::int64_t low, std::int64_t high);  //!< that many letters
    bool coin() { return real() < 0.5; }

 private:
    std::uint32_t m_state;
};

}  // namespace bench
