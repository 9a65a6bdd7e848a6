// SPDX-License-Identifier: MIT
// A shallow document takes in what its full twin takes in, and shows the same, or says that it
// cannot. KIMDB_SEED=N repeats one history.
#include <QtTest>

#include <kimdb/crdt/document_file.h>

#include <map>

#include "crdt/crowd.h"
#include "crdt/people.h"
#include "support/scale.h"

using namespace kimdb;
using crdt::Detail;
using crdt::Document;
using crdt::DocumentFile;
using crdt::VectorClock;
using test::Crowd;

namespace {

Document reopened(const Document& doc, const crdt::SaveOptions& options, ReplicaId self = 0) {
    auto file = DocumentFile::open(doc.save(options));
    if (!file) qFatal("%s", file.error().message.c_str());
    auto again = file->document(self);
    if (!again) qFatal("%s", again.error().message.c_str());
    return std::move(*again);
}

// What the author of each change knew.
class Pasts {
 public:
    VectorClock of(const Change& change) {
        VectorClock past = m_after[{change.replica, change.first - 1}];
        for (const OpId& dep : change.deps) past.merge(m_after[dep]);
        VectorClock after = past;
        after.include(change.lastId());
        m_after[change.lastId()] = after;
        return past;
    }

 private:
    std::map<OpId, VectorClock> m_after;
};

bool isPart(const VectorClock& root, const VectorClock& of) {
    return root.difference(of).empty();
}

}  // namespace

class PropertyShallow : public QObject {
    Q_OBJECT

    bool m_is_many = false;  // enough to expect that everything happened
    std::size_t m_taken = 0, m_refused = 0, m_undos_refused = 0;

    template <class F>
    void forEachCrowd(F&& f) {
        std::uint64_t first = 1;
        std::uint64_t count = test::scaled(150);
        if (qEnvironmentVariableIsSet("KIMDB_SEED")) {
            first = qEnvironmentVariable("KIMDB_SEED").toULongLong();
            count = 1;
        }
        for (std::uint64_t seed = first; seed < first + count; ++seed) {
            Crowd crowd(seed, 1 + seed % 5);
            f(crowd, 30 + seed % 60);
            if (!QTest::currentTestFailed()) continue;
            qWarning("KIMDB_SEED=%llu", static_cast<unsigned long long>(seed));
            return;
        }
        m_is_many = count >= 150;
    }

    // Gives both what comes after the root, as far as the shallow one takes it.
    void receiveRest(const Crowd& crowd, std::size_t root, Document& full, Document& shallow) {
        Pasts pasts;
        std::map<ReplicaId, std::uint64_t> refused;
        const auto isRefused = [&](OpId id) {
            const auto from = refused.find(id.replica);
            return from != refused.end() && id.counter >= from->second;
        };
        for (std::size_t i = 0; i < crowd.changes.size(); ++i) {
            const Change& change = crowd.changes[i];
            const VectorClock past = pasts.of(change);
            if (i < root) continue;
            bool needs_refused = isRefused({change.replica, change.first - 1});
            for (const OpId& dep : change.deps) needs_refused |= isRefused(dep);
            const auto received = shallow.receive(change);
            if (!received) {
                QCOMPARE(received.error().code, ErrorCode::TooOld);
                const bool knows = isPart(shallow.root(), past);
                // What a person writes names nothing that is gone; what it takes back may.
                QVERIFY2(needs_refused || !knows || crowd.reverts[i],
                         received.error().message.c_str());
                refused.try_emplace(change.replica, change.first);
                m_undos_refused += !needs_refused && knows;
                ++m_refused;
                continue;
            }
            QVERIFY(!needs_refused && isPart(shallow.root(), past));
            QCOMPARE(*received, crdt::Received::Applied);
            QVERIFY(full.receive(change).ok());
            ++m_taken;
            QVERIFY(shallow.toValue() == full.toValue());
            QVERIFY(shallow.spans(test::kText) == full.spans(test::kText));
            const auto bad = shallow.checkInvariants();
            QVERIFY2(!bad, bad ? bad->c_str() : "");
        }
        QCOMPARE(shallow.clock(), full.clock());
        QCOMPARE(shallow.heads(), full.heads());
    }

 private slots:
    void aShallowDocumentShowsLikeAFullOneOrRefuses() {
        m_taken = m_refused = m_undos_refused = 0;
        forEachCrowd([this](Crowd& crowd, std::size_t steps) {
            crowd.run(steps);
            if (crowd.below(4)) crowd.meet();
            const std::size_t root = crowd.changes.size();
            Document full;
            for (const Change& change : crowd.changes) QVERIFY(full.receive(change).ok());
            Document shallow = reopened(full, {Detail::Shallow, crowd.below(2) > 0});
            QCOMPARE(shallow.root(), full.clock());
            QVERIFY(shallow.toValue() == full.toValue());
            QVERIFY(shallow.spans(test::kText) == full.spans(test::kText));
            crowd.run(steps);
            receiveRest(crowd, root, full, shallow);
            // Equal versions are equal bytes, by whatever way they came to be shallow.
            QCOMPARE(shallow.save({Detail::Shallow, false}), full.save({Detail::Shallow, false}));
            // And what goes on from a root goes on from a file.
            const Document again = reopened(shallow, {});
            QCOMPARE(again.save({Detail::Full, false}), shallow.save({Detail::Full, false}));
            QCOMPARE(again.save({Detail::Shallow, false}), full.save({Detail::Shallow, false}));
            QVERIFY(again.toValue() == full.toValue());
            QCOMPARE(again.root(), shallow.root());
        });
        QVERIFY2(!m_is_many || (m_taken > 100 && m_refused > 100 && m_undos_refused > 10),
                 qPrintable(QString("%1 %2 %3").arg(m_taken).arg(m_refused).arg(m_undos_refused)));
    }

    // Changes that no honest author writes: what is not refused has the same effect.
    void strangeChangesAreRefusedOrShowLikeInAFullDocument() {
        std::size_t taken = 0, refused = 0;
        forEachCrowd([&](Crowd& crowd, std::size_t steps) {
            if (crowd.below(3)) return;  // a third of them will do
            crowd.run(steps);
            crowd.meet();
            const std::size_t root = crowd.changes.size();
            Document full;
            for (const Change& change : crowd.changes) QVERIFY(full.receive(change).ok());
            Document shallow = reopened(full, {Detail::Shallow, true});
            crowd.run(40);
            for (std::size_t i = root; i < crowd.changes.size(); ++i) {
                for (int n = 0; n < 3; ++n) {
                    Change strange = crowd.changes[i];
                    for (std::size_t k = 1 + crowd.below(2); k > 0; --k)
                        strange.structure[crowd.below(strange.structure.size())] =
                            static_cast<char>(crowd.below(2) ? crowd.below(8) : crowd.random());
                    Document one = reopened(shallow, {});
                    const auto received = one.receive(strange);
                    if (!received && received.error().code == ErrorCode::TooOld) {
                        ++refused;
                        continue;
                    }
                    Document other = reopened(full, {});
                    const auto wanted = other.receive(strange);
                    QCOMPARE(received.ok(), wanted.ok());
                    if (received) QCOMPARE(*received, *wanted);
                    QVERIFY(one.toValue() == other.toValue());
                    QVERIFY(one.spans(test::kText) == other.spans(test::kText));
                    QCOMPARE(one.reports().size(), other.reports().size());
                    taken += other.reports().empty();
                }
                if (shallow.receive(crowd.changes[i])) QVERIFY(full.receive(crowd.changes[i]).ok());
            }
        });
        QVERIFY2(!m_is_many || (taken > 100 && refused > 10),
                 qPrintable(QString("%1 %2").arg(taken).arg(refused)));
    }

    void equalVersionsAreEqualBytes() {
        forEachCrowd([](Crowd& crowd, std::size_t steps) {
            crowd.run(steps);
            Document doc, other;
            for (const Change& change : crowd.changes) QVERIFY(doc.receive(change).ok());
            std::shuffle(crowd.changes.begin(), crowd.changes.end(), crowd.random);
            for (const Change& change : crowd.changes) QVERIFY(other.receive(change).ok());
            QCOMPARE(other.save({Detail::Shallow, false}), doc.save({Detail::Shallow, false}));
        });
    }

    // Two roots, several files later: what people write in shallow documents is understood by all.
    void editsOfShallowDocumentsReachTheOthers() {
        forEachCrowd([](Crowd& crowd, std::size_t steps) {
            crowd.run(steps);
            Document full;
            for (const Change& change : crowd.changes) QVERIFY(full.receive(change).ok());
            Document early = reopened(full, {Detail::Shallow, true}, 901);
            for (int round = 0; round < 3; ++round) {
                for (const Change& change : crowd.writes(early, 8))
                    QVERIFY(full.receive(change).ok());
                early = reopened(early, {}, 901);
                Document late = reopened(full, {Detail::Shallow, true}, 902);
                for (const Change& change : crowd.writes(late, 8)) {
                    QVERIFY(full.receive(change).ok());
                    QVERIFY(early.receive(change).ok());
                }
                QVERIFY(early.toValue() == full.toValue());
                QVERIFY(late.toValue() == full.toValue());
                QVERIFY(late.spans(test::kText) == full.spans(test::kText));
                QVERIFY(full.reports().empty());
                QVERIFY(early.reports().empty());
            }
        });
    }

    // In the middle of a session: what can still be undone is understood by a full replica.
    void whatAShallowDocumentUndoesOthersUndoToo() {
        forEachCrowd([](Crowd& crowd, std::size_t steps) {
            Document writer(903), reader;
            for (std::size_t i = 0; i < steps / 10; ++i) {
                for (const Change& change : crowd.writes(writer, 6))
                    QVERIFY(reader.receive(change).ok());
                QVERIFY(reader.toValue() == writer.toValue());
                QVERIFY(writer.makeShallow().ok());
                QVERIFY(reader.toValue() == writer.toValue());
                const auto bad = writer.checkInvariants();
                QVERIFY2(!bad, bad ? bad->c_str() : "");
            }
            while (writer.canUndo())
                if (const auto change = writer.undo(1)) QVERIFY(reader.receive(*change).ok());
            QVERIFY(reader.toValue() == writer.toValue());
            QVERIFY(reader.reports().empty());
        });
    }
};

QTEST_APPLESS_MAIN(PropertyShallow)
#include "property_shallow.moc"
