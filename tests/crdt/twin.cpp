// SPDX-License-Identifier: MIT
#include "crdt/twin.h"

#include <algorithm>

#include "core/utf8.h"

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Cursor;
using crdt::Document;

namespace {

std::string nameOf(const ContainerId& box) {
    std::string name = box.origin().isNull() ? "" : "item" + std::to_string(box.origin().counter);
    for (const auto& [key, type] : box.path()) name += (name.empty() ? "" : "/") + key;
    return name.empty() ? "root" : name;
}

std::string number(std::size_t n) {
    return std::to_string(n);
}

// What the operations of the refused ones need: SYNC rule 11, on the engine's own answers.
bool needs(const Change& change, const std::vector<crdt::IdRun>& bad,
           const std::vector<ContainerId>& made) {
    const auto ids = crdt::references(change);
    const auto uses = crdt::containerUse(change);
    if (!ids || !uses) return false;
    const auto isInside = [&](const ContainerId& box) {
        return std::any_of(made.begin(), made.end(), [&](const ContainerId& m) {
            return m.origin() == box.origin() && m.path().size() <= box.path().size() &&
                   std::equal(m.path().begin(), m.path().end(), box.path().begin());
        });
    };
    const auto overlaps = [&](const crdt::IdRun& run) {
        return std::any_of(bad.begin(), bad.end(), [&](const crdt::IdRun& b) {
            return b.replica == run.replica && b.first < run.end() && run.first < b.end();
        });
    };
    return std::any_of(ids->begin(), ids->end(), overlaps) ||
           std::any_of(uses->used.begin(), uses->used.end(), isInside);
}

}  // namespace

std::u16string utf16(const std::u32string& text) {
    std::u16string out;
    for (const char32_t c : text) {
        if (c >= 0x10000) out += static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10));
        out += static_cast<char16_t>(c >= 0x10000 ? 0xDC00 + ((c - 0x10000) & 0x3FF) : c);
    }
    return out;
}

std::string utf8(const std::u32string& text) {
    return toUtf8(utf16(text));
}

Twin::Twin(ReplicaId id, Mistake mistake) : m_doc(Document(id)), m_model(id) {
    m_model.plant(mistake);
    listen();
}

void Twin::listen() {
    m_copy = {};
    m_doc->setCaptureInterval(0);
    m_doc->onEvent([this](const std::vector<crdt::Event>& events) { m_copy.apply(events); });
}

void Twin::differ(const std::string& how) {
    if (!m_difference) m_difference = how;
}

std::size_t Twin::unit(const Box& text, std::size_t scalar) const {
    return utf16(m_model.text(text).substr(0, scalar)).size();
}

// ---- one transaction ----

void Twin::begin() {
    m_doc->begin();
    m_model.begin();
}

std::optional<TwinChange> Twin::commit(bool undoable) {
    if (!undoable) say("not undoable");
    return pair(m_doc->commit(1, undoable), m_model.commit(undoable));
}

std::optional<TwinChange> Twin::pair(const std::optional<Change>& engine,
                                     const std::optional<NaiveChange>& model) {
    if (engine.has_value() != model.has_value()) differ("only one of them wrote a change");
    if (!engine || !model) return std::nullopt;
    const auto sent = decodeChange(encodeChange(*engine));
    if (!sent || *sent != *engine) differ("a change is another after decoding");
    std::vector<OpId> deps = model->deps;  // the engine does not write the implicit one down
    std::erase(deps, OpId{model->replica, model->first - 1});
    if (engine->deps != deps) differ("engine and model have other deps");
    if (engine->first != model->first || engine->count != model->count)
        differ("engine wrote counters " + number(engine->first) + "+" + number(engine->count) +
               ", model " + number(model->first) + "+" + number(model->count));
    return TwinChange{*engine, *model};
}

void Twin::type(const Box& text, std::size_t position, const std::u32string& inserted) {
    say(nameOf(text) + ".insert(" + number(position) + ", \"" + utf8(inserted) + "\")");
    m_doc->insertText(text, unit(text, position), utf16(inserted));
    m_model.insert(text, position, inserted);
}

void Twin::erase(const Box& text, std::size_t position, std::size_t n) {
    say(nameOf(text) + ".remove(" + number(position) + ", " + number(n) + ")");
    const std::size_t begin = unit(text, position);
    m_doc->removeText(text, begin, unit(text, position + n) - begin);
    m_model.remove(text, position, n);
}

Twin::Box Twin::make(const Box& map, const std::string& key, ContainerType type) {
    const auto child = m_model.child(map, {'k', key, {}});
    if (!child || child->type() != type) say("make " + key);
    m_model.setKey(map, key, Shown::container(type));
    return m_doc->createContainer(map, key, type);
}

void Twin::set(const Box& map, const std::string& key, const Value& value) {
    say(nameOf(map) + "[" + key + "] = " + value.toJson());
    m_doc->set(map, key, value);
    m_model.setKey(map, key, Shown::plain(value));
}

void Twin::drop(const Box& map, const std::string& key) {
    say(nameOf(map) + ".drop(" + key + ")");
    m_doc->remove(map, key);
    m_model.setKey(map, key, {});
}

void Twin::count(const Box& counter, std::int64_t delta) {
    say(nameOf(counter) + " += " + std::to_string(delta));
    m_doc->increment(counter, delta);
    m_model.increment(counter, delta);
}

// ---- lists and sets ----

// The index is one of the model's; what is no index of the engine's must not come to it.
bool Twin::isInside(const Box& list, std::size_t index) {
    if (index < m_doc->listLength(list)) return true;
    differ("a list is shorter than the model's");
    return false;
}

void Twin::insertItems(const Box& list, std::size_t position, const std::vector<Value>& values) {
    say(nameOf(list) + ".insert(" + number(position) + ", " + Value(values).toJson() + ")");
    m_doc->insertItems(list, position, values);
    for (std::size_t i = 0; i < values.size(); ++i)
        m_model.insertItem(list, position + i, Shown::plain(values[i]));
}

Twin::Box Twin::insertChild(const Box& list, std::size_t position, ContainerType type) {
    say(nameOf(list) + ".insertChild(" + number(position) + ")");
    m_model.insertItem(list, position, Shown::container(type));
    return m_doc->insertContainer(list, position, type);
}

void Twin::setItem(const Box& list, std::size_t index, const Value& value) {
    say(nameOf(list) + "[" + number(index) + "] = " + value.toJson());
    if (!isInside(list, index)) return;
    m_doc->setItem(list, index, value);
    m_model.setItem(list, index, Shown::plain(value));
}

void Twin::setChild(const Box& list, std::size_t index, ContainerType type) {
    say(nameOf(list) + "[" + number(index) + "] = child");
    if (!isInside(list, index)) return;
    m_doc->setItemContainer(list, index, type);
    m_model.setItem(list, index, Shown::container(type));
}

void Twin::removeItems(const Box& list, std::size_t position, std::size_t n) {
    say(nameOf(list) + ".remove(" + number(position) + ", " + number(n) + ")");
    m_doc->removeItems(list, position, n);
    m_model.remove(list, position, n);
}

void Twin::moveItem(const Box& list, std::size_t from, std::size_t to) {
    say(nameOf(list) + ".move(" + number(from) + ", " + number(to) + ")");
    if (!isInside(list, std::max(from, to))) return;
    m_doc->moveItem(list, from, to);
    m_model.moveItem(list, from, to);
}

void Twin::putMember(const Box& set, const Value& member, bool present) {
    say(nameOf(set) + (present ? ".add(" : ".discard(") + member.toJson() + ")");
    present ? m_doc->addMember(set, member) : m_doc->removeMember(set, member);
    m_model.putMember(set, member, present);
}

// ---- rich text ----

void Twin::mark(const Box& text, std::size_t from, std::size_t to, const std::string& key,
                const std::optional<Value>& value, crdt::Expand expand) {
    static const char* const kNames[] = {"after", "none", "both", "before"};
    const char* name = kNames[static_cast<int>(expand)];
    say(nameOf(text) + ".mark(" + number(from) + ", " + number(to) + ", " + key + " = " +
        (value ? value->toJson() : "nothing") + ", " + name + ")");
    const std::size_t begin = unit(text, from), length = unit(text, to) - begin;
    if (value)
        m_doc->mark(text, begin, length, key, *value, expand);
    else
        m_doc->unmark(text, begin, length, key, expand);
    m_model.mark(text, from, to, key, value ? Shown::plain(*value) : Shown{}, name);
}

void Twin::comment(const Box& text, std::size_t from, std::size_t to, const Value& value) {
    say(nameOf(text) + ".comment(" + number(from) + ", " + number(to) + ")");
    const std::size_t begin = unit(text, from);
    const std::string key = m_doc->comment(text, begin, unit(text, to) - begin, value);
    if (!key.empty()) m_model.mark(text, from, to, key, Shown::plain(value), "none");
}

void Twin::uncomment(const Box& text, const std::string& key) {
    say(nameOf(text) + ".uncomment(" + key + ")");
    m_doc->removeComment(text, key);
    m_model.unmarkAll(text, key);
}

void Twin::block(const Box& text, std::size_t position, const std::string& key,
                 const std::optional<Value>& value) {
    say(nameOf(text) + ".block(" + number(position) + ", " + key + " = " +
        (value ? value->toJson() : "nothing") + ")");
    m_doc->setBlock(text, unit(text, position), key, value);
    m_model.block(text, position, key, value ? Shown::plain(*value) : Shown{});
}

// ---- whole changes ----

std::optional<TwinChange> Twin::expunge(const Box& text, std::size_t position, std::size_t n) {
    say(nameOf(text) + ".expunge(" + number(position) + ", " + number(n) + ")");
    const std::vector<OpId> visible = m_model.shown(text);
    const auto first = visible.begin() + static_cast<long>(position);
    const std::size_t begin = unit(text, position);
    const auto runs = m_doc->idsOf(text, begin, unit(text, position + n) - begin);
    m_model.begin();
    m_model.expunge({first, first + static_cast<long>(n)});
    return pair(m_doc->expunge(runs, 1), m_model.commit(false));
}

std::optional<TwinChange> Twin::reverted(const char* word, const std::optional<Change>& engine,
                                         const std::optional<NaiveChange>& model) {
    say(word);
    return pair(engine, model);
}

void Twin::receive(const TwinChange& change) {
    say("receives " + std::to_string(change.engine.replica) + ":" + number(change.engine.first));
    const auto received = m_doc->receive(change.engine);
    if (received.ok() != m_model.receive(change.model)) differ("only one of them took a change");
}

void Twin::restart(const std::vector<TwinChange>& log, bool at_once) {
    say("restarts");
    std::vector<Change> changes;
    for (const TwinChange& change : log) changes.push_back(change.engine);
    m_doc = Document(m_doc->replica());
    listen();
    if (at_once && !m_doc->receiveAll(changes, crdt::Origin::Rebuild))
        differ("a log that was there cannot be read");
    for (std::size_t i = 0; i < changes.size() && !at_once; ++i)
        if (!m_doc->receive(changes[i])) differ("a change that was there cannot be read");
    m_model.forgetUndo();
}

std::vector<TwinChange> Twin::refuse(std::uint64_t first, std::vector<TwinChange>& log) {
    say("refused from " + number(first));
    // In the order of application; what waits or came twice goes last.
    std::map<OpId, std::size_t> order;
    for (const NaiveChange& change : m_model.log())
        order.emplace(OpId{change.replica, change.first}, order.size());
    const auto place = [&](const TwinChange& change) {
        const auto at = order.find({change.engine.replica, change.engine.first});
        return at == order.end() ? order.size() : at->second;
    };
    std::stable_sort(log.begin(), log.end(),
                     [&](const TwinChange& a, const TwinChange& b) { return place(a) < place(b); });
    const auto model = m_model.refuse(first);
    std::vector<crdt::IdRun> bad;
    std::vector<ContainerId> made;
    std::vector<TwinChange> voids;
    for (TwinChange& change : log) {
        const bool own = change.engine.replica == id() && change.engine.first >= first;
        const auto uses = crdt::containerUse(change.engine);
        if (own && (change.engine.first == first || needs(change.engine, bad, made))) {
            bad.push_back({id(), change.engine.first, change.engine.count});
            if (uses) made.insert(made.end(), uses->created.begin(), uses->created.end());
            const auto voided = model.find(change.engine.first);
            if (voided == model.end()) {
                differ("only the engine finds that a change needs a refused one");
                return voids;
            }
            change = {voidOf(change.engine), voided->second};
            voids.push_back(change);
        } else if (uses) {  // one that stands made it too
            for (const ContainerId& box : uses->created) std::erase(made, box);
        }
    }
    if (voids.size() != model.size()) differ("only the model finds a change to be refused");
    m_cursors.clear();
    restart(log, true);
    return voids;
}

// ---- comparing ----

void Twin::holdCursor(const Box& text, std::size_t position, bool after) {
    const auto side = after ? Cursor::Side::After : Cursor::Side::Before;
    m_cursors.push_back({text, m_doc->cursorAt(text, unit(text, position), side),
                         m_model.cursor(text, position, after)});
    if (m_cursors.size() > 4) m_cursors.erase(m_cursors.begin());
}

void Twin::checkCursors() {
    for (const HeldCursor& cursor : m_cursors) {
        const std::size_t wanted = unit(cursor.text, m_model.resolve(cursor.text, cursor.model));
        if (m_doc->resolve(cursor.text, cursor.engine) != wanted)
            differ("a cursor stands elsewhere");
    }
}

void Twin::checkSpans(const Box& text) {
    NaiveState::Spans shown;
    for (const crdt::TextSpan& span : m_doc->spans(text))
        shown.emplace_back(toUtf8(span.text), span.attributes);
    if (shown != m_model.spans(text)) differ("other attributes in " + nameOf(text));
}

void Twin::check() {
    if (m_difference) return;
    if (const auto bad = m_doc->checkInvariants()) differ("invariant: " + *bad);
    if (const auto bad = m_copy.difference(*m_doc)) differ(*bad);
    const Value shown = m_doc->toValue(), wanted = m_model.toValue();
    if (shown != wanted) differ("engine " + shown.toJson() + ", model " + wanted.toJson());
    const auto version = m_doc->version();
    const auto heads = m_doc->heads();
    if (std::map(version.begin(), version.end()) != m_model.version()) differ("other versions");
    if (std::set(heads.begin(), heads.end()) != m_model.heads()) differ("other heads");
    if (m_doc->missing().empty() != m_model.missing().empty()) differ("only one of them waits");
    if (!m_doc->reports().empty() || m_model.reports()) differ("a change counts as malformed");
    checkCursors();
    checkSpans(Box::child(Box::root(), "t", ContainerType::Text));
}

}  // namespace kimdb::test
