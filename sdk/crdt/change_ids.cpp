// SPDX-License-Identifier: MIT
// What can be said of a change without the document: the ids and containers it names, and the same
// change under other ids.
#include <algorithm>
#include <map>

#include "crdt/op_codec.h"

namespace kimdb::crdt {

namespace {

// Which ids are others now. The moves do not overlap.
class Renaming {
 public:
    explicit Renaming(std::span<const IdMove> moves) : m_moves(moves) {}

    bool moves(OpId id) const { return moveOf(id) != nullptr; }
    OpId operator()(OpId id) const {
        const IdMove* move = moveOf(id);
        return move ? OpId{move->to.replica, move->to.counter + id.counter - move->from.first} : id;
    }

    // The runs under their new ids, split where a move begins or ends, in canonical order.
    std::vector<IdRun> operator()(const std::vector<IdRun>& runs) const {
        std::vector<IdRun> out;
        for (IdRun run : runs)
            while (run.count > 0) {
                const OpId first{run.replica, run.first};
                const std::uint64_t count = std::min(run.count, boundAfter(first) - run.first);
                const OpId id = (*this)(first);
                out.push_back({id.replica, id.counter, count});
                run = {run.replica, run.first + count, run.count - count};
            }
        std::sort(out.begin(), out.end());
        return out;
    }

    // "Everything of that replica up to there", after the moves. Of a stream that moved from some
    // counter on, what is left ends in front of it.
    std::vector<OpId> seen(const std::vector<IdRun>& heads) const {
        std::map<ReplicaId, std::uint64_t> out;
        const auto see = [&out](OpId id) {
            if (id.counter > 0) out[id.replica] = std::max(out[id.replica], id.counter);
        };
        for (const IdRun& head : heads) {
            std::uint64_t left = head.first;
            for (const IdMove& move : m_moves) {
                if (move.from.replica != head.replica || head.first < move.from.first) continue;
                const std::uint64_t last = std::min(head.first, move.from.end() - 1);
                see({move.to.replica, move.to.counter + last - move.from.first});
                if (last == head.first) left = std::min(left, move.from.first - 1);
            }
            see({head.replica, left});
        }
        std::vector<OpId> list;
        list.reserve(out.size());
        for (const auto& [replica, counter] : out) list.push_back({replica, counter});
        return list;
    }

 private:
    const IdMove* moveOf(OpId id) const {
        for (const IdMove& move : m_moves)
            if (move.from.contains(id)) return &move;
        return nullptr;
    }
    // The next counter of that replica whose id moves otherwise.
    std::uint64_t boundAfter(OpId id) const {
        std::uint64_t bound = UINT64_MAX;
        for (const IdMove& move : m_moves)
            for (const std::uint64_t edge : {move.from.first, move.from.end()})
                if (move.from.replica == id.replica && edge > id.counter)
                    bound = std::min(bound, edge);
        return bound;
    }

    std::span<const IdMove> m_moves;
};

ByteView joined(const std::vector<TextPiece>& pieces, Bytes& buffer) {
    buffer.clear();
    for (const TextPiece& piece : pieces) buffer.append(piece.utf8);
    return buffer;
}

// Writes the operations of `change` under their new ids; expunged content cannot be rewritten.
class Rewriter {
 public:
    Rewriter(const Renaming& rename, OpWriter& out, ReplicaId author)
        : m_rename(rename), m_out(out), m_author(author) {}

    Result<> write(const Op& op) {
        ContainerId container;
        if (!op.container.empty()) {
            Result<ContainerId> decoded = decodeContainer(op.container);
            if (!decoded) return decoded.error();
            container = renamedContainer(*decoded);
        }
        if (op.expunged) return Error{ErrorCode::ContentExpunged, "change: expunged content"};
        switch (op.kind) {
            case OpKind::Continue:
            case OpKind::Insert:
                insert(container, op);
                break;
            case OpKind::Delete:
                m_out.remove(container, m_rename(op.runs));
                break;
            case OpKind::InsertElement:
                m_out.insertElement(container, m_rename(op.left), m_rename(op.right), written(op));
                break;
            case OpKind::Move:
                m_out.move(container, m_rename(op.element), m_rename(op.left), m_rename(op.right));
                break;
            case OpKind::Position:
                m_out.position(container, m_rename(op.element), m_rename(op.slot));
                break;
            case OpKind::Set:
                if (op.container_type == ContainerType::List)
                    m_out.setElement(container, m_rename(op.element), written(op));
                else
                    m_out.set(container, op.key, written(op));
                break;
            case OpKind::Mark:
                mark(container, op);
                break;
            case OpKind::Expunge:
                m_out.expunge(m_rename(op.runs));
                break;
            case OpKind::Increment:
                m_out.increment(container, op.delta);
                break;
            case OpKind::Clear:
                m_out.clear(container, m_rename.seen(op.runs));
                break;
            case OpKind::Toggle:
                toggle(container, op);
                break;
            default:
                break;  // the reader lets no other kind through
        }
        return {};
    }

 private:
    ContainerId renamedContainer(const ContainerId& container) const {
        if (!m_rename.moves(container.origin())) return container;
        ContainerId id = ContainerId::element(m_rename(container.origin()), container.originType());
        for (const auto& [key, type] : container.path()) id = ContainerId::child(id, key, type);
        return id;
    }

    Written written(const Op& op) const {
        return {op.value_kind, op.value, op.type, op.origin_kind, m_rename(op.origin)};
    }

    void mark(const ContainerId& container, const Op& op) {
        MarkKey key{std::string(op.key), {}};
        const OpId self{m_author, m_out.counter()};
        if (op.is_comment) key.comment = m_rename(op.comment);
        if (key.comment == self) key.comment = {};
        m_out.mark(container, key, {m_rename(op.from.id), op.from.after},
                   {m_rename(op.to.id), op.to.after}, written(op));
    }

    void insert(const ContainerId& container, const Op& op) {
        const OpId left = m_rename(op.left);
        if (!op.inherits)
            m_out.insert(container, left, m_rename(op.right), op.width);
        else if (left == OpId{m_author, m_out.counter() - 1})
            m_out.proceed(op.width);
        else
            m_out.inherit(left, op.width);
        m_out.text(joined(op.text, m_buffer));
    }

    // An author toggles only its own operations: targets that stay in the old stream are given up.
    void toggle(const ContainerId& container, const Op& op) {
        std::vector<IdRun> runs = m_rename(op.runs);
        const std::size_t before = runs.size();
        std::erase_if(runs, [&](const IdRun& run) { return run.replica != m_author; });
        const bool whole = runs.size() == before;
        if (!whole || !op.partly) {
            m_out.toggle(container, op.on, runs, whole ? op.scalars : 0);
            if (whole) m_out.text(joined(op.text, m_buffer));
            return;
        }
        m_out.togglePartly(container, op.on, runs, op.scalars, op.carried);
        auto piece = op.text.begin();
        for (TextRange range : op.carried) {
            m_buffer.clear();
            for (; range.length > 0; range.length -= (piece++)->scalars)
                m_buffer.append(piece->utf8);
            m_out.text(m_buffer);
        }
    }

    const Renaming& m_rename;
    OpWriter& m_out;
    ReplicaId m_author;
    Bytes m_buffer;
};

void renameHeader(Change& change, const Renaming& rename, ReplicaId to) {
    const OpId before{change.replica, change.first - 1};
    const OpId first = rename({change.replica, change.first});
    change.replica = first.replica;
    change.first = first.counter;
    for (OpId& dep : change.deps) dep = rename(dep);
    if (first.replica == to && first.counter == 1 && before.counter > 0)
        change.deps.push_back(before);
    std::erase_if(change.deps, [&](OpId dep) { return dep.replica == change.replica; });
    std::sort(change.deps.begin(), change.deps.end());
    // Both parts of the old stream may be named by now; the later one covers the earlier.
    const auto last = std::unique(change.deps.rbegin(), change.deps.rend(),
                                  [](OpId a, OpId b) { return a.replica == b.replica; });
    change.deps.erase(change.deps.begin(), last.base());
    if (change.first != 1) change.salt_key.reset();
}

}  // namespace

namespace {

template <class F>
Result<> forEachReference(const Change& change, F&& f) {
    const auto give = [&](IdRun run) {  // own ids only below the change's own counters
        if (run.replica == change.replica && run.end() > change.first)
            run.count = run.first < change.first ? change.first - run.first : 0;
        if (run.replica != 0 && run.count > 0) f(run);
    };
    OpReader reader(change);
    for (Op op; reader.next(op);) {
        forEachId(op, [&](OpId id) { give({id.replica, id.counter}); });
        for (const IdRun& run : op.runs) give(run);
    }
    return reader.status();
}

}  // namespace

Result<std::vector<IdRun>> references(const Change& change) {
    std::vector<IdRun> out;
    if (change.is_void) return out;
    std::size_t n = 0;  // counted first: growing would take several times the memory
    if (auto ok = forEachReference(change, [&](const IdRun&) { ++n; }); !ok) return ok.error();
    out.reserve(n);
    (void)forEachReference(change, [&](const IdRun& run) { out.push_back(run); });
    return out;
}

Result<ContainerUse> containerUse(const Change& change) {
    ContainerUse use;
    if (change.is_void) return use;
    ByteView last;
    OpReader reader(change);
    for (Op op; reader.next(op);) {
        if (op.container.empty()) continue;
        Result<ContainerId> container = decodeContainer(op.container);
        if (!container) return container.error();
        const bool is_key = op.kind == OpKind::Set && op.container_type == ContainerType::Map;
        if (is_key && op.value_kind == ValueKind::Container)
            use.created.push_back(ContainerId::child(*container, std::string(op.key), op.type));
        if (op.container != last && !container->path().empty())
            use.used.push_back(std::move(*container));
        last = op.container;
    }
    if (!reader.status()) return reader.status().error();
    return use;
}

namespace {

// The operations of \a change under their new ids in the header of \a out.
Result<Change> rewritten(const Change& change, const Renaming& rename, Change out) {
    if (change.is_void) return out;
    OpWriter writer;
    writer.begin(out.replica, out.first, out.deps);
    Rewriter rewriter(rename, writer, out.replica);
    OpReader reader(change);
    for (Op op; reader.next(op);)
        if (auto ok = rewriter.write(op); !ok) return ok.error();
    if (!reader.status()) return reader.status().error();
    out.structure = std::move(writer.structure());
    out.content = std::move(writer.content());
    return out;
}

}  // namespace

Result<Change> renamed(const Change& change, ReplicaId from, std::uint64_t at, ReplicaId to) {
    const IdMove move{{from, at, UINT64_MAX - at}, {to, 1}};
    const Renaming rename({&move, 1});
    Change out = change;
    renameHeader(out, rename, to);
    return rewritten(change, rename, std::move(out));
}

Result<Change> withDeps(const Change& change, std::vector<OpId> deps) {
    Change out = change;
    out.deps = std::move(deps);
    return rewritten(change, Renaming({}), std::move(out));
}

Result<Change> reissued(const Change& change, std::span<const IdMove> moves,
                        std::vector<OpId> deps) {
    const Renaming rename(moves);
    const OpId first = rename({change.replica, change.first});
    Change out = change;
    out.replica = first.replica;
    out.first = first.counter;
    out.deps = std::move(deps);
    out.salt_key.reset();
    return rewritten(change, rename, std::move(out));
}

}  // namespace kimdb::crdt
