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
    if (op.kind == OpKind::Continue || op.kind == OpKind::Insert) return checkInsert(op);
    if (op.kind == OpKind::Expunge) return broken(op, "is of a later version");
    const Container& container = m_containers.ensure(op.container);
    const auto needs = [&](ContainerType type) { return container.type == type; };
    Result<> ok;
    switch (op.kind) {
        case OpKind::Delete:
            ok = needs(ContainerType::Text) ? checkDelete(op, container)
                                            : broken(op, "deletes characters of no text");
            break;
        case OpKind::Set:
            if (!needs(ContainerType::Map)) ok = broken(op, "sets a key of no map");
            break;
        case OpKind::Increment:
        case OpKind::Clear:
            if (!needs(ContainerType::Counter)) ok = broken(op, "counts in no counter");
            if (ok) remember(op, &container, 0, {});
            break;
        case OpKind::Toggle:
            ok = checkToggle(op, container);
            break;
        default:
            ok = broken(op, "is of a later version");
            break;
    }
    return ok;
}

void ChangeCheck::remember(const Op& op, const Container* container, std::uint64_t scalars,
                           OpId right) {
    if (op.width == m_change.count) return;  // the only operation
    m_new.emplace(op.counter, NewOp{op.kind, container, op.counter, op.width, scalars, right});
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
    m_next[{text, op.left}] = first;
    m_previous[{text, first}] = op.left;
    m_next[{text, last}] = right;
    m_previous[{text, right}] = last;
    return {};
}

Result<> ChangeCheck::checkOrder(const Op& op, const Container& text, OpId left, OpId right) const {
    const auto exists = [&](OpId id) {
        if (!isNew(id)) return text.text->slotOf(id).has_value();
        const NewOp* made = newOp(&text, id.counter);
        return made && (made->kind == OpKind::Insert || made->kind == OpKind::Continue);
    };
    if (!exists(left) || !exists(right)) return broken(op, "has an origin that is not there");
    if (isNew(left) && behind(&text, left) != right)
        return broken(op, "has origins that are not neighbours");
    if (isNew(right) && inFront(&text, right) != left)
        return broken(op, "has origins that are not neighbours");
    if (isNew(left) || isNew(right)) return {};
    if (!text.text->isBefore(*text.text->slotOf(left), *text.text->slotOf(right)))
        return broken(op, "has origins that are not in order");
    return {};
}

Result<> ChangeCheck::checkDelete(const Op& op, const Container& text) {
    std::uint64_t scalars = 0;
    for (IdRun run : op.runs) {
        scalars += run.count;
        if (run.replica == m_change.replica && run.end() > m_change.first) {
            for (std::uint64_t c = std::max(run.first, m_change.first); c < run.end();) {
                const NewOp* made = newOp(&text, c);
                if (!made || (made->kind != OpKind::Insert && made->kind != OpKind::Continue))
                    return broken(op, "deletes what is not there");
                c = made->first + made->count;
            }
            if (run.first >= m_change.first) continue;
            run.count = m_change.first - run.first;
        }
        if (!text.text->appendSlots(run, nullptr)) return broken(op, "deletes what is not there");
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
                if (!made) return broken(op, "toggles what cannot be toggled");
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
