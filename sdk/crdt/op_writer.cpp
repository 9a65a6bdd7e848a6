// SPDX-License-Identifier: MIT
#include <algorithm>

#include "core/limits.h"
#include "crdt/op_codec.h"

namespace kimdb::crdt {

namespace {

// Bits of the head's upper half.
enum Bit : int {
    kSame = 1,
    kSingle = 2,
    kInherit = 2,
    kProceed = 2,
    kOn = 2,
    kChild = 4,
    kPartly = 4,
    kComment = 8,
};

// Where the next leaf of a text ends: kLeafScalarsMax scalars or the end.
std::size_t leafEnd(ByteView utf8, std::size_t begin) {
    if (utf8.size() - begin <= limits::kLeafScalarsMax) return utf8.size();
    std::size_t scalars = 0;
    std::size_t i = begin;
    for (; i < utf8.size(); ++i) {
        const bool starts = (static_cast<std::uint8_t>(utf8[i]) & 0xC0) != 0x80;
        if (starts && scalars++ == limits::kLeafScalarsMax) break;
    }
    return i;
}

}  // namespace

void encodeContainer(Bytes& out, const ContainerId& container) {
    ByteWriter writer(out);
    const OpId origin = container.origin();
    writer.varint(container.path().size() * 2 + (origin.isNull() ? 0 : 1));
    if (!origin.isNull()) {
        writer.u64(origin.replica);
        writer.varint(origin.counter);
        writer.u8(static_cast<std::uint8_t>(container.originType()));
    }
    for (const auto& [key, type] : container.path()) {
        writer.bytes(key);
        writer.u8(static_cast<std::uint8_t>(type));
    }
}

void OpWriter::begin(ReplicaId author, std::uint64_t first, const std::vector<OpId>& deps) {
    m_author = author;
    m_first = m_counter = first;
    m_table.clear();
    m_table.push_back(author);
    for (const OpId& dep : deps) m_table.push_back(dep.replica);
    m_structure.clear();
    m_content.clear();
    m_has_container = false;
    m_element = {};
    m_only_comments = m_only_expunges = true;
}

OpClass OpWriter::opClass() const {
    if (empty() || m_only_comments == m_only_expunges) return OpClass::Content;
    return m_only_comments ? OpClass::Comment : OpClass::Admin;
}

void OpWriter::text(ByteView utf8) {
    for (std::size_t i = 0; i < utf8.size();) {
        const std::size_t end = leafEnd(utf8, i);
        appendLeaf(m_content, utf8.substr(i, end - i));
        i = end;
    }
}

void OpWriter::head(OpKind kind, int bits, const ContainerId& container) {
    m_only_expunges = false;
    if (kind != OpKind::Mark) m_only_comments = false;
    if (m_container.empty() || m_last != container) {
        m_last = container;
        m_container.clear();
        encodeContainer(m_container, container);
        m_has_container = false;
    }
    const int upper = bits | (m_has_container ? kSame : 0);
    ByteWriter(m_structure).u8(static_cast<std::uint8_t>(static_cast<int>(kind) | upper << 4));
    if (!m_has_container) m_structure.append(m_container);
    m_has_container = true;
}

void OpWriter::replica(ReplicaId id) {
    const auto at = std::find(m_table.begin(), m_table.end(), id);
    ByteWriter(m_structure).varint(static_cast<std::uint64_t>(at - m_table.begin()));
    if (at != m_table.end()) return;
    ByteWriter(m_structure).u64(id);
    m_table.push_back(id);
}

void OpWriter::counterOf(ReplicaId replica, std::uint64_t counter) {
    ByteWriter(m_structure).varint(replica == m_author ? m_counter - counter : counter);
}

void OpWriter::id(OpId id) {
    ByteWriter out(m_structure);
    if (id.replica == 0) return out.varint(id == kStartId ? 0 : 1);
    const auto at = std::find(m_table.begin(), m_table.end(), id.replica);
    out.varint(static_cast<std::uint64_t>(at - m_table.begin()) + 2);
    if (at == m_table.end()) {
        out.u64(id.replica);
        m_table.push_back(id.replica);
    }
    counterOf(id.replica, id.counter);
}

void OpWriter::proceed(std::uint64_t n) {
    m_only_comments = m_only_expunges = false;
    ByteWriter out(m_structure);
    out.u8(n < 16 ? static_cast<std::uint8_t>(n << 4) : std::uint8_t{0});
    if (n >= 16) out.varint(n);
    m_counter += n;
}

void OpWriter::insert(const ContainerId& container, OpId left, OpId right, std::uint64_t n) {
    head(OpKind::Insert, 0, container);
    id(left);
    id(right);
    ByteWriter(m_structure).varint(n);
    m_counter += n;
}

void OpWriter::inherit(OpId left, std::uint64_t n) {
    m_only_comments = m_only_expunges = false;
    ByteWriter(m_structure).u8(static_cast<std::uint8_t>(OpKind::Insert) | kInherit << 4);
    id(left);
    ByteWriter(m_structure).varint(n);
    m_counter += n;
}

void OpWriter::insertElement(const ContainerId& list, OpId left, OpId right, const Written& value) {
    const bool is_child = value.kind == ValueKind::Container;
    const bool proceeds = !m_element.isNull() && m_element.counter + 1 == m_counter &&
                          m_has_container && m_last == list && left == m_element &&
                          right == m_element_right;
    head(OpKind::InsertElement, (proceeds ? kProceed : 0) | (is_child ? kChild : 0), list);
    if (!proceeds) {
        id(left);
        id(right);
    }
    if (is_child)
        ByteWriter(m_structure).u8(static_cast<std::uint8_t>(value.type));
    else
        appendLeaf(m_content, value.value);
    m_element = {m_author, m_counter++};
    m_element_right = right;
}

void OpWriter::move(const ContainerId& list, OpId element, OpId left, OpId right) {
    head(OpKind::Move, 0, list);
    id(element);
    id(left);
    id(right);
    ++m_counter;
}

void OpWriter::position(const ContainerId& list, OpId element, OpId slot) {
    head(OpKind::Position, 0, list);
    id(element);
    id(slot);
    ++m_counter;
}

void OpWriter::runs(const std::vector<IdRun>& runs) {
    ByteWriter out(m_structure);
    const bool single = runs.size() == 1;
    const auto sameReplica = [&](std::size_t i) {
        return i > 0 && runs[i - 1].replica == runs[i].replica;
    };
    if (!single) {
        std::uint64_t replicas = 0;
        for (std::size_t i = 0; i < runs.size(); ++i) replicas += sameReplica(i) ? 0 : 1;
        out.varint(replicas);
    }
    for (std::size_t i = 0; i < runs.size(); ++i) {
        if (!sameReplica(i)) {
            replica(runs[i].replica);
            std::size_t n = i + 1;
            while (n < runs.size() && sameReplica(n)) ++n;
            if (!single) out.varint(n - i);
            counterOf(runs[i].replica, runs[i].first);
        } else {
            out.varint(runs[i].first - runs[i - 1].end());
        }
        out.varint(runs[i].count - 1);
    }
    ++m_counter;
}

void OpWriter::remove(const ContainerId& container, const std::vector<IdRun>& targets) {
    head(OpKind::Delete, targets.size() == 1 ? kSingle : 0, container);
    runs(targets);
}

void OpWriter::expunge(const std::vector<IdRun>& targets) {
    m_only_comments = false;
    const int bits = targets.size() == 1 ? kSingle : 0;
    ByteWriter(m_structure)
        .u8(static_cast<std::uint8_t>(static_cast<int>(OpKind::Expunge) | bits << 4));
    runs(targets);
}

void OpWriter::valueOf(const Written& value) {
    const int type = value.kind == ValueKind::Container ? static_cast<int>(value.type) : 0;
    ByteWriter(m_structure).u8(static_cast<std::uint8_t>(static_cast<int>(value.kind) + type));
    if (value.origin_kind == OriginKind::Named) id(value.origin);
    if (value.kind == ValueKind::Plain) appendLeaf(m_content, value.value);
    ++m_counter;
}

void OpWriter::set(const ContainerId& container, ByteView key, const Written& value) {
    head(OpKind::Set, static_cast<int>(value.origin_kind) << 1, container);
    if (container.type() == ContainerType::Set)
        ByteWriter(m_structure).raw(key);
    else
        ByteWriter(m_structure).bytes(key);
    valueOf(value);
}

void OpWriter::setElement(const ContainerId& list, OpId element, const Written& value) {
    head(OpKind::Set, static_cast<int>(value.origin_kind) << 1, list);
    id(element);
    valueOf(value);
}

void OpWriter::mark(const ContainerId& text, const MarkKey& key, Anchor from, Anchor to,
                    const Written& value) {
    const bool is_comment = key.text.empty();
    const bool is_new = is_comment && !key.isComment();
    const bool has_value = value.kind == ValueKind::Plain;
    if (!is_new && key.comment.replica != m_author) m_only_comments = false;
    head(OpKind::Mark, static_cast<int>(value.origin_kind) << 1 | (is_comment ? kComment : 0),
         text);
    ByteWriter out(m_structure);
    out.u8(static_cast<std::uint8_t>(int{has_value} | int{from.after} << 1 | int{to.after} << 2 |
                                     int{is_new} << 3));
    if (!is_comment)
        out.bytes(key.text);
    else if (!is_new)
        id(key.comment);
    id(from.id);
    id(to.id);
    if (value.origin_kind == OriginKind::Named) id(value.origin);
    if (has_value) appendLeaf(m_content, value.value);
    ++m_counter;
}

void OpWriter::increment(const ContainerId& container, std::int64_t delta) {
    head(OpKind::Increment, 0, container);
    ByteWriter(m_structure).zigzag(delta);
    ++m_counter;
}

void OpWriter::clear(const ContainerId& container, const std::vector<OpId>& seen) {
    head(OpKind::Clear, 0, container);
    ByteWriter(m_structure).varint(seen.size());
    for (const OpId& id : seen) {
        replica(id.replica);
        ByteWriter(m_structure).varint(id.counter);
    }
    ++m_counter;
}

void OpWriter::ownRuns(const std::vector<IdRun>& own) {
    ByteWriter out(m_structure);
    out.varint(own.size());
    for (std::size_t i = 0; i < own.size(); ++i) {
        out.varint(i == 0 ? m_counter - own[0].first : own[i].first - own[i - 1].end());
        out.varint(own[i].count - 1);
    }
}

void OpWriter::toggle(const ContainerId& container, bool on, const std::vector<IdRun>& own,
                      std::uint64_t scalars) {
    head(OpKind::Toggle, on ? kOn : 0, container);
    ownRuns(own);
    ByteWriter(m_structure).varint(scalars);
    ++m_counter;
}

void OpWriter::togglePartly(const ContainerId& container, bool on, const std::vector<IdRun>& own,
                            std::uint64_t scalars, const std::vector<TextRange>& carried) {
    head(OpKind::Toggle, (on ? kOn : 0) | kPartly, container);
    ownRuns(own);
    ByteWriter out(m_structure);
    out.varint(scalars);
    out.varint(carried.size());
    for (const TextRange& range : carried) {
        out.varint(range.skipped);
        out.varint(range.length - 1);
    }
    ++m_counter;
}

}  // namespace kimdb::crdt
