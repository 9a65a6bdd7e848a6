// SPDX-License-Identifier: MIT
// Random edits of random texts against the definition: both ways of carrying two edits over each
// other give the same text, and a difference applied to the old text gives the new one.
#include <QTest>
#include <random>

#include "qml/text_delta.h"

using kimdb::qml::TextDelta;

namespace {

constexpr int kRounds = 20'000;

class Random {
 public:
    explicit Random(unsigned seed) : m_engine(seed) {}

    qsizetype below(qsizetype bound) {
        return bound == 0 ? 0 : std::uniform_int_distribution<qsizetype>(0, bound - 1)(m_engine);
    }
    //! Few letters, so that runs repeat; some characters outside the basic plane.
    QString text(qsizetype characters) {
        QString result;
        for (qsizetype i = 0; i < characters; ++i) {
            if (below(6) == 0) {
                result += QString::fromUcs4(U"\U0001F642\U0001F680" + below(2), 1);
            } else {
                result += QChar(u'a' + char16_t(below(3)));
            }
        }
        return result;
    }
    TextDelta edit(qsizetype length) {
        TextDelta delta;
        for (qsizetype left = length; left > 0;) {
            const qsizetype step = 1 + below(left);
            switch (below(3)) {
                case 0:
                    delta.keep(step);
                    break;
                case 1:
                    delta.remove(step);
                    break;
                default:
                    delta.insert(text(1 + below(3)));
                    continue;
            }
            left -= step;
        }
        if (below(3) == 0) delta.insert(text(2));
        return delta;
    }

 private:
    std::mt19937 m_engine;
};

unsigned seedOfThisRun() {
    const QByteArray given = qgetenv("KIMDB_SEED");
    return given.isEmpty() ? std::random_device()() : given.toUInt();
}

}  // namespace

class PropertyTextDelta : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase() { qInfo("seed %u (replay with KIMDB_SEED)", m_seed); }

    void bothWaysMeet() {
        Random random(m_seed);
        for (int i = 0; i < kRounds; ++i) {
            const QString text = random.text(random.below(12));
            const TextDelta first = random.edit(text.size());
            const TextDelta second = random.edit(text.size());
            const auto [first_after, second_after] = TextDelta::transform(first, second);
            QCOMPARE(second_after.appliedTo(first.appliedTo(text)),
                     first_after.appliedTo(second.appliedTo(text)));
        }
    }

    void firstInsertionStandsLeft() {
        const TextDelta first = TextDelta::splice(1, 0, "A");
        const TextDelta second = TextDelta::splice(1, 0, "B");
        const auto [first_after, second_after] = TextDelta::transform(first, second);
        QCOMPARE(first_after.appliedTo(second.appliedTo("xy")), QStringLiteral("xABy"));
    }

    void differenceLeadsFromOldToNew() {
        Random random(m_seed + 1);
        for (int i = 0; i < kRounds; ++i) {
            const QString before = random.text(random.below(12));
            const QString after = random.text(random.below(12));
            const TextDelta delta = TextDelta::between(before, after);
            QCOMPARE(delta.appliedTo(before), after);
            QCOMPARE(delta.isEmpty(), before == after);
            for (const TextDelta::Splice& splice : delta.splices()) {
                QVERIFY(splice.inserted.isEmpty() || !splice.inserted.front().isLowSurrogate());
                QVERIFY(splice.inserted.isEmpty() || !splice.inserted.back().isHighSurrogate());
            }
        }
    }

    void differenceOfOneKeystrokeIsThatKeystroke() {
        const TextDelta delta = TextDelta::between(u"on the boat", u"on the big boat");
        QCOMPARE(delta.splices().size(), 1);
        QCOMPARE(delta.splices().first().inserted.size(), 4);
        QCOMPARE(delta.splices().first().removed, 0);
    }

 private:
    const unsigned m_seed = seedOfThisRun();
};

QTEST_APPLESS_MAIN(PropertyTextDelta)
#include "property_text_delta.moc"
