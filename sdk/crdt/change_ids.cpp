// SPDX-License-Identifier: MIT
// What can be said of a change without the document: the ids and containers it names, and the same
// change under other ids.
#include <algorithm>

#include "crdt/op_codec.h"

namespace kimdb::crdt {

namespace {

// One replica's counters from `at` on, and where they move to.
struct Renaming {
    ReplicaId from = 0;
    std::uint64_t at = 0;
    ReplicaId to = 0;

    bool moves(OpId id) const { return id.replica == from && id.counter >= at; }
    OpId operator()(OpId id) const { return moves(id) ? OpId{to, id.counter - at + 1} : id; }
};

// The runs under their new ids, split where the renaming begins, in canonical order.
std::vector<IdRun> renamedRuns(const std::vector<IdRun>& runs, const Renaming& rename) {
    std::vector<IdRun> out;
    for (IdRun run : runs) {
        if (run.replica == rename.from && run.first < rename.at && run.end() > rename.at) {
            out.push_back({run.replica, run.first, rename.at - run.first});
            run = {run.replica, rename.at, run.end() - rename.at};
        }
        const OpId id = rename({run.replica, run.first});
        out.push_back({id.replica, id.counter, run.count});
    }
    std::sort(out.begin(), out.end());
    return out;
}

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
                m_out.remove(container, renamedRuns(op.runs, m_rename));
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
                m_out.expunge(renamedRuns(op.runs, m_rename));
                break;
            case OpKind::Increment:
                m_out.increment(container, op.delta);
                break;
            case OpKind::Clear:
                clear(container, op);
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

    // What was seen of the old stream is two streams now: its head part and the renamed rest.
    void clear(const ContainerId& container, const Op& op) {
        std::vector<OpId> seen;
        for (const IdRun& run : op.runs) {
            const OpId id = m_rename({run.replica, run.first});
            if (id.replica != run.replica && m_rename.at > 1)
                seen.push_back({m_rename.from, m_rename.at - 1});
            seen.push_back(id);
        }
        std::sort(seen.begin(), seen.end());
        m_out.clear(container, seen);
    }

    // An author toggles only its own operations: targets that stay in the old stream are given up.
    void toggle(const ContainerId& container, const Op& op) {
        std::vector<IdRun> runs = renamedRuns(op.runs, m_rename);
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

void renameHeader(Change& change, const Renaming& rename) {
    const OpId before{change.replica, change.first - 1};
    const OpId first = rename({change.replica, change.first});
    change.replica = first.replica;
    change.first = first.counter;
    for (OpId& dep : change.deps) dep = rename(dep);
    if (first.replica == rename.to && first.counter == 1 && before.counter > 0)
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
    const Renaming rename{from, at, to};
    Change out = change;
    renameHeader(out, rename);
    return rewritten(change, rename, std::move(out));
}

Result<Change> withDeps(const Change& change, std::vector<OpId> deps) {
    constexpr Renaming kNothing{0, UINT64_MAX, 0};
    Change out = change;
    out.deps = std::move(deps);
    return rewritten(change, kNothing, std::move(out));
}

}  // namespace kimdb::crdt
