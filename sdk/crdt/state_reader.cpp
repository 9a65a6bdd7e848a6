// SPDX-License-Identifier: MIT
#include <algorithm>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/document_codec.h"

namespace kimdb::crdt {

namespace {

constexpr std::size_t kMemoryPerTreeByte = 512;  // decision 0014

Error malformed(const char* what) {
    return {ErrorCode::Malformed, std::string("document file: ") + what};
}

}  // namespace

Result<> StateReader::readClock(ByteView clock) {
    ByteReader in(clock);
    const std::uint8_t detail = in.u8();
    m_document.incarnation = static_cast<std::uint32_t>(in.varint(UINT32_MAX));
    const std::size_t n = in.count(limits::kReplicasPerDocumentMax, 10);
    if (detail > static_cast<std::uint8_t>(Detail::Shallow)) return malformed("unknown detail");
    m_document.detail = static_cast<Detail>(detail);
    for (std::size_t i = 0; i < n; ++i) {
        const ReplicaId id = in.u64();
        if (id == 0 || (i > 0 && m_ids.back() >= id)) in.fail();
        m_ids.push_back(id);
    }
    for (std::size_t i = 0; i < n && in.ok(); ++i) {
        const std::uint64_t head = in.varint(limits::kCounterMax * 2 + 1);
        if (head < 2) in.fail();
        m_heads.push_back(head / 2);
        const ReplicaIndex index = m_document.graph.restore(m_ids[i], head / 2, head & 1);
        m_numbers.engine.push_back(index);
        m_numbers.file.resize(std::max<std::size_t>(m_numbers.file.size(), index + 1));
        m_numbers.file[index] = static_cast<std::uint32_t>(i);
    }
    if (in.ok() && m_document.detail == Detail::Shallow) readRoot(in);
    const ChangeGraph& graph = m_document.graph;
    for (std::size_t i = 0; i < n && in.ok(); ++i) {
        const std::size_t runs = in.count(limits::kCounterMax, 2);
        const std::uint64_t root = graph.rootOf(m_numbers.engine[i]);
        std::uint64_t counter = root;
        std::uint64_t lamport = graph.rootLamport();
        for (std::size_t k = 0; k < runs && in.ok(); ++k) {
            const std::uint64_t gap = in.varint(limits::kCounterMax);
            const std::uint64_t lamport_gap = in.varint(limits::kCounterMax);
            counter += gap;
            lamport += lamport_gap;
            const bool ascends = gap > 0 && lamport_gap >= gap && (k > 0 || counter == root + 1);
            if (!ascends || counter > m_heads[i] || lamport > limits::kCounterMax) in.fail();
            if (in.ok()) m_document.graph.restoreLamport(m_numbers.engine[i], counter, lamport);
        }
        if ((runs == 0) != (root == m_heads[i])) in.fail();
    }
    return in.done() ? Result<>() : malformed("the clock is damaged");
}

void StateReader::readRoot(ByteReader& in) {
    const std::uint64_t lamport = in.varint(limits::kCounterMax);
    m_document.graph.restoreRootLamport(lamport);
    bool is_empty = true;
    for (std::size_t i = 0; i < m_ids.size() && in.ok(); ++i) {
        const std::uint64_t root = in.varint(limits::kCounterMax * 2 + 1);
        if (root / 2 > m_heads[i] || root / 2 > lamport || root == 1) return in.fail();
        m_document.graph.restoreRoot(m_numbers.engine[i], root / 2, root & 1);
        m_numbers.root.push_back(root / 2);
        is_empty &= root == 0;
    }
    if (is_empty != (lamport == 0)) in.fail();
}

Result<> StateReader::readDeps(ByteView deps) {
    if (deps.empty()) return {};
    ByteReader in(deps);
    std::vector<OpId> ids;
    for (std::size_t i = 0; i < m_heads.size() && in.ok(); ++i) {
        const std::size_t n = in.count(limits::kCounterMax, 4);
        std::uint64_t first = 0;
        std::vector<std::uint64_t> named(n > 0 ? m_heads.size() : 0, 0);
        for (std::size_t k = 0; k < n && in.ok(); ++k) {
            const std::uint64_t gap = in.varint(limits::kCounterMax);
            first += gap;
            ids.clear();
            const std::size_t count = in.count(limits::kDepsMax, 2);
            for (std::size_t d = 0; d < count && in.ok(); ++d) {
                const std::uint64_t number = in.varint(m_heads.size() - 1);
                if (!in.ok()) break;
                named[number] += static_cast<std::uint64_t>(in.zigzag());
                if (named[number] == 0 || named[number] > m_heads[number]) in.fail();
                ids.push_back({m_ids[number], named[number]});
            }
            if (gap == 0 || first > m_heads[i] || ids.empty()) in.fail();
            if (in.ok()) m_document.graph.restoreDeps(m_numbers.engine[i], first, ids);
        }
    }
    return in.done() ? Result<>() : malformed("the deps are damaged");
}

OpId StateReader::readId(ByteReader& in) {
    const std::uint64_t number = in.varint();
    const std::uint64_t counter = in.varint();
    if (number >= m_heads.size() || counter == 0 || counter > m_heads[number])
        return in.fail(), OpId{};
    return {m_ids[number], counter};
}

OpId StateReader::readAnyId(ByteReader& in) {
    const std::uint64_t tag = in.varint();
    if (tag < 2) return {0, tag};
    const std::uint64_t counter = in.varint();
    if (tag - 2 >= m_heads.size() || counter == 0 || counter > m_heads[tag - 2])
        return in.fail(), OpId{};
    return {m_ids[tag - 2], counter};
}

Result<> StateReader::readTree(ByteView tree) {
    ByteReader in(tree);
    m_memory_left = kMemoryPerTreeByte * tree.size() + (64 << 10);
    readMap(in, m_document.containers.root());
    if (in.ok()) readElements(in);
    if (!m_supported)
        return Error{ErrorCode::Unsupported, "document file: a container of an unknown type"};
    if (m_memory_left == 0)
        return Error{ErrorCode::TooLarge, "document file: too many containers for its size"};
    return in.done() ? Result<>() : malformed("the tree is damaged");
}

void StateReader::readElements(ByteReader& in) {
    const std::size_t n = in.count(limits::kFileChunkBytesMax, 3);
    std::pair<OpId, std::uint8_t> last;
    for (std::size_t i = 0; i < n; ++i) {
        const OpId origin = readId(in);
        const std::uint8_t type = in.u8();
        m_supported &= type <= static_cast<std::uint8_t>(ContainerType::Counter);
        if (!in.ok() || !m_supported || std::pair(origin, type) <= last) return in.fail();
        readContainer(in, m_document.containers.ensure(
                              ContainerId::element(origin, static_cast<ContainerType>(type))));
        last = {origin, type};
    }
    const std::size_t runs = in.count(limits::kFileChunkBytesMax, 3);
    for (std::size_t i = 0; i < runs && in.ok(); ++i) {
        const OpId id = readId(in);
        const std::uint64_t count = in.varint(limits::kCounterMax);
        if (!in.ok() || count == 0 || count > m_document.graph.head(id.replica) - id.counter + 1)
            return in.fail();
        m_document.expunged.add({id.replica, id.counter, count});
    }
}

// An empty container takes a few bytes in a file, and in memory a path to it.
void StateReader::readContainer(ByteReader& in, Container& container) {
    std::size_t memory = sizeof(Container) + 160;
    for (const auto& step : container.id.path()) memory += sizeof step + step.first.size();
    if (container.sequence()) memory += 1200;  // its order, with room for the first runs
    m_memory_left -= std::min(memory, m_memory_left);
    if (m_memory_left == 0) return in.fail();
    switch (container.type) {
        case ContainerType::Map:
            return readMap(in, container);
        case ContainerType::Text:
            return readText(in, container);
        case ContainerType::List:
            return readList(in, container);
        case ContainerType::Set:
            return readRegisters(in, container);
        case ContainerType::Counter:
            return readCounter(in, *container.counter);
    }
}

void StateReader::readRegisters(ByteReader& in, Container& map) {
    const std::size_t n = in.count(limits::kFileChunkBytesMax, 4);
    const bool is_set = map.type == ContainerType::Set;
    ByteView last;
    for (std::size_t i = 0; i < n; ++i) {
        const ByteView key = in.bytes(limits::kMapKeyBytesMax);
        const bool is_name = is_set ? key.size() == sizeof(Hash16) : isValidUtf8(key);
        if (!is_name || (i > 0 && key <= last)) in.fail();
        Register value;
        if (!in.ok() || !readRegister(in, value)) return;
        map.map.write(key, std::move(value));
        last = key;
    }
}

void StateReader::readMap(ByteReader& in, Container& map) {
    readRegisters(in, map);
    const std::size_t children = in.count(limits::kFileChunkBytesMax, 3);
    std::pair<std::string, ContainerType> before;
    for (std::size_t i = 0; i < children && in.ok(); ++i) {
        const ByteView key = in.bytes(limits::kMapKeyBytesMax);
        const std::uint8_t type = in.u8();
        m_supported &= type <= static_cast<std::uint8_t>(ContainerType::Counter);
        if (!isValidUtf8(key) || !m_supported) return in.fail();
        const std::pair<std::string, ContainerType> name(key, static_cast<ContainerType>(type));
        if ((i > 0 && name <= before) ||
            map.id.path().size() >= static_cast<std::size_t>(limits::kValueDepthMax))
            return in.fail();
        readContainer(in, m_document.containers.ensureChild(map, name.first, name.second));
        before = name;
    }
}

bool StateReader::readRegister(ByteReader& in, Register& value) {
    const std::uint8_t head = in.u8();
    const int kind = head & 15;
    const int origin = head >> 4;
    if (kind > 2 + static_cast<int>(ContainerType::Counter) || origin > 2) in.fail();
    value.kind = kind == 0   ? ValueKind::Absent
                 : kind == 1 ? ValueKind::Plain
                             : ValueKind::Container;
    if (kind >= 2) value.type = static_cast<ContainerType>(kind - 2);
    value.writer = readId(in);
    if (origin == static_cast<int>(OriginKind::Self)) value.origin = value.writer;
    if (origin == static_cast<int>(OriginKind::Named)) {
        value.origin = readId(in);
        if (value.origin == value.writer) in.fail();
    }
    if (kind == 1 && in.ok()) {
        Result<Value> decoded = Value::decode(in.bytes(limits::kChangeBytesMax));
        if (!decoded) return in.fail(), false;
        value.value = std::move(*decoded);
    }
    if (!in.ok()) return false;
    value.lamport = m_document.graph.lamportOf(value.writer);
    return true;
}

void StateReader::readText(ByteReader& in, Container& text) {
    Sequence sequence;
    sequence.container = &text;
    sequence.bytes = static_cast<std::size_t>(in.varint(limits::kFileChunkBytesMax));
    const std::size_t tracks = in.count(limits::kFileChunkBytesMax, 3);
    MarkKey last;
    for (std::size_t i = 0; i < tracks && in.ok(); ++i) {
        MarkKey key;
        const std::uint8_t is_comment = in.u8();
        if (is_comment == 1)
            key.comment = readId(in);
        else
            key.text = in.bytes(limits::kMapKeyBytesMax);
        const std::size_t n = in.count(limits::kFileChunkBytesMax, 6);
        if (is_comment > 1 || n == 0 || !isValidUtf8(key.text) || (i > 0 && key <= last)) in.fail();
        for (std::size_t k = 0; k < n && in.ok(); ++k) {
            sequence.marks.push_back({key, {}, {}, {}});
            readMark(in, sequence.marks.back());
        }
        last = key;
    }
    if (in.ok()) m_sequences.push_back(std::move(sequence));
}

void StateReader::readMark(ByteReader& in, Sequence::Mark& mark) {
    const std::uint8_t bits = in.u8();
    mark.mark.lamport = in.varint(limits::kCounterMax);
    const std::uint64_t number = in.varint();
    mark.from = {readAnyId(in), (bits & 2) != 0};
    mark.to = {readAnyId(in), (bits & 4) != 0};
    mark.mark.origin = readAnyId(in);
    if (bits > 7 || number >= m_ids.size()) in.fail();
    if (in.ok()) mark.mark.replica = m_ids[number];
    if (!in.ok() || !(bits & 1)) return;
    Result<Value> value = Value::decode(in.bytes(limits::kChangeBytesMax));
    if (!value) return in.fail();
    mark.mark.value = std::move(*value);
}

void StateReader::readList(ByteReader& in, Container& list) {
    Sequence sequence;
    sequence.container = &list;
    const std::size_t n = in.count(limits::kFileChunkBytesMax, 3);
    for (std::size_t i = 0; i < n && in.ok(); ++i) {
        Sequence::Slot slot;
        slot.kind = in.u8();
        if (slot.kind > kPlaceOfElement) in.fail();
        if (slot.kind != kPlaceOfElement && !readRegister(in, slot.value)) return;
        if (slot.kind != kElement) slot.id = readId(in);
        if (slot.kind == kMovedElement) {
            slot.lamport = in.varint(limits::kCounterMax);
            const std::uint64_t number = in.varint();
            if (!in.ok() || number >= m_ids.size()) return in.fail();
            slot.replica = m_ids[number];
        }
        sequence.slots.push_back(std::move(slot));
    }
    if (in.ok()) m_sequences.push_back(std::move(sequence));
}

void StateReader::readCounter(ByteReader& in, Counter& counter) {
    if (m_document.detail == Detail::Shallow) {
        Counter::Base base;
        base.sum = static_cast<std::uint64_t>(in.zigzag());
        const std::size_t n = in.count(limits::kFileChunkBytesMax, 2);
        for (std::size_t i = 0; i < n && in.ok(); ++i) {
            base.seen.push_back(readId(in));
            const bool ascends = i == 0 || base.seen[i - 1].replica < base.seen[i].replica;
            if (!ascends || !m_document.graph.isRoot(base.seen[i])) in.fail();
        }
        if (n == 0 && base.sum != 0) in.fail();
        if (in.ok()) counter.setBase(std::move(base));
    }
    const std::size_t increments = in.count(limits::kFileChunkBytesMax, 3);
    OpId last;
    for (std::size_t i = 0; i < increments; ++i) {
        const OpId id = readId(in);
        const std::int64_t delta = in.zigzag();
        if (!in.ok() || id <= last) return in.fail();
        counter.increment(last = id, delta);
    }
    const std::size_t clearings = in.count(limits::kFileChunkBytesMax, 3);
    last = {};
    for (std::size_t i = 0; i < clearings; ++i) {
        const OpId id = readId(in);
        std::vector<OpId> seen;
        const std::size_t n = in.count(limits::kFileChunkBytesMax, 2);
        for (std::size_t k = 0; k < n && in.ok(); ++k) {
            seen.push_back(readId(in));
            if (k > 0 && seen[k - 1].replica >= seen[k].replica) in.fail();
        }
        if (!in.ok() || id <= last) return in.fail();
        counter.clear(last = id, std::move(seen));
    }
    const std::size_t off = in.count(limits::kFileChunkBytesMax, 2);
    for (std::size_t i = 0; i < off; ++i) {
        const OpId id = readId(in);
        const IdRun run{id.replica, id.counter, 1};
        if (!in.ok() || !counter.canToggle(run)) return in.fail();
        counter.toggle(run, false);
    }
}

// ---- sequences ----

Result<> StateReader::readSequences(ByteView sequences, ByteView text, ByteView dead_text) {
    ByteReader in(sequences);
    if (!isValidUtf8(text) || !isValidUtf8(dead_text)) return malformed("text is not UTF-8");
    for (Sequence& sequence : m_sequences) {
        const bool is_text = sequence.container->text != nullptr;
        if (sequence.bytes > text.size()) return malformed("text is missing");
        const SequenceText own{text.substr(0, sequence.bytes), is_text ? &dead_text : nullptr,
                               is_text ? 0 : sequence.slots.size()};
        Result<Rga::Parts> parts = readSequence(in, m_numbers, m_heads, own);
        if (!parts) return parts.error();
        text.remove_prefix(sequence.bytes);
        const bool fits = is_text ? buildText(sequence, std::move(*parts))
                                  : buildList(sequence, std::move(*parts));
        if (!fits) return malformed("a list or a mark does not fit its sequence");
    }
    if (!in.done() || !text.empty() || !dead_text.empty())
        return malformed("a sequence or its text is damaged");
    return {};
}

bool StateReader::buildText(Sequence& sequence, Rga::Parts parts) {
    Container& text = *sequence.container;
    text.text->build(std::move(parts));
    for (Sequence::Mark& m : sequence.marks) {
        const auto from = text.text->slotOf(m.from.id);
        const auto to = text.text->slotOf(m.to.id);
        if (!from || !to) return false;
        m.mark.from = {*from, m.from.after};
        m.mark.to = {*to, m.to.after};
        text.ensureMarks().add(m.key, std::move(m.mark), [](Marks::Point, Marks::Point) {});
    }
    return true;
}

bool StateReader::buildList(Sequence& sequence, Rga::Parts parts) {
    const Slot n = parts.characters;
    Rga& order = sequence.container->list->order();
    order.build(std::move(parts));
    std::vector<const Sequence::Slot*> said(n, nullptr);  // stubs: nothing
    std::size_t used = 0;
    for (Slot slot = 0; slot < n; ++slot) {
        if (order.isStub(slot)) continue;
        if (used == sequence.slots.size()) return false;
        said[slot] = &sequence.slots[used++];
    }
    if (used != sequence.slots.size()) return false;
    const auto isHome = [&](Slot slot) {
        return said[slot] && said[slot]->kind != kPlaceOfElement;
    };
    std::vector<Slot> homes(n);
    for (Slot slot = 0; slot < n; ++slot) {
        homes[slot] = slot;
        if (!said[slot] || isHome(slot)) continue;
        const auto home = order.slotOf(said[slot]->id);
        if (!home || *home >= n || !isHome(*home)) return false;
        // A root is in document order: there a place may stand in front of its element's home.
        if (*home > slot && *home >= order.rootSlots()) return false;
        homes[slot] = *home;
    }
    std::vector<ElementList::Element> elements;
    for (Slot slot = 0; slot < n; ++slot) {
        if (homes[slot] != slot) continue;
        const OpId id = order.idOf(slot);
        ElementList::Position position{m_document.graph.lamportOf(id), id.replica, slot};
        if (said[slot] && said[slot]->kind == kMovedElement) {
            const auto shown = order.slotOf(said[slot]->id);
            if (!shown || *shown >= n || homes[*shown] != slot) return false;
            position = {said[slot]->lamport, said[slot]->replica, *shown};
        }
        elements.push_back({slot, position, said[slot] ? said[slot]->value : Register()});
    }
    sequence.container->list->restore(std::move(elements), homes);
    return true;
}

}  // namespace kimdb::crdt
