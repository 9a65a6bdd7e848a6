// SPDX-License-Identifier: MIT
// Damaged bytes: whatever arrives is a value or a typed error; it takes no more memory than the
// format allows, and a change that counts as malformed changes nothing but its author's counters.
// The golden changes, byte by byte: tst_op_codec. Here: seeded damage of large ones.
// KIMDB_SEED repeats a run.
#include <QtTest>

#include <kimdb/crdt/document.h>
#include <kimdb/crdt/presence.h>

#include "core/clock.h"
#include "crdt/allocation.h"
#include "crdt/people.h"
#include "crdt/sample_changes.h"
#include "support/scale.h"

using namespace kimdb;
using namespace kimdb::test;
using crdt::Document;

namespace {

// What decoding may take: 16 times the input and 64 KiB (docs/CRDT.md).
std::size_t allowed(std::size_t input) {
    return 16 * input + (64 << 10);
}

std::size_t place(SeededRandom& random, std::size_t n) {
    return static_cast<std::size_t>(random.below(n));
}

// One to three wounds: a changed byte or bit, a cut, a hole, a piece twice or elsewhere, noise.
void damage(Bytes& bytes, SeededRandom& random) {
    for (std::uint64_t n = 1 + random.below(3); n > 0 && !bytes.empty(); --n) {
        const std::size_t at = place(random, bytes.size());
        const std::size_t length = std::min(bytes.size() - at, 1 + place(random, 40));
        switch (random.below(7)) {
            case 0:
                bytes[at] = static_cast<char>(random.next());
                break;
            case 1:
                bytes[at] = static_cast<char>(bytes[at] ^ 1 << random.below(8));
                break;
            case 2:
                bytes.resize(at);
                break;
            case 3:
                bytes.erase(at, length);
                break;
            case 4:
                bytes.insert(place(random, bytes.size()), Bytes(bytes, at, length));
                break;
            case 5:
                bytes.insert(at, random.bytes(length));
                break;
            default:
                for (std::size_t i = 0; i < length; ++i) bytes[at + i] = '\xFF';
        }
    }
}

std::uint64_t seed() {
    return qEnvironmentVariable("KIMDB_SEED", "1").toULongLong();
}
int rounds() {
    return static_cast<int>(scaled(10'000));
}

// How many got through the envelope, counted as malformed, and were taken as they were.
struct Outcome {
    int decoded = 0, void_ = 0, taken = 0;
};

// What a replica that knows all changes in front does with a damaged one.
QString receiveDamaged(const std::vector<Change>& all, std::size_t n, const Change& damaged,
                       Outcome& outcome) {
    Document doc;
    for (std::size_t i = 0; i < n; ++i) (void)doc.receive(all[i]);
    const Value before = doc.toValue();
    const auto version = doc.version();
    std::size_t events = 0;
    doc.onEvent([&](const std::vector<crdt::Event>& e) { events += e.size(); });
    const auto received = doc.receive(damaged);
    if (const auto bad = doc.checkInvariants()) return QString::fromStdString(*bad);
    const bool applied = received && *received == crdt::Received::Applied;
    const bool is_void = applied && !doc.reports().empty();
    outcome.void_ += is_void;
    outcome.taken += applied && !is_void;
    if (applied && !is_void) return {};
    if (doc.toValue() != before) return "what was not applied changed something";
    if (events > 0) return "what was not applied made an event";
    if (!applied && doc.version() != version) return "what was not applied moved the version";
    if (is_void && doc.head(damaged.replica) != damaged.last()) return "counters are missing";
    return {};
}

}  // namespace

class TestMalformed : public QObject {
    Q_OBJECT
 private slots:
    void damagedLargeChanges() {
        const std::vector<Change> all = largeChanges();
        std::vector<Bytes> encoded;
        std::size_t largest = 0;
        for (const Change& change : all) {
            encoded.push_back(encodeChange(change));
            largest = std::max(largest, encoded.back().size());
        }
        QVERIFY(largest > 4096);
        SeededRandom random(seed());
        Outcome outcome;
        for (int i = 0; i < rounds(); ++i) {
            const std::size_t n = place(random, all.size());
            Bytes bytes = encoded[n];
            if (random.below(2)) {
                damage(bytes, random);
            } else {  // behind an envelope that is whole
                Change wounded = all[n];
                damage(random.below(3) ? wounded.structure : wounded.content, random);
                if (!validateChange(wounded)) continue;
                bytes = encodeChange(wounded);
            }
            const QByteArray where =
                QString("KIMDB_SEED=%1 round %2: ").arg(seed()).arg(i).toUtf8();
            allocation::Peak peak;
            const auto change = decodeChange(bytes);
            if (change) (void)crdt::references(*change);
            QVERIFY2(peak.bytes() <= allowed(bytes.size()), where);
            if (!change) {
                QVERIFY2(change.error().code != ErrorCode::None, where);
                continue;
            }
            ++outcome.decoded;
            (void)crdt::containerUse(*change);
            (void)crdt::renamed(*change, change->replica, change->first, 12345);
            const QString bad = receiveDamaged(all, n, *change, outcome);
            QVERIFY2(bad.isEmpty(), where + qPrintable(bad));
        }
        qInfo("%d rounds: %d decoded, %d void, %d taken", rounds(), outcome.decoded, outcome.void_,
              outcome.taken);
        QVERIFY(outcome.decoded > rounds() / 10 && outcome.void_ > rounds() / 10);
        QVERIFY(outcome.taken > 0);
    }

    // The bytes of the operations alone, behind an envelope that is whole.
    void damagedOperations() {
        const std::vector<Change> all = sampleChanges(seed(), 60);
        SeededRandom random(seed());
        Outcome outcome;
        for (int i = 0; i < rounds(); ++i) {
            const std::size_t n = place(random, all.size());
            Change change = all[n];
            damage(random.below(4) ? change.structure : change.content, random);
            if (!validateChange(change)) continue;
            ++outcome.decoded;
            const QString bad = receiveDamaged(all, n, change, outcome);
            QVERIFY2(bad.isEmpty(),
                     qPrintable(QString("KIMDB_SEED=%1 round %2: %3").arg(seed()).arg(i).arg(bad)));
        }
        qInfo("%d valid envelopes, %d void, %d taken", outcome.decoded, outcome.void_,
              outcome.taken);
        QVERIFY(outcome.void_ > rounds() / 4 && outcome.taken > 0);
    }

    void damagedPresence() {
        SeededRandom random(seed());
        crdt::PresenceState state;
        state.name = "Ada";
        state.anchor = state.head =
            crdt::Cursor{crdt::Cursor::Anchor::Character, {9, 300}, crdt::Cursor::Side::After};
        state.custom["list"] = Value::Array{1, 2.5, "three", Value::Object{{"four", true}}};
        const Bytes whole = *state.encode();
        for (int i = 0; i < rounds(); ++i) {
            Bytes bytes = whole;
            damage(bytes, random);
            allocation::Peak peak;
            const auto read = crdt::PresenceState::decode(bytes);
            QVERIFY(peak.bytes() <= allowed(bytes.size()));
            if (read) QCOMPARE(*read->encode(), bytes);
        }
    }
};

QTEST_GUILESS_MAIN(TestMalformed)
#include "tst_malformed.moc"
