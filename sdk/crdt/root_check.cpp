// SPDX-License-Identifier: MIT
#include "crdt/root_check.h"

#include <algorithm>

namespace kimdb::crdt {

std::optional<OpId> RootCheck::firstDropped(OpReader& reader, Op& op) const {
    reader.begin(m_change);
    while (reader.next(op))
        if (const auto dropped = check(op)) return dropped;
    return std::nullopt;
}

bool RootCheck::isGone(const Rga& order, OpId id, Role role) const {
    if (id.replica == 0 || isNew(id)) return false;
    const auto slot = order.slotOf(id);
    if (!slot) return m_graph.isRoot(id);
    if (role == Role::RightOrigin) return false;
    return role == Role::Place ? order.isStub(*slot) : order.isBuried(*slot);
}

std::optional<OpId> RootCheck::check(const Op& op) const {
    if (op.kind == OpKind::Expunge) return std::nullopt;
    if (op.container.empty()) return checkInherited(op);
    const ContainerId id = *decodeContainer(op.container);
    const bool is_old = !id.origin().isNull() && m_graph.isRoot(id.origin());
    if (is_old && !m_containers.hasElement(id.origin(), id.originType())) return id.origin();
    const Container* container = m_containers.find(id);
    if (!container) return std::nullopt;  // nothing was ever in it
    const Rga* order = container->sequence();
    if (op.kind == OpKind::Toggle) return checkToggle(op, *container);
    if (op.kind == OpKind::Clear && container->counter) {
        std::vector<OpId> seen;
        for (const IdRun& run : op.runs) seen.push_back({run.replica, run.first});
        if (!container->counter->coversBase(seen)) return container->counter->base().seen.front();
    }
    if (!order) return std::nullopt;
    switch (op.kind) {
        case OpKind::Insert:
        case OpKind::InsertElement:
            return checkOrigins(*order, op.left, op.right);
        case OpKind::Delete:
            return checkRuns(op, *order);
        case OpKind::Move:
            if (isGone(*order, op.element, Role::Target)) return op.element;
            return checkOrigins(*order, op.left, op.right);
        case OpKind::Position:
            if (isGone(*order, op.element, Role::Target)) return op.element;
            if (isGone(*order, op.slot, Role::Target)) return op.slot;
            return std::nullopt;
        case OpKind::Set: {
            if (isGone(*order, op.element, Role::Target)) return op.element;
            const bool shows_old = op.value_kind == ValueKind::Container &&
                                   op.origin_kind == OriginKind::Named && m_graph.isRoot(op.origin);
            if (shows_old && !m_containers.hasElement(op.origin, op.type)) return op.origin;
            return std::nullopt;
        }
        case OpKind::Mark:
            if (isGone(*order, op.from.id, Role::Place)) return op.from.id;
            if (isGone(*order, op.to.id, Role::Place)) return op.to.id;
            return std::nullopt;
        default:
            return std::nullopt;
    }
}

std::optional<OpId> RootCheck::checkOrigins(const Rga& order, OpId left, OpId right) const {
    if (isGone(order, left, Role::Place)) return left;
    if (isGone(order, right, Role::RightOrigin)) return right;
    if (isNew(left) || isNew(right)) return std::nullopt;
    const auto from = order.slotOf(left);
    const auto to = order.slotOf(right);
    if (!from || !to || !order.isBefore(*from, *to)) return std::nullopt;
    const OpId named = right.replica == 0 ? left : right;
    if (order.hasRootBetween(*from, *to)) return named;
    // Beside a child of the root only what the root was made of says where it goes. No honest
    // author writes there.
    const bool is_left_child = *to != kEndSlot && order.leftOf(*to) == *from;
    if (!is_left_child && order.hasRootChild(*from)) return named;
    return std::nullopt;
}

// Its right origin is that of the left one.
std::optional<OpId> RootCheck::checkInherited(const Op& op) const {
    if (isNew(op.left)) return std::nullopt;
    const Container* text = m_containers.textOf(op.left);
    if (!text && m_graph.isRoot(op.left)) return op.left;
    if (!text) return std::nullopt;
    const Rga& order = *text->text;
    return checkOrigins(order, op.left, order.idOf(order.rightOf(*order.slotOf(op.left))));
}

std::optional<OpId> RootCheck::checkRuns(const Op& op, const Rga& order) const {
    for (const IdRun& run : op.runs)
        for (std::uint64_t c = run.first; c < run.end(); ++c) {
            const OpId id{run.replica, c};
            if (isGone(order, id, Role::Target)) return id;
            if (isNew(id) || !order.slotOf(id)) break;
        }
    return std::nullopt;
}

std::optional<OpId> RootCheck::checkToggle(const Op& op, const Container& container) const {
    const auto author = m_graph.replicas().find(m_change.replica);
    const Rga* order = container.sequence();
    for (const IdRun& run : op.runs)
        for (std::uint64_t c = run.first; c < run.end(); ++c) {
            const OpId id{m_change.replica, c};
            if (!m_graph.isRoot(id)) break;
            const auto slot = order && author ? order->slotOf(*author, c) : std::nullopt;
            if (!slot || order->isBuried(*slot)) return id;
        }
    return std::nullopt;
}

}  // namespace kimdb::crdt
