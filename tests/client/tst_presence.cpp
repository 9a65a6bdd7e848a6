// SPDX-License-Identifier: MIT
#include <QSignalSpy>

#include "client/fixture.h"
#include "client/test_relay.h"
#include "support/patience.h"

using namespace kimdb;
using namespace kimdb::test;
using namespace Qt::StringLiterals;

#define WAIT_FOR(expression) QTRY_VERIFY_WITH_TIMEOUT(expression, 60'000)

class tst_presence : public QObject {
    Q_OBJECT

 private slots:
    void init() {
        m_folder = std::make_unique<Folder>();
        m_relay = std::make_unique<TestRelay>(m_folder->path(u"relay"_s));
        KIMDB_VERIFY_OK(m_relay->start());
        m_a = openConnected(u"a"_s);
        m_b = openConnected(u"b"_s);
        m_presence_a = documentOf(*m_a)->presence();
        m_presence_b = documentOf(*m_b)->presence();
    }
    void cleanup() {
        m_a.reset();
        m_b.reset();
        m_relay.reset();
        m_folder.reset();
    }

    void othersSeeNameColourAndCaret();
    void caretFollowsTheText();
    void colourComesFromTheName();
    void lastUpdateOfABurstArrives();
    void closingMeansLeaving();
    void losingTheRelayClearsOthers();
    void reconnectingAnnouncesAgain();
    void tooLargeCustomIsTold();

 private:
    std::unique_ptr<Database> openConnected(const QString& name) {
        auto database = m_folder->open(name);
        database->connectTo(m_relay->url());
        documentOf(*database);
        return database;
    }

    std::unique_ptr<Folder> m_folder;
    std::unique_ptr<TestRelay> m_relay;
    std::unique_ptr<Database> m_a;
    std::unique_ptr<Database> m_b;
    Presence* m_presence_a = nullptr;
    Presence* m_presence_b = nullptr;
};

void tst_presence::othersSeeNameColourAndCaret() {
    QSignalSpy joined(m_presence_b, &Presence::joined);
    Text body = documentOf(*m_a)->text(u"body"_s);
    KIMDB_VERIFY_OK(body.insert(0, u"one two"_s));
    m_presence_a->setName(u"민아"_s);
    m_presence_a->setColor(QColor(0x0B7285));
    const auto anchor = body.cursorAt(0);
    const auto head = body.cursorAt(3);
    m_presence_a->setSelection(anchor, head);
    m_presence_a->setCustom({{u"x"_s, 1.5}});
    WAIT_FOR(m_presence_b->others().size() == 1 &&
             !m_presence_b->others().first().custom.isEmpty());
    const Participant mina = m_presence_b->others().first();
    QCOMPARE(mina.name, u"민아"_s);
    QCOMPARE(mina.color, QColor(0x0B7285));
    QCOMPARE(mina.anchor, std::optional(anchor));
    QCOMPARE(mina.head, std::optional(head));
    QCOMPARE(mina.custom, (QVariantMap{{u"x"_s, 1.5}}));
    QCOMPARE(joined.count(), 1);
    QCOMPARE(joined.first().first().toULongLong(), mina.session);
    QVERIFY(m_presence_a->others().isEmpty());

    m_presence_a->clearSelection();
    WAIT_FOR(!m_presence_b->others().first().head);
}

void tst_presence::caretFollowsTheText() {
    Text here = documentOf(*m_a)->text(u"body"_s);
    Text there = documentOf(*m_b)->text(u"body"_s);
    KIMDB_VERIFY_OK(here.insert(0, u"one two"_s));
    WAIT_FOR(there.toString() == u"one two"_s);
    m_presence_a->setSelection(here.cursorAt(4), here.cursorAt(4));
    WAIT_FOR(m_presence_b->others().size() == 1);
    KIMDB_VERIFY_OK(there.insert(0, u">> "_s));
    QCOMPARE(there.resolve(*m_presence_b->others().first().head), std::optional<int>(7));
}

void tst_presence::colourComesFromTheName() {
    QSignalSpy self(m_presence_a, &Presence::selfChanged);
    m_presence_a->setName(u"Mina"_s);
    const QColor color = m_presence_a->color();
    QVERIFY(color.isValid());
    QCOMPARE(self.count(), 1);
    m_presence_a->setName(u"Mina"_s);
    QCOMPARE(self.count(), 1);
    WAIT_FOR(m_presence_b->others().size() == 1);
    QCOMPARE(m_presence_b->others().first().color, color);
    m_presence_b->setName(u"Mina"_s);
    QCOMPARE(m_presence_b->color(), color);
}

void tst_presence::lastUpdateOfABurstArrives() {
    QSignalSpy updated(m_presence_b, &Presence::updated);
    for (int i = 0; i < 1000; ++i) m_presence_a->setCustom({{u"i"_s, i}});
    WAIT_FOR(m_presence_b->others().size() == 1);
    WAIT_FOR(m_presence_b->others().first().custom[u"i"_s] == QVariant(qint64{999}));
    QVERIFY2(updated.count() < 20, "a burst is thinned out");
}

void tst_presence::closingMeansLeaving() {
    m_presence_a->setName(u"Mina"_s);
    WAIT_FOR(m_presence_b->others().size() == 1);
    QSignalSpy left(m_presence_b, &Presence::left);
    const quint64 session = m_presence_b->others().first().session;
    m_a.reset();
    QTRY_COMPARE_WITH_TIMEOUT(left.count(), 1, 30'000);
    QCOMPARE(left.first().first().toULongLong(), session);
    QVERIFY(m_presence_b->others().isEmpty());
}

void tst_presence::losingTheRelayClearsOthers() {
    m_presence_a->setName(u"Mina"_s);
    WAIT_FOR(m_presence_b->others().size() == 1);
    QSignalSpy left(m_presence_b, &Presence::left);
    m_relay->stop();
    WAIT_FOR(m_presence_b->others().isEmpty());
    QCOMPARE(left.count(), 1);
}

void tst_presence::reconnectingAnnouncesAgain() {
    m_presence_a->setName(u"Mina"_s);
    WAIT_FOR(m_presence_b->others().size() == 1);
    m_relay->stop();
    WAIT_FOR(m_presence_b->others().isEmpty());
    KIMDB_VERIFY_OK(m_relay->start());
    WAIT_FOR(m_presence_b->others().size() == 1);
    QCOMPARE(m_presence_b->others().first().name, u"Mina"_s);
}

void tst_presence::tooLargeCustomIsTold() {
    m_presence_a->setCustom({{u"blob"_s, QByteArray(5000, 'x')}});
    QTRY_VERIFY(!m_a->syncStatus()->lastError().isEmpty());
    m_presence_a->setCustom({{u"ok"_s, true}});
    WAIT_FOR(m_presence_b->others().size() == 1);
    QCOMPARE(m_presence_b->others().first().custom, (QVariantMap{{u"ok"_s, true}}));
}

QTEST_GUILESS_MAIN(tst_presence)
#include "tst_presence.moc"
