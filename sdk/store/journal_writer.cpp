// SPDX-License-Identifier: MIT
#include "store/journal_writer.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdio>

namespace kimdb::store {
namespace {

constexpr std::size_t kFilesKept = 8;  // empty ones; more are deleted

std::string fileName(std::uint64_t number) {
    char text[32];
    std::snprintf(text, sizeof text, "%010llu.seg", static_cast<unsigned long long>(number));
    return text;
}

std::uint64_t fileNumber(const std::string& name) {
    std::uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    return number;
}

}  // namespace

JournalWriter::JournalWriter(FileLayer& files, Options options,
                             std::vector<ScannedSegment> segments, SeqNo last)
    : m_files(files), m_options(std::move(options)), m_last(last) {
    for (ScannedSegment& s : segments) {
        Segment segment{s.name, std::move(s.file), s.file_bytes, s.segment, 0, s.last};
        m_next_id = std::max(m_next_id.load(), s.segment + 1);
        m_next_file = std::max(m_next_file, fileNumber(s.name) + 1);
        if (segment.last > 0) m_live_bytes += segment.file_bytes;
        (segment.last > 0 ? m_full : m_free).push_back(std::move(segment));
    }
}

Result<> JournalWriter::write(const std::vector<Bytes>& records, SeqNo first, SeqNo durable) {
    assert(!records.empty());
    std::size_t payload_bytes = 0;
    for (const Bytes& record : records) payload_bytes += record.size();
    const std::size_t span = groupSpanBytes(records.size(), payload_bytes);
    const bool fresh = m_begin_segment.exchange(false);
    if (m_current && (fresh || m_current->end + span > m_current->file_bytes)) closeSegment();
    if (!m_current)
        if (auto ok = openSegment(span); !ok) return ok;

    Segment& to = *m_current;
    const SeqNo last = first + records.size() - 1;
    const GroupHeader header{.segment = to.id, .first = first, .durable = durable, .cut = to.cut};
    const Result<> done =
        writeGroup(*to.file, to.end, encodeGroup(m_options.store_id, header, records));
    to.last = std::max(to.last, last);  // also when it failed: some of it may be on the disk
    to.end += span;
    m_last = std::max(m_last, last);
    if (done) return {};
    to.failed = true;
    closeSegment();
    return done;
}

Result<> JournalWriter::openSegment(std::size_t span) {
    auto taken = takeFree(kBlockBytes + span);
    if (!taken) return taken.error();
    taken->id = m_next_id++;
    taken->cut = m_last;
    taken->last = m_last;
    taken->end = kBlockBytes;
    m_live_bytes += taken->file_bytes;
    m_current = std::make_unique<Segment>(std::move(*taken));
    m_writing = true;
    return {};
}

Result<> JournalWriter::writeGroup(File& file, std::uint64_t at, const Bytes& group) {
    if (auto ok = file.writeAt(at, group); !ok) return ok;
    if (!m_options.fsyncs) return file.syncData();
    const Stopwatch watch(*m_options.fsyncs);
    return file.syncData();
}

std::size_t JournalWriter::segmentCount() const {
    const std::lock_guard lock(m_mutex);
    return m_full.size() + m_free.size() + (m_writing ? 1 : 0);
}

void JournalWriter::beginErasing() {
    {
        const std::lock_guard lock(m_mutex);
        m_erasing = true;
    }
    m_begin_segment = true;
}

// An emptied file is in nobody's hand while it is wiped: the writing thread makes a new one.
Result<> JournalWriter::wipeEmptied() {
    std::list<Segment> emptied;
    {
        const std::lock_guard lock(m_mutex);
        emptied.swap(m_free);
    }
    for (Segment& segment : emptied)
        if (auto ok = fillFile(*segment.file, segment.file_bytes); !ok) return ok;
    const std::lock_guard lock(m_mutex);
    m_free.splice(m_free.end(), emptied);
    m_erasing = false;
    return {};
}

void JournalWriter::closeSegment() {
    const std::lock_guard lock(m_mutex);
    m_full.push_back(std::move(*m_current));
    m_current.reset();
    m_writing = false;
}

Result<JournalWriter::Segment> JournalWriter::takeFree(std::size_t bytes) {
    {
        const std::lock_guard lock(m_mutex);
        for (auto it = m_free.begin(); it != m_free.end() && !m_erasing; ++it) {
            if (it->file_bytes < bytes) continue;
            Segment segment = std::move(*it);
            m_free.erase(it);
            return segment;
        }
    }
    return createFile(std::max(bytes, m_options.segment_bytes));
}

Result<JournalWriter::Segment> JournalWriter::createFile(std::size_t bytes) {
    bytes = (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    Segment segment;
    {
        const std::lock_guard lock(m_mutex);
        segment.name = fileName(m_next_file++);
    }
    segment.file_bytes = bytes;
    // Complete or absent: a file is made under another name and renamed when all of it is on the
    // disk.
    const std::string unfinished = path(segment.name + ".new");
    auto file = m_files.open(unfinished, FileLayer::Access::Create);
    if (!file) return file.error();
    Result<> done = fillFile(**file, bytes);
    if (done) done = m_files.rename(unfinished, path(segment.name));
    if (done) done = m_files.syncFolder(m_options.folder);
    if (!done) {
        (void)m_files.remove(unfinished);
        return done.error();
    }
    segment.file = std::move(*file);
    return segment;
}

Result<> JournalWriter::fillFile(File& file, std::size_t bytes) {
    const Bytes zeros(std::min<std::size_t>(bytes, 1 << 20), '\0');
    for (std::size_t at = 0; at < bytes; at += zeros.size()) {
        const std::size_t n = std::min(zeros.size(), bytes - at);
        if (auto ok = file.writeAt(at, ByteView(zeros).substr(0, n)); !ok) return ok;
    }
    if (auto ok = file.writeAt(0, encodeSegmentHeader(bytes)); !ok) return ok;
    return file.syncData();
}

bool JournalWriter::hasRecyclable(SeqNo flushed) const {
    const std::lock_guard lock(m_mutex);
    return std::any_of(m_full.begin(), m_full.end(),
                       [&](const Segment& s) { return s.last <= flushed; });
}

void JournalWriter::keepPresent() {
    m_keep_below = m_next_id.load();
}

Result<> JournalWriter::recycle(SeqNo flushed) {
    std::vector<std::string> gone, kept;
    {
        const std::lock_guard lock(m_mutex);
        for (auto it = m_full.begin(); it != m_full.end();) {
            const auto segment = it++;
            if (segment->last > flushed) continue;
            m_live_bytes -= segment->file_bytes;
            if (segment->id < m_keep_below) {
                kept.push_back(segment->name);
                m_full.erase(segment);
                continue;
            }
            const bool keep = !segment->failed && !m_erasing && m_free.size() < kFilesKept &&
                              segment->file_bytes == m_options.segment_bytes;
            if (keep) {
                m_free.splice(m_free.end(), m_full, segment);
            } else {
                gone.push_back(segment->name);
                m_full.erase(segment);
            }
        }
    }
    for (const std::string& name : gone)
        if (auto ok = m_files.remove(path(name)); !ok) return ok;
    for (const std::string& name : kept)
        if (auto ok = m_files.rename(path(name), path(name) + std::string(kKeptSuffix)); !ok)
            return ok;
    return gone.empty() && kept.empty() ? Result<>() : m_files.syncFolder(m_options.folder);
}

}  // namespace kimdb::store
