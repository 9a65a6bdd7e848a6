// SPDX-License-Identifier: MIT
#pragma once

#include <cstdarg>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/change.h"
#include "core/clock.h"
#include "simulation/sim_options.h"

namespace kimdb::sim {

//! \brief Time of one run: it stands still until the scheduler moves it.
class SimClock final : public Clock {
 public:
    std::int64_t wallTime() const override { return 1'700'000'000'000 + m_now.count(); }
    std::chrono::milliseconds steadyTime() const override { return m_now; }
    void advance(std::chrono::milliseconds by) { m_now += by; }

 private:
    std::chrono::milliseconds m_now{1000};
};

//! \brief Every inserted character is used once in the whole run, so that "exactly once" and "not
//! lost" can be read off any text or log.
using Token = char32_t;
Token tokenOf(std::uint64_t number);
std::u16string utf16Of(Token token);
//! The tokens of a text, in order.
std::vector<Token> tokensOf(std::string_view utf8);
std::string labelOf(OpId id);

//! \brief What all parts of one run share. The first violation ends the run.
struct World {
    explicit World(const Options& o) : options(o), random(o.seed * 0x9E3779B97F4A7C15ULL + 1) {}

    const Options& options;
    SimClock clock;
    SeededRandom random;
    std::uint64_t tokens = 0;  //!< handed out so far
    //! What each edit inserted, by its time: that is unlike every other's and survives a new id.
    std::map<std::int64_t, std::set<Token>> inserted;
    std::set<Token> counted;  //!< first token of each change that also increments the counter
    std::optional<std::string> violation;
    bool met_fork_limit = false;  //!< docs/decisions/0042-forks.md, "Not solved"

    //! What \a change inserts; an undo inserts nothing, though it carries text.
    std::set<Token> tokensIn(const Change& change) const {
        const auto it = inserted.find(change.time_ms);
        return change.is_void || it == inserted.end() ? std::set<Token>() : it->second;
    }
    //! Id and inserted tokens of \a change, for the trace.
    std::string label(const Change& change) const;
    bool chance(std::uint64_t percent) { return random.below(100) < percent; }
    void violate(const std::string& what) {
        if (violation) return;
        violation = what;
        trace("VIOLATION: %s", what.c_str());
    }
    //! One line of the readable trace of --verbose.
    void trace(const char* format, ...) const __attribute__((format(printf, 2, 3)));
};

}  // namespace kimdb::sim
