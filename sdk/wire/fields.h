// SPDX-License-Identifier: MIT
#pragma once

#include <cassert>
#include <concepts>
#include <limits>
#include <type_traits>

#include "core/bytes.h"
#include "core/limits.h"
#include "core/utf8.h"
#include "wire/records.h"

//! The bodies of all records, once for both directions: fields(io, record) names a record's fields
//! in their order on the wire, with their bounds. FieldWriter appends a field, FieldReader checks
//! and stores it. Private to codec.cpp.
namespace kimdb::wire {

class FieldWriter {
 public:
    explicit FieldWriter(Bytes& out) : m_out(out) {}

    template <class T>
    void number(const T& v, std::uint64_t max = std::numeric_limits<T>::max()) {
        assert(static_cast<std::uint64_t>(v) <= max);
        m_out.varint(static_cast<std::uint64_t>(v));
    }
    void word(std::uint64_t v) { m_out.u64(v); }
    void replica(ReplicaId v) {
        assert(v != 0);
        m_out.u64(v);
    }
    void hash(const Hash16& v) { m_out.raw(v.view()); }
    void flag(bool v) { m_out.u8(v); }
    void bits(std::uint8_t v, std::uint8_t mask) {
        assert((v & ~mask) == 0);
        m_out.u8(v);
    }
    template <class E>
    void oneOf(E v, E last) {
        assert(v <= last);
        m_out.u8(static_cast<std::uint8_t>(v));
    }
    void bytes(ByteView v, std::size_t max) {
        assert(v.size() <= max);
        m_out.bytes(v);
    }
    void text(ByteView v, std::size_t max) {
        assert(isValidUtf8(v));
        bytes(v, max);
    }
    void rest(ByteView v, std::size_t max) {
        assert(v.size() <= max);
        m_out.raw(v);
    }
    template <class T, class Each>
    void list(const std::vector<T>& items, std::size_t max, std::size_t, Each each) {
        assert(items.size() <= max);
        m_out.varint(items.size());
        for (const T& item : items) each(*this, item);
    }
    void require(bool holds) { assert(holds); }

 private:
    ByteWriter m_out;
};

class FieldReader {
 public:
    explicit FieldReader(ByteView in) : m_in(in) {}
    bool done() const { return m_in.done(); }

    template <class T>
    void number(T& v, std::uint64_t max = std::numeric_limits<T>::max()) {
        v = static_cast<T>(m_in.varint(max));
    }
    void word(std::uint64_t& v) { v = m_in.u64(); }
    void replica(ReplicaId& v) {
        v = m_in.u64();
        require(v != 0);
    }
    void hash(Hash16& v) {
        const ByteView raw = m_in.raw(16);
        if (m_in.ok()) v = Hash16::from(raw);
    }
    void flag(bool& v) {
        std::uint8_t byte = 0;
        bits(byte, 1);
        v = byte;
    }
    void bits(std::uint8_t& v, std::uint8_t mask) {
        v = m_in.u8();
        require((v & ~mask) == 0);
    }
    template <class E>
    void oneOf(E& v, E last) {
        const std::uint8_t byte = m_in.u8();
        require(byte <= static_cast<std::uint8_t>(last));
        if (m_in.ok()) v = static_cast<E>(byte);
    }
    void bytes(Bytes& v, std::size_t max) { v = m_in.bytes(max); }
    void text(std::string& v, std::size_t max) {
        const ByteView raw = m_in.bytes(max);
        require(isValidUtf8(raw));
        if (m_in.ok()) v = raw;
    }
    void rest(Bytes& v, std::size_t max) {
        require(m_in.remaining() <= max);
        v = m_in.raw(m_in.remaining());
    }
    //! \a each_bytes: the least an item takes, so that a count cannot promise more than is there.
    template <class T, class Each>
    void list(std::vector<T>& items, std::size_t max, std::size_t each_bytes, Each each) {
        items.resize(m_in.count(max, each_bytes));
        for (T& item : items) each(*this, item);
    }
    void require(bool holds) {
        if (!holds) m_in.fail();
    }

 private:
    ByteReader m_in;
};

//! R itself to read into, or const R to write.
template <class T, class R>
concept Like = std::same_as<std::remove_const_t<T>, R>;

inline constexpr std::size_t kFullNameBytesMax = 2 * limits::kNamePartBytesMax + 1;

void fields(auto& io, Like<Hello> auto& r) {
    io.number(r.version_min);
    io.number(r.version_max);
    io.require(1 <= r.version_min && r.version_min <= r.version_max);
    io.number(r.features);
    io.replica(r.replica);
    io.word(r.session);
    io.text(r.agent, limits::kAgentBytesMax);
    io.bytes(r.token, limits::kTokenBytesMax);
}

void fields(auto& io, Like<Auth> auto& r) {
    io.bytes(r.token, limits::kTokenBytesMax);
}

void fields(auto& io, Like<AuthOk> auto& r) {
    io.number(r.expires_ms, limits::kCounterMax);
}

void fields(auto& io, Like<Welcome> auto& r) {
    io.number(r.version);
    io.number(r.features);
    io.hash(r.store_id);
    io.hash(r.epoch);
    io.number(r.message_bytes_max);
    io.number(r.push_bytes_max);
    io.number(r.presence_interval_ms);
    io.number(r.relay_time_ms, limits::kCounterMax);
    io.text(r.user, limits::kUserBytesMax);
    io.flag(r.resumed);
}

void fields(auto& io, Like<StreamState> auto& r) {
    io.replica(r.replica);
    io.number(r.head, limits::kCounterMax);
    io.hash(r.hash);
    io.number(r.floor, limits::kCounterMax);
}
inline constexpr std::size_t kStreamBytesMin = 26;

// Labels and label filters: keys ascending, so that a set of labels has one encoding.
void labels(auto& io, auto& list) {
    io.list(list, limits::kLabelsMax, 2, [](auto& each, auto& label) {
        each.text(label.first, limits::kLabelBytesMax);
        each.text(label.second, limits::kLabelBytesMax);
    });
    for (std::size_t i = 0; i < list.size(); ++i)
        io.require(!list[i].first.empty() && (i == 0 || list[i - 1].first < list[i].first));
}

void fields(auto& io, Like<Sub> auto& r) {
    io.number(r.alias);
    io.oneOf(r.kind, SubKind::Feed);
    io.text(r.name, kFullNameBytesMax);
    io.number(r.incarnation);
    io.hash(r.epoch);
    io.number(r.position, limits::kCounterMax);
    io.hash(r.log_hash);
    io.list(r.own, limits::kOwnIdsMax, 8, [](auto& each, auto& id) { each.replica(id); });
    io.list(r.vector, limits::kReplicasPerBatchMax, kStreamBytesMin,
            [](auto& each, auto& stream) { fields(each, stream); });
    labels(io, r.labels);
}

void fields(auto& io, Like<SubOk> auto& r) {
    io.number(r.alias);
    io.number(r.incarnation);
    io.number(r.head, limits::kCounterMax);
    io.hash(r.log_hash);
    io.bits(r.permissions, kRead | kComment | kWrite | kAdmin);
    io.oneOf(r.plan, Plan::Denied);
    io.number(r.time_base_ms, limits::kCounterMax);
    io.list(r.streams, limits::kReplicasPerBatchMax, kStreamBytesMin,
            [](auto& each, auto& stream) { fields(each, stream); });
}

void fields(auto& io, Like<Unsub> auto& r) {
    io.number(r.alias);
}

void fields(auto& io, Like<Doc> auto& r) {
    io.number(r.feed);
    io.number(r.alias);
    io.oneOf(r.event, DocEvent::Leave);
    io.text(r.name, kFullNameBytesMax);
    io.number(r.shard_seq, limits::kCounterMax);
}

void fields(auto& io, Like<Chunk> auto& r) {
    io.number(r.alias);
    io.oneOf(r.kind, ChunkKind::Snapshot);
    io.flag(r.final);
    io.number(r.prev, limits::kCounterMax);
    io.number(r.last, limits::kCounterMax);
    io.require(r.prev <= r.last);
    io.hash(r.mac);
    io.rest(r.batch, limits::kMessageBytesMax);
}

void fields(auto& io, Like<Credit> auto& r) {
    io.number(r.alias);
    io.number(r.chunks);
}

void fields(auto& io, Like<Push> auto& r) {
    io.number(r.alias);
    io.number(r.number);
    io.hash(r.hash_before);
    io.rest(r.batch, limits::kMessageBytesMax);
}

void fields(auto& io, Like<Ack> auto& r) {
    io.number(r.alias);
    io.replica(r.replica);
    io.number(r.counter, limits::kCounterMax);
    io.bits(r.flags, kDurable | kDuplicate);
}

void fields(auto& io, Like<Nack> auto& r) {
    io.number(r.alias);
    io.number(r.number);
    io.replica(r.replica);
    io.number(r.first, limits::kCounterMax);
    io.number(r.code);
    io.flag(r.permanent);
    io.number(r.retry_ms);
}

void fields(auto& io, Like<Ops> auto& r) {
    io.number(r.alias);
    io.number(r.prev, limits::kCounterMax);
    io.number(r.last, limits::kCounterMax);
    io.require(r.prev <= r.last);
    io.hash(r.mac);
    io.rest(r.batch, limits::kMessageBytesMax);
}

void fields(auto& io, Like<Seen> auto& r) {
    io.number(r.alias);
    io.number(r.position, limits::kCounterMax);
    io.number(r.undo_horizon, limits::kCounterMax);
}

void fields(auto& io, Like<Presence> auto& r) {
    io.number(r.alias);
    io.word(r.session);
    io.number(r.clock);
    io.number(r.ttl_ms);
    io.rest(r.state, limits::kPresenceBytesMax);
}

void fields(auto& io, Like<Perm> auto& r) {
    io.number(r.alias);
    io.bits(r.permissions, kRead | kComment | kWrite | kAdmin);
}

void fields(auto& io, Like<Labels> auto& r) {
    io.number(r.alias);
    labels(io, r.labels);
}

void fields(auto& io, Like<Compact> auto& r) {
    io.number(r.alias);
    io.number(r.floor, limits::kCounterMax);
}

void fields(auto& io, Like<Ping> auto& r) {
    io.number(r.nonce);
}

void fields(auto& io, Like<Pong> auto& r) {
    io.number(r.nonce);
}

void fields(auto& io, Like<ErrorRecord> auto& r) {
    io.number(r.code);
    io.flag(r.has_alias);
    io.number(r.alias);
    io.require(r.has_alias || r.alias == 0);
    io.number(r.retry_ms);
    io.text(r.text, limits::kErrorTextBytesMax);
}

}  // namespace kimdb::wire
