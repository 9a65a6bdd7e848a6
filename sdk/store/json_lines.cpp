// SPDX-License-Identifier: MIT
#include "store/json_lines.h"

#include <array>
#include <cstdio>
#include <set>

#include <kimdb/value.h>

#include "core/base64.h"
#include "core/utf8.h"

namespace kimdb::store {
namespace {

constexpr std::size_t kRecordsPerPage = 1'000;
constexpr std::size_t kLogBytesPerPage = 1 << 20;
constexpr std::size_t kLinesPerBatch = 2'000;
constexpr std::size_t kBytesPerBatch = 8 << 20;

Value blob(ByteView bytes) {
    return Value(Value::Blob{Bytes(bytes)});
}

Value number(std::uint64_t n) {
    return Value(static_cast<std::int64_t>(n));
}

// A text where it can be one. (SQLite ends a text of JSON at a zero.)
Value textOrBlob(ByteView bytes) {
    const bool is_text = isValidUtf8(bytes) && bytes.find('\0') == ByteView::npos;
    return is_text ? Value(std::string(bytes)) : blob(bytes);
}

std::string hex(std::uint64_t n) {
    char text[20];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(n));
    return text;
}

class Exporter {
 public:
    Exporter(const Engine& engine, const LineSink& sink, const Progress& progress)
        : m_engine(engine), m_sink(sink), m_progress(progress) {}

    Result<> run() {
        auto documents = m_engine.documents();
        if (!documents) return documents.error();
        documents->insert(documents->begin(), "");
        for (const std::string& doc : *documents)
            if (auto ok = exportDocument(doc); !ok) return ok;
        auto collections = m_engine.collections();
        if (!collections) return collections.error();
        for (const std::string& collection : *collections)
            if (auto ok = exportRecords(collection); !ok) return ok;
        return {};
    }

 private:
    Result<> line(Value::Object object) {
        const bool goes_on = m_sink(Value(std::move(object)).toJson()) &&
                             (++m_lines % kLinesPerBatch || !m_progress || m_progress(m_lines, 0));
        return goes_on ? Result<>() : Error{ErrorCode::Closed, "stopped"};
    }

    Result<> exportDocument(const std::string& doc) {
        auto keys = m_engine.scan(doc, "");
        if (!keys) return keys.error();
        for (const auto& [name, value] : *keys)
            if (auto ok = line({{"key", doc}, {"name", blob(name)}, {"value", blob(value)}}); !ok)
                return ok;
        auto trimmed = m_engine.trimmedPosition(doc);
        if (!trimmed) return trimmed.error();
        if (*trimmed > 0)
            if (auto ok = line({{"trimmed", doc}, {"position", number(*trimmed)}}); !ok) return ok;
        if (auto ok = exportLog(doc, *trimmed); !ok) return ok;
        for (std::uint64_t below = INT64_MAX;;) {
            auto snapshot = m_engine.snapshot(doc, below);
            if (!snapshot) return snapshot.error();
            if (!*snapshot) return {};
            auto ok = line({{"snapshot", doc},
                            {"position", number((*snapshot)->position)},
                            {"bytes", blob((*snapshot)->bytes)}});
            if (!ok || (*snapshot)->position == 0) return ok;
            below = (*snapshot)->position - 1;
        }
    }

    Result<> exportLog(const std::string& doc, std::uint64_t after) {
        for (;;) {
            auto page = m_engine.readLog(doc, after, kLogBytesPerPage);
            if (!page) return page.error();
            if (page->empty()) return {};
            for (const LogEntry& e : *page) {
                auto ok = line({{"entry", doc},
                                {"position", number(e.position)},
                                {"replica", hex(e.replica)},
                                {"first", number(e.first)},
                                {"count", number(e.count)},
                                {"received_ms", Value(e.received_ms)},
                                {"user", textOrBlob(e.user)},
                                {"flags", Value(int{e.flags})},
                                {"log_hash", blob(e.log_hash.view())},
                                {"change", blob(e.change)}});
                if (!ok) return ok;
            }
            after = page->back().position;
        }
    }

    Result<> exportRecords(const std::string& collection) {
        const std::string prefix = collection + "/";
        for (std::string from;;) {
            auto page = m_engine.scanRecords(collection, from, kRecordsPerPage);
            if (!page) return page.error();
            if (page->empty()) return {};
            for (const auto& [key, record] : *page) {
                Value::Object object{{"record", prefix + key}, {"value", textOrBlob(record.value)}};
                if (record.expires_ms) object["expires_ms"] = Value(record.expires_ms);
                if (auto ok = line(std::move(object)); !ok) return ok;
            }
            from = page->back().key + '\0';
        }
    }

    const Engine& m_engine;
    const LineSink& m_sink;
    const Progress& m_progress;
    std::uint64_t m_lines = 0;
};

// The fields of a line. SQLite knows JSON, so no second parser is needed.
class LineReader {
 public:
    Result<> prepare() {
        auto db = Connection::open(":memory:", Connection::Mode::Create, nullptr);
        if (!db) return db.error();
        m_db = std::move(*db);
        auto valid = m_db.prepare("SELECT json_valid(?1) AND json_type(?1) = 'object'");
        auto field = m_db.prepare("SELECT json_extract(?1, ?2), json_type(?1, ?2)");
        if (!valid) return valid.error();
        if (!field) return field.error();
        m_valid = std::move(*valid);
        m_field = std::move(*field);
        return {};
    }
    bool begin(Bytes line) {
        m_line = std::move(line);
        m_ok = true;
        StatementUse use(m_valid);
        use->bindText(1, m_line);
        auto row = use->step();
        return row && *row && use->integer(0) == 1;
    }
    bool ok() const { return m_ok; }
    bool has(const char* name) { return !typeOf(name).empty(); }
    std::string text(const char* name) { return get(std::string("$.") + name, "text"); }
    std::int64_t integer(const char* name) {
        const std::string found = get(std::string("$.") + name, "integer");
        return m_ok ? std::strtoll(found.c_str(), nullptr, 10) : 0;
    }
    std::uint64_t number(const char* name) {
        const std::int64_t n = integer(name);
        m_ok &= n >= 0;
        return static_cast<std::uint64_t>(n);
    }
    Bytes bytes(const char* name) {
        if (typeOf(name) == "text") return text(name);
        const auto decoded = decodeBase64(get(std::string("$.") + name + ".\"$bytes\"", "text"));
        m_ok &= decoded.has_value();
        return decoded.value_or(Bytes());
    }

 private:
    std::string typeOf(const char* name) {
        const std::string path = std::string("$.") + name;
        StatementUse use(m_field);
        use->bindText(1, m_line);
        use->bindText(2, path);
        auto row = use->step();
        return row && *row ? std::string(use->bytes(1)) : std::string();
    }
    std::string get(const std::string& path, ByteView type) {
        StatementUse use(m_field);
        use->bindText(1, m_line);
        use->bindText(2, path);
        auto row = use->step();
        m_ok &= row && *row && use->bytes(1) == type;
        return m_ok ? std::string(use->bytes(0)) : std::string();
    }

    Connection m_db;  // outlives the statements
    Statement m_valid, m_field;
    Bytes m_line;
    bool m_ok = true;
};

class Importer {
 public:
    Importer(Engine& engine, const Progress& progress) : m_engine(engine), m_progress(progress) {}

    Result<> run(const LineSource& source) {
        if (auto ok = m_reader.prepare(); !ok) return ok;
        while (auto line = source()) {
            ++m_lines;
            if (line->empty()) continue;
            m_bytes += line->size();
            if (!m_reader.begin(std::move(*line))) return malformed();
            if (auto ok = take(); !ok) return ok;
            if (!m_reader.ok()) return malformed();
            if (m_lines % kLinesPerBatch == 0 || m_bytes > kBytesPerBatch)
                if (auto ok = commit(); !ok) return ok;
        }
        if (auto ok = commit(); !ok) return ok;
        return m_engine.whenDurable(m_engine.lastSeq()).get();
    }

 private:
    Error malformed() const {
        return {ErrorCode::Malformed,
                "line " + std::to_string(m_lines) + " is not one that an export writes"};
    }

    Result<> take() {
        if (m_reader.has("record")) return takeRecord();
        if (m_reader.has("entry")) return takeEntry();
        if (m_reader.has("trimmed")) return takeTrimmed();
        if (m_reader.has("snapshot")) {
            m_batch.putSnapshot(m_reader.text("snapshot"), m_reader.number("position"),
                                m_reader.bytes("bytes"));
            return {};
        }
        if (!m_reader.has("key")) return malformed();
        m_batch.put(m_reader.text("key"), m_reader.bytes("name"), m_reader.bytes("value"));
        return {};
    }

    Result<> takeRecord() {
        const auto name = DocumentName::parse(m_reader.text("record"));
        if (!name) return malformed();
        m_batch.putRecord(std::string(name->collection()), std::string(name->id()),
                          m_reader.bytes("value"),
                          m_reader.has("expires_ms") ? m_reader.integer("expires_ms") : 0);
        return {};
    }

    // Positions of a log are dense: the first line of a document says where it begins.
    Result<> begin(const std::string& doc, std::uint64_t position) {
        const auto known = m_last.find(doc);
        if (known != m_last.end()) return position == known->second + 1 ? Result<>() : malformed();
        auto last = m_engine.lastPosition(doc);
        if (!last) return last.error();
        if (*last > 0)
            return Error{ErrorCode::InvalidArgument, "line " + std::to_string(m_lines) +
                                                         ": document " + doc +
                                                         " exists; import into an empty store"};
        return position == 1 ? Result<>() : malformed();
    }

    Result<> takeEntry() {
        const std::string doc = m_reader.text("entry");
        LogEntry e;
        e.position = m_reader.number("position");
        e.replica = std::strtoull(m_reader.text("replica").c_str(), nullptr, 16);
        e.first = m_reader.number("first");
        e.count = m_reader.number("count");
        e.received_ms = m_reader.integer("received_ms");
        e.user = m_reader.bytes("user");
        e.flags = static_cast<std::uint8_t>(m_reader.number("flags"));
        const Bytes hash = m_reader.bytes("log_hash");
        if (hash.size() != 16) return malformed();
        e.log_hash = Hash16::from(hash);
        e.change = m_reader.bytes("change");
        if (!m_reader.ok()) return malformed();
        if (auto ok = begin(doc, e.position); !ok) return ok;
        m_last[doc] = e.position;
        m_batch.append(doc, std::move(e));
        return {};
    }

    // What was trimmed stays so: its last position is appended empty and dropped at once.
    Result<> takeTrimmed() {
        const std::string doc = m_reader.text("trimmed");
        LogEntry gone;
        gone.position = m_reader.number("position");
        if (auto ok = begin(doc, 1); !ok) return ok;
        m_last[doc] = gone.position;
        m_batch.append(doc, gone);
        m_batch.trim(doc, gone.position);
        return {};
    }

    Result<> commit() {
        m_bytes = 0;
        auto seq = m_engine.commit(std::exchange(m_batch, {}));
        if (!seq) return seq.error();
        if (m_progress && !m_progress(m_lines, 0)) return Error{ErrorCode::Closed, "stopped"};
        return {};
    }

    Engine& m_engine;
    const Progress& m_progress;
    LineReader m_reader;
    Batch m_batch;
    std::map<std::string, std::uint64_t> m_last;
    std::uint64_t m_lines = 0;
    std::size_t m_bytes = 0;
};

}  // namespace

Result<> exportJsonLines(const Engine& engine, const LineSink& sink, const Progress& progress) {
    return Exporter(engine, sink, progress).run();
}

Result<> importJsonLines(Engine& engine, const LineSource& source, const Progress& progress) {
    return Importer(engine, progress).run(source);
}

}  // namespace kimdb::store
