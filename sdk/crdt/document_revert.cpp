// SPDX-License-Identifier: MIT
// Edits that make a document show what it showed at an older version of it. What is still there is
// kept, with its ids: others go on with it, and what they write meanwhile merges as with any edit.
// Values come back under the origin they had, so what expunges them reaches them; elements move
// back to the place they had. Deletions are their authors' to take back, so what was deleted is
// written again, as new characters and elements; once, however often one steps back.
#include <algorithm>
#include <cassert>
#include <unordered_set>

#include <kimdb/crdt/delta.h>

#include "core/limits.h"
#include "core/utf8.h"
#include "crdt/document_impl.h"
#include "crdt/state_difference.h"

namespace kimdb::crdt {

namespace {

constexpr std::size_t kBytesMax = limits::kChangeBytesMax / 2;  // then another change begins
constexpr std::size_t kPieceUnitsMax = limits::kChangeBytesMax / 16;

// An expunged element shows null.
bool showTheSame(const Register& a, const Register& b) {
    const bool a_is_container = a.kind == ValueKind::Container;
    if (a_is_container != (b.kind == ValueKind::Container)) return false;
    return a_is_container ? a.origin == b.origin && a.type == b.type : a.value == b.value;
}

}  // namespace

class Document::Impl::Reverter {
 public:
    Reverter(Impl& now, const Impl& then, std::int64_t time_ms)
        : m_now(now), m_then(then), m_time_ms(time_ms) {}

    std::vector<Change> run() {
        m_now.undo_manager.beginGroup();
        m_now.begin({});
        restore(m_now.containers.root(), &m_then.containers.root());
        commit();
        m_now.undo_manager.endGroup();
        return std::move(m_changes);
    }

 private:
    void commit() {
        if (auto change = m_now.commit(m_time_ms, true)) m_changes.push_back(std::move(*change));
    }

    // A large step back is several changes.
    void breathe() {
        if (m_now.m_writer.content().size() + m_now.m_writer.structure().size() <= kBytesMax)
            return;
        commit();
        m_now.begin({});
    }

    void restore(Container& now, const Container* then) {
        switch (now.type) {
            case ContainerType::Text:
                restoreText(now, then);
                break;
            case ContainerType::List:
                restoreList(now, then);
                break;
            case ContainerType::Map:
                restoreMap(now, then);
                break;
            case ContainerType::Set:
                restoreSet(now, then);
                break;
            case ContainerType::Counter: {
                const auto was = static_cast<std::uint64_t>(then ? then->counter->value() : 0);
                const auto is = static_cast<std::uint64_t>(now.counter->value());
                m_now.increment(now, static_cast<std::int64_t>(was - is));
                break;
            }
        }
    }

    // ---- maps and sets ----

    void restoreMap(Container& now, const Container* then) {
        std::vector<std::string> gone;
        for (const auto& [key, shown] : now.map.registers()) {
            const Register* was = then ? then->map.find(key) : nullptr;
            if (shown.kind != ValueKind::Absent && (!was || was->kind == ValueKind::Absent))
                gone.push_back(key);
        }
        for (const std::string& key : gone) {
            m_now.set(now, key, ValueKind::Absent, {}, ContainerType::Map);
            breathe();
        }
        if (!then) return;
        for (const auto& [key, was] : then->map.registers()) {
            const Register* shown = now.map.find(key);
            if (was.kind == ValueKind::Plain && !(shown && shown->plain() == was.plain())) {
                if (Container* child = now.shownChild(key)) m_now.clear(*child);
                m_now.write(now, key, again(was), OriginKind::Named);
            }
            if (was.kind == ValueKind::Container) {
                m_now.set(now, key, ValueKind::Container, {}, was.type);
                restore(m_now.containers.ensureChild(now, key, was.type), then->shownChild(key));
            }
            breathe();
        }
    }

    Register again(const Register& was) const {
        Register value = m_now.written(was.kind, was.value, was.type);
        value.origin = was.origin;
        return value;
    }

    void restoreSet(Container& now, const Container* then) {
        std::vector<Value> gone;
        for (const auto& [name, shown] : now.map.registers()) {
            const Register* was = then ? then->map.find(name) : nullptr;
            if (shown.kind == ValueKind::Plain && !(was && was->kind == ValueKind::Plain))
                gone.push_back(shown.value);
        }
        for (const Value& member : gone) {
            m_now.setMember(now, member, false);
            breathe();
        }
        if (!then) return;
        for (const auto& [name, was] : then->map.registers()) {
            if (was.kind == ValueKind::Plain) m_now.setMember(now, was.value, true);
            breathe();
        }
    }

    // ---- lists ----

    // The element of that name, if it is visible.
    static const ElementList::Element* visible(const Container& list, OpId id) {
        const ElementList::Element* element = list.list->find(id);
        const bool is_visible = element && list.list->order().isVisible(element->position.slot);
        return is_visible ? element : nullptr;
    }

    // Which element shows which one of then, nullopt: it has to be inserted. Between elements that
    // are in both, those that show the same stand for each other: what an earlier step back wrote.
    struct Row {
        std::vector<std::optional<OpId>> shows;  // by place then
        std::vector<bool> goes;                  // by place now
    };

    void restoreList(Container& now, const Container* then) {
        std::vector<OpId> wanted;
        if (then)
            then->list->forEach([&](const ElementList::Element& element) {
                wanted.push_back(then->list->idOf(element));
            });
        for (const OpId id : wanted) restorePlace(now, *then, id);
        const Row row = match(now, then, wanted);
        for (std::size_t end = row.goes.size(); end > 0;) {
            std::size_t begin = end - 1;
            while (row.goes[end - 1] && begin > 0 && row.goes[begin - 1]) --begin;
            if (row.goes[end - 1]) m_now.removeElements(now, begin, end - begin);
            end = begin;
            breathe();
        }
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            const Register& was = then->list->find(wanted[i])->value;
            if (row.shows[i])
                restoreElement(now, *row.shows[i], *row.shows[i] == wanted[i], was);
            else
                insertElement(now, i, was);
            breathe();
        }
    }

    Row match(const Container& now, const Container* then, const std::vector<OpId>& wanted) const {
        std::vector<OpId> have;
        now.list->forEach(
            [&](const ElementList::Element& element) { have.push_back(now.list->idOf(element)); });
        const std::unordered_set<OpId> a(have.begin(), have.end()), b(wanted.begin(), wanted.end());
        Row row{std::vector<std::optional<OpId>>(wanted.size()), std::vector<bool>(have.size())};
        const auto canStand = [&](std::size_t i, std::size_t k) {
            const Register& is = now.list->find(have[i])->value;
            const Register& was = then->list->find(wanted[k])->value;
            if (is.kind == ValueKind::Container || was.kind == ValueKind::Container)
                return is.kind == was.kind && is.type == was.type;
            return is.value == was.value;
        };
        for (std::size_t i = 0, k = 0; i < have.size() || k < wanted.size(); ++i, ++k) {
            std::size_t end = i, end_then = k;  // of the gap
            while (end < have.size() && !b.contains(have[end])) ++end;
            while (end_then < wanted.size() && !a.contains(wanted[end_then])) ++end_then;
            const std::size_t next = end, next_then = end_then;
            for (; i < end && k < end_then && canStand(i, k); ++i, ++k) row.shows[k] = have[i];
            while (i < end && k < end_then && canStand(end - 1, end_then - 1))
                row.shows[--end_then] = have[--end];
            for (; i < end; ++i) row.goes[i] = true;
            i = next;
            k = next_then;
            if (k < wanted.size()) row.shows[k] = wanted[k];
        }
        return row;
    }

    void restorePlace(Container& now, const Container& then, OpId id) {
        const ElementList::Element* element = visible(now, id);
        if (!element) return;
        const OpId slot = then.list->order().idOf(then.list->find(id)->position.slot);
        if (now.list->order().idOf(element->position.slot) == slot) return;
        m_now.place(now, *element, slot);
        breathe();
    }

    void restoreElement(Container& now, OpId id, bool is_same, const Register& was) {
        const ElementList::Element& element = *now.list->find(id);
        if (is_same && !showTheSame(element.value, was)) {
            if (was.kind == ValueKind::Absent)
                m_now.write(now, element, m_now.written(ValueKind::Plain, {}, was.type),
                            OriginKind::Self);
            else
                m_now.write(now, element, again(was), OriginKind::Named);
        }
        if (was.kind == ValueKind::Container)
            restore(m_now.containers.ensure(
                        ContainerId::element(now.list->find(id)->value.origin, was.type)),
                    m_then.containers.shownBy(was));
    }

    void insertElement(Container& now, std::size_t index, const Register& was) {
        if (was.kind != ValueKind::Container) return m_now.insertElements(now, index, {was.value});
        const OpId made = m_now.insertChild(now, index, was.type);
        restore(m_now.containers.ensure(ContainerId::element(made, was.type)),
                m_then.containers.shownBy(was));
    }

    // ---- text ----

    // Leaves out what is there already in the same words: what an earlier step back wrote.
    static void shorten(TextSplice& splice, std::u16string_view removed) {
        const auto isLow = [](char16_t unit) { return (unit & 0xFC00) == 0xDC00; };
        std::u16string_view inserted = splice.inserted;
        const auto [a, b] =
            std::mismatch(removed.begin(), removed.end(), inserted.begin(), inserted.end());
        auto n = static_cast<std::size_t>(a - removed.begin());
        const auto cuts = [&](std::u16string_view s) { return n < s.size() && isLow(s[n]); };
        if (n > 0 && (cuts(removed) || cuts(inserted))) --n;
        removed.remove_prefix(n);
        inserted.remove_prefix(n);
        splice.position += n;
        std::size_t same = 0;
        while (same < std::min(removed.size(), inserted.size()) &&
               removed[removed.size() - 1 - same] == inserted[inserted.size() - 1 - same])
            ++same;
        if (same > 0 && isLow(removed[removed.size() - same])) --same;
        splice.removed = removed.size() - same;
        splice.inserted = std::u16string(inserted.substr(0, inserted.size() - same));
    }

    void restoreText(Container& now, const Container* then) {
        const std::u16string text = toUtf16(now.text->utf8());
        std::ptrdiff_t moved = 0;  // what the splices so far made of positions
        for (TextSplice& splice : textSplices(&now, then, nullptr)) {
            const auto change = static_cast<std::ptrdiff_t>(splice.inserted.size()) -
                                static_cast<std::ptrdiff_t>(splice.removed);
            const auto begin = static_cast<std::ptrdiff_t>(splice.position) - moved;
            shorten(splice, std::u16string_view(text).substr(static_cast<std::size_t>(begin),
                                                             splice.removed));
            moved += change;
            m_now.removeText(now, splice.position, splice.removed);
            std::size_t at = 0;
            while (at < splice.inserted.size()) {
                std::size_t n = std::min(kPieceUnitsMax, splice.inserted.size() - at);
                const char16_t next = at + n < splice.inserted.size() ? splice.inserted[at + n] : 0;
                if ((next & 0xFC00) == 0xDC00) --n;  // a pair stays whole
                m_now.insertText(now, splice.position + at,
                                 std::u16string_view(splice.inserted).substr(at, n));
                at += n;
                breathe();
            }
            breathe();
        }
        const std::size_t length = now.text->length();
        std::vector<KeptRun> all;
        if (length > 0) all.push_back({0, 0, length});
        for (const TextFormat& format : textFormats(spansOf(&now), spansOf(then), all)) {
            const auto comment = commentOf(format.key);
            const MarkKey key = comment ? MarkKey{{}, *comment} : MarkKey{format.key, {}};
            if (format.length == 0)
                m_now.mark(now, key, {kEndId, false}, {kEndId, true}, format.value,
                           OriginKind::Self, {});
            else
                m_now.mark(now, format.position, format.length, key, format.value,
                           expandOf(format.key));
            breathe();
        }
    }

    Impl& m_now;
    const Impl& m_then;
    std::int64_t m_time_ms = 0;
    std::vector<Change> m_changes;
};

std::vector<Change> Document::Impl::revertTo(Impl& then, std::int64_t time_ms) {
    assert(!is_open);
    then.erase(expunged.runs());
    return Reverter(*this, then, time_ms).run();
}

}  // namespace kimdb::crdt
