// SPDX-License-Identifier: MIT
#pragma once

#include <QtTest>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>

#include "core/change.h"
#include "store/engine.h"

namespace kimdb::test {

using namespace std::chrono_literals;

//! Compares two values that QtTest cannot print.
#define KIMDB_OK(expression)                                                         \
    do {                                                                             \
        const auto& checked = (expression);                                          \
        QVERIFY2(checked.ok(), checked.ok() ? "" : checked.error().message.c_str()); \
    } while (false)

//! \brief Time that passes when a test says so.
class TestClock final : public Clock {
 public:
    std::int64_t wallTime() const override { return m_now_ms; }
    std::chrono::milliseconds steadyTime() const override {
        return std::chrono::milliseconds(m_now_ms);
    }
    void advance(std::int64_t ms) { m_now_ms += ms; }

 private:
    std::atomic<std::int64_t> m_now_ms = 1'700'000'000'000;
};

//! \brief A database folder that lives as long as the test, and verbs on it.
class StoreFolder {
 public:
    //! In memory where the system has such a place: most tests are about what is written, not how
    //! fast.
    StoreFolder() : StoreFolder(inMemory()) {}
    static StoreFolder onDisk() { return StoreFolder(QDir::tempPath() + "/kimdb-XXXXXX"); }

    const std::string& path() const { return m_path; }
    std::string file(const std::string& name) const { return m_path + "/" + name; }

    //! Small segments, and a flush only when asked for or when the buffer is full.
    store::EngineOptions options() const {
        store::EngineOptions o;
        o.path = m_path;
        o.buffer_bytes = 256 << 10;
        o.buffer_rows = 1;
        o.flush_interval = 1h;
        return o;
    }
    std::unique_ptr<store::Engine> open() const { return open(options()); }
    static std::unique_ptr<store::Engine> open(const store::EngineOptions& options) {
        auto engine = store::Engine::open(options);
        if (!engine) qFatal("open failed: %s", engine.error().message.c_str());
        return std::move(*engine);
    }

    //! A copy as a process that dies now would leave it. REQUIRES: nothing is being written.
    void copyTo(const StoreFolder& other) const {
        if (!std::filesystem::exists(m_path)) return;  // it died before it made one
        std::filesystem::remove_all(other.m_path);
        std::filesystem::copy(m_path, other.m_path, std::filesystem::copy_options::recursive);
    }
    //! Every file but LOCK, by name.
    std::map<std::string, std::string> bytes() const {
        std::map<std::string, std::string> out;
        for (const auto& e : std::filesystem::recursive_directory_iterator(m_path))
            if (e.is_regular_file())
                out[std::filesystem::relative(e.path(), m_path).string()] = read(e.path().string());
        return out;
    }
    static std::string read(const std::string& path) {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    static void write(const std::string& path, const std::string& bytes) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    }
    //! Flips one bit of a file.
    static void damage(const std::string& path, std::size_t offset) {
        std::fstream f(path, std::ios::binary | std::ios::in | std::ios::out);
        f.seekg(static_cast<std::streamoff>(offset));
        const char byte = static_cast<char>(f.get() ^ 0x10);
        f.seekp(static_cast<std::streamoff>(offset));
        f.put(byte);
    }

 private:
    explicit StoreFolder(const QString& pattern)
        : m_dir(pattern), m_path(m_dir.path().toStdString() + "/db") {}
    static QString inMemory() {
        const QFileInfo memory("/dev/shm");
        return (memory.isDir() && memory.isWritable() ? memory.filePath() : QDir::tempPath()) +
               "/kimdb-XXXXXX";
    }

    QTemporaryDir m_dir;
    std::string m_path;
};

//! \brief The entry a test writes at \a position; the same arguments make the same entry.
inline store::LogEntry entryAt(std::uint64_t position, ReplicaId replica = 7,
                               const std::string& change = "change") {
    store::LogEntry e;
    e.position = position;
    e.replica = replica;
    e.first = position;
    e.count = 1;
    e.received_ms = 1'700'000'000'000 + static_cast<std::int64_t>(position);
    e.user = "alice";
    e.flags = static_cast<std::uint8_t>(position);
    e.log_hash = sha256Truncated({change});
    e.change = change + std::to_string(position);
    return e;
}

inline store::Batch appendOf(const std::string& doc, store::LogEntry entry) {
    store::Batch batch;
    batch.append(doc, std::move(entry));
    return batch;
}

inline store::Batch putOf(const std::string& doc, const std::string& key,
                          const std::string& value) {
    store::Batch batch;
    batch.put(doc, key, value);
    return batch;
}

}  // namespace kimdb::test
