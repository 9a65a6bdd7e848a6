// SPDX-License-Identifier: MIT
#include "crdt/test_data.h"

#include <zlib.h>

#include <cstdlib>

namespace kimdb::test {

nlohmann::json testData(const std::string& name) {
    const char* folder = std::getenv("KIMDB_DATA_DIR");
    if (!folder) return nullptr;
    gzFile file = gzopen((std::string(folder) + "/" + name + ".json.gz").c_str(), "rb");
    if (!file) return nullptr;
    std::string text;
    char buffer[1 << 16];
    for (int n; (n = gzread(file, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    gzclose(file);
    return nlohmann::json::parse(text);
}

}  // namespace kimdb::test
