// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <utility>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/op_codec.h"

namespace kimdb::crdt {

namespace {

constexpr int kTypes = 5;
constexpr std::size_t kRunBytesMin = 2;  // what a claimed count of runs has to bring along

struct ContainerHead {
    OpId origin;
    ContainerType origin_type = ContainerType::Map;
    ContainerType type = ContainerType::Map;

    ContainerId element() const {
        return origin.isNull() ? ContainerId::root() : ContainerId::element(origin, origin_type);
    }
};

ContainerType readType(ByteReader& in) {
    const std::uint8_t type = in.u8();
    if (type >= kTypes) in.fail();
    return static_cast<ContainerType>(in.ok() ? type : 0);
}

// Reads one container path and gives its steps to f; allocates nothing itself.
template <class F>
ContainerHead readContainerPath(ByteReader& in, F&& f) {
    ContainerHead container;
    const std::uint64_t head = in.varint(2 * limits::kValueDepthMax + 1);
    if (head & 1) {
        container.origin.replica = in.u64();
        container.origin.counter = in.varint(limits::kCounterMax);
        if (container.origin.replica == 0 || container.origin.isNull()) in.fail();
        container.type = container.origin_type = readType(in);
    }
    for (std::uint64_t i = 0; i < head / 2 && in.ok(); ++i) {
        const ByteView key = in.bytes(limits::kMapKeyBytesMax);
        if (!isValidUtf8(key)) in.fail();
        container.type = readType(in);
        f(key, container.type);
    }
    return container;
}

// Cuts the first `scalars` scalars off.
ByteView takeScalars(ByteView& utf8, std::uint64_t scalars) {
    std::size_t i = 0;
    for (; i < utf8.size(); ++i) {
        const bool starts = (static_cast<std::uint8_t>(utf8[i]) & 0xC0) != 0x80;
        if (starts && scalars-- == 0) break;
    }
    const ByteView taken = utf8.substr(0, i);
    utf8.remove_prefix(i);
    return taken;
}

}  // namespace

Result<ContainerId> decodeContainer(ByteView bytes) {
    ByteReader in(bytes);
    std::vector<std::pair<std::string, ContainerType>> steps;
    const ContainerHead head = readContainerPath(
        in, [&](ByteView key, ContainerType type) { steps.emplace_back(std::string(key), type); });
    if (!in.done()) return Error{ErrorCode::Malformed, "change: container path"};
    ContainerId id = head.element();
    for (auto& [key, type] : steps) id = ContainerId::child(id, std::move(key), type);
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
    m_element = {};
    m_skipped = 0;
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
    op.proceeds = false;
    op.partly = false;
    op.carried.clear();
    op.expunged = false;
    if (op.kind != OpKind::InsertElement) m_element = {};
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
            readElement(op, bits);
            break;
        case OpKind::Move:
        case OpKind::Position:
            readMove(op, bits);
            break;
        case OpKind::Mark:
            readMark(op, bits);
            break;
        case OpKind::Expunge:
            if (bits & ~2) return m_in.fail();
            readRuns(op, bits & 2);
            break;
        default:
            unsupported("a kind of operation that this version does not know");
    }
}

void OpReader::readContainer(Op& op, bool same) {
    if (!same) {
        const std::size_t begin = m_in.position();
        const ContainerHead head = readContainerPath(m_in, [](ByteView, ContainerType) {});
        if (!m_in.ok()) return;
        const ByteView bytes = ByteView(m_change->structure).substr(begin, m_in.position() - begin);
        if (bytes == m_container) return m_in.fail();  // has a shorter form
        m_container = bytes;
        m_container_type = head.type;
        m_container_origin = head.origin;
    }
    if (m_container.empty()) return m_in.fail();
    if (m_container_origin.replica == m_change->replica && m_container_origin.counter >= m_counter)
        return m_in.fail();
    op.container = m_container;
    op.container_type = m_container_type;
    op.container_origin = m_container_origin;
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

OpId OpReader::readRealId() {
    const OpId id = readId();
    if (id.replica == 0) m_in.fail();
    return id;
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
    readText(op, op.width);
}

void OpReader::readElement(Op& op, int bits) {
    op.proceeds = bits & 2;
    if (bits & 8 || (op.proceeds && (!(bits & 1) || m_element.isNull()))) return m_in.fail();
    const ByteView container = m_container;
    readContainer(op, bits & 1);
    if (op.proceeds) {
        op.left = m_element;
        op.right = m_element_right;
    } else {
        op.left = readId();
        op.right = readId();
        if (op.left == kEndId || op.right == kStartId) m_in.fail();
        const bool same = container == m_container && !m_element.isNull();
        if (same && op.left == m_element && op.right == m_element_right) m_in.fail();
    }
    op.value_kind = bits & 4 ? ValueKind::Container : ValueKind::Plain;
    op.origin_kind = OriginKind::Self;
    op.origin = m_element = {m_change->replica, op.counter};
    m_element_right = op.right;
    op.value = {};
    if (bits & 4)
        op.type = readType(m_in);
    else if (m_in.ok())
        readValue(op);
}

void OpReader::readMove(Op& op, int bits) {
    if (bits & ~1) return m_in.fail();
    readContainer(op, bits & 1);
    op.element = readRealId();
    if (op.kind == OpKind::Position) {
        op.slot = readRealId();
        return;
    }
    op.left = readId();
    op.right = readId();
    if (op.left == kEndId || op.right == kStartId) m_in.fail();
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
    if (bits & 8) return m_in.fail();
    readContainer(op, bits & 1);
    op.key = {};
    if (m_in.ok() && m_container_type == ContainerType::List)
        op.element = readRealId();
    else if (m_container_type == ContainerType::Set)
        op.key = m_in.raw(sizeof(Hash16::bytes));
    else
        op.key = m_in.bytes(limits::kMapKeyBytesMax);
    if (m_container_type != ContainerType::Set && !isValidUtf8(op.key)) m_in.fail();
    const std::uint8_t value = m_in.u8();
    if (value > 1 + kTypes) m_in.fail();
    op.value_kind = value == 0   ? ValueKind::Absent
                    : value == 1 ? ValueKind::Plain
                                 : ValueKind::Container;
    if (op.value_kind == ValueKind::Container) op.type = static_cast<ContainerType>(value - 2);
    readOrigin(op, bits);
    op.value = {};
    if (!m_in.ok() || op.value_kind != ValueKind::Plain) return;
    readValue(op);
    const bool names_member = m_container_type == ContainerType::Set && !op.value.empty();
    if (names_member && memberName(op.value).view() != op.key) fail("a member has another name");
}

void OpReader::readOrigin(Op& op, int bits) {
    const int origin = bits >> 1 & 3;
    if (origin > 2) return m_in.fail();
    op.origin_kind = static_cast<OriginKind>(origin);
    op.origin = op.origin_kind == OriginKind::Self ? OpId{m_change->replica, op.counter} : OpId{};
    if (op.origin_kind == OriginKind::Named) op.origin = readRealId();
}

void OpReader::readMark(Op& op, int bits) {
    readContainer(op, bits & 1);
    const std::uint8_t flags = m_in.u8();
    op.is_comment = bits & 8;
    const bool is_new = flags & 8;
    if (flags > 15 || (is_new && !op.is_comment)) return m_in.fail();
    op.key = {};
    op.comment = {m_change->replica, op.counter};
    if (!op.is_comment) {
        op.key = m_in.bytes(limits::kMapKeyBytesMax);
        if (op.key.empty() || op.key[0] == '#' || !isValidUtf8(op.key)) m_in.fail();
    } else if (!is_new) {
        op.comment = readRealId();
    }
    op.from = {readId(), (flags & 2) != 0};
    op.to = {readId(), (flags & 4) != 0};
    readOrigin(op, bits);
    op.value_kind = flags & 1 ? ValueKind::Plain : ValueKind::Absent;
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
    if (bits & 8) return m_in.fail();
    op.on = bits & 2;
    op.partly = bits & 4;
    readContainer(op, bits & 1);
    const std::size_t n = m_in.count(limits::kChangeBytesMax, kRunBytesMin);
    op.runs.reserve(n);
    for (std::size_t i = 0; i < n && m_in.ok(); ++i) {
        const IdRun before = i ? op.runs.back() : IdRun{};
        op.runs.push_back(readRun(m_change->replica, i ? &before : nullptr));
    }
    op.scalars = m_in.varint(limits::kCounterMax);
    if (!m_in.ok()) return;
    if (!op.partly) return readText(op, op.scalars);
    std::uint64_t rest = op.scalars;
    const std::size_t ranges = m_in.count(limits::kChangeBytesMax, kRunBytesMin);
    if (ranges == 0) return m_in.fail();
    op.carried.reserve(ranges);
    for (std::size_t i = 0; i < ranges && m_in.ok() && !m_done; ++i) {
        const std::uint64_t skipped = m_in.varint(rest);
        rest -= skipped;
        const std::uint64_t length = m_in.varint(limits::kCounterMax) + 1;
        // Two ranges that touch, or one that is everything, have a shorter form.
        if ((i > 0 && skipped == 0) || length > rest || length == op.scalars) return m_in.fail();
        rest -= length;
        op.carried.push_back({skipped, length});
        skip(op, skipped);
        readText(op, length);
    }
    m_skipped = 0;
}

void OpReader::skip(Op& op, std::uint64_t scalars) {
    m_skipped += scalars;
    if (m_skipped > UINT32_MAX || op.scalars > UINT32_MAX) fail("more text than there can be");
}

void OpReader::readText(Op& op, std::uint64_t scalars) {
    for (std::uint64_t rest = scalars; rest > 0 && !m_done;) {
        if (m_leaves.atEnd()) return void(fail("text is missing"));
        const LeafReader::Leaf leaf = m_leaves.next();
        if (!m_leaves.ok()) return void(fail("a leaf is damaged"));
        const auto n = std::min<std::uint64_t>(rest, limits::kLeafScalarsMax);
        rest -= n;
        if (leaf.kind != LeafReader::Kind::Whole && leaf.kind != LeafReader::Kind::Salted)
            op.expunged = true;
        if (leaf.kind == LeafReader::Kind::Expunged) {
            skip(op, n);
        } else if (leaf.kind == LeafReader::Kind::Partial) {
            readPartialLeaf(op, leaf.bytes, n);
        } else {
            if (!isValidUtf8(leaf.bytes) || scalarCount(leaf.bytes) != n)
                return void(fail("text does not fit its operation"));
            op.text.push_back({leaf.bytes, static_cast<std::uint32_t>(n),
                               static_cast<std::uint32_t>(std::exchange(m_skipped, 0))});
        }
    }
    if (!op.partly && m_skipped > 0)
        op.text.push_back({{}, 0, static_cast<std::uint32_t>(std::exchange(m_skipped, 0))});
}

void OpReader::readPartialLeaf(Op& op, ByteView bytes, std::uint64_t scalars) {
    ByteReader in(bytes);
    const std::size_t n = in.count(limits::kLeafScalarsMax, kRunBytesMin);
    ByteView text = bytes;
    ByteReader ranges = in;
    for (std::size_t i = 0; i < 2 * n; ++i) (void)in.varint();
    text.remove_prefix(in.ok() ? in.position() : bytes.size());
    if (n == 0 || !in.ok() || !isValidUtf8(text)) return void(fail("a leaf is damaged"));
    op.text.reserve(op.text.size() + m_change->content.size() / 3);  // growing would take more
    std::uint64_t rest = scalars;
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint64_t skipped = ranges.varint(rest);
        rest -= skipped;
        const std::uint64_t length = ranges.varint(limits::kLeafScalarsMax) + 1;
        const ByteView kept = takeScalars(text, length);
        if (!ranges.ok() || (i > 0 && skipped == 0) || length > rest || length == scalars ||
            scalarCount(kept) != length)
            return void(fail("a leaf is damaged"));
        rest -= length;
        skip(op, skipped);
        op.text.push_back({kept, static_cast<std::uint32_t>(length),
                           static_cast<std::uint32_t>(std::exchange(m_skipped, 0))});
    }
    if (!text.empty()) return void(fail("a leaf is damaged"));
    skip(op, rest);
}

void OpReader::readValue(Op& op) {
    if (m_leaves.atEnd()) return void(fail("a value is missing"));
    const LeafReader::Leaf leaf = m_leaves.next();
    if (!m_leaves.ok()) return void(fail("a leaf is damaged"));
    if (leaf.kind == LeafReader::Kind::Partial) return void(fail("a value is whole or expunged"));
    op.expunged = leaf.kind == LeafReader::Kind::Expunged;
    if (op.expunged) return;
    if (!Value::decode(leaf.bytes)) return void(fail("a value breaks its grammar"));
    op.value = leaf.bytes;
}

Hash16 memberName(ByteView encoded_member) {
    return sha256Truncated({encoded_member});
}

std::string commentKey(OpId comment) {
    return "#" + std::to_string(comment.replica) + "." + std::to_string(comment.counter);
}

std::optional<OpId> commentOf(std::string_view key) {
    OpId id;
    const char* const end = key.data() + key.size();
    if (key.empty() || key[0] != '#') return std::nullopt;
    const auto replica = std::from_chars(key.data() + 1, end, id.replica);
    if (replica.ec != std::errc() || replica.ptr == end || *replica.ptr != '.') return std::nullopt;
    const auto counter = std::from_chars(replica.ptr + 1, end, id.counter);
    if (counter.ec != std::errc() || counter.ptr != end || commentKey(id) != key)
        return std::nullopt;
    return id;
}

}  // namespace kimdb::crdt
