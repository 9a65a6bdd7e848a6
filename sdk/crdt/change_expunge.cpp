// SPDX-License-Identifier: MIT
// A change without the content that was expunged. Which character a leaf holds is known to the
// document alone where a toggle carries text; structure and the change's hash stay.
#include <algorithm>

#include "core/bytes.h"
#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/document_impl.h"

namespace kimdb::crdt {

namespace {

struct Range {
    std::size_t first = 0, end = 0;
};

// Copies the leaves of one change, those of one operation after the other.
class LeafCopier {
 public:
    LeafCopier(const Change& change, const SaltKey& salt_key, Bytes& out)
        : m_first(change.first), m_salts(salt_key), m_leaves(change.content), m_out(out) {}

    // A leaf that is kept or goes as a whole.
    void value(bool is_expunged) {
        const LeafReader::Leaf leaf = m_leaves.next();
        if (is_expunged)
            write(leaf, {}, {});
        else
            copy(leaf);
        ++m_index;
    }

    // A run of text, whose scalars have these ids.
    template <class Pred>
    void text(const std::vector<OpId>& ids, Pred&& is_expunged) {
        for (std::size_t at = 0; at < ids.size(); at += limits::kLeafScalarsMax, ++m_index) {
            const std::size_t n = std::min(limits::kLeafScalarsMax, ids.size() - at);
            const LeafReader::Leaf leaf = m_leaves.next();
            std::vector<Range> kept;
            Bytes utf8;
            bool loses = false;
            for (const auto& [range, text] : pieces(leaf, n)) {
                std::size_t byte = 0;
                for (std::size_t i = range.first; i < range.end; ++i) {
                    std::size_t end = byte + 1;
                    while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
                    if (is_expunged(ids[at + i])) {
                        loses = true;
                    } else {
                        if (kept.empty() || kept.back().end != i) kept.push_back({i, i});
                        kept.back().end = i + 1;
                        utf8.append(text, byte, end - byte);
                    }
                    byte = end;
                }
            }
            if (loses)
                write(leaf, kept, utf8);
            else
                copy(leaf);
        }
    }

 private:
    // What a leaf of n scalars still has.
    static std::vector<std::pair<Range, ByteView>> pieces(const LeafReader::Leaf& leaf,
                                                          std::size_t n) {
        if (leaf.kind == LeafReader::Kind::Expunged) return {};
        if (leaf.kind != LeafReader::Kind::Partial) return {{{0, n}, leaf.bytes}};
        std::vector<std::pair<Range, ByteView>> out;
        ByteReader in(leaf.bytes);
        const std::size_t count = in.count(limits::kLeafScalarsMax, 2);
        std::size_t at = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t first = at + static_cast<std::size_t>(in.varint());
            at = first + static_cast<std::size_t>(in.varint()) + 1;
            out.push_back({{first, at}, {}});
        }
        ByteView rest = leaf.bytes.substr(in.position());
        for (auto& [range, text] : out) {
            std::size_t bytes = 0;
            std::size_t scalars = range.end - range.first;
            for (; bytes < rest.size(); ++bytes)
                if ((rest[bytes] & 0xC0) != 0x80 && scalars-- == 0) break;
            text = rest.substr(0, bytes);
            rest.remove_prefix(bytes);
        }
        return out;
    }

    Hash16 hashOf(const LeafReader::Leaf& leaf) {
        const char zero = 0;
        if (leaf.kind == LeafReader::Kind::Expunged || leaf.kind == LeafReader::Kind::Partial)
            return Hash16::from(leaf.fixed);
        const Hash16 salt = leaf.kind == LeafReader::Kind::Salted ? Hash16::from(leaf.fixed)
                                                                  : m_salts.salt(m_first, m_index);
        return sha256Truncated({ByteView(&zero, 1), salt.view(), leaf.bytes});
    }

    void put(LeafReader::Kind kind, ByteView fixed, ByteView bytes) {
        ByteWriter out(m_out);
        out.varint(bytes.size() * 4 + static_cast<std::uint64_t>(kind));
        out.raw(fixed);
        out.raw(bytes);
    }

    void copy(const LeafReader::Leaf& leaf) { put(leaf.kind, leaf.fixed, leaf.bytes); }

    void write(const LeafReader::Leaf& leaf, const std::vector<Range>& kept, ByteView utf8) {
        const Hash16 hash = hashOf(leaf);
        if (kept.empty()) return put(LeafReader::Kind::Expunged, hash.view(), {});
        Bytes bytes;
        ByteWriter out(bytes);
        out.varint(kept.size());
        std::size_t at = 0;
        for (const Range& range : kept) {
            out.varint(range.first - at);
            out.varint(range.end - range.first - 1);
            at = range.end;
        }
        out.raw(utf8);
        put(LeafReader::Kind::Partial, hash.view(), bytes);
    }

    std::uint64_t m_first;
    std::uint64_t m_index = 0;
    SaltTree m_salts;
    LeafReader m_leaves;
    Bytes& m_out;
};

}  // namespace

// The ids whose text an operation carries, one vector for each run of leaves.
std::vector<std::vector<OpId>> Document::Impl::carriedIds(const Op& op, ReplicaId author) const {
    std::vector<OpId> all;
    if (op.kind != OpKind::Toggle) {
        for (std::uint64_t i = 0; i < op.width; ++i) all.push_back({author, op.counter + i});
        return {all};
    }
    const Container* container = containers.find(*decodeContainer(op.container));
    const auto index = graph.replicas().find(author);
    if (!container || !container->text || !index || op.scalars == 0) return {};
    const Rga& text = *container->text;
    for (const IdRun& run : op.runs)
        for (std::uint64_t c = run.first; c < run.end(); ++c) {
            if (op.on && text.slotOf(*index, c)) all.push_back({author, c});
            if (op.on) continue;
            for (const SlotRun& slots : text.targetsOf(*index, c))
                for (Slot s = slots.first; s < slots.first + slots.count; ++s)
                    all.push_back(text.idOf(s));
        }
    if (!op.partly) return {all};
    std::vector<std::vector<OpId>> ranges;
    std::size_t at = 0;
    for (const TextRange& range : op.carried) {
        at += range.skipped;
        if (at + range.length > all.size()) break;
        const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
        ranges.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(range.length));
        at += range.length;
    }
    return ranges;
}

Result<Change> Document::withoutExpunged(const Change& change, const Bytes& salt_key) const {
    if (!m_impl->graph.has(change.lastId()))
        return Error{ErrorCode::NotFound, "change: not applied here"};
    Change out = change;
    if (change.is_void || m_impl->expunged.isEmpty()) return out;
    const auto isGone = [this](OpId id) { return m_impl->expunged.contains(id); };
    out.content.clear();
    LeafCopier leaves(change, SaltKey::from(salt_key), out.content);
    OpReader reader(change);
    for (Op op; reader.next(op);) {
        const bool has_text =
            op.kind == OpKind::Insert || op.kind == OpKind::Continue || op.kind == OpKind::Toggle;
        const bool has_value =
            op.kind == OpKind::InsertElement || op.kind == OpKind::Set || op.kind == OpKind::Mark;
        if (has_text)
            for (const std::vector<OpId>& ids : m_impl->carriedIds(op, change.replica))
                leaves.text(ids, isGone);
        if (has_value && op.value_kind == ValueKind::Plain) leaves.value(isGone(op.origin));
    }
    if (!reader.status()) return reader.status().error();
    return out;
}

}  // namespace kimdb::crdt
