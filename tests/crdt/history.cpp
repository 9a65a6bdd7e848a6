// SPDX-License-Identifier: MIT
#include "crdt/history.h"

#include <algorithm>

#include "core/clock.h"

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;

namespace {

const ContainerId kRoot = ContainerId::root();
const ContainerId kText = ContainerId::child(kRoot, "t", ContainerType::Text);

enum Kind {
    Edits,
    Undo,
    Redo,
    UndoRedo,
    Send,
    Deliver,
    DeliverTwice,
    Lose,
    Restart,
    Refuse,
    Hold,
    Expunge
};
enum EditKind {
    Type,
    Erase,
    TypeNested,
    SetNested,
    SetKey,
    DropKey,
    SetRoot,
    DropRoot,
    Count,
    InsertItems,
    InsertChild,
    TypeInChild,
    SetItem,
    SetChild,
    RemoveItems,
    MoveItem,
    AddMember,
    Discard,
    Mark,
    Comment,
    Uncomment,
    Block
};

// How often each happens.
constexpr int kWeights[] = {45, 9, 5, 4, 14, 40, 4, 3, 3, 2, 4, 1};
constexpr int kEditWeights[] = {30, 18, 6, 5, 8, 4, 4, 4,  10, 10, 3,
                                3,  4,  1, 5, 8, 5, 4, 14, 4,  2,  4};

template <std::size_t n>
int weighted(SeededRandom& random, const int (&weights)[n]) {
    int sum = 0;
    for (const int w : weights) sum += w;
    auto at = static_cast<int>(random.below(static_cast<std::uint64_t>(sum)));
    int kind = 0;
    while (at >= weights[kind]) at -= weights[kind++];
    return kind;
}

std::size_t within(std::uint64_t pick, std::size_t n) {
    return static_cast<std::size_t>(pick % n);
}

template <class T>
void shuffle(std::vector<T>& items, std::uint64_t seed) {
    SeededRandom random(seed);
    for (std::size_t i = items.size(); i > 1; --i)
        std::swap(items[i - 1], items[within(random.next(), i)]);
}

}  // namespace

History::History(std::uint64_t seed, Mistake mistake)
    : m_ids{1, 2, 3, 9, 1ULL << 31, 1ULL << 63, UINT64_MAX}, m_mistake(mistake) {
    SeededRandom random(seed);
    shuffle(m_ids, random.next());
    m_ids.resize(2 + random.below(5));
    for (std::uint64_t n = 15 + random.below(90); n > 0; --n) {
        Action action{
            weighted(random, kWeights), within(random.next(), m_ids.size()), random.next(), {}};
        if (action.kind == Edits)
            for (std::uint64_t k = 1 + random.below(3); k > 0; --k)
                action.edits.push_back(
                    {weighted(random, kEditWeights), random.next(), random.next(), random.next()});
        m_actions.push_back(std::move(action));
    }
}

//! \brief The replicas while a history happens.
class History::Run {
 public:
    explicit Run(const History& history) : m_history(history) {
        for (const ReplicaId id : history.m_ids)
            m_replicas.push_back(std::make_unique<Replica>(id, history.m_mistake));
    }

    std::optional<std::string> all(std::string* words) {
        for (const Action& action : m_history.m_actions) {
            Replica& replica = *m_replicas[action.who];
            act(replica, action);
            if (!m_bad) replica.twin.check();
            if (words)
                *words +=
                    "  " + std::to_string(replica.twin.id()) + ": " + replica.twin.words() + "\n";
            if (auto bad = m_bad ? m_bad : replica.twin.difference()) return bad;
        }
        return end();
    }

 private:
    void act(Replica& replica, const Action& action);
    void edit(Twin& twin, const Edit& edit);
    void editList(Twin& twin, const Edit& edit);
    void format(Twin& twin, const Edit& edit);
    void keep(Replica& from, const std::optional<TwinChange>& change);
    void send(Replica& from);
    void receive(Replica& replica, const TwinChange& change);
    void refuse(Replica& replica, std::uint64_t pick);
    void undoAndRedo(Replica& replica);
    std::optional<std::string> end();

    const History& m_history;
    std::vector<std::unique_ptr<Replica>> m_replicas;
    std::vector<TwinChange> m_sent;
    std::optional<std::string> m_bad;
};

void History::Run::act(Replica& replica, const Action& action) {
    Twin& twin = replica.twin;
    const std::size_t length = twin.model().length(kText);
    switch (action.kind) {
        case Edits:
            twin.begin();
            for (const Edit& e : action.edits) edit(twin, e);
            keep(replica, twin.commit(action.pick % 10 > 0));
            break;
        case Undo:
            keep(replica, twin.undo());
            break;
        case Redo:
            keep(replica, twin.redo());
            break;
        case UndoRedo:
            undoAndRedo(replica);
            break;
        case Send:
            send(replica);
            break;
        case Deliver:
        case DeliverTwice:
        case Lose: {
            if (replica.inbox.empty()) break;
            // Any of the waiting ones, the oldest more often.
            const auto at =
                replica.inbox.begin() +
                (action.pick % 3
                     ? 0
                     : static_cast<long>(within(action.pick / 3, replica.inbox.size())));
            if (action.kind != Lose) receive(replica, TwinChange(*at));
            if (action.kind != DeliverTwice) replica.inbox.erase(at);
            break;
        }
        case Restart:
            shuffle(replica.log, action.pick);
            twin.restart(replica.log, action.pick % 2);
            break;
        case Refuse:
            refuse(replica, action.pick);
            break;
        case Expunge:
            if (length == 0) break;
            send(replica);  // so that nobody refuses what it follows
            keep(replica, twin.expunge(kText, within(action.pick, length), 1));
            send(replica);
            break;
        case Hold:
            twin.holdCursor(kText, within(action.pick, length + 1), action.pick / 7 % 2);
            break;
    }
}

void History::Run::edit(Twin& twin, const Edit& edit) {
    static const std::u32string kWords[] = {U"a", U"b",    U"xy", U"é",
                                            U"😀", U"word", U"\n", std::u32string(150, U'p')};
    static const std::string kKeys[] = {"p", "q", "r"};
    static const std::string kRootKeys[] = {"p", "t", "n", "c", "m", "l", "s"};
    static const Value kValues[] = {1, "one", nullptr, Value::Array{1, "x"}, true, 2.5};
    static const std::int64_t kDeltas[] = {1, -2, 7, std::int64_t{1} << 62};
    const auto typeInto = [&](const ContainerId& text) {
        const std::size_t n = twin.model().length(text);
        const std::size_t at = edit.a % 3 ? within(edit.b, n + 1) : edit.b % 2 ? 0 : n;
        twin.type(text, at, kWords[edit.c % 20 ? edit.c % 7 : 7]);
    };
    const std::string& key = kKeys[edit.a % 3];
    const std::string& root_key = kRootKeys[edit.a % 2 ? 0 : edit.b % 7];
    const Value& value = kValues[edit.c % 6];
    switch (edit.kind) {
        case Type:
            typeInto(twin.make(kRoot, "t", ContainerType::Text));
            break;
        case Erase: {
            const ContainerId text = twin.make(kRoot, "t", ContainerType::Text);
            const std::size_t n = twin.model().length(text);
            if (n == 0) break;
            const std::size_t at = within(edit.a, n);
            twin.erase(text, at, std::min(n - at, 1 + within(edit.b, 6)));
            break;
        }
        case TypeNested:
            typeInto(twin.make(kRoot, "n", ContainerType::Text));
            break;
        case SetNested:
            twin.set(twin.make(kRoot, "n", ContainerType::Map), key, value);
            break;
        case SetKey:
            twin.set(twin.make(kRoot, "m", ContainerType::Map), key, value);
            break;
        case DropKey:
            twin.drop(twin.make(kRoot, "m", ContainerType::Map), key);
            break;
        case SetRoot:
            twin.set(kRoot, root_key, value);
            break;
        case DropRoot:
            twin.drop(kRoot, root_key);
            break;
        case Count:
            twin.count(twin.make(kRoot, "c", ContainerType::Counter), kDeltas[edit.b % 4]);
            break;
        case AddMember:
        case Discard:
            twin.putMember(twin.make(kRoot, "s", ContainerType::Set), kValues[edit.c % 6],
                           edit.kind == AddMember);
            break;
        case Mark:
        case Comment:
        case Uncomment:
        case Block:
            format(twin, edit);
            break;
        default:
            editList(twin, edit);
    }
}

void History::Run::editList(Twin& twin, const Edit& edit) {
    static const ContainerType kTypes[] = {ContainerType::Text, ContainerType::Map,
                                           ContainerType::List};
    const ContainerId list = twin.make(kRoot, "l", ContainerType::List);
    const std::size_t n = twin.model().length(list);
    const Value value(static_cast<std::int64_t>(edit.c % 100));
    if (edit.kind == InsertItems)
        return twin.insertItems(list, within(edit.a, n + 1),
                                std::vector<Value>(1 + edit.b % 3, value));
    if (edit.kind == InsertChild)
        return (void)twin.insertChild(list, within(edit.a, n + 1), kTypes[edit.b % 3]);
    if (n == 0) return;
    const std::size_t at = within(edit.a, n);
    if (edit.kind == SetItem) twin.setItem(list, at, value);
    if (edit.kind == SetChild) twin.setChild(list, at, kTypes[edit.b % 3]);
    if (edit.kind == RemoveItems) twin.removeItems(list, at, std::min(n - at, 1 + edit.b % 2));
    if (edit.kind == MoveItem) twin.moveItem(list, at, within(edit.b, n));
    if (edit.kind != TypeInChild) return;
    const auto child = twin.model().childAt(list, at);
    if (!child) return;
    const std::size_t length = twin.model().length(*child);
    if (child->type() == ContainerType::Text) twin.type(*child, within(edit.b, length + 1), U"w");
    if (child->type() == ContainerType::Map) twin.set(*child, "k", value);
    if (child->type() == ContainerType::List)
        twin.insertItems(*child, within(edit.b, length + 1), {value});
}

void History::Run::format(Twin& twin, const Edit& edit) {
    static const std::string kKeys[] = {"bold", "link", "colour"};
    static const std::optional<Value> kValues[] = {true, "red", "blue", std::nullopt};
    const ContainerId text = twin.make(kRoot, "t", ContainerType::Text);
    const std::size_t n = twin.model().length(text);
    const std::optional<Value>& value = kValues[edit.c % 4];
    if (edit.kind == Block)
        return twin.block(text, within(edit.a, n + 1), "heading", kValues[edit.c % 2 ? 3 : 0]);
    if (edit.kind == Uncomment) {
        std::vector<std::string> comments;
        for (const auto& [words, attributes] : twin.model().spans(text))
            for (const auto& [key, shown] : attributes)
                if (key[0] == '#') comments.push_back(key);
        if (!comments.empty()) twin.uncomment(text, comments[within(edit.a, comments.size())]);
        return;
    }
    if (n == 0) return;
    const std::size_t from = within(edit.a, n);
    const std::size_t to = from + 1 + within(edit.b, std::min<std::size_t>(n - from, 6));
    if (edit.kind == Comment) return twin.comment(text, from, to, "note");
    twin.mark(text, from, to, kKeys[edit.b / 8 % 3], value,
              static_cast<crdt::Expand>(edit.c / 4 % 4));
}

void History::Run::keep(Replica& from, const std::optional<TwinChange>& change) {
    if (!change) return;
    from.log.push_back(*change);
    from.outbox.push_back(*change);
}

void History::Run::send(Replica& from) {
    for (const TwinChange& change : std::exchange(from.outbox, {})) {
        m_sent.push_back(change);
        for (const auto& replica : m_replicas)
            if (replica.get() != &from) replica->inbox.push_back(change);
    }
}

void History::Run::receive(Replica& replica, const TwinChange& change) {
    replica.twin.receive(change);
    replica.log.push_back(change);
}

void History::Run::refuse(Replica& replica, std::uint64_t pick) {
    if (replica.outbox.empty()) return;
    const std::size_t at = within(pick, replica.outbox.size());
    if (replica.outbox[at].engine.is_void) return;
    const auto voids = replica.twin.refuse(replica.outbox[at].engine.first, replica.log);
    for (const TwinChange& voided : voids)
        for (TwinChange& change : replica.outbox)
            if (change.engine.first == voided.engine.first) change = voided;
}

void History::Run::undoAndRedo(Replica& replica) {
    const Value before = replica.twin.doc().toValue();
    const auto undone = replica.twin.undo();
    keep(replica, undone);
    if (!undone) return;
    keep(replica, replica.twin.redo());
    if (replica.twin.doc().toValue() != before) m_bad = "undo and redo together changed something";
}

// Everybody gets what it lacks, what was lost too.
std::optional<std::string> History::Run::end() {
    for (const auto& replica : m_replicas) send(*replica);
    const Twin& first = m_replicas[0]->twin;
    for (const auto& replica : m_replicas) {
        Twin& twin = replica->twin;
        for (const TwinChange& change : m_sent)
            if (twin.doc().head(change.engine.replica) < change.engine.first) twin.receive(change);
        twin.check();
        if (twin.difference()) return "at the end: " + *twin.difference();
        if (!twin.doc().missing().empty()) return "at the end: a change still waits";
        if (twin.doc().toValue() != first.doc().toValue()) return "at the end: replicas differ";
        if (twin.doc().version() != first.doc().version()) return "at the end: versions differ";
    }
    return std::nullopt;
}

std::optional<std::string> History::run(std::string* words) const {
    return Run(*this).all(words);
}

// Takes out halves, quarters, … single actions, then single edits, as long as it still fails.
History History::shrunk() const {
    History best = *this;
    const auto isWorse = [&](const History& shorter) {
        if (!shorter.run()) return false;
        best = shorter;
        return true;
    };
    for (std::size_t n = std::max<std::size_t>(1, size() / 2);;) {
        bool again = false;
        for (std::size_t i = 0; i < best.size();) {
            History shorter = best;
            const auto begin = shorter.m_actions.begin() + static_cast<long>(i);
            shorter.m_actions.erase(begin, begin + static_cast<long>(std::min(n, best.size() - i)));
            if (isWorse(shorter))
                again = true;
            else
                i += n;
        }
        if (n == 1 && !again) break;
        n = std::max<std::size_t>(1, n / 2);
    }
    for (std::size_t i = 0; i < best.size(); ++i)
        for (std::size_t k = 0; k < best.m_actions[i].edits.size();) {
            History shorter = best;
            auto& edits = shorter.m_actions[i].edits;
            edits.erase(edits.begin() + static_cast<long>(k));
            if (edits.empty() || !isWorse(shorter)) ++k;
        }
    return best;
}

}  // namespace kimdb::test
