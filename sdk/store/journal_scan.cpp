// SPDX-License-Identifier: MIT
#include "store/journal_scan.h"

#include <algorithm>

namespace kimdb::store {
namespace {

struct FoundGroup {
    GroupHeader header;
    std::uint64_t offset = 0;
};

struct FoundSegment {
    ScannedSegment segment;
    std::vector<FoundGroup> groups;  // of the file's present life, in order
};

// A recycled file still shows groups of its earlier life behind the present ones; the present life
// has the largest segment id. A damaged header is passed block by block.
std::vector<FoundGroup> findGroups(std::uint64_t store_id, ByteView bytes) {
    std::vector<FoundGroup> all;
    std::uint64_t segment = 0;
    for (std::size_t at = kBlockBytes; at + kBlockBytes <= bytes.size();) {
        const auto header = decodeGroupHeader(store_id, bytes.substr(at));
        if (!header || header->spanBytes() > bytes.size() - at) {
            at += kBlockBytes;
            continue;
        }
        all.push_back({*header, at});
        segment = std::max(segment, header->segment);
        at += header->spanBytes();
    }
    std::erase_if(all, [&](const FoundGroup& g) { return g.header.segment != segment; });
    return all;
}

Error inFile(const std::string& path, Error error) {
    error.message = path + ": " + error.message;
    if (error.code == ErrorCode::Malformed) error.code = ErrorCode::StorageCorrupt;
    return error;
}

class Scanner {
 public:
    Scanner(FileLayer& files, const std::string& folder, std::uint64_t store_id, SeqNo floor)
        : m_files(files), m_folder(folder), m_store_id(store_id), m_floor(floor) {}

    Result<> readSegments();
    Result<> readRecords();
    Result<> flushFiles();
    Result<JournalScan> finish(SeqNo applied_max);

 private:
    std::string path(const FoundSegment& s) const { return m_folder + "/" + s.segment.name; }
    Result<> readSegment(const std::string& name);
    Result<> readGroup(const FoundSegment& found, const FoundGroup& group, SeqNo cut);
    Error lost(SeqNo from, SeqNo to) const;
    std::string whereIs(SeqNo seq) const;

    FileLayer& m_files;
    std::string m_folder;
    std::uint64_t m_store_id;
    SeqNo m_floor;
    SeqNo m_stated = 0;
    std::uint64_t m_bytes = 0;
    std::vector<FoundSegment> m_segments;  // by id
    std::vector<std::optional<Bytes>> m_records;
    struct Damage {
        SeqNo seq;
        std::string file;
        std::uint64_t from, to;
    };
    std::vector<Damage> m_damages;
};

Result<> Scanner::readSegments() {
    auto names = m_files.list(m_folder);
    if (!names) return names.error();
    for (const std::string& name : *names)
        if (isSegmentName(name))
            if (auto ok = readSegment(name); !ok) return ok;
    std::stable_sort(m_segments.begin(), m_segments.end(),
                     [](const FoundSegment& a, const FoundSegment& b) {
                         return a.segment.segment < b.segment.segment;
                     });
    return {};
}

Result<> Scanner::readSegment(const std::string& name) {
    FoundSegment found;
    found.segment.name = name;
    auto file = m_files.open(path(found), FileLayer::Access::ReadWrite);
    if (!file) return file.error();
    auto size = (*file)->size();
    if (!size) return size.error();
    auto bytes = (*file)->readAt(0, static_cast<std::size_t>(*size));
    if (!bytes) return bytes.error();
    if (auto ok = checkSegmentHeader(ByteView(*bytes).substr(0, kBlockBytes)); !ok)
        return inFile(path(found) + " bytes 0-4095", ok.error());
    found.groups = findGroups(m_store_id, *bytes);
    for (const FoundGroup& g : found.groups) {
        found.segment.segment = g.header.segment;
        found.segment.last = std::max(found.segment.last, g.header.first + g.header.count - 1);
        m_stated = std::max(m_stated, g.header.durable);
    }
    found.segment.file = std::move(*file);
    found.segment.file_bytes = *size;
    m_bytes += *size;
    m_segments.push_back(std::move(found));
    return {};
}

Result<> Scanner::readRecords() {
    // From the newest segment backwards, to know what each later one cuts off; a batch that was
    // written twice (after a failed fdatasync, or by a recovery) counts from the later segment.
    SeqNo cut = UINT64_MAX;
    for (auto found = m_segments.rbegin(); found != m_segments.rend(); ++found) {
        SeqNo own_cut = cut;
        for (const FoundGroup& group : found->groups) {
            if (group.header.first + group.header.count - 1 > m_floor)
                if (auto ok = readGroup(*found, group, cut); !ok) return ok;
            own_cut = std::min(own_cut, group.header.cut);
        }
        cut = own_cut;
    }
    return {};
}

Result<> Scanner::readGroup(const FoundSegment& found, const FoundGroup& group, SeqNo cut) {
    auto bytes = found.segment.file->readAt(group.offset, group.header.spanBytes());
    if (!bytes) return bytes.error();
    for (RecordRange& record : decodeRecords(m_store_id, group.header, *bytes)) {
        if (record.seq <= m_floor || record.seq > cut) continue;
        if (!record.payload) {
            m_damages.push_back({record.seq, path(found), group.offset + record.offset,
                                 group.offset + kGroupHeaderBytes + group.header.body_bytes});
            break;
        }
        const std::uint64_t index = record.seq - m_floor - 1;
        if (index > m_bytes / kRecordHeaderBytes) continue;  // cannot be dense: far beyond a gap
        if (index >= m_records.size()) m_records.resize(index + 1);
        if (!m_records[index]) m_records[index] = std::move(record.payload);
    }
    return {};
}

Result<> Scanner::flushFiles() {
    for (const FoundSegment& found : m_segments)
        if (found.segment.last > m_floor)
            if (auto ok = found.segment.file->syncData(); !ok) return ok;
    return {};
}

std::string Scanner::whereIs(SeqNo seq) const {
    const auto range = [](const std::string& file, std::uint64_t from, std::uint64_t to) {
        return file + " bytes " + std::to_string(from) + "-" + std::to_string(to - 1);
    };
    for (const Damage& d : m_damages)
        if (d.seq == seq) return range(d.file, d.from, d.to);
    for (const FoundSegment& found : m_segments) {
        std::uint64_t end = kBlockBytes;  // of the last valid group before
        for (const FoundGroup& g : found.groups) {
            if (g.header.first > seq && g.offset > end) return range(path(found), end, g.offset);
            end = g.offset + g.header.spanBytes();
        }
    }
    return m_folder + ": a segment";
}

Error Scanner::lost(SeqNo from, SeqNo to) const {
    return {ErrorCode::StorageCorrupt, whereIs(from) + " is damaged or missing: batches " +
                                           std::to_string(from) + " to " + std::to_string(to) +
                                           " of the journal are lost"};
}

Result<JournalScan> Scanner::finish(SeqNo applied_max) {
    JournalScan out;
    out.stated = std::max(m_stated, applied_max);
    std::size_t n = 0;
    while (n < m_records.size() && m_records[n]) ++n;
    out.last = m_floor + n;
    if (out.last < out.stated) {
        std::size_t next = n;
        while (next < m_records.size() && !m_records[next]) ++next;
        const SeqNo before_next = next < m_records.size() ? m_floor + next : out.stated;
        return lost(out.last + 1, std::min(before_next, out.stated));
    }
    out.tail_cut = n < m_records.size();
    for (const Damage& d : m_damages) out.tail_cut |= d.seq > out.last;
    out.records.reserve(n);
    for (std::size_t i = 0; i < n; ++i) out.records.push_back(std::move(*m_records[i]));
    for (FoundSegment& found : m_segments) out.segments.push_back(std::move(found.segment));
    return out;
}

}  // namespace

bool isSegmentName(std::string_view name) {
    return name.ends_with(".seg");
}

Result<JournalScan> scanJournal(FileLayer& files, const std::string& folder, std::uint64_t store_id,
                                SeqNo floor, SeqNo applied_max) {
    Scanner scanner(files, folder, store_id, floor);
    if (auto ok = scanner.readSegments(); !ok) return ok.error();
    if (auto ok = scanner.readRecords(); !ok) return ok.error();
    if (auto ok = scanner.flushFiles(); !ok) return ok.error();
    return scanner.finish(applied_max);
}

}  // namespace kimdb::store
