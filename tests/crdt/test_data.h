// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace kimdb::test {

//! \brief A file of KIMDB_DATA_DIR (gzip'd JSON); null when it is not there.
nlohmann::json testData(const std::string& name);

}  // namespace kimdb::test
