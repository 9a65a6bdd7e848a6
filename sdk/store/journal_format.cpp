// SPDX-License-Identifier: MIT
#include "store/journal_format.h"

#include "core/bytes.h"
#include "core/limits.h"

namespace kimdb::store {
namespace {

constexpr ByteView kSegmentMagic = "KIMDBSEG";
constexpr ByteView kGroupMagic = "KIMDBGRP";

std::size_t blocks(std::size_t bytes) {
    return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

std::uint32_t headerChecksum(std::uint64_t store_id, ByteView header) {
    Bytes name;
    ByteWriter(name).u64(store_id);
    return crc32c(header, crc32c(name));
}

std::uint32_t recordChecksum(std::uint64_t store_id, std::uint64_t segment, SeqNo seq,
                             ByteView payload) {
    Bytes name;
    ByteWriter w(name);
    w.u64(store_id);
    w.u64(segment);
    w.u64(seq);
    w.u32(static_cast<std::uint32_t>(payload.size()));
    return crc32c(payload, crc32c(name));
}

}  // namespace

std::size_t GroupHeader::spanBytes() const {
    return blocks(kGroupHeaderBytes + body_bytes);
}

std::size_t groupSpanBytes(std::size_t records, std::size_t payload_bytes) {
    return blocks(kGroupHeaderBytes + records * kRecordHeaderBytes + payload_bytes);
}

Bytes encodeSegmentHeader(std::uint64_t file_bytes) {
    Bytes out;
    ByteWriter w(out);
    w.raw(kSegmentMagic);
    w.u32(kSegmentVersion);
    w.u64(file_bytes);
    w.u32(crc32c(out));
    out.resize(kBlockBytes, '\0');
    return out;
}

Result<> checkSegmentHeader(ByteView block) {
    ByteReader in(block);
    const bool ours = in.raw(kSegmentMagic.size()) == kSegmentMagic;
    const std::uint32_t version = in.u32();
    if (ours && in.ok() && version > kSegmentVersion)
        return Error{ErrorCode::VersionTooNew, "written by a newer version; update the program"};
    in.u64();
    const ByteView covered = block.substr(0, in.position());
    if (!ours || in.u32() != crc32c(covered) || !in.ok())
        return Error{ErrorCode::Malformed, "not the header of a journal segment"};
    return {};
}

Bytes encodeGroup(std::uint64_t store_id, GroupHeader header, const std::vector<Bytes>& records) {
    std::size_t payload_bytes = 0;
    for (const Bytes& record : records) payload_bytes += record.size();
    header.count = static_cast<std::uint32_t>(records.size());
    header.body_bytes =
        static_cast<std::uint32_t>(records.size() * kRecordHeaderBytes + payload_bytes);
    Bytes out;
    out.reserve(header.spanBytes());
    ByteWriter w(out);
    w.raw(kGroupMagic);
    w.u64(header.segment);
    w.u64(header.first);
    w.u64(header.durable);
    w.u64(header.cut);
    w.u32(header.count);
    w.u32(header.body_bytes);
    w.u32(headerChecksum(store_id, out));
    SeqNo seq = header.first;
    for (const Bytes& record : records) {
        w.u32(static_cast<std::uint32_t>(record.size()));
        w.u32(recordChecksum(store_id, header.segment, seq++, record));
        w.raw(record);
    }
    out.resize(header.spanBytes(), '\0');
    return out;
}

std::optional<GroupHeader> decodeGroupHeader(std::uint64_t store_id, ByteView bytes) {
    ByteReader in(bytes);
    if (in.raw(kGroupMagic.size()) != kGroupMagic) return std::nullopt;
    GroupHeader header;
    header.segment = in.u64();
    header.first = in.u64();
    header.durable = in.u64();
    header.cut = in.u64();
    header.count = in.u32();
    header.body_bytes = in.u32();
    const ByteView covered = bytes.substr(0, in.position());
    const std::uint32_t crc = in.u32();
    if (!in.ok() || crc != headerChecksum(store_id, covered) || header.first == 0)
        return std::nullopt;
    return header;
}

std::vector<RecordRange> decodeRecords(std::uint64_t store_id, const GroupHeader& header,
                                       ByteView bytes) {
    ByteReader in(bytes.substr(0, kGroupHeaderBytes + std::size_t{header.body_bytes}));
    in.raw(kGroupHeaderBytes);
    std::vector<RecordRange> out;
    for (std::uint32_t i = 0; i < header.count; ++i) {
        RecordRange& record = out.emplace_back();
        record.seq = header.first + i;
        record.offset = in.position();
        const std::uint32_t size = in.u32();
        const std::uint32_t crc = in.u32();
        const ByteView payload = in.raw(size);
        if (!in.ok() || crc != recordChecksum(store_id, header.segment, record.seq, payload)) break;
        record.payload = Bytes(payload);
    }
    return out;
}

}  // namespace kimdb::store
