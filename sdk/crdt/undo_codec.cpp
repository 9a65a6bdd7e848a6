// SPDX-License-Identifier: MIT
#include "crdt/undo_codec.h"

#include "core/limits.h"
#include "core/utf8.h"

namespace kimdb::crdt {

namespace {

enum StepKind : std::uint8_t { kDeletes = 0, kInserts = 1, kWrites = 2, kMoves = 3, kMarks = 4 };

}  // namespace

// ---- writing ----

class UndoCodec::Writer {
 public:
    Writer(const Document::Impl& document, const FileReplicas& numbers, Bytes& out)
        : m_replicas(document.graph.replicas()), m_numbers(numbers), m_out(out) {}

    void stack(const std::deque<UndoItem>& items) {
        m_out.varint(items.size());
        for (const UndoItem& item : items) {
            m_out.varint(item.steps.size());
            for (const UndoStep& s : item.steps) step(s);
            selection(item.before);
            selection(item.after);
        }
    }

 private:
    void step(const UndoStep& step) {
        if (step.isToggle()) {
            m_out.u8(step.inserts ? kInserts : kDeletes);
            container(step.container->id);
            return toggle(step);
        }
        m_out.u8(static_cast<std::uint8_t>(kWrites + step.rewrite->index()));
        container(step.container->id);
        std::visit([&](const auto& what) { rewrite(what, *step.container); }, *step.rewrite);
    }
    void toggle(const UndoStep& step) {
        m_out.varint(step.targets.size());
        std::uint64_t end = 0;
        for (const IdRun& run : step.targets) {
            m_out.varint(run.first - end);
            m_out.varint(run.count - 1);
            end = run.end();
        }
        m_out.bytes(step.text);
    }
    void rewrite(const UndoWrite& write, const Container& container) {
        if (container.list)
            id(write.element);
        else
            m_out.bytes(write.key);
        for (const Register* shown : {&write.before, &write.after}) {
            const int kind = shown->kind == ValueKind::Container ? 2 + static_cast<int>(shown->type)
                                                                 : static_cast<int>(shown->kind);
            m_out.u8(static_cast<std::uint8_t>(kind));
            anyId(shown->origin);
            if (shown->kind == ValueKind::Plain) m_out.bytes(shown->value.encode());
        }
    }
    void rewrite(const UndoMove& move, const Container&) {
        for (const OpId at : {move.element, move.before, move.after}) id(at);
    }
    void rewrite(const UndoMark& mark, const Container&) {
        m_out.u8(mark.key.isComment());
        if (mark.key.isComment())
            id(mark.key.comment);
        else
            m_out.bytes(mark.key.text);
        m_out.varint(mark.stretches.size());
        for (const UndoMark::Stretch& s : mark.stretches) {
            anchor(s.from);
            anchor(s.to);
            content(s.before);
        }
        content(mark.after);
    }
    void content(const UndoMark::Content& content) {
        m_out.u8(content.value.has_value());
        anyId(content.origin);
        if (content.value) m_out.bytes(content.value->encode());
    }
    void anchor(const Anchor& anchor) {
        m_out.u8(anchor.after);
        anyId(anchor.id);
    }
    void selection(const std::optional<Selection>& selection) {
        m_out.u8(selection.has_value());
        if (!selection) return;
        container(selection->container);
        m_out.bytes(selection->anchor.encode());
        m_out.bytes(selection->head.encode());
    }
    void container(const ContainerId& id) {
        Bytes bytes;
        encodeContainer(bytes, id);
        m_out.bytes(bytes);
    }
    void id(OpId id) {
        m_out.varint(m_numbers.file[*m_replicas.find(id.replica)]);
        m_out.varint(id.counter);
    }
    void anyId(OpId id) {
        if (id.replica == 0) return m_out.varint(id.counter);
        m_out.varint(m_numbers.file[*m_replicas.find(id.replica)] + 2);
        m_out.varint(id.counter);
    }

    const ReplicaTable& m_replicas;
    const FileReplicas& m_numbers;
    ByteWriter m_out;
};

// ---- reading ----

class UndoCodec::Reader {
 public:
    Reader(Document::Impl& document, const FileReplicas& numbers, ByteReader& in)
        : m_document(document), m_numbers(numbers), m_in(in) {}

    std::deque<UndoItem> stack() {
        std::deque<UndoItem> items;
        const std::size_t n = m_in.count(limits::kFileChunkBytesMax, 6);
        for (std::size_t i = 0; i < n && m_in.ok(); ++i) {
            UndoItem item;
            const std::size_t steps = m_in.count(limits::kFileChunkBytesMax, 4);
            if (steps == 0) m_in.fail();
            for (std::size_t k = 0; k < steps && m_in.ok(); ++k) item.steps.push_back(step());
            item.before = selection();
            item.after = selection();
            items.push_back(std::move(item));
        }
        return items;
    }

 private:
    UndoStep step() {
        UndoStep step;
        const std::uint8_t kind = m_in.u8();
        const auto id = container();
        step.container = id ? m_document.containers.find(*id) : nullptr;
        if (kind > kMarks || !step.container) return m_in.fail(), step;
        if (kind <= kInserts) {
            step.inserts = kind == kInserts;
            toggle(step);
        } else if (kind == kWrites) {
            step.rewrite = std::make_shared<UndoRewrite>(write(*step.container));
        } else if (kind == kMoves) {
            step.rewrite = std::make_shared<UndoRewrite>(move());
        } else {
            step.rewrite = std::make_shared<UndoRewrite>(mark());
        }
        if (m_in.ok() && !m_document.canRevert(step)) m_in.fail();
        return step;
    }
    void toggle(UndoStep& step) {
        const std::size_t n = m_in.count(limits::kFileChunkBytesMax, 2);
        const std::uint64_t head = m_document.graph.head(m_document.self_id);
        std::uint64_t end = 0;
        for (std::size_t i = 0; i < n && m_in.ok(); ++i) {
            const std::uint64_t gap = m_in.varint(limits::kCounterMax);
            const std::uint64_t count = m_in.varint(limits::kCounterMax) + 1;
            if (gap == 0 || end + gap > head || count > head - (end + gap) + 1) return m_in.fail();
            step.targets.push_back({m_document.self_id, end + gap, count});
            end += gap + count;
        }
        step.text = m_in.bytes(limits::kFileChunkBytesMax);
        if (n == 0 || !isValidUtf8(step.text)) m_in.fail();
    }
    UndoWrite write(const Container& container) {
        UndoWrite write;
        if (container.list)
            write.element = id();
        else
            write.key = m_in.bytes(limits::kMapKeyBytesMax);
        for (Register* shown : {&write.before, &write.after}) {
            const std::uint8_t kind = m_in.u8();
            if (kind > 2 + static_cast<int>(ContainerType::Counter)) m_in.fail();
            shown->kind = kind == 0   ? ValueKind::Absent
                          : kind == 1 ? ValueKind::Plain
                                      : ValueKind::Container;
            if (kind >= 2) shown->type = static_cast<ContainerType>(kind - 2);
            shown->origin = anyId();
            if (shown->origin == kEndId) m_in.fail();
            if (kind == 1) shown->value = value();
        }
        return write;
    }
    UndoMove move() {
        UndoMove move;
        for (OpId* at : {&move.element, &move.before, &move.after}) *at = id();
        return move;
    }
    UndoMark mark() {
        UndoMark mark;
        const std::uint8_t is_comment = m_in.u8();
        if (is_comment == 1)
            mark.key.comment = id();
        else
            mark.key.text = m_in.bytes(limits::kMapKeyBytesMax);
        const std::size_t n = m_in.count(limits::kFileChunkBytesMax, 6);
        if (is_comment > 1 || n == 0) m_in.fail();
        for (std::size_t i = 0; i < n && m_in.ok(); ++i) {
            UndoMark::Stretch stretch;
            stretch.from = anchor();
            stretch.to = anchor();
            stretch.before = content();
            mark.stretches.push_back(std::move(stretch));
        }
        mark.after = content();
        return mark;
    }
    UndoMark::Content content() {
        UndoMark::Content content;
        const std::uint8_t has_value = m_in.u8();
        content.origin = anyId();
        if (has_value > 1 || content.origin == kEndId) m_in.fail();
        if (has_value == 1) content.value = value();
        return content;
    }
    Anchor anchor() {
        Anchor anchor;
        const std::uint8_t after = m_in.u8();
        if (after > 1) m_in.fail();
        anchor.after = after == 1;
        anchor.id = anyId();
        return anchor;
    }
    Value value() {
        Result<Value> value = Value::decode(m_in.bytes(limits::kChangeBytesMax));
        if (!value) return m_in.fail(), Value();
        return std::move(*value);
    }
    std::optional<Selection> selection() {
        const std::uint8_t is_there = m_in.u8();
        if (is_there > 1) m_in.fail();
        if (is_there != 1) return std::nullopt;
        const auto id = container();
        const Result<Cursor> anchor = Cursor::decode(m_in.bytes(m_in.remaining()));
        const Result<Cursor> head = Cursor::decode(m_in.bytes(m_in.remaining()));
        if (!id || !anchor || !head) return m_in.fail(), std::nullopt;
        return Selection{*id, *anchor, *head};
    }
    std::optional<ContainerId> container() {
        const Result<ContainerId> id = decodeContainer(m_in.bytes(m_in.remaining()));
        if (!id) return m_in.fail(), std::nullopt;
        return *id;
    }
    OpId id() { return idOf(m_in.varint()); }
    OpId anyId() {
        const std::uint64_t tag = m_in.varint();
        return tag < 2 ? OpId{0, tag} : idOf(tag - 2);
    }
    OpId idOf(std::uint64_t number) {
        const std::uint64_t counter = m_in.varint();
        if (number >= m_numbers.engine.size()) return m_in.fail(), OpId{};
        const OpId id{m_document.graph.replicas().id(m_numbers.engine[number]), counter};
        if (counter == 0 || !m_document.graph.has(id)) m_in.fail();
        return id;
    }

    Document::Impl& m_document;
    const FileReplicas& m_numbers;
    ByteReader& m_in;
};

Bytes UndoCodec::encode(const Document::Impl& document, const FileReplicas& numbers) {
    Bytes bytes;
    const UndoManager& undo = document.undo_manager;
    if (!undo.canUndo() && !undo.canRedo()) return bytes;
    ByteWriter(bytes).u64(document.self_id);
    Writer writer(document, numbers, bytes);
    writer.stack(undo.undos());
    writer.stack(undo.redos());
    return bytes;
}

Result<> UndoCodec::decode(ByteView undo, Document::Impl& document, const FileReplicas& numbers) {
    ByteReader in(undo);
    if (undo.empty()) return {};
    const ReplicaId author = in.u64();
    if (in.ok() && author != document.self_id) return {};
    Reader reader(document, numbers, in);
    std::deque<UndoItem> undos = reader.stack();
    std::deque<UndoItem> redos = reader.stack();
    if (!in.done())
        return Error{ErrorCode::Malformed, "document file: the undo stacks are damaged"};
    document.undo_manager.restore(undos, redos);
    return {};
}

}  // namespace kimdb::crdt
