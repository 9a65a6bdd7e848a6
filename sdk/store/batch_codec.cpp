// SPDX-License-Identifier: MIT
#include "store/batch_codec.h"

#include "core/bytes.h"
#include "core/limits.h"

namespace kimdb::store {
namespace {

constexpr std::size_t kBytesMax = limits::kJournalRecordBytesMax;

enum class Kind : std::uint8_t {
    Append = 1,
    Replace = 2,
    Put = 3,
    Erase = 4,
    PutRecord = 5,
    EraseRecord = 6,
    PutExpiringRecord = 7,
    PutSnapshot = 8,
    EraseSnapshot = 9,
    Trim = 10
};

struct OpEncoder {
    Bytes& out;
    void head(Kind kind, ByteView space) {
        ByteWriter w(out);
        w.u8(static_cast<std::uint8_t>(kind));
        w.bytes(space);
    }
    void operator()(const Batch::Append& op) {
        head(Kind::Append, op.doc);
        encodeEntry(out, op.entry);
    }
    void operator()(const Batch::Replace& op) {
        head(Kind::Replace, op.doc);
        encodeEntry(out, op.entry);
    }
    void operator()(const Batch::Put& op) {
        head(Kind::Put, op.doc);
        ByteWriter(out).bytes(op.key);
        ByteWriter(out).bytes(op.value);
    }
    void operator()(const Batch::Erase& op) {
        head(Kind::Erase, op.doc);
        ByteWriter(out).bytes(op.key);
    }
    void operator()(const Batch::PutRecord& op) {
        head(op.expires_ms ? Kind::PutExpiringRecord : Kind::PutRecord, op.collection);
        ByteWriter(out).bytes(op.key);
        ByteWriter(out).bytes(op.value);
        if (op.expires_ms) ByteWriter(out).varint(static_cast<std::uint64_t>(op.expires_ms));
    }
    void operator()(const Batch::EraseRecord& op) {
        head(Kind::EraseRecord, op.collection);
        ByteWriter(out).bytes(op.key);
    }
    void operator()(const Batch::PutSnapshot& op) {
        head(Kind::PutSnapshot, op.doc);
        ByteWriter(out).varint(op.position);
        ByteWriter(out).bytes(op.bytes);
    }
    void operator()(const Batch::EraseSnapshot& op) {
        head(Kind::EraseSnapshot, op.doc);
        ByteWriter(out).varint(op.position);
    }
    void operator()(const Batch::Trim& op) {
        head(Kind::Trim, op.doc);
        ByteWriter(out).varint(op.up_to);
    }
};

void decodeRecord(ByteReader& in, std::string collection, bool expires, Batch& batch) {
    std::string key(in.bytes(kBytesMax));
    Bytes value(in.bytes(kBytesMax));
    const std::uint64_t expires_ms = expires ? in.varint(INT64_MAX) : 0;
    if (expires && expires_ms == 0) in.fail();
    batch.putRecord(std::move(collection), std::move(key), std::move(value),
                    static_cast<std::int64_t>(expires_ms));
}

void decodeOp(ByteReader& in, Batch& batch) {
    const auto kind = static_cast<Kind>(in.u8());
    std::string space(in.bytes(kBytesMax));
    const auto text = [&in] { return std::string(in.bytes(kBytesMax)); };
    switch (kind) {
        case Kind::Append:
            return batch.append(std::move(space), decodeEntry(in));
        case Kind::Replace:
            return batch.replace(std::move(space), decodeEntry(in));
        case Kind::Put: {
            std::string key = text();
            return batch.put(std::move(space), std::move(key), text());
        }
        case Kind::Erase:
            return batch.erase(std::move(space), text());
        case Kind::PutRecord:
        case Kind::PutExpiringRecord:
            return decodeRecord(in, std::move(space), kind == Kind::PutExpiringRecord, batch);
        case Kind::EraseRecord:
            return batch.eraseRecord(std::move(space), text());
        case Kind::PutSnapshot: {
            const std::uint64_t position = in.varint();
            return batch.putSnapshot(std::move(space), position, text());
        }
        case Kind::EraseSnapshot:
            return batch.eraseSnapshot(std::move(space), in.varint());
        case Kind::Trim:
            return batch.trim(std::move(space), in.varint());
    }
    in.fail();
}

}  // namespace

LogEntry decodeEntry(ByteReader& in) {
    LogEntry entry;
    entry.position = in.varint();
    entry.replica = in.u64();
    entry.first = in.varint();
    entry.count = in.varint();
    entry.received_ms = in.zigzag();
    entry.user = in.bytes(kBytesMax);
    entry.flags = in.u8();
    const ByteView hash = in.raw(16);
    if (in.ok()) entry.log_hash = Hash16::from(hash);
    entry.change = in.bytes(kBytesMax);
    return entry;
}

void encodeEntry(Bytes& out, const LogEntry& entry) {
    ByteWriter w(out);
    w.varint(entry.position);
    w.u64(entry.replica);
    w.varint(entry.first);
    w.varint(entry.count);
    w.zigzag(entry.received_ms);
    w.bytes(entry.user);
    w.u8(entry.flags);
    w.raw(entry.log_hash.view());
    w.bytes(entry.change);
}

Bytes encodeBatch(const Batch& batch) {
    Bytes out;
    ByteWriter(out).varint(batch.ops().size());
    OpEncoder encoder{out};
    for (const Batch::Op& op : batch.ops()) std::visit(encoder, op);
    return out;
}

Result<Batch> decodeBatch(ByteView bytes) {
    ByteReader in(bytes);
    Batch batch;
    const std::size_t n = in.count(bytes.size(), 3);
    for (std::size_t i = 0; i < n && in.ok(); ++i) decodeOp(in, batch);
    if (!in.done()) return Error{ErrorCode::Malformed, "a batch of the journal breaks its grammar"};
    return batch;
}

std::uint32_t entryChecksum(ByteView doc, const LogEntry& entry) {
    Bytes row;
    ByteWriter(row).bytes(doc);
    encodeEntry(row, entry);
    return crc32c(row);
}

std::uint32_t valueChecksum(ByteView space, ByteView key, ByteView value) {
    Bytes name;
    ByteWriter(name).bytes(space);
    ByteWriter(name).bytes(key);
    return crc32c(value, crc32c(name));
}

std::uint32_t recordChecksum(ByteView collection, ByteView key, ByteView value, SeqNo version,
                             std::int64_t expires_ms) {
    const std::uint32_t sum = valueChecksum(collection, key, value);
    if (version == 1 && expires_ms == 0) return sum;
    Bytes rest;
    ByteWriter(rest).varint(version);
    ByteWriter(rest).zigzag(expires_ms);
    return crc32c(rest, sum);
}

}  // namespace kimdb::store
