// SPDX-License-Identifier: MIT
//
// Presence state (**format**, docs/PROTOCOL.md "PRES"):
//   varint length, name (UTF-8, at most 64 bytes)   u8 × 3 red, green, blue
//   u8 flags: bit 0 anchor, 1 head, 2 custom        [anchor] [head] cursors    [custom] a Value
// Cursor (**format**):
//   u8 anchor kind | side << 2; character: u64 LE replica, varint counter
#include <kimdb/crdt/presence.h>

#include "core/bytes.h"
#include "core/limits.h"
#include "core/utf8.h"

namespace kimdb::crdt {

namespace {

constexpr std::size_t kNameBytesMax = 64;

Error malformed(const char* what) {
    return {ErrorCode::Malformed, what};
}

void writeCursor(ByteWriter& out, const Cursor& cursor) {
    out.u8(static_cast<std::uint8_t>(static_cast<int>(cursor.anchor) | static_cast<int>(cursor.side)
                                                                           << 2));
    if (cursor.anchor != Cursor::Anchor::Character) return;
    out.u64(cursor.id.replica);
    out.varint(cursor.id.counter);
}

Cursor readCursor(ByteReader& in) {
    Cursor cursor;
    const std::uint8_t head = in.u8();
    if ((head & 3) > 2 || head > 7) in.fail();
    cursor.anchor = static_cast<Cursor::Anchor>(head & 3);
    cursor.side = static_cast<Cursor::Side>(head >> 2 & 1);
    if (cursor.anchor != Cursor::Anchor::Character) return cursor;
    cursor.id.replica = in.u64();
    cursor.id.counter = in.varint(limits::kCounterMax);
    if (cursor.id.replica == 0 || cursor.id.isNull()) in.fail();
    return cursor;
}

// At most kNameBytesMax bytes, no character cut.
std::string shortName(const std::string& name) {
    std::string text = sanitizedUtf8(name);
    if (text.size() <= kNameBytesMax) return text;
    std::size_t n = kNameBytesMax;
    while (n > 0 && (static_cast<std::uint8_t>(text[n]) & 0xC0) == 0x80) --n;
    text.resize(n);
    return text;
}

}  // namespace

Bytes Cursor::encode() const {
    Bytes out;
    ByteWriter writer(out);
    writeCursor(writer, *this);
    return out;
}

Result<Cursor> Cursor::decode(ByteView bytes) {
    ByteReader in(bytes);
    const Cursor cursor = readCursor(in);
    if (!in.done()) return malformed("cursor: breaks its grammar");
    return cursor;
}

Result<Bytes> PresenceState::encode() const {
    Bytes out;
    ByteWriter writer(out);
    writer.bytes(shortName(name));
    for (int shift = 16; shift >= 0; shift -= 8)
        writer.u8(static_cast<std::uint8_t>(color >> shift));
    writer.u8(
        static_cast<std::uint8_t>((anchor ? 1 : 0) | (head ? 2 : 0) | (custom.empty() ? 0 : 4)));
    if (anchor) writeCursor(writer, *anchor);
    if (head) writeCursor(writer, *head);
    if (!custom.empty()) writer.raw(Value(custom).encode());
    if (out.size() > limits::kPresenceBytesMax)
        return Error{ErrorCode::TooLarge, "presence: larger than 1 KiB; shorten the custom data"};
    return out;
}

Result<PresenceState> PresenceState::decode(ByteView bytes) {
    if (bytes.size() > limits::kPresenceBytesMax)
        return Error{ErrorCode::TooLarge, "presence: larger than 1 KiB"};
    ByteReader in(bytes);
    PresenceState state;
    state.name = in.bytes(kNameBytesMax);
    if (!isValidUtf8(state.name)) in.fail();
    for (int i = 0; i < 3; ++i) state.color = state.color << 8 | in.u8();
    const std::uint8_t flags = in.u8();
    if (flags > 7) in.fail();
    if (in.ok() && flags & 1) state.anchor = readCursor(in);
    if (in.ok() && flags & 2) state.head = readCursor(in);
    if (in.ok() && flags & 4) {
        const Result<Value> custom = Value::decode(in.raw(in.remaining()));
        const Value::Object* object = custom ? custom->asObject() : nullptr;
        if (!object || object->empty()) return malformed("presence: custom data");
        state.custom = *object;
    }
    if (!in.done()) return malformed("presence: breaks its grammar");
    return state;
}

bool PresenceManager::apply(std::uint64_t session, std::uint64_t clock,
                            std::chrono::milliseconds ttl,
                            const std::optional<PresenceState>& state,
                            std::chrono::milliseconds now) {
    const auto seen = m_seen.find(session);
    if (seen != m_seen.end() && clock <= seen->second.clock) return false;
    m_seen[session] = {clock, now + ttl};
    const auto shown = m_states.find(session);
    if (!state) return m_states.erase(session) > 0;
    if (shown != m_states.end() && shown->second == *state) return false;
    m_states[session] = *state;
    return true;
}

bool PresenceManager::expire(std::chrono::milliseconds now) {
    bool changed = false;
    std::erase_if(m_seen, [&](const auto& entry) {
        if (entry.second.until > now) return false;
        changed |= m_states.erase(entry.first) > 0;
        return true;
    });
    return changed;
}

void PresenceManager::clear() {
    m_states.clear();
    m_seen.clear();
}

}  // namespace kimdb::crdt
