// SPDX-License-Identifier: MIT
// Every history of at most three operations by at most three replicas, each having seen any of the
// earlier ones, delivered in every order: the engine shows what the naive model shows.
#include <QtTest>

#include <algorithm>
#include <functional>
#include <map>

#include "core/utf8.h"
#include "crdt/people.h"
#include "crdt/twin.h"
#include "support/scale.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::ContainerType;

namespace {

using Written = std::optional<TwinChange>;
using Letter = std::function<Written(Twin&)>;

// One transaction of one operation.
Letter once(std::function<void(Twin&)> edit) {
    return [edit](Twin& twin) {
        twin.begin();
        edit(twin);
        return twin.commit();
    };
}

Letter undo() {
    return [](Twin& twin) { return twin.undo(); };
}

Letter types(bool at_end, const std::u32string& text) {
    return once(
        [=](Twin& twin) { twin.type(kText, at_end ? twin.model().length(kText) : 0, text); });
}

Letter typesBehindTheFirst(const std::u32string& text) {
    return once([=](Twin& twin) {
        twin.type(kText, std::min<std::size_t>(1, twin.model().length(kText)), text);
    });
}

Letter sets(const crdt::ContainerId& map, const std::string& key, std::optional<Value> value) {
    return once([=](Twin& twin) { value ? twin.set(map, key, *value) : twin.drop(map, key); });
}

Letter makes(const std::string& key, ContainerType type) {
    return once([=](Twin& twin) { twin.make(kRoot, key, type); });
}

Letter counts(std::int64_t delta) {
    return once([=](Twin& twin) { twin.count(kCounter, delta); });
}

Letter insertsItem(std::size_t at, int value) {
    return once([=](Twin& t) {
        t.insertItems(kList, std::min(at, t.model().length(kList)), {Value(value)});
    });
}

// Nothing when the list is empty; the first when that is also the last.
Letter ofItems(std::function<void(Twin&, std::size_t last)> edit) {
    return once([=](Twin& t) {
        const std::size_t n = t.model().length(kList);
        if (n > 0) edit(t, n - 1);
    });
}

Letter member(const Value& value, bool present) {
    return once([=](Twin& t) { t.putMember(kSet, value, present); });
}

// On at most the first, the rest or all of the text.
Letter marks(std::size_t from, std::size_t to, std::optional<Value> value, crdt::Expand expand) {
    return once([=](Twin& t) {
        const std::size_t n = t.model().length(kText);
        if (from < std::min(to, n)) t.mark(kText, from, std::min(to, n), "b", value, expand);
    });
}

struct Alphabet {
    std::vector<Letter> before;  // what all have seen
    std::vector<Letter> letters;
};

const std::map<std::string, Alphabet>& alphabets() {
    static const std::map<std::string, Alphabet> all{
        {"text",
         {{makes("t", ContainerType::Text), types(true, U"ab")},
          {types(false, U"x"), types(true, U"y😀"), typesBehindTheFirst(U"w"),
           once([](Twin& t) { t.erase(kText, 0, 1); }), undo()}}},
        {"list",
         {{makes("l", ContainerType::List), insertsItem(0, 0), insertsItem(1, 1),
           insertsItem(2, 2)},
          {insertsItem(1, 7),
           ofItems([](Twin& t, std::size_t last) { t.moveItem(kList, 0, last); }),
           ofItems([](Twin& t, std::size_t last) { t.moveItem(kList, last, 0); }),
           ofItems([](Twin& t, std::size_t) { t.removeItems(kList, 0, 1); }),
           ofItems([](Twin& t, std::size_t) { t.setItem(kList, 0, 8); }), undo()}}},
        {"set",
         {{makes("s", ContainerType::Set)},
          {member(1, true), member(1, false), member(2, true), sets(kRoot, "s", std::nullopt),
           makes("s", ContainerType::Set), undo()}}},
        {"marks",
         {{makes("t", ContainerType::Text), types(true, U"ab")},
          {typesBehindTheFirst(U"w"), once([](Twin& t) { t.erase(kText, 1, 1); }),
           marks(0, 2, 1, crdt::Expand::After), marks(1, 9, std::nullopt, crdt::Expand::None),
           marks(0, 9, 2, crdt::Expand::Both), undo()}}},
        {"map",
         {{makes("m", ContainerType::Map), sets(kMap, "p", 0)},
          {sets(kMap, "p", 1), sets(kMap, "p", 2), sets(kMap, "p", std::nullopt),
           sets(kRoot, "m", std::nullopt), makes("m", ContainerType::Map), undo()}}},
        {"nested",
         {{makes("n", ContainerType::Map)},
          {makes("n", ContainerType::Map), makes("n", ContainerType::Text),
           once([](Twin& t) { t.type(t.make(kRoot, "n", ContainerType::Text), 0, U"x"); }),
           once([](Twin& t) { t.set(t.make(kRoot, "n", ContainerType::Map), "k", 1); }),
           sets(kRoot, "n", 5), undo()}}},
        {"counter",
         {{makes("c", ContainerType::Counter), counts(3)},
          {counts(1), counts(-5), sets(kRoot, "c", std::nullopt),
           makes("c", ContainerType::Counter), undo()}}},
    };
    return all;
}

// Who writes, up to the order of ids, which is all that ids are good for: of two ways in which
// the same replicas are equal, smaller or greater only one is in the list.
std::vector<std::vector<ReplicaId>> authorsOf(std::size_t n) {
    std::vector<std::vector<ReplicaId>> out{{}};
    for (std::size_t i = 0; i < n; ++i) {
        std::vector<std::vector<ReplicaId>> longer;
        for (const auto& who : out)
            for (ReplicaId r = 1; r <= 3; ++r) {
                longer.push_back(who);
                longer.back().push_back(r);
            }
        out = longer;
    }
    std::erase_if(out, [](const std::vector<ReplicaId>& who) {
        const ReplicaId most = *std::max_element(who.begin(), who.end());
        for (ReplicaId r = 1; r < most; ++r)
            if (std::find(who.begin(), who.end(), r) == who.end()) return true;
        return false;
    });
    return out;
}

class EveryOrder {
 public:
    explicit EveryOrder(const Alphabet& alphabet, Mistake mistake = Mistake::None)
        : m_alphabet(alphabet), m_mistake(mistake) {
        Twin twin(100);
        for (const Letter& letter : alphabet.before) m_before.push_back(*letter(twin));
    }

    void run() {
        for (std::size_t n = 1; n <= 3; ++n)
            for (const auto& who : authorsOf(n))
                for (unsigned seen = 0; seen < 1U << (n * (n - 1) / 2); ++seen) {
                    if (seesOwnTwice(who, seen)) continue;
                    std::vector<std::size_t> word(n, 0);
                    do history(who, seen, word);
                    while (m_bad.isEmpty() && next(word));
                    if (!m_bad.isEmpty()) return;
                }
    }

    int histories = 0;
    int orders = 0;
    QString bad() const { return m_bad; }

 private:
    static bool sees(unsigned seen, std::size_t i, std::size_t j) {  // j < i
        return seen >> (i * (i - 1) / 2 + j) & 1;
    }
    // A replica has seen its own anyway: one of the two values is enough.
    static bool seesOwnTwice(const std::vector<ReplicaId>& who, unsigned seen) {
        for (std::size_t i = 0; i < who.size(); ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (who[i] == who[j] && sees(seen, i, j)) return true;
        return false;
    }
    bool next(std::vector<std::size_t>& word) const {
        for (std::size_t& letter : word) {
            if (++letter < m_alphabet.letters.size()) return true;
            letter = 0;
        }
        return false;
    }

    void history(const std::vector<ReplicaId>& who, unsigned seen,
                 const std::vector<std::size_t>& word) {
        if (histories++ % m_stride) return;
        std::map<ReplicaId, std::unique_ptr<Twin>> twins;
        std::vector<std::vector<TwinChange>> past;  // what the author knew after each operation
        std::map<ReplicaId, std::vector<TwinChange>> known;
        std::vector<TwinChange> changes;
        std::string words;
        for (std::size_t i = 0; i < who.size(); ++i) {
            auto& twin = twins[who[i]];
            auto& mine = known[who[i]];
            if (!twin) {
                twin = std::make_unique<Twin>(who[i], m_mistake);
                for (const TwinChange& change : m_before) twin->receive(change);
            }
            for (std::size_t j = 0; j < i; ++j)
                for (const TwinChange& change : past[j])
                    if (sees(seen, i, j) &&
                        twin->doc().head(change.engine.replica) < change.engine.first) {
                        twin->receive(change);
                        mine.push_back(change);
                    }
            if (const Written change = m_alphabet.letters[word[i]](*twin)) {
                mine.push_back(*change);
                changes.push_back(*change);
            }
            past.push_back(mine);
            twin->check();
            words += std::to_string(who[i]) + ": " + twin->words() + "\n";
            if (twin->difference()) m_bad = (words + *twin->difference()).c_str();
        }
        deliver(changes, words);
    }

    void deliver(const std::vector<TwinChange>& changes, const std::string& words) {
        NaiveDocument model;
        model.plant(m_mistake);
        for (const TwinChange& change : m_before) model.receive(change.model);
        for (const TwinChange& change : changes) model.receive(change.model);
        const Value wanted = model.toValue();
        const NaiveState::Spans spans = model.spans(kText);
        std::vector<std::size_t> order(changes.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        do {
            ++orders;
            crdt::Document doc(99);
            for (const TwinChange& change : m_before) (void)doc.receive(change.engine);
            for (const std::size_t i : order) (void)doc.receive(changes[i].engine);
            if (doc.toValue() == wanted && spansOf(doc) == spans && doc.missing().empty() &&
                !doc.checkInvariants())
                continue;
            m_bad =
                (words + "engine " + doc.toValue().toJson() + ", model " + wanted.toJson()).c_str();
            return;
        } while (std::next_permutation(order.begin(), order.end()));
    }

    static NaiveState::Spans spansOf(const crdt::Document& doc) {
        NaiveState::Spans spans;
        for (const crdt::TextSpan& span : doc.spans(kText))
            spans.emplace_back(toUtf8(span.text), span.attributes);
        return spans;
    }

    // Under sanitizers a part, for the sake of time.
    const std::size_t m_stride = scaledStride(1);
    const Alphabet& m_alphabet;
    Mistake m_mistake;
    std::vector<TwinChange> m_before;
    QString m_bad;
};

}  // namespace

class TestEveryOrder : public QObject {
    Q_OBJECT
 private slots:
    void everyHistoryInEveryOrder_data() {
        QTest::addColumn<QString>("name");
        for (const auto& [name, alphabet] : alphabets())
            QTest::newRow(name.c_str()) << QString::fromStdString(name);
    }

    void everyHistoryInEveryOrder() {
        QFETCH(QString, name);
        EveryOrder every(alphabets().at(name.toStdString()));
        every.run();
        QVERIFY2(every.bad().isEmpty(), qPrintable(every.bad()));
        qInfo("%d histories, %d orders", every.histories, every.orders);
        QVERIFY(every.histories > 9000 && every.orders > every.histories * std::min(1., scale()));
    }

    void plantedMistakesAreFound_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("mistake");
        QTest::newRow("siblings") << "text" << int(Mistake::SiblingsByGreaterId);
        QTest::newRow("arrival") << "map" << int(Mistake::WritesByArrival);
        QTest::newRow("moves") << "list" << int(Mistake::MovesCopy);
        QTest::newRow("marks") << "marks" << int(Mistake::MarksByArrival);
        QTest::newRow("members") << "set" << int(Mistake::WritesByArrival);
        QTest::newRow("undo") << "map" << int(Mistake::UndoTakesOverwritten);
        QTest::newRow("clearing") << "counter" << int(Mistake::ClearingsForgetOne);
    }

    void plantedMistakesAreFound() {
        QFETCH(QString, name);
        QFETCH(int, mistake);
        EveryOrder every(alphabets().at(name.toStdString()), Mistake(mistake));
        every.run();
        QVERIFY(!every.bad().isEmpty());
    }
};

QTEST_GUILESS_MAIN(TestEveryOrder)
#include "tst_every_order.moc"
