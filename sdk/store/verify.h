// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "store/progress.h"
#include "store/shard_reader.h"

namespace kimdb::store {

//! \brief What a look at every row has found.
struct VerifyReport {
    std::uint64_t rows = 0;            //!< rows that were looked at
    std::vector<std::string> damages;  //!< each names the file and the row; at most kDamagesMax
    static constexpr std::size_t kDamagesMax = 100;

    bool clean() const { return damages.empty(); }
    void add(std::string damage) {
        if (damages.size() < kDamagesMax) damages.push_back(std::move(damage));
    }
};
//! \brief Told of the rows looked at so far, every few thousand.
using VerifyProgress = Progress;

//! \brief Checks one shard: SQLite's own structure, each row's CRC, that logs have no gap, and the
//! count of rows. What is damaged goes into \a report. Errors: what kept it from looking; Closed
//! when \a progress said stop. Thread: that of \a reader.
Result<> verifyShard(ShardReader& reader, const std::string& path, VerifyReport& report,
                     const VerifyProgress& progress);

}  // namespace kimdb::store
