// SPDX-License-Identifier: MIT
#include <algorithm>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/op_codec.h"

namespace kimdb::crdt {

namespace {

constexpr int kTypes = 5;
constexpr std::size_t kRunBytesMin = 2;  // what a claimed count of runs has to bring along

// Reads one container path without building it; the view covers its bytes.
bool skipContainer(ByteReader& in, bool& from_element) {
    const std::uint64_t head = in.varint(2 * limits::kValueDepthMax + 1);
    from_element = head & 1;
    for (std::uint64_t i = 0; i < head / 2 && in.ok(); ++i) {
        const ByteView key = in.bytes(limits::kMapKeyBytesMax);
        if (!isValidUtf8(key) || in.u8() >= kTypes) in.fail();
    }
    return in.ok();
}

}  // namespace

Result<ContainerId> decodeContainer(ByteView bytes) {
    ByteReader in(bytes);
    ContainerId id;
    const std::uint64_t head = in.varint(2 * limits::kValueDepthMax);
    if (head & 1) return Error{ErrorCode::Unsupported, "change: containers inside of lists"};
    for (std::uint64_t i = 0; i < head / 2 && in.ok(); ++i) {
        const ByteView key = in.bytes(limits::kMapKeyBytesMax);
        const std::uint8_t type = in.u8();
        if (!isValidUtf8(key) || type >= kTypes) in.fail();
        id = ContainerId::child(id, std::string(key), static_cast<ContainerType>(type));
    }
    if (!in.done()) return Error{ErrorCode::Malformed, "change: container path"};
    return id;
}

void OpReader::begin(const Change& change) {
    m_change = &change;
    m_in = ByteReader(change.structure);
    m_leaves = LeafReader(change.content);
    m_counter = change.first;
    m_table.clear();
    m_table.push_back(change.replica);
    for (const OpId& dep : change.deps) m_table.push_back(dep.replica);
    m_container = {};
    m_status = {};
    m_done = false;
}

bool OpReader::fail(const char* what) {
    if (m_status) m_status = Error{ErrorCode::Malformed, std::string("change: ") + what};
    m_done = true;
    return false;
}

bool OpReader::unsupported(const char* what) {
    if (m_status) m_status = Error{ErrorCode::Unsupported, std::string("change: ") + what};
    m_done = true;
    return false;
}

bool OpReader::next(Op& op) {
    if (m_done) return false;
    if (m_in.atEnd()) return finish();
    const std::uint8_t head = m_in.u8();
    op.kind = static_cast<OpKind>(head & 15);
    op.counter = m_counter;
    op.width = 1;
    op.container = {};
    op.runs.clear();
    op.text.clear();
    op.scalars = 0;
    op.inherits = false;
    readBody(op, head >> 4);
    if (m_done) return false;
    if (!m_in.ok()) return fail("an operation is cut off or out of range");
    if (op.width > m_change->last() - m_counter + 1) return fail("more operations than counters");
    m_counter += op.width;
    return true;
}

bool OpReader::finish() {
    if (m_counter != m_change->last() + 1) return fail("fewer operations than counters");
    if (!m_leaves.atEnd()) return fail("more content than operations");
    m_done = true;
    return false;
}

void OpReader::readBody(Op& op, int bits) {
    switch (op.kind) {
        case OpKind::Continue:
        case OpKind::Insert:
            readInsert(op, bits);
            break;
        case OpKind::Delete:
            if (bits & ~3) return m_in.fail();
            readContainer(op, bits & 1);
            readRuns(op, bits & 2);
            break;
        case OpKind::Set:
            readSet(op, bits);
            break;
        case OpKind::Increment:
            if (bits & ~1) return m_in.fail();
            readContainer(op, bits & 1);
            op.delta = m_in.zigzag();
            break;
        case OpKind::Clear:
            if (bits & ~1) return m_in.fail();
            readContainer(op, bits & 1);
            readClear(op);
            break;
        case OpKind::Toggle:
            readToggle(op, bits);
            break;
        case OpKind::InsertElement:
        case OpKind::Move:
        case OpKind::Position:
        case OpKind::Mark:
        case OpKind::Expunge:
        default:
            unsupported("a kind of operation that this version does not know");
    }
}

void OpReader::readContainer(Op& op, bool same) {
    if (same) {
        if (m_container.empty()) return m_in.fail();
        op.container = m_container;
        return;
    }
    const std::size_t begin = m_in.position();
    bool from_element = false;
    if (!skipContainer(m_in, from_element)) return;
    if (from_element) return void(unsupported("containers inside of lists"));
    const ByteView bytes = ByteView(m_change->structure).substr(begin, m_in.position() - begin);
    const auto type = static_cast<ContainerType>(bytes.size() > 1 ? bytes.back() : 0);
    if (type == ContainerType::List || type == ContainerType::Set)
        return void(unsupported("operations on lists and sets"));
    if (bytes == m_container) return m_in.fail();  // has a shorter form
    op.container = m_container = bytes;
}

ReplicaId OpReader::readReplica() {
    const std::uint64_t index = m_in.varint(m_table.size());
    if (!m_in.ok()) return 0;
    if (index < m_table.size()) return m_table[index];
    const ReplicaId id = m_in.u64();
    if (id == 0 || std::find(m_table.begin(), m_table.end(), id) != m_table.end()) m_in.fail();
    m_table.push_back(id);
    return id;
}

std::uint64_t OpReader::readCounter(ReplicaId replica) {
    const std::uint64_t n = m_in.varint(limits::kCounterMax);
    const bool own = replica == m_change->replica;
    if (n == 0 || (own && n >= m_counter)) return m_in.fail(), 1;
    return own ? m_counter - n : n;
}

OpId OpReader::readId() {
    const std::uint64_t tag = m_in.varint(m_table.size() + 2);
    if (!m_in.ok()) return {};
    if (tag < 2) return tag == 0 ? kStartId : kEndId;
    ReplicaId replica = 0;
    if (tag - 2 < m_table.size()) {
        replica = m_table[tag - 2];
    } else {
        replica = m_in.u64();
        if (replica == 0 || std::find(m_table.begin(), m_table.end(), replica) != m_table.end())
            m_in.fail();
        m_table.push_back(replica);
    }
    return {replica, readCounter(replica)};
}

void OpReader::readInsert(Op& op, int bits) {
    if (op.kind == OpKind::Continue) {
        op.width = bits ? static_cast<std::uint64_t>(bits) : m_in.varint(limits::kCounterMax);
        if (bits == 0 && op.width < 16) m_in.fail();
        if (op.counter < 2) m_in.fail();
        op.left = {m_change->replica, op.counter - 1};
        op.inherits = true;
    } else {
        op.inherits = bits & 2;
        if (bits & ~3 || (op.inherits && bits & 1)) return m_in.fail();
        if (!op.inherits) readContainer(op, bits & 1);
        op.left = readId();
        const bool continues = op.left == OpId{m_change->replica, op.counter - 1};
        if (op.inherits && (op.left.replica == 0 || continues)) m_in.fail();
        if (!op.inherits) op.right = readId();
        op.width = m_in.varint(limits::kCounterMax);
        if (op.width == 0 || op.left == kEndId || (!op.inherits && op.right == kStartId))
            m_in.fail();
    }
    if (m_done || !m_in.ok()) return;
    op.scalars = op.width;
    readText(op);
}

IdRun OpReader::readRun(ReplicaId replica, const IdRun* before) {
    IdRun run{replica, 0, 0};
    if (before) {
        const std::uint64_t gap = m_in.varint(limits::kCounterMax);
        if (gap == 0) m_in.fail();
        run.first = before->end() + gap;
    } else {
        run.first = readCounter(replica);
    }
    run.count = m_in.varint(limits::kCounterMax) + 1;
    const bool own = replica == m_change->replica;
    if (run.end() - 1 > limits::kCounterMax || (own && run.end() > m_counter)) m_in.fail();
    return run;
}

void OpReader::readRuns(Op& op, bool single) {
    if (single) {
        const ReplicaId replica = readReplica();
        op.runs.push_back(readRun(replica, nullptr));
        return;
    }
    const std::size_t replicas = m_in.count(limits::kChangeBytesMax, 4);
    op.runs.reserve(m_in.remaining() / kRunBytesMin);
    for (std::size_t i = 0; i < replicas && m_in.ok(); ++i) {
        const ReplicaId replica = readReplica();
        if (i > 0 && op.runs.back().replica >= replica) m_in.fail();
        const std::size_t n = m_in.count(limits::kChangeBytesMax, kRunBytesMin);
        if (n == 0) m_in.fail();
        for (std::size_t k = 0; k < n && m_in.ok(); ++k) {
            const IdRun before = k ? op.runs.back() : IdRun{};
            op.runs.push_back(readRun(replica, k ? &before : nullptr));
        }
    }
    if (op.runs.size() < 2) m_in.fail();  // none, or has a shorter form
}

void OpReader::readSet(Op& op, int bits) {
    const int origin = bits >> 1 & 3;
    if (bits & 8 || origin > 2) return m_in.fail();
    readContainer(op, bits & 1);
    op.key = m_in.bytes(limits::kMapKeyBytesMax);
    if (!isValidUtf8(op.key)) m_in.fail();
    const std::uint8_t value = m_in.u8();
    if (value > 1 + kTypes) m_in.fail();
    op.value_kind = value == 0   ? ValueKind::Absent
                    : value == 1 ? ValueKind::Plain
                                 : ValueKind::Container;
    if (op.value_kind == ValueKind::Container) op.type = static_cast<ContainerType>(value - 2);
    op.origin_kind = static_cast<OriginKind>(origin);
    op.origin = op.origin_kind == OriginKind::Self ? OpId{m_change->replica, op.counter} : OpId{};
    if (op.origin_kind == OriginKind::Named) {
        op.origin = readId();
        if (op.origin.replica == 0) m_in.fail();
    }
    op.value = {};
    if (m_in.ok() && op.value_kind == ValueKind::Plain) readValue(op);
}

void OpReader::readClear(Op& op) {
    const std::size_t n = m_in.count(limits::kChangeBytesMax, kRunBytesMin);
    op.runs.reserve(n);
    for (std::size_t i = 0; i < n && m_in.ok(); ++i) {
        const ReplicaId replica = readReplica();
        if (i > 0 && op.runs.back().replica >= replica) m_in.fail();
        const std::uint64_t counter = m_in.varint(limits::kCounterMax);
        if (counter == 0 || (replica == m_change->replica && counter >= m_counter)) m_in.fail();
        op.runs.push_back({replica, counter, 1});
    }
}

void OpReader::readToggle(Op& op, int bits) {
    if (bits & 4) return void(unsupported("a toggle with partly carried text"));
    if (bits & 8) return m_in.fail();
    op.on = bits & 2;
    readContainer(op, bits & 1);
    const std::size_t n = m_in.count(limits::kChangeBytesMax, kRunBytesMin);
    op.runs.reserve(n);
    for (std::size_t i = 0; i < n && m_in.ok(); ++i) {
        const IdRun before = i ? op.runs.back() : IdRun{};
        op.runs.push_back(readRun(m_change->replica, i ? &before : nullptr));
    }
    op.scalars = m_in.varint(limits::kCounterMax);
    if (!m_done && m_in.ok()) readText(op);
}

void OpReader::readText(Op& op) {
    for (std::uint64_t rest = op.scalars; rest > 0;) {
        if (m_leaves.atEnd()) return void(fail("text is missing"));
        const LeafReader::Leaf leaf = m_leaves.next();
        if (!m_leaves.ok()) return void(fail("a leaf is damaged"));
        if (leaf.kind == LeafReader::Kind::Partial)
            return void(unsupported("a partly expunged leaf"));
        const auto n = std::min<std::uint64_t>(rest, limits::kLeafScalarsMax);
        const bool expunged = leaf.kind == LeafReader::Kind::Expunged;
        if (!expunged && (!isValidUtf8(leaf.bytes) || scalarCount(leaf.bytes) != n))
            return void(fail("text does not fit its operation"));
        op.text.push_back({leaf.bytes, static_cast<std::uint32_t>(n), expunged});
        rest -= n;
    }
}

void OpReader::readValue(Op& op) {
    if (m_leaves.atEnd()) return void(fail("a value is missing"));
    const LeafReader::Leaf leaf = m_leaves.next();
    if (!m_leaves.ok()) return void(fail("a leaf is damaged"));
    if (leaf.kind == LeafReader::Kind::Partial) return void(unsupported("a partly expunged leaf"));
    if (leaf.kind == LeafReader::Kind::Expunged) return;
    if (!Value::decode(leaf.bytes)) return void(fail("a value breaks its grammar"));
    op.value = leaf.bytes;
}

}  // namespace kimdb::crdt
