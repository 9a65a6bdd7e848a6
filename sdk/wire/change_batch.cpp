// SPDX-License-Identifier: MIT
// The layout stands in docs/PROTOCOL.md, "Change batch"; encoder and decoder follow its order.
#include "wire/change_batch.h"

#include <algorithm>
#include <cassert>
#include <optional>

#include "core/bytes.h"
#include "core/limits.h"

namespace kimdb::wire {
namespace {

// Low three bits of an item's flags: how structure and content are written.
enum class Shape : std::uint8_t {
    Mark = 0,
    Keystroke = 1,  // structure of 1 byte, one whole leaf of 1 byte
    ShortLeaf = 2,  // structure of 1 byte, one other whole leaf
    ShortBare = 3,  // structure of 1 byte, no content
    Bare = 4,       // structure, no content
    Leaf = 5,       // structure, one whole leaf
    General = 6,    // structure, content
    Void = 7,
};
constexpr std::uint8_t kShapeMask = 7;
enum Flag : std::uint8_t { kReplica = 8, kFirst = 16, kCount = 32, kDeps = 64, kMore = 128 };
enum More : std::uint8_t {
    kClassMask = 3,
    kEdition = 4,  // incarnation and schema version follow
    kEarlier = 8,  // the time is before its reference
    kSealed = Sealed::kEncrypted | Sealed::kSigned | Sealed::kCompressed,
    kReserved = 128,
};
constexpr std::size_t kItemWeight = limits::kChunkBytesMax / limits::kBatchItemsMax;

// The bytes of the only leaf, when there is exactly one and it is whole.
std::optional<ByteView> onlyWholeLeaf(ByteView content) {
    if (content.empty()) return {};
    LeafReader leaves(content);
    const LeafReader::Leaf leaf = leaves.next();
    if (!leaves.ok() || !leaves.atEnd() || leaf.kind != LeafReader::Kind::Whole) return {};
    return leaf.bytes;
}

Shape shapeOf(const Change& c) {
    if (c.is_void) return Shape::Void;
    const bool is_short = c.structure.size() == 1;
    if (c.content.empty()) return is_short ? Shape::ShortBare : Shape::Bare;
    const auto leaf = onlyWholeLeaf(c.content);
    if (!leaf) return Shape::General;
    if (!is_short) return Shape::Leaf;
    return leaf->size() == 1 ? Shape::Keystroke : Shape::ShortLeaf;
}

bool hasShortStructure(Shape shape) {
    return shape == Shape::Keystroke || shape == Shape::ShortLeaf || shape == Shape::ShortBare;
}

std::uint8_t moreOf(const Change& c, std::int64_t time_before_ms) {
    const bool edition = c.incarnation != 1 || c.schema_version != 0;
    return static_cast<std::uint8_t>(static_cast<int>(c.op_class) | (edition ? kEdition : 0) |
                                     (c.time_ms < time_before_ms ? kEarlier : 0));
}

void writeParts(const Change& c, Shape shape, ByteWriter& out) {
    if (shape == Shape::Void) return;
    if (hasShortStructure(shape))
        out.raw(c.structure);
    else
        out.bytes(c.structure);
    if (shape == Shape::General) return out.bytes(c.content);
    if (shape == Shape::ShortBare || shape == Shape::Bare) return;
    const ByteView leaf = *onlyWholeLeaf(c.content);
    if (shape != Shape::Keystroke) out.varint(leaf.size());
    out.raw(leaf);
}

bool fitsOneChange(const Change& c) {
    constexpr std::size_t kHeaderBytesMax = 96;
    const std::size_t about =
        kHeaderBytesMax + 16 * c.deps.size() + c.structure.size() + c.content.size();
    return about <= limits::kChangeBytesMax || encodeChange(c).size() <= limits::kChangeBytesMax;
}

// Reads the items of one batch. The first violation ends it.
class ItemDecoder {
 public:
    ItemDecoder(ByteView items, const ReplicaTable& table, std::size_t replicas,
                const BatchContext& context)
        : m_in(items), m_table(table), m_replicas(replicas), m_context(context) {}

    Result<std::vector<BatchItem>> all() {
        std::vector<BatchItem> items;
        while (!m_in.atEnd()) {
            if (items.size() == limits::kBatchItemsMax)
                return Error{ErrorCode::TooLarge, "a batch has too many items"};
            items.push_back(next());
            if (!m_in.ok())
                return Error{m_code, "change batch: item " + std::to_string(items.size()) +
                                         " breaks the encoding"};
        }
        return items;
    }

 private:
    struct Head {
        std::size_t replica = 0;  // index
        std::uint64_t first = 0;
        std::uint64_t count = 1;
    };

    void refuse(ErrorCode code = ErrorCode::Malformed) {
        if (m_in.ok()) m_code = code;
        m_in.fail();
    }
    void require(bool holds) {
        if (!holds) refuse();
    }

    BatchItem next() {
        const std::uint8_t flags = m_in.u8();
        const auto shape = static_cast<Shape>(flags & kShapeMask);
        if (shape == Shape::Mark) require((flags & (kDeps | kMore)) == 0);
        const std::uint8_t more = flags & kMore ? m_in.u8() : 0;
        require(more != 0 || !(flags & kMore));
        require((more & kReserved) == 0);
        const Head head = readHead(flags);
        if (!m_in.ok()) return Mark{};
        if (shape == Shape::Mark) return Mark{m_table.at(head.replica), head.first, head.count};
        return more & kSealed ? readSealed(head, flags, more) : readChange(head, flags, more);
    }

    // Replica, first, count: for changes and marks.
    Head readHead(std::uint8_t flags) {
        Head head{m_context.replica};
        if (flags & kReplica) {
            head.replica = index();
            require(head.replica != m_context.replica);
        }
        require(head.replica < m_replicas);
        head.first = m_context.nextFirst(head.replica);
        if (flags & kFirst) {
            const std::uint64_t implied = head.first;
            head.first = m_in.varint(limits::kCounterMax);
            require(head.first != implied && head.first != 0);
        }
        if (flags & kCount) {
            head.count = m_in.varint(limits::kCounterMax);
            require(head.count > 1);
        }
        require(head.first <= limits::kCounterMax &&
                head.count <= limits::kCounterMax - head.first + 1);
        if (m_in.ok()) m_context.passed(head.replica, head.first, head.count);
        return head;
    }

    BatchItem readChange(const Head& head, std::uint8_t flags, std::uint8_t more) {
        Change c = readClear(head, flags, more);
        const auto shape = static_cast<Shape>(flags & kShapeMask);
        readParts(c, shape);
        if (!m_in.ok()) return c;
        require(validateChange(c).ok() && shapeOf(c) == shape);
        if (!fitsOneChange(c)) refuse(ErrorCode::TooLarge);
        return c;
    }

    // The body is what stands between here and a length, whatever a later version makes of it.
    BatchItem readSealed(const Head& head, std::uint8_t flags, std::uint8_t more) {
        Sealed sealed;
        sealed.head = readClear(head, flags, more);
        sealed.how = more & kSealed;
        sealed.body = m_in.bytes(limits::kChangeBytesMax);
        require(sealed.head.is_void || (flags & kShapeMask) == static_cast<int>(Shape::General));
        if (m_in.ok()) require(validateChange(sealed.head).ok());
        return sealed;
    }

    // What stands in the clear, whatever the shape.
    Change readClear(const Head& head, std::uint8_t flags, std::uint8_t more) {
        Change c;
        c.replica = m_table.at(head.replica);
        c.first = head.first;
        c.count = head.count;
        require((more & kClassMask) <= static_cast<int>(OpClass::Admin));
        c.op_class = static_cast<OpClass>(more & kClassMask);
        c.is_void = static_cast<Shape>(flags & kShapeMask) == Shape::Void;
        if (more & kEdition) readEdition(c);
        if (flags & kDeps) readDeps(c);
        readTime(c, more & kEarlier);
        if (c.first == 1) {
            const ByteView key = m_in.raw(16);
            if (m_in.ok()) c.salt_key = SaltKey::from(key);
        }
        return c;
    }

    void readEdition(Change& c) {
        c.incarnation = static_cast<std::uint32_t>(m_in.varint(UINT32_MAX));
        c.schema_version = static_cast<std::uint32_t>(m_in.varint(UINT32_MAX));
        require(c.incarnation != 1 || c.schema_version != 0);
    }

    void readDeps(Change& c) {
        c.deps.resize(m_in.count(limits::kDepsMax, 2));
        require(!c.deps.empty());
        for (OpId& dep : c.deps) {
            const std::size_t replica = index();
            if (!m_in.ok()) return;
            dep = {m_table.at(replica), m_in.varint(limits::kCounterMax)};
        }
    }

    void readTime(Change& c, bool earlier) {
        const auto delta = static_cast<std::int64_t>(m_in.varint(limits::kCounterMax));
        require(delta != 0 || !earlier);
        c.time_ms = m_context.time_ms + (earlier ? -delta : delta);
        require(c.time_ms >= 0 && c.time_ms <= static_cast<std::int64_t>(limits::kCounterMax));
        m_context.time_ms = c.time_ms;
    }

    void readParts(Change& c, Shape shape) {
        if (shape == Shape::Void) return;
        c.structure = hasShortStructure(shape) ? m_in.raw(1) : m_in.bytes(limits::kChangeBytesMax);
        if (shape == Shape::General) {
            c.content = m_in.bytes(limits::kChangeBytesMax);
        } else if (shape != Shape::ShortBare && shape != Shape::Bare) {
            const ByteView leaf =
                shape == Shape::Keystroke ? m_in.raw(1) : m_in.bytes(limits::kChangeBytesMax);
            if (m_in.ok()) appendLeaf(c.content, leaf);
        }
    }

    std::size_t index() {
        const std::uint64_t i = m_in.varint();
        require(i < m_replicas);
        return m_in.ok() ? static_cast<std::size_t>(i) : 0;
    }

    ByteReader m_in;
    const ReplicaTable& m_table;
    std::size_t m_replicas;  // of the table, as far as the batch states it
    BatchContext m_context;
    ErrorCode m_code = ErrorCode::Malformed;
};

BatchContext contextAtStart(std::size_t base, std::int64_t time_base_ms) {
    BatchContext context;
    context.replica = base == 0 ? 0 : base - 1;  // the newest the receiver knows
    context.time_ms = time_base_ms;
    return context;
}

}  // namespace

std::size_t ReplicaTable::indexOf(ReplicaId id) {
    const auto [it, is_new] = m_indices.try_emplace(id, m_ids.size());
    if (is_new) m_ids.push_back(id);
    return it->second;
}

Result<> ReplicaTable::extend(std::size_t base, const std::vector<ReplicaId>& ids) {
    if (base > m_ids.size())
        return Error{ErrorCode::Malformed, "replica table: ids are missing in front"};
    if (ids.size() > limits::kReplicasPerBatchMax - base)
        return Error{ErrorCode::TooLarge, "replica table: too many ids"};
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (ids[i] == 0 || indexOf(ids[i]) != base + i)
            return Error{ErrorCode::Malformed, "replica table: contradicts what is known"};
    return {};
}

std::uint64_t BatchContext::nextFirst(std::size_t index) const {
    const auto it = next_first.find(index);
    return it == next_first.end() ? 1 : it->second;
}

void BatchContext::passed(std::size_t index, std::uint64_t first, std::uint64_t count) {
    replica = index;
    next_first[index] = first + count;
}

BatchEncoder::BatchEncoder(ReplicaTable& table, std::size_t known, std::int64_t time_base_ms)
    : m_table(table), m_known(known), m_context(contextAtStart(known, time_base_ms)) {
    assert(known <= table.size());
}

void BatchEncoder::add(const Change& change) {
    assert(validateChange(change).ok());
    const Shape shape = shapeOf(change);
    writeClear(change, static_cast<std::uint8_t>(shape), 0);
    ByteWriter out(m_items);
    writeParts(change, shape, out);
}

void BatchEncoder::addSealed(const Sealed& sealed) {
    assert((sealed.how & kSealed) == sealed.how && sealed.how != 0);
    const Shape shape = sealed.head.is_void ? Shape::Void : Shape::General;
    writeClear(sealed.head, static_cast<std::uint8_t>(shape), sealed.how);
    ByteWriter(m_items).bytes(sealed.body);
}

void BatchEncoder::writeClear(const Change& change, std::uint8_t shape, std::uint8_t how) {
    const std::size_t index = m_table.indexOf(change.replica);
    const auto more = static_cast<std::uint8_t>(moreOf(change, m_context.time_ms) | how);
    writeHead(static_cast<std::uint8_t>(shape | (change.deps.empty() ? 0 : kDeps)), more, index,
              change.first, change.count);
    ByteWriter out(m_items);
    if (more & kEdition) {
        out.varint(change.incarnation);
        out.varint(change.schema_version);
    }
    if (!change.deps.empty()) {
        out.varint(change.deps.size());
        for (const OpId& dep : change.deps) {
            out.varint(m_table.indexOf(dep.replica));
            out.varint(dep.counter);
        }
    }
    const std::int64_t delta = change.time_ms - m_context.time_ms;
    out.varint(static_cast<std::uint64_t>(delta < 0 ? -delta : delta));
    m_context.time_ms = change.time_ms;
    if (change.salt_key) out.raw(change.salt_key->view());
}

void BatchEncoder::addMark(const Mark& mark) {
    assert(mark.first > 0 && mark.count > 0);
    writeHead(static_cast<std::uint8_t>(Shape::Mark), 0, m_table.indexOf(mark.replica), mark.first,
              mark.count);
}

void BatchEncoder::writeHead(std::uint8_t flags, std::uint8_t more, std::size_t index,
                             std::uint64_t first, std::uint64_t count) {
    const bool other_replica = index != m_context.replica;
    const bool jump = first != m_context.nextFirst(index);
    ByteWriter out(m_items);
    out.u8(static_cast<std::uint8_t>(flags | (more ? kMore : 0) | (other_replica ? kReplica : 0) |
                                     (jump ? kFirst : 0) | (count != 1 ? kCount : 0)));
    if (more) out.u8(more);
    if (other_replica) out.varint(index);
    if (jump) out.varint(first);
    if (count != 1) out.varint(count);
    m_context.passed(index, first, count);
    ++m_count;
}

std::size_t BatchEncoder::bytes() const {
    return std::max(m_items.size(), m_count * kItemWeight);
}

Bytes BatchEncoder::finish() {
    const std::size_t added = m_table.size() - m_known;
    Bytes batch;
    if (m_count == 0 && added == 0) return batch;
    batch.reserve(8 + 8 * added + m_items.size());
    ByteWriter out(batch);
    out.varint(m_known << 1 | (added ? 1 : 0));
    if (added) out.varint(added);
    for (std::size_t i = m_known; i < m_table.size(); ++i) out.u64(m_table.at(i));
    out.raw(m_items);
    return batch;
}

Result<std::vector<BatchItem>> decodeBatch(ByteView batch, ReplicaTable& table,
                                           std::int64_t time_base_ms) {
    if (batch.empty()) return std::vector<BatchItem>{};
    ByteReader in(batch);
    const std::uint64_t head = in.varint();
    std::vector<ReplicaId> added;
    if (head & 1) added.resize(in.count(limits::kReplicasPerBatchMax, 8));
    for (ReplicaId& id : added) id = in.u64();
    const bool empty = added.empty() && (in.atEnd() || (head & 1));
    if (!in.ok() || empty) return Error{ErrorCode::Malformed, "change batch: damaged table"};
    if (head >> 1 > table.size())
        return Error{ErrorCode::Malformed, "change batch: builds on ids never stated"};
    const auto base = static_cast<std::size_t>(head >> 1);
    if (auto ok = table.extend(base, added); !ok) return ok.error();
    return ItemDecoder(batch.substr(in.position()), table, base + added.size(),
                       contextAtStart(base, time_base_ms))
        .all();
}

}  // namespace kimdb::wire
