// SPDX-License-Identifier: MIT
#include "wire/codec.h"

#include <array>

#include "wire/fields.h"

namespace kimdb::wire {
namespace {

// The type of each alternative of Record, in its order.
constexpr std::array kTypes{
    RecordType::Hello,   RecordType::Auth,   RecordType::Sub,     RecordType::Unsub,
    RecordType::Push,    RecordType::Credit, RecordType::Seen,    RecordType::Presence,
    RecordType::Ping,    RecordType::Pong,   RecordType::Welcome, RecordType::AuthOk,
    RecordType::SubOk,   RecordType::Doc,    RecordType::Chunk,   RecordType::Ack,
    RecordType::Nack,    RecordType::Ops,    RecordType::Perm,    RecordType::Labels,
    RecordType::Compact, RecordType::Error};
static_assert(kTypes.size() == std::variant_size_v<Record>);

constexpr std::uint8_t kSkippable = 0x80;

Error malformed(std::uint8_t type) {
    constexpr char kHex[] = "0123456789abcdef";
    return {ErrorCode::Malformed, std::string("malformed or unknown record of type 0x") +
                                      kHex[type >> 4] + kHex[type & 0xF]};
}

template <std::size_t I = 0>
bool decodeBody(RecordType type, FieldReader& in, Record& out) {
    if constexpr (I < std::variant_size_v<Record>) {
        if (kTypes[I] != type) return decodeBody<I + 1>(type, in, out);
        fields(in, out.emplace<I>());
        return in.done();
    }
    return false;
}

struct Frame {
    std::uint8_t type = 0;
    ByteView body;
};

Result<Frame> nextFrame(ByteReader& in) {
    ByteReader content(in.bytes(limits::kMessageBytesMax));
    Frame frame;
    frame.type = content.u8();
    frame.body = content.raw(content.remaining());
    if (!in.ok() || !content.ok())
        return Error{ErrorCode::Malformed, "a record's length does not fit its message"};
    return frame;
}

// The number of records that are not skipped; checks the framing of the whole message.
Result<std::size_t> countRecords(ByteView message) {
    std::size_t known = 0;
    std::size_t all = 0;
    for (ByteReader in(message); !in.atEnd();) {
        const auto frame = nextFrame(in);
        if (!frame) return frame.error();
        known += (frame->type & kSkippable) == 0;
        if (++all > limits::kMessageRecordsMax)
            return Error{ErrorCode::TooLarge, "a message has too many records"};
    }
    return known;
}

}  // namespace

RecordType typeOf(const Record& record) {
    return kTypes[record.index()];
}

void appendRecord(Bytes& message, const Record& record) {
    Bytes body(1, static_cast<char>(typeOf(record)));
    FieldWriter out(body);
    std::visit([&out](const auto& r) { fields(out, r); }, record);
    ByteWriter(message).bytes(body);
}

Result<std::vector<Record>> decodeMessage(ByteView message) {
    if (message.size() > limits::kMessageBytesMax)
        return Error{ErrorCode::TooLarge, "a message is larger than 2 MiB"};
    if (message.empty()) return Error{ErrorCode::Malformed, "an empty message"};
    const auto count = countRecords(message);
    if (!count) return count.error();
    std::vector<Record> records;
    records.reserve(*count);
    for (ByteReader in(message); !in.atEnd();) {
        const auto frame = nextFrame(in);
        if (!frame) return frame.error();
        if (frame->type & kSkippable) continue;
        FieldReader body(frame->body);
        if (!decodeBody(static_cast<RecordType>(frame->type), body, records.emplace_back()))
            return malformed(frame->type);
    }
    return records;
}

}  // namespace kimdb::wire
