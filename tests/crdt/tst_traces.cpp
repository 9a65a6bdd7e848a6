// SPDX-License-Identifier: MIT
// Recorded editing and the published order cases. Where the data is missing, editing of the same
// shape is generated; a plain string is the reference then.
#include <QtTest>

#include <algorithm>
#include <random>
#include <set>

#include <kimdb/crdt/document.h>

#include "core/change.h"
#include "core/utf8.h"
#include "crdt/case_runner.h"
#include "crdt/history.h"
#include "crdt/test_data.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Document;
using nlohmann::json;

namespace {

const ContainerId kText = ContainerId::child(ContainerId::root(), "t", ContainerType::Text);

struct Patch {
    std::size_t position = 0;
    std::size_t removed = 0;
    std::u16string inserted;
};

struct Trace {
    std::vector<Patch> patches;  // in UTF-16 units
    std::string end;
};

std::optional<Change> write(Document& doc, const Patch& patch) {
    doc.begin();
    if (patch.removed) doc.removeText(kText, patch.position, patch.removed);
    doc.insertText(kText, patch.position, patch.inserted);
    return doc.commit(1);
}

Patch patchOf(const json& p) {
    return {p[0], p[1], toUtf16(p[2].get<std::string>())};
}

// Typing with jumps, pastes and deletions.
Trace generatedTrace(int edits) {
    std::mt19937_64 random(7);
    const std::vector<std::u16string> words{u"a", u"b", u" ", u"\n", u"é", u"😀", u"a paste"};
    std::u16string text;
    Trace trace;
    std::size_t at = 0;
    for (int i = 0; i < edits; ++i) {
        if (random() % 20 == 0) at = random() % (text.size() + 1);
        if (at > 0 && at < text.size() && (text[at] & 0xFC00) == 0xDC00) --at;
        Patch patch{at, 0, {}};
        if (random() % 4 == 0 && at < text.size())
            patch.removed = (text[at] & 0xFC00) == 0xD800 ? 2 : 1;
        else
            patch.inserted = words[random() % words.size()];
        text.replace(patch.position, patch.removed, patch.inserted);
        at += patch.inserted.size();
        trace.patches.push_back(patch);
    }
    trace.end = toUtf8(text);
    return trace;
}

// `field`: patchesUtf16, or patches in code points, which are units where the trace has no pairs.
Trace sequentialTrace(const char* name, const char* field) {
    const json data = testData(name);
    if (data.is_null()) return generatedTrace(5000);
    Trace trace;
    trace.end = data["end"];
    std::u16string text;
    const bool scalars = data["astral"].get<bool>() && std::string(field) == "patches";
    for (const json& p : data[field]) {
        Patch patch = patchOf(p);
        if (scalars) {
            const std::size_t end = unitOf(text, patch.position + patch.removed);
            patch.position = unitOf(text, patch.position);
            patch.removed = end - patch.position;
            text.replace(patch.position, patch.removed, patch.inserted);
        }
        trace.patches.push_back(patch);
    }
    return trace;
}

// Concurrent editing of the same shape, against the naive model's scan.
void generatedHistories(std::uint64_t first) {
    for (std::uint64_t seed = first; seed < first + 100; ++seed)
        if (const auto bad = History(seed).run()) QFAIL(bad->c_str());
}

// ---- conformance-fuguemax: every inserted or deleted code point is a replica of its own ----

// Parents may lie inside of a transaction: what is behind them was not known.
std::vector<std::size_t> knownVersions(const json& txns, std::size_t n,
                                       const std::vector<std::size_t>& txn_of_version) {
    std::set<std::size_t> known;
    std::vector<std::size_t> open(txns[n]["parents"].begin(), txns[n]["parents"].end());
    while (!open.empty()) {
        const std::size_t version = open.back();
        open.pop_back();
        if (!known.insert(version).second) continue;
        const json& txn = txns[txn_of_version[version]];
        if (version > txn["span"][0].get<std::size_t>())
            open.push_back(version - 1);
        else
            for (const std::size_t parent : txn["parents"]) open.push_back(parent);
    }
    return {known.begin(), known.end()};
}

std::vector<Change> changesOf(const json& txns) {
    std::vector<std::size_t> txn_of_version;
    for (std::size_t n = 0; n < txns.size(); ++n)
        for (std::size_t v = txns[n]["span"][0]; v < txns[n]["span"][1]; ++v)
            txn_of_version.push_back(n);
    std::vector<Change> changes;
    for (std::size_t n = 0; n < txns.size(); ++n) {
        const json& txn = txns[n];
        Document doc;
        for (const std::size_t version : knownVersions(txns, n, txn_of_version))
            if (!doc.receive(changes[version])) return {};
        ReplicaId id = static_cast<ReplicaId>(txn["agent"].get<std::string>()[0]) << 32;
        id += txn["seqStart"].get<std::uint64_t>();
        const auto add = [&](const Patch& patch) {
            doc.setReplica(id++);
            changes.push_back(*write(doc, patch));
        };
        for (const json& op : txn["ops"]) {
            Patch all = patchOf(op);
            for (std::size_t i = 0; i < all.removed; ++i) add({all.position, 1, {}});
            for (std::size_t i = 0; i < all.inserted.size(); ++i)
                add({all.position + i, 0, all.inserted.substr(i, 1)});
        }
    }
    return changes;
}

std::string merged(const std::vector<Change>& changes) {
    Document doc;
    for (const Change& change : changes)
        if (!doc.receive(change)) return "refused";
    if (!doc.missing().empty()) return "waiting";
    if (const auto bad = doc.checkInvariants()) return *bad;
    return doc.textUtf8(kText);
}

}  // namespace

class TestTraces : public QObject {
    Q_OBJECT
 private slots:
    void orderIsThatOfTheFuguePaper() {
        const json data = testData("conformance-fuguemax");
        if (data.is_null()) return generatedHistories(60'001);
        int right = 0;
        for (const json& test_case : data["cases"]) {
            std::vector<Change> changes = changesOf(test_case["txns"]);
            const std::string want = test_case["endContent"];
            const bool forward = merged(changes) == want;
            std::reverse(changes.begin(), changes.end());
            right += forward && merged(changes) == want;
        }
        QCOMPARE(right, 500);
    }

    void sequentialTraceReachesItsEnd_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("field");
        QTest::newRow("automerge-paper") << "automerge-paper"
                                         << "patches";
        QTest::newRow("sveltecomponent") << "sveltecomponent"
                                         << "patches";
        QTest::newRow("json-crdt-patch") << "json-crdt-patch"
                                         << "patches";
        QTest::newRow("astral, code points") << "synthetic-astral"
                                             << "patches";
        QTest::newRow("astral, UTF-16") << "synthetic-astral"
                                        << "patchesUtf16";
    }

    void sequentialTraceReachesItsEnd() {
        QFETCH(QString, name);
        QFETCH(QString, field);
        const Trace trace = sequentialTrace(qPrintable(name), qPrintable(field));
        Document author(1);
        std::vector<Change> changes;
        std::u16string copy;  // kept up to date by events alone
        author.onEvent([&](const std::vector<crdt::Event>& events) {
            for (const crdt::TextSplice& s : events.at(0).splices)
                copy.replace(s.position, s.removed, s.inserted);
        });
        for (const Patch& patch : trace.patches) changes.push_back(*write(author, patch));
        QCOMPARE(author.textUtf8(kText), trace.end);
        QCOMPARE(toUtf8(copy), trace.end);
        QVERIFY(!author.checkInvariants());
        Document reader;
        QVERIFY(reader.receiveAll(changes).ok());
        QCOMPARE(reader.textUtf8(kText), trace.end);
    }

    void twoFriendsReachTheEnd() {
        const json data = testData("friendsforever");
        if (data.is_null()) return generatedHistories(70'001);
        Document docs[2] = {Document(1), Document(2)};
        std::vector<Change> changes;
        std::vector<std::size_t> sent[2];   // transactions of each
        std::size_t delivered[2] = {0, 0};  // of the other's
        for (const json& txn : data["txns"]) {
            const std::size_t me = txn[0];
            std::size_t newest = 0;
            for (const std::size_t parent : txn[1]) newest = std::max(newest, parent + 1);
            auto& others = sent[1 - me];
            for (std::size_t& i = delivered[me]; i < others.size() && others[i] < newest; ++i) {
                const auto in_past = isAncestor(data["txns"], others[i], txn[1]);
                if (!in_past) break;
                QVERIFY(docs[me].receive(changes[others[i]]).ok());
            }
            QCOMPARE(docs[me].heads().size(), txn[1].size());
            sent[me].push_back(changes.size());
            changes.push_back(*write(docs[me], patchOf(txn[2][0])));
        }
        QCOMPARE(merged(changes), data["end"].get<std::string>());
        std::reverse(changes.begin(), changes.end());
        QCOMPARE(merged(changes), data["end"].get<std::string>());
    }

 private:
    // Whether transaction `of` is among the ancestors of one with these parents. Two people: the
    // newest of the other's transactions that is reachable decides.
    static bool isAncestor(const json& txns, std::size_t of, const json& parents) {
        std::vector<std::size_t> open(parents.begin(), parents.end());
        std::set<std::size_t> seen;
        while (!open.empty()) {
            const std::size_t at = open.back();
            open.pop_back();
            if (at == of) return true;
            if (at < of || !seen.insert(at).second) continue;
            for (const std::size_t parent : txns[at][1]) open.push_back(parent);
        }
        return false;
    }
};

QTEST_GUILESS_MAIN(TestTraces)
#include "tst_traces.moc"
