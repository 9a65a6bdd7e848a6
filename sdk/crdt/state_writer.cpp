// SPDX-License-Identifier: MIT
#include <algorithm>

#include "crdt/document_codec.h"

namespace kimdb::crdt {

namespace {

// Nothing was ever done to it: it exists because somebody named it.
bool isEmpty(const Container& c) {
    const Rga* sequence = c.sequence();
    const bool is_bare = c.map.registers().empty() && (!sequence || sequence->nextSlot() == 0) &&
                         (!c.marks || c.marks->isEmpty()) && (!c.counter || c.counter->isEmpty());
    return is_bare && std::all_of(c.children.begin(), c.children.end(),
                                  [](const auto& child) { return isEmpty(*child.second); });
}

FileReplicas numbersOf(const ChangeGraph& graph) {
    FileReplicas numbers;
    numbers.file.resize(graph.replicas().size());
    for (const auto& [id, head] : graph.version()) {
        const ReplicaIndex index = *graph.replicas().find(id);
        numbers.file[index] = static_cast<std::uint32_t>(numbers.engine.size());
        numbers.engine.push_back(index);
    }
    return numbers;
}

}  // namespace

StateWriter::StateWriter(const Document::Impl& document, SequenceWriter::DeadText dead)
    : m_document(document),
      m_sequences(document.graph.replicas(), m_numbers,
                  [&document](OpId id) { return document.graph.lamportOf(id); }),
      m_dead(dead),
      m_numbers(numbersOf(document.graph)) {
    writeClock(dead == SequenceWriter::DeadText::Keep ? Detail::Full : Detail::Trimmed);
    writeDeps();
    writeContainer(document.containers.root());
    writeElements();
}

void StateWriter::writeClock(Detail detail) {
    const ChangeGraph& graph = m_document.graph;
    ByteWriter out(clock);
    out.u8(static_cast<std::uint8_t>(detail));
    out.varint(m_document.incarnation);
    out.varint(m_numbers.engine.size());
    for (const ReplicaIndex r : m_numbers.engine) out.u64(graph.replicas().id(r));
    for (const ReplicaIndex r : m_numbers.engine)
        out.varint(graph.head(graph.replicas().id(r)) * 2 + (graph.isHead(r) ? 1 : 0));
    for (const ReplicaIndex r : m_numbers.engine) {
        std::uint64_t n = 0;
        graph.forEachLamport(r, [&](auto, auto) { ++n; });
        out.varint(n);
        OpId last;  // counter and lamport
        graph.forEachLamport(r, [&](std::uint64_t counter, std::uint64_t lamport) {
            out.varint(counter - last.counter);
            out.varint(lamport - last.replica);
            last = {lamport, counter};
        });
    }
}

void StateWriter::writeDeps() {
    const ChangeGraph& graph = m_document.graph;
    ByteWriter out(deps);
    bool any = false;
    for (const ReplicaIndex r : m_numbers.engine) {
        std::uint64_t n = 0;
        graph.forEachDeps(r, [&](auto, auto, auto) { ++n; });
        any |= n > 0;
        out.varint(n);
        std::uint64_t last = 0;
        std::vector<std::uint64_t> named(m_numbers.engine.size(), 0);
        graph.forEachDeps(r, [&](std::uint64_t first, const OpId* ids, std::size_t count) {
            out.varint(first - last);
            last = first;
            out.varint(count);
            for (std::size_t i = 0; i < count; ++i) {
                const std::uint32_t number = m_numbers.file[*graph.replicas().find(ids[i].replica)];
                out.varint(number);
                out.zigzag(static_cast<std::int64_t>(ids[i].counter - named[number]));
                named[number] = ids[i].counter;
            }
        });
    }
    if (!any) deps.clear();
}

void StateWriter::writeId(OpId id) {
    ByteWriter out(tree);
    out.varint(m_numbers.file[*m_document.graph.replicas().find(id.replica)]);
    out.varint(id.counter);
}

// Also none, and the ends of a sequence.
void StateWriter::writeAnyId(OpId id) {
    ByteWriter out(tree);
    if (id.replica == 0) return out.varint(id.counter);
    out.varint(m_numbers.file[*m_document.graph.replicas().find(id.replica)] + 2);
    out.varint(id.counter);
}

// What list elements show, and what was expunged.
void StateWriter::writeElements() {
    ByteWriter out(tree);
    std::size_t n = 0;
    m_document.containers.forEachElement([&](const Container& c) { n += isEmpty(c) ? 0 : 1; });
    out.varint(n);
    m_document.containers.forEachElement([&](const Container& container) {
        if (isEmpty(container)) return;
        writeId(container.id.origin());
        out.u8(static_cast<std::uint8_t>(container.type));
        writeContainer(container);
    });
    const std::vector<IdRun> expunged = m_document.expunged.runs();
    out.varint(expunged.size());
    for (const IdRun& run : expunged) {
        writeId({run.replica, run.first});
        out.varint(run.count);
    }
}

void StateWriter::writeContainer(const Container& container) {
    switch (container.type) {
        case ContainerType::Map:
            return writeMap(container);
        case ContainerType::Text:
            return writeText(container);
        case ContainerType::List:
            return writeList(*container.list);
        case ContainerType::Set:
            return writeRegisters(container.map);
        case ContainerType::Counter:
            return writeCounter(*container.counter);
    }
}

void StateWriter::writeText(const Container& container) {
    const std::size_t before = text.size();
    m_sequences.write(*container.text, m_dead, sequences, text, dead_text);
    ByteWriter out(tree);
    out.varint(text.size() - before);
    std::size_t tracks = 0;
    if (container.marks) container.marks->forEachTrack([&](const auto&, const auto&) { ++tracks; });
    out.varint(tracks);
    if (tracks == 0) return;
    container.marks->forEachTrack([&](const MarkKey& key, const auto& marks) {
        out.u8(key.isComment());
        if (key.isComment())
            writeId(key.comment);
        else
            out.bytes(key.text);
        out.varint(marks.size());
        for (const Marks::Mark* mark : marks) writeMark(*container.text, *mark);
    });
}

void StateWriter::writeMark(const Rga& text_order, const Marks::Mark& mark) {
    ByteWriter out(tree);
    out.u8(static_cast<std::uint8_t>(mark.value.has_value() | mark.from.after << 1 |
                                     mark.to.after << 2));
    out.varint(mark.lamport);
    out.varint(m_numbers.file[*m_document.graph.replicas().find(mark.replica)]);
    writeAnyId(text_order.idOf(mark.from.slot));
    writeAnyId(text_order.idOf(mark.to.slot));
    writeAnyId(mark.origin);
    if (mark.value) out.bytes(mark.value->encode());
}

void StateWriter::writeList(const ElementList& list) {
    const Rga& order = list.order();
    const std::vector<Slot> slots =
        m_sequences.write(order, SequenceWriter::DeadText::Keep, sequences, text, dead_text);
    ByteWriter out(tree);
    out.varint(slots.size());
    for (const Slot slot : slots) {
        const ElementList::Element& element = list.of(slot);
        if (element.home != slot) {
            out.u8(kPlaceOfElement);
            writeId(list.idOf(element));
            continue;
        }
        const OpId home = order.idOf(slot);
        const ElementList::Position& at = element.position;
        const bool is_moved = at.slot != slot || at.replica != home.replica ||
                              at.lamport != m_document.graph.lamportOf(home);
        out.u8(is_moved ? kMovedElement : kElement);
        writeRegister(element.value);
        if (!is_moved) continue;
        writeId(order.idOf(at.slot));
        out.varint(at.lamport);
        out.varint(m_numbers.file[*m_document.graph.replicas().find(at.replica)]);
    }
}

void StateWriter::writeRegister(const Register& shown) {
    ByteWriter out(tree);
    const int value = shown.kind == ValueKind::Container ? 2 + static_cast<int>(shown.type)
                                                         : static_cast<int>(shown.kind);
    const auto origin = shown.origin == shown.writer ? OriginKind::Self
                        : shown.origin.isNull()      ? OriginKind::None
                                                     : OriginKind::Named;
    out.u8(static_cast<std::uint8_t>(value | static_cast<int>(origin) << 4));
    writeId(shown.writer);
    if (origin == OriginKind::Named) writeId(shown.origin);
    if (shown.kind == ValueKind::Plain) out.bytes(shown.value.encode());
}

void StateWriter::writeRegisters(const LwwMap& map) {
    ByteWriter out(tree);
    out.varint(map.registers().size());
    for (const auto& [key, shown] : map.registers()) {
        out.bytes(key);
        writeRegister(shown);
    }
}

void StateWriter::writeMap(const Container& map) {
    writeRegisters(map.map);
    ByteWriter out(tree);
    std::size_t n = 0;
    for (const auto& [name, child] : map.children) n += isEmpty(*child) ? 0 : 1;
    out.varint(n);
    for (const auto& [name, child] : map.children) {
        if (isEmpty(*child)) continue;
        out.bytes(name.first);
        out.u8(static_cast<std::uint8_t>(name.second));
        writeContainer(*child);
    }
}

void StateWriter::writeCounter(const Counter& counter) {
    ByteWriter out(tree);
    std::vector<OpId> off;
    std::uint64_t increments = 0;
    std::uint64_t clearings = 0;
    counter.forEachIncrement([&](OpId, std::int64_t, bool) { ++increments; });
    counter.forEachClearing([&](OpId, const std::vector<OpId>&, bool) { ++clearings; });
    out.varint(increments);
    counter.forEachIncrement([&](OpId id, std::int64_t delta, bool is_off) {
        writeId(id);
        out.zigzag(delta);
        if (is_off) off.push_back(id);
    });
    out.varint(clearings);
    counter.forEachClearing([&](OpId id, const std::vector<OpId>& seen, bool is_off) {
        writeId(id);
        out.varint(seen.size());
        for (const OpId last : seen) writeId(last);
        if (is_off) off.push_back(id);
    });
    out.varint(off.size());
    for (const OpId id : off) writeId(id);
}

}  // namespace kimdb::crdt
