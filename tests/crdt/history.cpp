// SPDX-License-Identifier: MIT
#include "crdt/history.h"

#include <algorithm>

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Document;
using crdt::Event;

namespace {

const ContainerId kRoot = ContainerId::root();
const ContainerId kText = ContainerId::child(kRoot, "t", ContainerType::Text);

}  // namespace

History::History(std::uint64_t seed) : m_random(seed) {
    const std::size_t n = 2 + below(4);
    std::vector<ReplicaId> ids{1, 2, 3, 9, 1ULL << 31, 1ULL << 63, UINT64_MAX};
    std::shuffle(ids.begin(), ids.end(), m_random);
    for (std::size_t i = 0; i < n; ++i) {
        m_replicas.push_back(std::make_unique<Replica>());
        m_replicas[i]->doc = Document(ids[i]);
        listen(*m_replicas[i]);
    }
}

void History::listen(Replica& replica) {
    replica.doc.setCaptureInterval(0);
    replica.doc.onEvent([&replica](const std::vector<Event>& events) { apply(replica, events); });
}

void History::apply(Replica& replica, const std::vector<Event>& events) {
    for (const Event& event : events) {
        if (event.container.type() == ContainerType::Counter)
            replica.counters[event.container] = replica.doc.counter(event.container);
        std::u16string& text = replica.texts[event.container];
        for (const crdt::TextSplice& s : event.splices) {
            if (s.position + s.removed > text.size())
                replica.event_error = "splice out of range";
            else
                text.replace(s.position, s.removed, s.inserted);
        }
        auto& map = replica.maps[event.container];
        for (const crdt::MapUpdate& update : event.updates) {
            const auto at = map.find(update.key);
            const auto before = at == map.end() ? std::nullopt : std::optional(at->second);
            if (before != update.before) replica.event_error = "update of what was not there";
            if (update.after)
                map[update.key] = *update.after;
            else
                map.erase(update.key);
        }
    }
}

std::optional<std::string> History::run() {
    const std::size_t steps = 10 + below(60);
    for (std::size_t i = 0; i < steps; ++i) {
        Replica& replica = *m_replicas[below(m_replicas.size())];
        step(replica);
        if (m_bad) return m_bad;
        if (auto bad = check(replica)) return "step " + std::to_string(i) + ": " + *bad;
    }
    for (const auto& replica : m_replicas) {
        while (!replica->inbox.empty()) deliver(*replica);
        if (auto bad = check(*replica)) return "end: " + *bad;
        if (!replica->doc.missing().empty()) return "end: a change still waits";
        if (!replica->doc.reports().empty()) return "end: " + replica->doc.reports()[0];
        if (replica->doc.toValue() != m_replicas[0]->doc.toValue()) return "end: replicas differ";
        if (replica->doc.version() != m_replicas[0]->doc.version()) return "end: versions differ";
        if (replica->doc.heads() != m_replicas[0]->doc.heads()) return "end: heads differ";
    }
    return std::nullopt;
}

void History::step(Replica& replica) {
    ++m_time_ms;
    const std::size_t choice = below(20);
    if (choice < 9)
        edit(replica);
    else if (choice < 11)
        send(replica, replica.doc.undo(m_time_ms));
    else if (choice < 12)
        send(replica, replica.doc.redo(m_time_ms));
    else if (choice < 13)
        m_bad = undoIsReversible(replica);
    else if (choice < 14)
        restart(replica);
    else
        for (std::size_t n = below(4) + 1; n > 0 && !replica.inbox.empty(); --n) deliver(replica);
}

void History::edit(Replica& replica) {
    replica.doc.begin();
    for (std::size_t n = 1 + below(3); n > 0; --n) {
        const std::size_t choice = below(10);
        if (choice < 6) {
            replica.doc.createContainer(kRoot, "t", ContainerType::Text);
            editText(replica.doc, kText);
        } else if (choice < 7) {
            editText(replica.doc, replica.doc.createContainer(kRoot, "n", ContainerType::Text));
        } else if (choice < 8) {
            const std::int64_t deltas[] = {1, -2, 7, std::int64_t{1} << 62};
            replica.doc.increment(replica.doc.createContainer(kRoot, "c", ContainerType::Counter),
                                  deltas[below(4)]);
        } else {
            editMap(replica.doc);
        }
    }
    send(replica, replica.doc.commit(m_time_ms, below(10) > 0));
}

void History::editText(Document& doc, const ContainerId& text) {
    static const std::u16string kWords[] = {u"a", u"b",    u"xy", u"é",
                                            u"😀", u"word", u"\n", std::u16string(150, u'p')};
    const std::u16string before = doc.text(text);
    std::size_t at = below(3) == 0 ? 0 : below(before.size() + 1);
    if (at > 0 && at < before.size() && (before[at] & 0xFC00) == 0xDC00) --at;
    std::u16string want = before;
    if (below(3) > 0 || before.empty()) {
        const std::u16string& word = kWords[below(20) ? below(7) : 7];
        doc.insertText(text, at, word);
        want.insert(at, word);
    } else {
        std::size_t end = std::min(before.size(), at + 1 + below(6));
        if (end < before.size() && (before[end] & 0xFC00) == 0xDC00) ++end;
        doc.removeText(text, at, end - at);
        want.erase(at, end - at);
    }
    if (doc.text(text) != want) m_bad = "a local edit did something else to the text";
}

void History::editMap(Document& doc) {
    static const std::string kKeys[] = {"p", "q", "t", "n", "c"};
    const bool nested = below(2) == 0;
    const ContainerId map = nested ? doc.createContainer(kRoot, "m", ContainerType::Map) : kRoot;
    const std::string& key = kKeys[below(20) ? below(2) : below(5)];
    switch (below(4)) {
        case 0:
            doc.remove(map, key);
            break;
        case 1:
            doc.set(map, key, "text");
            break;
        default:
            doc.set(map, key, static_cast<std::int64_t>(below(100)));
    }
}

void History::send(Replica& from, const std::optional<Change>& change) {
    if (!change) return;
    const Change sent = *decodeChange(encodeChange(*change));
    if (sent != *change) m_bad = "a change is another after decoding";
    from.log.push_back(sent);
    from.naive.receive(sent);
    for (const auto& replica : m_replicas) {
        if (replica.get() == &from) continue;
        replica->inbox.push_back(sent);
        if (below(8) == 0) replica->inbox.push_back(sent);  // twice
    }
}

// Any of the waiting ones, the oldest more often.
void History::deliver(Replica& replica) {
    const std::size_t i = below(3) ? 0 : below(replica.inbox.size());
    const Change change = replica.inbox[i];
    replica.inbox.erase(replica.inbox.begin() + static_cast<long>(i));
    const auto received = replica.doc.receive(change);
    if (!received) m_bad = received.error().message;
    replica.naive.receive(change);
    replica.log.push_back(change);
}

// From the log in any order: nothing but the undo stacks may be lost.
void History::restart(Replica& replica) {
    const Value before = replica.doc.toValue();
    std::vector<Change> log = replica.log;
    std::shuffle(log.begin(), log.end(), m_random);
    replica.doc = Document(replica.doc.replica());
    replica.texts.clear();
    replica.maps.clear();
    replica.counters.clear();
    listen(replica);
    if (below(2)) {
        if (const auto ok = replica.doc.receiveAll(log, crdt::Origin::Rebuild); !ok)
            m_bad = ok.error().message;
    } else {
        for (const Change& change : log)
            if (const auto ok = replica.doc.receive(change); !ok) m_bad = ok.error().message;
    }
    if (replica.doc.toValue() != before) m_bad = "a restart shows something else";
}

std::optional<std::string> History::undoIsReversible(Replica& replica) {
    const Value before = replica.doc.toValue();
    const auto undone = replica.doc.undo(m_time_ms);
    send(replica, undone);
    if (!undone) return m_bad;
    send(replica, replica.doc.redo(m_time_ms));
    if (replica.doc.toValue() != before) return "undo and redo together changed something";
    return m_bad;
}

std::optional<std::string> History::check(const Replica& replica) const {
    if (auto bad = replica.doc.checkInvariants()) return bad;
    if (!replica.event_error.empty()) return replica.event_error;
    const Value shown = replica.doc.toValue();
    const Value wanted = replica.naive.toValue();
    if (shown != wanted) return "engine " + shown.toJson() + ", model " + wanted.toJson();
    for (const auto& [container, copy] : replica.texts)
        if (container.type() == ContainerType::Text && replica.doc.text(container) != copy)
            return "events made another text";
    const ContainerId counter = ContainerId::child(kRoot, "c", ContainerType::Counter);
    const auto told = replica.counters.find(counter);
    if (replica.doc.counter(counter) != (told == replica.counters.end() ? 0 : told->second))
        return "no event told of a counter";
    for (const auto& [container, copy] : replica.maps)
        for (const std::string& key : replica.doc.keys(container)) {
            const auto at = copy.find(key);
            const auto expected = at == copy.end() ? std::nullopt : std::optional(at->second);
            if (replica.doc.value(container, key) != expected) return "events made another map";
        }
    return std::nullopt;
}

}  // namespace kimdb::test
