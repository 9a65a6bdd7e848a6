// SPDX-License-Identifier: MIT
#include "crdt/naive_document.h"

#include <algorithm>

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Op;
using crdt::OpKind;
using crdt::OpReader;
using crdt::ValueKind;

namespace {

std::vector<std::string> scalarsOf(const std::vector<crdt::TextPiece>& text) {
    std::vector<std::string> out;
    for (const crdt::TextPiece& piece : text)
        for (const char c : piece.utf8) {
            if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) out.emplace_back();
            out.back() += c;
        }
    return out;
}

}  // namespace

bool NaiveDocument::has(OpId id) const {
    const auto head = m_heads.find(id.replica);
    return id.counter == 0 || id.replica == 0 ||
           (head != m_heads.end() && head->second >= id.counter);
}

bool NaiveDocument::isReady(const Change& change) const {
    bool ready = has({change.replica, change.first - 1});
    for (const OpId& dep : change.deps) ready = ready && has(dep);
    const auto references = crdt::references(change);
    for (const crdt::IdRun& run : *references) ready = ready && has({run.replica, run.end() - 1});
    return ready;
}

void NaiveDocument::receive(const Change& change) {
    m_waiting.push_back(change);
    for (bool again = true; again;) {
        again = false;
        for (std::size_t i = 0; i < m_waiting.size(); ++i) {
            if (!isReady(m_waiting[i])) continue;
            const Change next = m_waiting[i];
            m_waiting.erase(m_waiting.begin() + static_cast<long>(i));
            if (!has({next.replica, next.first})) apply(next);
            again = true;
            break;
        }
    }
}

void NaiveDocument::apply(const Change& change) {
    std::uint64_t lamport = m_lamports[{change.replica, change.first - 1}];
    for (const OpId& dep : change.deps) lamport = std::max(lamport, m_lamports.at(dep));
    ++lamport;
    for (std::uint64_t i = 0; i < change.count; ++i)
        m_lamports[{change.replica, change.first + i}] = lamport + i;
    m_heads[change.replica] = change.last();
    OpReader reader(change);
    for (Op op; reader.next(op);) {
        const OpId id{change.replica, op.counter};
        if (op.kind == OpKind::Insert || op.kind == OpKind::Continue) {
            applyInsert(op, change.replica);
            continue;
        }
        const ContainerId container = *crdt::decodeContainer(op.container);
        if (op.kind == OpKind::Delete) {
            for (const crdt::IdRun& run : op.runs)
                for (std::uint64_t c = run.first; c < run.end(); ++c)
                    m_deletions[{run.replica, c}].insert(id);
        } else if (op.kind == OpKind::Set) {
            Register& shown = m_maps[container][std::string(op.key)];
            const std::uint64_t at = m_lamports.at(id);
            if (std::pair(at, id.replica) > std::pair(shown.lamport, shown.replica))
                shown = {at, id.replica, op.value_kind, op.type,
                         op.value.empty() ? Value() : *Value::decode(op.value)};
        } else if (op.kind == OpKind::Increment) {
            m_increments[container].push_back({id, op.delta});
        } else if (op.kind == OpKind::Clear) {
            Clearing clearing{id, {}};
            for (const crdt::IdRun& run : op.runs) clearing.seen[run.replica] = run.first;
            m_clearings[container].push_back(clearing);
        } else if (op.kind == OpKind::Toggle) {
            for (const crdt::IdRun& run : op.runs)
                for (std::uint64_t c = run.first; c < run.end(); ++c)
                    op.on ? (void)m_off.erase({run.replica, c})
                          : (void)m_off.insert({run.replica, c});
        }
    }
}

long NaiveDocument::indexOf(const Sequence& order, OpId id) {
    if (id == crdt::kStartId) return -1;
    if (id == crdt::kEndId) return static_cast<long>(order.size());
    const auto at =
        std::find_if(order.begin(), order.end(), [&](const Element& e) { return e.id == id; });
    return at - order.begin();
}

// Among concurrent runs with the same left origin, those with the further right origin come first,
// equals by id.
long NaiveDocument::placeOf(const Sequence& order, OpId left, OpId right, OpId id) {
    const long l = indexOf(order, left);
    const long r = indexOf(order, right);
    long place = l + 1;
    bool scanning = false;
    for (long i = l + 1;; ++i) {
        if (!scanning) place = i;
        if (i == r) return place;
        const Element& other = order[static_cast<std::size_t>(i)];
        const long other_left = indexOf(order, other.left);
        const long other_right = indexOf(order, other.right);
        if (other_left < l || (other_left == l && other_right == r && id < other.id)) return place;
        if (other_left == l) scanning = other_right < r;
    }
}

void NaiveDocument::applyInsert(const Op& op, ReplicaId author) {
    Sequence* order = nullptr;
    OpId right = op.right;
    if (op.inherits) {
        for (auto& [name, text] : m_texts)
            for (const Element& e : text)
                if (e.id == op.left) {
                    order = &text;
                    right = e.right;
                }
    } else {
        order = &m_texts[*crdt::decodeContainer(op.container)];
    }
    OpId id{author, op.counter};
    OpId left = op.left;
    long at = placeOf(*order, left, right, id);
    for (const std::string& scalar : scalarsOf(op.text)) {
        order->insert(order->begin() + at++, {id, left, right, scalar});
        left = id;
        ++id.counter;
    }
}

bool NaiveDocument::isVisible(OpId id) const {
    if (m_off.count(id)) return false;
    const auto deletions = m_deletions.find(id);
    if (deletions == m_deletions.end()) return true;
    return std::all_of(deletions->second.begin(), deletions->second.end(),
                       [&](OpId d) { return m_off.count(d) > 0; });
}

std::int64_t NaiveDocument::count(const ContainerId& container) const {
    std::uint64_t sum = 0;
    const auto increments = m_increments.find(container);
    if (increments == m_increments.end()) return 0;
    const auto clearings = m_clearings.find(container);
    for (const Increment& i : increments->second) {
        bool counts = !m_off.count(i.id);
        if (clearings != m_clearings.end())
            for (const Clearing& c : clearings->second) {
                const auto seen = c.seen.find(i.id.replica);
                const bool covers = seen != c.seen.end() && seen->second >= i.id.counter;
                if (covers && !m_off.count(c.id)) counts = false;
            }
        if (counts) sum += static_cast<std::uint64_t>(i.delta);
    }
    return static_cast<std::int64_t>(sum);
}

Value NaiveDocument::show(const ContainerId& container) const {
    if (container.type() == ContainerType::Counter) return count(container);
    if (container.type() == ContainerType::Text) {
        std::string text;
        if (const auto order = m_texts.find(container); order != m_texts.end())
            for (const Element& e : order->second)
                if (isVisible(e.id)) text += e.utf8;
        return text;
    }
    Value::Object object;
    if (const auto map = m_maps.find(container); map != m_maps.end())
        for (const auto& [key, shown] : map->second) {
            if (shown.kind == ValueKind::Plain) object[key] = shown.value;
            if (shown.kind == ValueKind::Container)
                object[key] = show(ContainerId::child(container, key, shown.type));
        }
    return object;
}

}  // namespace kimdb::test
