// SPDX-License-Identifier: MIT
#include <algorithm>

#include "crdt/document_codec.h"

namespace kimdb::crdt {

namespace {

bool isAlive(const Span& span) {
    return span.deletions == 0 && !span.off && !span.expunged;
}

FileReplicas numbersOf(const ChangeGraph& graph, bool has_root) {
    FileReplicas numbers;
    numbers.file.resize(graph.replicas().size());
    for (const auto& [id, head] : graph.version()) {
        const ReplicaIndex index = *graph.replicas().find(id);
        numbers.file[index] = static_cast<std::uint32_t>(numbers.engine.size());
        numbers.engine.push_back(index);
        if (has_root) numbers.root.push_back(graph.rootOf(index));
    }
    return numbers;
}

}  // namespace

StateWriter::StateWriter(const Document::Impl& document, Detail detail)
    : m_document(document),
      m_detail(std::max(detail, document.detail)),
      m_makes_root(detail == Detail::Shallow),
      m_numbers(numbersOf(document.graph, m_detail == Detail::Shallow)),
      m_sequences(document.graph.replicas(), m_numbers,
                  [&document](OpId id) { return document.graph.lamportOf(id); }),
      m_dead(detail == Detail::Full && document.detail != Detail::Trimmed
                 ? SequenceWriter::DeadText::Keep
                 : SequenceWriter::DeadText::Drop) {
    writeClock();
    if (!m_makes_root) writeDeps();
    writeContainer(document.containers.root());
    writeElements();
}

// Nothing was ever done to it, or nothing that a root keeps: it exists because somebody named it.
bool StateWriter::isEmpty(const Container& c) const {
    const Rga* sequence = c.sequence();
    const bool counts =
        c.counter && !(m_makes_root ? c.counter->seen().empty() : c.counter->isEmpty());
    const bool is_bare = countOf(c.map) == 0 && (!sequence || sequence->nextSlot() == 0) &&
                         (!c.marks || c.marks->isEmpty()) && !counts;
    return is_bare && std::all_of(c.children.begin(), c.children.end(),
                                  [this](const auto& child) { return isEmpty(*child.second); });
}

void StateWriter::writeClock() {
    const ChangeGraph& graph = m_document.graph;
    ByteWriter out(clock);
    out.u8(static_cast<std::uint8_t>(m_detail));
    out.varint(m_document.incarnation);
    out.varint(m_numbers.engine.size());
    const auto headOf = [&](ReplicaIndex r) { return graph.head(graph.replicas().id(r)); };
    for (const ReplicaIndex r : m_numbers.engine) out.u64(graph.replicas().id(r));
    for (const ReplicaIndex r : m_numbers.engine)
        out.varint(headOf(r) * 2 + (graph.isHead(r) ? 1 : 0));
    if (m_detail == Detail::Shallow) {
        out.varint(m_makes_root ? graph.lamportMax() : graph.rootLamport());
        for (const ReplicaIndex r : m_numbers.engine) {
            const std::uint64_t root = m_makes_root ? headOf(r) : graph.rootOf(r);
            out.varint(root * 2 + (m_makes_root ? graph.isHead(r) : graph.isRootHead(r)));
        }
    }
    writeLamports();
}

void StateWriter::writeLamports() {
    const ChangeGraph& graph = m_document.graph;
    ByteWriter out(clock);
    for (const ReplicaIndex r : m_numbers.engine) {
        if (m_makes_root) {
            out.varint(0);
            continue;
        }
        std::uint64_t n = 0;
        graph.forEachLamport(r, [&](auto, auto) { ++n; });
        out.varint(n);
        OpId last{graph.rootLamport(), graph.rootOf(r)};  // lamport and counter
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

// What a root keeps of what elements show: what living ones show. Empty ones too, so that there is
// no doubt later whether one was dropped.
void StateWriter::findElements(const Container& container, Elements& elements) const {
    for (const auto& [name, child] : container.children) findElements(*child, elements);
    if (!container.list) return;
    const std::vector<RootFate> fates = fatesOf(*container.list);
    for (Slot slot = 0; slot < fates.size(); ++slot) {
        const ElementList::Element& element = container.list->of(slot);
        const Register& shown = element.value;
        if (fates[slot] != RootFate::Keep || element.home != slot ||
            shown.kind != ValueKind::Container)
            continue;
        const Container* child = m_document.containers.shownBy(shown);
        const bool is_new = elements.emplace(std::pair(shown.origin, shown.type), child).second;
        if (is_new && child) findElements(*child, elements);
    }
}

// What list elements show, and what was expunged.
void StateWriter::writeElements() {
    ByteWriter out(tree);
    Elements elements;
    if (m_makes_root)
        findElements(m_document.containers.root(), elements);
    else
        m_document.containers.forEachElement([&](const Container& c) {
            if (!isEmpty(c) || m_document.graph.isRoot(c.id.origin()))
                elements.emplace(std::pair(c.id.origin(), c.type), &c);
        });
    out.varint(elements.size());
    for (const auto& [name, container] : elements) {
        writeId(name.first);
        out.u8(static_cast<std::uint8_t>(name.second));
        if (container)
            writeContainer(*container);
        else
            writeContainer(Container(ContainerId::element(name.first, name.second),
                                     m_document.graph.replicas()));
    }
    const std::vector<IdRun> expunged = m_document.expunged.runs();
    out.varint(expunged.size());
    for (const IdRun& run : expunged) {
        writeId({run.replica, run.first});
        out.varint(run.count);
    }
}

// Characters that hold a mark stay.
std::vector<RootFate> StateWriter::fatesOf(const Container& container) const {
    const Rga& order = *container.text;
    std::vector<RootFate> fates(order.nextSlot(), RootFate::Drop);
    order.forEachVisible(
        [&](Slot slot, std::uint32_t n) { std::fill_n(fates.begin() + slot, n, RootFate::Keep); });
    if (!container.marks) return fates;
    container.marks->forEachTrack([&](const MarkKey&, const auto& marks) {
        for (const Marks::Mark* mark : marks)
            for (const Marks::Point at : {mark->from, mark->to})
                if (at.slot < kSlotMax && fates[at.slot] == RootFate::Drop)
                    fates[at.slot] = RootFate::Bury;
    });
    return fates;
}

// Of a living element where it was inserted and where it is.
std::vector<RootFate> StateWriter::fatesOf(const ElementList& list) {
    const Rga& order = list.order();
    std::vector<RootFate> fates(order.nextSlot(), RootFate::Drop);
    order.tree().forEach([&](const Span& span) {
        for (Slot slot = span.slot; slot < span.endSlot(); ++slot) {
            const ElementList::Element& element = list.of(slot);
            if (isAlive(span) && (element.home == slot || element.position.slot == slot))
                fates[slot] = RootFate::Keep;
        }
    });
    return fates;
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
    if (m_makes_root)
        m_sequences.writeRoot(*container.text, fatesOf(container), sequences, text, &dead_text);
    else
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
    const std::vector<RootFate> fates = m_makes_root ? fatesOf(list) : std::vector<RootFate>();
    std::vector<Slot> slots =
        m_makes_root
            ? m_sequences.writeRoot(order, fates, sequences, text, nullptr)
            : m_sequences.write(order, SequenceWriter::DeadText::Keep, sequences, text, dead_text);
    std::erase_if(slots, [&](Slot slot) {
        return m_makes_root ? fates[slot] == RootFate::Drop : order.isStub(slot);
    });
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
        // Whoever knows the root moves it later than all of it.
        const bool is_moved =
            at.slot != slot || (!m_makes_root && (at.replica != home.replica ||
                                                  at.lamport != m_document.graph.lamportOf(home)));
        out.u8(is_moved ? kMovedElement : kElement);
        writeRegister(element.value);
        if (!is_moved) continue;
        writeId(order.idOf(at.slot));
        out.varint(m_makes_root ? m_document.graph.lamportMax() : at.lamport);
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

// A root forgets keys that show nothing: who writes one later knows the root and wins.
std::size_t StateWriter::countOf(const LwwMap& map) const {
    if (!m_makes_root) return map.registers().size();
    return static_cast<std::size_t>(
        std::count_if(map.registers().begin(), map.registers().end(),
                      [](const auto& entry) { return entry.second.kind != ValueKind::Absent; }));
}

void StateWriter::writeRegisters(const LwwMap& map) {
    ByteWriter out(tree);
    out.varint(countOf(map));
    for (const auto& [key, shown] : map.registers()) {
        if (m_makes_root && shown.kind == ValueKind::Absent) continue;
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
    if (m_detail == Detail::Shallow) {
        Counter::Base base = counter.base();
        if (m_makes_root) base = {static_cast<std::uint64_t>(counter.value()), counter.seen()};
        out.zigzag(static_cast<std::int64_t>(base.sum));
        out.varint(base.seen.size());
        for (const OpId last : base.seen) writeId(last);
    }
    if (m_makes_root) {
        for (int i = 0; i < 3; ++i) out.varint(0);
        return;
    }
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
