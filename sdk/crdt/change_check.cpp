// SPDX-License-Identifier: MIT
#include "crdt/change_check.h"

#include <algorithm>

namespace kimdb::crdt {

Error ChangeCheck::broken(const Op& op, const char* rule) const {
    return {ErrorCode::Malformed, "operation " + std::to_string(op.counter) + " of replica " +
                                      std::to_string(m_change.replica) + " " + rule};
}

Result<> ChangeCheck::run(OpReader& reader, Op& op) {
    reader.begin(m_change);
    while (reader.next(op))
        if (auto ok = check(op); !ok) return ok;
    return reader.status();
}

Result<> ChangeCheck::check(const Op& op) {
    if (auto ok = checkClass(op); !ok) return ok;
    if (op.kind == OpKind::Expunge) return {};
    if (op.kind == OpKind::Continue || op.kind == OpKind::Insert) return checkInsert(op);
    const Container& container = m_containers.ensure(op.container);
    switch (op.kind) {
        case OpKind::InsertElement:
            return container.list ? checkElement(op, container) : broken(op, "inserts in no list");
        case OpKind::Move:
        case OpKind::Position:
            return container.list ? checkMove(op, container) : broken(op, "moves in no list");
        case OpKind::Delete:
            return container.sequence() ? checkDelete(op, container)
                                        : broken(op, "deletes in no text or list");
        case OpKind::Set:
            return checkSet(op, container);
        case OpKind::Mark:
            return container.text ? checkMark(op, container) : broken(op, "marks no text");
        case OpKind::Increment:
        case OpKind::Clear:
            if (!container.counter) return broken(op, "counts in no counter");
            remember(op, &container, 0, {});
            return {};
        default:
            return checkToggle(op, container);
    }
}

// SYNC rule 12: so that a relay that does not read operations can tell who may write them.
Result<> ChangeCheck::checkClass(const Op& op) const {
    const bool is_own_comment =
        op.kind == OpKind::Mark && op.is_comment && op.comment.replica == m_change.replica;
    if (m_change.op_class == OpClass::Comment && !is_own_comment)
        return broken(op, "is more than a comment of its author");
    if ((m_change.op_class == OpClass::Admin) != (op.kind == OpKind::Expunge))
        return broken(op, "is of another class than its change");
    return {};
}

void ChangeCheck::remember(const Op& op, const Container* container, std::uint64_t scalars,
                           OpId right, OpId element) {
    if (op.width == m_change.count) return;  // the only operation
    m_new.emplace(op.counter,
                  NewOp{op.kind, container, op.counter, op.width, scalars, right, element});
}

const ChangeCheck::NewOp* ChangeCheck::newOp(const Container* container,
                                             std::uint64_t counter) const {
    auto at = m_new.upper_bound(counter);
    if (at == m_new.begin()) return nullptr;
    --at;
    const NewOp& op = at->second;
    return op.container == container && counter - op.first < op.count ? &op : nullptr;
}

std::optional<OpId> ChangeCheck::behind(const Container* text, OpId id) const {
    if (const auto at = m_next.find({text, id}); at != m_next.end()) return at->second;
    const NewOp* op = isNew(id) ? newOp(text, id.counter) : nullptr;
    if (!op || id.counter + 1 == op->first + op->count) return std::nullopt;
    return OpId{id.replica, id.counter + 1};
}

std::optional<OpId> ChangeCheck::inFront(const Container* text, OpId id) const {
    if (const auto at = m_previous.find({text, id}); at != m_previous.end()) return at->second;
    const NewOp* op = isNew(id) ? newOp(text, id.counter) : nullptr;
    if (!op || id.counter == op->first) return std::nullopt;
    return OpId{id.replica, id.counter - 1};
}

Result<> ChangeCheck::checkInsert(const Op& op) {
    const Container* text = nullptr;
    OpId right = op.right;
    if (!op.inherits) {
        text = &m_containers.ensure(op.container);
    } else if (isNew(op.left)) {
        auto at = m_new.upper_bound(op.left.counter);
        if (at == m_new.begin()) return broken(op, "continues no text");
        const NewOp& before = (--at)->second;
        text = before.container;
        right = before.right;
    } else {
        text = m_containers.textOf(op.left);
        if (!text) return broken(op, "continues no text");
        if (op.width == m_change.count) return {};  // its origins are in order as they were
        right = text->text->idOf(text->text->rightOf(*text->text->slotOf(op.left)));
    }
    if (text->type != ContainerType::Text) return broken(op, "inserts into no text");
    if (auto ok = checkOrder(op, *text, op.left, right); !ok) return ok;
    if (op.width == m_change.count) return {};
    remember(op, text, op.scalars, right);
    const OpId first{m_change.replica, op.counter};
    const OpId last{m_change.replica, op.counter + op.width - 1};
    connect(text, op.left, first, last, right);
    return {};
}

void ChangeCheck::connect(const Container* sequence, OpId left, OpId first, OpId last, OpId right) {
    m_next[{sequence, left}] = first;
    m_previous[{sequence, first}] = left;
    m_next[{sequence, last}] = right;
    m_previous[{sequence, right}] = last;
}

bool ChangeCheck::exists(const Container& sequence, OpId id) const {
    if (!isNew(id)) return sequence.sequence()->slotOf(id).has_value();
    const NewOp* made = newOp(&sequence, id.counter);
    return made && (made->kind == OpKind::Insert || made->kind == OpKind::Continue ||
                    made->kind == OpKind::InsertElement || made->kind == OpKind::Move);
}

Result<> ChangeCheck::checkOrder(const Op& op, const Container& text, OpId left, OpId right) const {
    if (!exists(text, left) || !exists(text, right))
        return broken(op, "has an origin that is not there");
    if (isNew(left) && behind(&text, left) != right)
        return broken(op, "has origins that are not neighbours");
    if (isNew(right) && inFront(&text, right) != left)
        return broken(op, "has origins that are not neighbours");
    if (isNew(left) || isNew(right)) return {};
    const Rga& order = *text.sequence();
    if (!order.isBefore(*order.slotOf(left), *order.slotOf(right)))
        return broken(op, "has origins that are not in order");
    return {};
}

bool ChangeCheck::isElement(const Container& list, OpId id) const {
    if (!isNew(id)) return list.list->find(id) != nullptr;
    const NewOp* made = newOp(&list, id.counter);
    return made && made->kind == OpKind::InsertElement;
}

Result<> ChangeCheck::checkElement(const Op& op, const Container& list) {
    if (auto ok = checkOrder(op, list, op.left, op.right); !ok) return ok;
    if (op.width == m_change.count) return {};
    const OpId id{m_change.replica, op.counter};
    remember(op, &list, 0, op.right, id);
    connect(&list, op.left, id, id, op.right);
    return {};
}

Result<> ChangeCheck::checkMove(const Op& op, const Container& list) {
    if (!isElement(list, op.element)) return broken(op, "moves what is not there");
    if (op.kind == OpKind::Position) {
        const NewOp* made = isNew(op.slot) ? newOp(&list, op.slot.counter) : nullptr;
        const auto slot = list.list->order().slotOf(op.slot);
        const bool is_its_own = isNew(op.slot)
                                    ? made && made->element == op.element
                                    : slot && list.list->idOf(list.list->of(*slot)) == op.element;
        return is_its_own ? Result<>() : broken(op, "moves to what is no slot of the element");
    }
    if (auto ok = checkOrder(op, list, op.left, op.right); !ok) return ok;
    if (op.width == m_change.count) return {};
    const OpId id{m_change.replica, op.counter};
    remember(op, &list, 0, op.right, op.element);
    connect(&list, op.left, id, id, op.right);
    return {};
}

Result<> ChangeCheck::checkSet(const Op& op, const Container& container) const {
    switch (container.type) {
        case ContainerType::Map:
            return {};
        case ContainerType::Set:
            if (op.value_kind == ValueKind::Container) break;
            return {};
        case ContainerType::List:
            if (!isElement(container, op.element)) return broken(op, "sets what is not there");
            if (op.value_kind == ValueKind::Absent || op.origin_kind == OriginKind::None) break;
            return {};
        default:
            return broken(op, "sets a key of no map");
    }
    return broken(op, "sets what its container cannot hold");
}

Result<> ChangeCheck::checkMark(const Op& op, const Container& text) const {
    if (!exists(text, op.from.id) || !exists(text, op.to.id))
        return broken(op, "has an anchor that is not there");
    return {};
}

Result<> ChangeCheck::checkDelete(const Op& op, const Container& text) {
    std::uint64_t scalars = 0;
    for (IdRun run : op.runs) {
        scalars += run.count;
        if (run.replica == m_change.replica && run.end() > m_change.first) {
            for (std::uint64_t c = std::max(run.first, m_change.first); c < run.end();) {
                const NewOp* made = newOp(&text, c);
                if (!made || (made->kind != OpKind::Insert && made->kind != OpKind::Continue &&
                              made->kind != OpKind::InsertElement))
                    return broken(op, "deletes what is not there");
                c = made->first + made->count;
            }
            if (run.first >= m_change.first) continue;
            run.count = m_change.first - run.first;
        }
        const bool is_there =
            text.list ? text.list->areElements(run) : text.text->appendSlots(run, nullptr);
        if (!is_there) return broken(op, "deletes what is not there");
    }
    remember(op, &text, scalars, {});
    return {};
}

Result<> ChangeCheck::checkToggle(const Op& op, const Container& container) const {
    std::uint64_t scalars = 0;
    const auto author = m_replicas.find(m_change.replica);
    for (IdRun run : op.runs) {
        if (run.end() > m_change.first) {
            for (std::uint64_t c = std::max(run.first, m_change.first); c < run.end();) {
                const NewOp* made = newOp(&container, c);
                if (!made || made->kind == OpKind::Move)
                    return broken(op, "toggles what cannot be toggled");
                const std::uint64_t end = std::min(run.end(), made->first + made->count);
                const bool deletion = made->kind == OpKind::Delete;
                if (deletion != op.on) scalars += deletion ? made->scalars : end - c;
                c = end;
            }
            if (run.first >= m_change.first) continue;
            run.count = m_change.first - run.first;
        }
        if (!container.canToggle(m_replicas, run))
            return broken(op, "toggles what cannot be toggled");
        if (container.text) scalars += container.text->textOfToggle(*author, run, op.on, nullptr);
    }
    if (!container.text) scalars = 0;
    if (op.scalars != 0 && op.scalars != scalars) return broken(op, "carries other text");
    return {};
}

}  // namespace kimdb::crdt
