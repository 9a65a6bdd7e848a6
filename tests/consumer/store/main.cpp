// SPDX-License-Identifier: MIT
// A program that uses the installed store and knows nothing of Qt.
#include <filesystem>
#include <random>

#include <kimdb/store.h>

namespace {

bool write(const std::string& folder) {
    auto store = kimdb::Store::open(folder);
    return store.ok() && (*store)->setDurable("cities", "seoul", "9.4 M").get().ok();
}

bool read(const std::string& folder) {
    auto store = kimdb::Store::open(folder);
    if (!store.ok()) return false;
    const auto value = (*store)->get("cities", "seoul");
    return value.ok() && *value == "9.4 M";
}

}  // namespace

int main() {
    namespace fs = std::filesystem;
    const fs::path folder =
        fs::temp_directory_path() / ("kimdb-consumer-" + std::to_string(std::random_device{}()));
    const bool same = write(folder.string()) && read(folder.string());
    fs::remove_all(folder);
    return same ? 0 : 1;
}
