// SPDX-License-Identifier: MIT
// The naive model against the reference model's cases: all families, every delivery, step and
// cursor. What the engine is compared with has to be right itself.
#include <QtTest>

#include "core/utf8.h"
#include "crdt/case_runner.h"
#include "crdt/history.h"
#include "crdt/naive_document.h"
#include "crdt/test_data.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::ContainerId;
using crdt::ContainerType;
using nlohmann::json;

namespace {

const ContainerId kRoot = ContainerId::root();

ContainerId box(const std::string& name) {
    static const std::map<std::string, ContainerType> types{{"t", ContainerType::Text},
                                                            {"l", ContainerType::List},
                                                            {"m", ContainerType::Map},
                                                            {"s", ContainerType::Set},
                                                            {"c", ContainerType::Counter}};
    return name.empty() ? kRoot : ContainerId::child(kRoot, name, types.at(name));
}

const ContainerId kText = box("t");

std::u32string scalars(const std::string& utf8) {
    return QString::fromStdString(utf8).toStdU32String();
}

Shown shownOf(const json& value) {
    return value == json{{"none", 1}} ? Shown{} : Shown::plain(valueOf(value));
}

// Comments are named by transaction and operation here, not by the id of their operation.
std::string renamed(std::string key, char first) {
    if (key[0] == '#' || key[0] == '@') key[0] = first;
    return key;
}

void perform(NaiveDocument& doc, const json& op, const std::string& name) {
    const std::string kind = op[0], on = op[1];
    const ContainerId at = kind == "child" ? kRoot : box(on);
    if (kind != "child" && !on.empty()) doc.setKey(kRoot, on, Shown::container(at.type()));
    if (kind == "insert") doc.insert(at, op[2], scalars(op[3]));
    if (kind == "delete") doc.remove(at, op[2], op[3]);
    if (kind == "mark") doc.mark(at, op[2], op[3], op[4], shownOf(op[5]), op[6]);
    if (kind == "comment") doc.mark(at, op[2], op[3], name, shownOf(op[4]), "none");
    if (kind == "uncomment") doc.unmarkAll(at, renamed(op[2], '@'));
    if (kind == "block") doc.block(at, op[2], op[3], shownOf(op[4]));
    if (kind == "linsert") doc.insertItem(at, op[2], shownOf(op[3]));
    if (kind == "lset") doc.setItem(at, op[2], shownOf(op[3]));
    if (kind == "lmove") doc.moveItem(at, op[2], op[3]);
    if (kind == "ldel") doc.remove(at, op[2], op[3]);
    if (kind == "set") doc.setKey(at, op[2], shownOf(op[3]));
    if (kind == "remove") doc.setKey(at, op[2], {});
    if (kind == "add") doc.putMember(at, valueOf(op[2]), true);
    if (kind == "discard") doc.putMember(at, valueOf(op[2]), false);
    if (kind == "inc") doc.increment(at, op[2]);
    if (kind != "child") return;
    const auto type = on == "text" ? ContainerType::Text : ContainerType::Map;
    const ContainerId child = doc.setKey(kRoot, "n", Shown::container(type));
    if (on == "text")
        doc.insert(child, 0, scalars(op[2]));
    else
        doc.setKey(child, op[2], Shown::plain(1));
}

json spansOf(const NaiveDocument& doc) {
    json out = json::array();
    for (const auto& [text, attributes] : doc.spans(kText)) {
        json values = json::object();
        for (const auto& [key, value] : attributes) values[renamed(key, '#')] = jsonOf(value);
        out.push_back({text, values});
    }
    return out;
}

json stateOf(const NaiveDocument& doc) {
    json out{{"json", jsonOf(doc.toValue())}};
    if (out["json"].contains("s"))
        std::sort(out["json"]["s"].begin(), out["json"]["s"].end(),
                  [](const json& a, const json& b) { return a.dump() < b.dump(); });
    if (doc.length(kText)) out["spans"] = spansOf(doc);
    return out;
}

struct Written {
    std::vector<std::optional<NaiveChange>> changes;
    std::vector<std::set<std::size_t>> past;
    std::map<std::size_t, NaiveAnchor> cursors;
};

// One transaction of a case. Returns what is wrong.
QString write(std::vector<NaiveDocument>& docs, const json& test_case, Written& so_far) {
    const std::size_t n = so_far.changes.size();
    const json& txn = test_case["txns"][n];
    NaiveDocument& doc = docs[txn["replica"].get<std::size_t>()];
    std::set<std::size_t> need;
    std::set<OpId> parents;
    for (const std::size_t parent : txn["parents"]) {
        need.insert(so_far.past[parent].begin(), so_far.past[parent].end());
        parents.insert(so_far.changes[parent]->lastId());
    }
    for (const std::size_t i : need)
        if (!doc.receive(*so_far.changes[i])) return "equivocation";
    if (doc.heads() != parents) return "other heads";
    const std::string kind = txn["ops"][0][0];
    const bool reverts = kind == "undo" || kind == "redo";
    std::optional<NaiveChange> change;
    if (reverts) {
        change = kind == "undo" ? doc.undo() : doc.redo();
    } else {
        doc.begin();
        for (std::size_t k = 0; k < txn["ops"].size(); ++k)
            perform(doc, txn["ops"][k], "@" + std::to_string(n) + "." + std::to_string(k));
        change = doc.commit();
    }
    if (change.has_value() == txn["empty"].get<bool>()) return "empty or not";
    // An undo may take fewer counters: neighbouring toggles are one operation.
    if (change && !reverts && change->count != txn["count"].get<std::uint64_t>())
        return "other count";
    if (change) need.insert(n);
    so_far.changes.push_back(change);
    so_far.past.push_back(need);
    const json& cursors = test_case["final"]["cursors"];
    for (std::size_t i = 0; i < cursors.size(); ++i)
        if (cursors[i]["txn"] == n)
            so_far.cursors[i] = doc.cursor(kText, cursors[i]["pos"], cursors[i]["side"] == "after");
    return {};
}

QString deliver(const json& test_case, std::size_t order, const Written& written) {
    NaiveDocument doc(1'000'000);
    const json& indexes = test_case["deliveries"][order];
    for (std::size_t i = 0; i < indexes.size(); ++i) {
        if (!doc.receive(*written.changes[indexes[i].get<std::size_t>()])) return "equivocation";
        if (order == 0 && test_case.contains("steps") && stateOf(doc) != test_case["steps"][i])
            return QString("step %1").arg(i);
    }
    json want = test_case["final"];
    want.erase("cursors");
    if (stateOf(doc) != want)
        return QString::fromStdString("got " + stateOf(doc).dump() + ", want " + want.dump());
    for (const auto& [i, cursor] : written.cursors)
        if (doc.resolve(kText, cursor) != test_case["final"]["cursors"][i]["at"])
            return QString("cursor %1").arg(i);
    return doc.missing().empty() && doc.reports() == 0 ? QString() : QString("waits or reports");
}

QString run(const json& test_case) {
    std::vector<NaiveDocument> docs;
    for (const json& id : test_case["replicas"])
        docs.emplace_back(std::stoull(id.get<std::string>()));
    Written written;
    while (written.changes.size() < test_case["txns"].size())
        if (const QString bad = write(docs, test_case, written); !bad.isEmpty())
            return QString("transaction %1: %2").arg(written.changes.size()).arg(bad);
    for (std::size_t k = 0; k < test_case["deliveries"].size(); ++k)
        if (const QString bad = deliver(test_case, k, written); !bad.isEmpty())
            return QString("delivery %1: %2").arg(k).arg(bad);
    return {};
}

// Where there are no cases: the model with the engine in histories of the same shape.
void generatedHistories() {
    for (std::uint64_t seed = 60'001; seed < 60'101; ++seed)
        if (const auto bad = History(seed).run()) QFAIL(bad->c_str());
}

}  // namespace

class TestNaiveDocument : public QObject {
    Q_OBJECT
 private slots:
    void casesOfTheReferenceModel() {
        const json data = testData("conformance-kimdb");
        if (data.is_null()) return generatedHistories();
        int cases = 0;
        for (const json& test_case : data["cases"]) {
            const QString bad = run(test_case);
            QVERIFY2(bad.isEmpty(), qPrintable(QString("%1 seed %2: %3")
                                                   .arg(QString::fromStdString(test_case["family"]))
                                                   .arg(test_case["seed"].get<int>())
                                                   .arg(bad)));
            ++cases;
        }
        QCOMPARE(cases, 900);
    }

    void aMalformedChangeIsVoid() {
        NaiveDocument a(1), b(2);
        a.begin();
        a.insert(a.setKey(kRoot, "t", Shown::container(ContainerType::Text)), 0, U"ab");
        const auto good = a.commit();
        NaiveOp toggle;
        toggle.kind = NaiveKind::Toggle;
        toggle.targets = {OpId{1, 2}};
        const NaiveChange evil{7, 1, 1, {{1, 3}}, {toggle}, false, UINT64_MAX};
        QVERIFY(b.receive(evil));
        QCOMPARE(b.missing().size(), 2U);  // its dep and what it refers to
        QVERIFY(b.receive(*good));
        QVERIFY(b.text(kText) == U"ab");
        QCOMPARE(b.reports(), 1U);
        QCOMPARE(b.version().at(7), 1U);
    }

    void aRefusedChangeTakesWhatNeedsIt() {
        NaiveDocument a(1);
        a.begin();
        a.insert(a.setKey(kRoot, "t", Shown::container(ContainerType::Text)), 0, U"ab");
        a.commit();
        const auto insert = [&](std::size_t at, const std::u32string& text) {
            a.begin();
            a.insert(kText, at, text);
            return a.commit()->first;
        };
        const auto bad = insert(1, U"bad"), worse = insert(3, U"worse");
        insert(0, U"good ");
        const auto out = a.refuse(bad);
        QCOMPARE(out.size(), 2U);
        QVERIFY(out.count(worse) == 1);
        QVERIFY(a.text(kText) == U"good ab");
    }
};

QTEST_GUILESS_MAIN(TestNaiveDocument)
#include "tst_naive_document.moc"
