// SPDX-License-Identifier: MIT
// Clients and a relay in one process, over real sockets: what the
// status says and that nothing is lost.
#include <QDir>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSignalSpy>

#include "client/fixture.h"
#include "client/test_relay.h"
#include "core/change.h"
#include "support/patience.h"
#include "wire/records.h"

using namespace kimdb;
using namespace kimdb::test;
using namespace Qt::StringLiterals;
using State = SyncStatus::State;

namespace {

const QString kId = u"notes/first"_s;

bool copyFolder(const QString& from, const QString& to) {
    if (!QDir().mkpath(to)) return false;
    for (const QFileInfo& entry :
         QDir(from).entryInfoList(QDir::AllEntries | QDir::NoDotAndDotDot | QDir::Hidden)) {
        const QString target = to + u'/' + entry.fileName();
        const bool copied = entry.isDir() ? copyFolder(entry.filePath(), target)
                                          : QFile::copy(entry.filePath(), target);
        if (!copied) return false;
    }
    return true;
}

QString bodyOf(Document* document) {
    return document->text(u"body"_s).toString();
}

}  // namespace

#define WAIT_FOR(expression) QTRY_VERIFY_WITH_TIMEOUT(expression, 60'000)
#define WAIT_SYNCED(document) WAIT_FOR((document)->syncStatus()->state() == State::Synced)

class tst_sync_status : public QObject {
    Q_OBJECT

 private slots:
    void init() {
        m_folder = std::make_unique<Folder>();
        m_relay = std::make_unique<TestRelay>(m_folder->path(u"relay"_s));
        KIMDB_VERIFY_OK(m_relay->start());
    }
    void cleanup() {
        m_relay.reset();
        m_folder.reset();
    }

    void connectingTellsTheSession();
    void savingSavedSynced();
    void editsReachTheOtherDevice();
    void concurrentEditsMerge();
    void undoTakesOnlyOwnEdits();
    void offlineQueueDrains();
    void relayIsStoppedAndStarted();
    void restartedClientGoesOn();
    void laterClientGetsEverything();
    void bigCatchUpKeepsTheThreadResponsive();
    void readOnlyByPermission();
    void refusedChangesAreKept();
    void refusedChangesAreShownExportedAndRetried();
    void copiedFolderGetsANewReplica();
    void documentsMadeOnBothSidesMerge();
    void disconnectingKeepsEdits();
    void databaseClosedWhileConnected();

 private:
    std::unique_ptr<Database> openConnected(const QString& name) {
        auto database = m_folder->open(name);
        database->connectTo(m_relay->url());
        return database;
    }

    std::unique_ptr<Folder> m_folder;
    std::unique_ptr<TestRelay> m_relay;
};

void tst_sync_status::connectingTellsTheSession() {
    auto database = m_folder->open(u"a"_s);
    const auto session = database->connectTo(m_relay->url());
    WAIT_FOR(session.isFinished());
    KIMDB_VERIFY_OK(session.result());
    QCOMPARE(session.result()->user, u"anonymous"_s);
    QCOMPARE(session.result()->url, m_relay->url());
    QVERIFY(database->syncStatus()->online());
}

void tst_sync_status::savingSavedSynced() {
    auto database = openConnected(u"a"_s);
    Document* document = documentOf(*database);
    WAIT_SYNCED(document);
    QList<State> states;
    connect(document->syncStatus(), &SyncStatus::changed, this, [&] {
        const State state = document->syncStatus()->state();
        if (states.isEmpty() || states.last() != state) states.append(state);
    });
    KIMDB_VERIFY_OK(document->update({{u"a"_s, 1}}));
    QCOMPARE(document->syncStatus()->state(), State::Saving);
    QCOMPARE(document->syncStatus()->queued(), 1);
    WAIT_SYNCED(document);
    QCOMPARE(states, (QList<State>{State::Saving, State::Saved, State::Synced}));
    QCOMPARE(document->syncStatus()->queued(), 0);
    QCOMPARE(document->syncStatus()->text(), u"Synced"_s);
    WAIT_SYNCED(database);
}

void tst_sync_status::editsReachTheOtherDevice() {
    auto a = openConnected(u"a"_s);
    auto b = openConnected(u"b"_s);
    PlainCopy copy(documentOf(*b), documentOf(*b)->text(u"body"_s));
    QSignalSpy maps(documentOf(*b), &Document::mapChanged);
    KIMDB_VERIFY_OK(documentOf(*a)->text(u"body"_s).insert(0, u"한국어 🎈"_s));
    KIMDB_VERIFY_OK(documentOf(*a)->update({{u"title"_s, u"T"_s}}));
    WAIT_FOR(documentOf(*b)->root().contains(u"title"_s));
    QCOMPARE(bodyOf(documentOf(*b)), u"한국어 🎈"_s);
    QCOMPARE(copy.text(), u"한국어 🎈"_s);
    QVERIFY(maps.count() >= 1);
    QCOMPARE(maps.last().at(2).value<crdt::Origin>(), crdt::Origin::Remote);
    QVERIFY(!documentOf(*b)->undoManager()->canUndo());
}

void tst_sync_status::concurrentEditsMerge() {
    auto a = openConnected(u"a"_s);
    auto b = openConnected(u"b"_s);
    KIMDB_VERIFY_OK(documentOf(*a)->text(u"body"_s).insert(0, u"middle"_s));
    WAIT_FOR(bodyOf(documentOf(*b)) == u"middle"_s);
    a->disconnectFromRelay();
    b->disconnectFromRelay();
    KIMDB_VERIFY_OK(documentOf(*a)->text(u"body"_s).insert(0, u"left "_s));
    KIMDB_VERIFY_OK(documentOf(*b)->text(u"body"_s).insert(6, u" right"_s));
    KIMDB_VERIFY_OK(documentOf(*a)->root().counter(u"n"_s).increment(2));
    KIMDB_VERIFY_OK(documentOf(*b)->root().counter(u"n"_s).increment(3));
    a->connectTo(m_relay->url());
    b->connectTo(m_relay->url());
    for (Database* database : {a.get(), b.get()}) {
        WAIT_FOR(bodyOf(documentOf(*database)) == u"left middle right"_s);
        WAIT_FOR(documentOf(*database)->root().counter(u"n"_s).value() == 5);
    }
}

void tst_sync_status::undoTakesOnlyOwnEdits() {
    auto a = openConnected(u"a"_s);
    auto b = openConnected(u"b"_s);
    KIMDB_VERIFY_OK(documentOf(*a)->text(u"body"_s).insert(0, u"mine"_s));
    WAIT_FOR(bodyOf(documentOf(*b)) == u"mine"_s);
    KIMDB_VERIFY_OK(documentOf(*b)->text(u"body"_s).insert(2, u"YOURS"_s));
    WAIT_FOR(bodyOf(documentOf(*a)) == u"miYOURSne"_s);
    documentOf(*a)->undoManager()->undo();
    QCOMPARE(bodyOf(documentOf(*a)), u"YOURS"_s);
    WAIT_FOR(bodyOf(documentOf(*b)) == u"YOURS"_s);
    documentOf(*a)->undoManager()->redo();
    WAIT_FOR(bodyOf(documentOf(*b)) == u"miYOURSne"_s);
}

void tst_sync_status::offlineQueueDrains() {
    auto a = openConnected(u"a"_s);
    Document* document = documentOf(*a);
    WAIT_SYNCED(document);
    m_relay->stop();
    WAIT_FOR(document->syncStatus()->state() == State::Offline);
    QCOMPARE(document->syncStatus()->text(), u"Offline"_s);
    for (int i = 0; i < 12; ++i) KIMDB_VERIFY_OK(document->update({{u"n"_s, i}}));
    WAIT_FOR(document->syncStatus()->state() == State::Offline);
    QCOMPARE(document->syncStatus()->queued(), 12);
    QCOMPARE(document->syncStatus()->text(), u"Offline, 12 changes waiting"_s);
    KIMDB_VERIFY_OK(m_relay->start());
    WAIT_SYNCED(document);
    QCOMPARE(document->syncStatus()->queued(), 0);
    auto b = openConnected(u"b"_s);
    WAIT_FOR(documentOf(*b)->root().value(u"n"_s) == QVariant(qint64{11}));
}

void tst_sync_status::relayIsStoppedAndStarted() {
    auto a = openConnected(u"a"_s);
    auto b = openConnected(u"b"_s);
    QString expected;
    for (int round = 0; round < 3; ++round) {
        Document* writer = documentOf(round % 2 ? *b : *a);
        Document* reader = documentOf(round % 2 ? *a : *b);
        const QString word = u"%1 "_s.arg(round);
        KIMDB_VERIFY_OK(writer->text(u"body"_s).insert(writer->text(u"body"_s).length(), word));
        expected += word;
        WAIT_FOR(bodyOf(reader) == expected);
        WAIT_SYNCED(writer);
        m_relay->stop();
        KIMDB_VERIFY_OK(m_relay->start());
    }
    WAIT_SYNCED(documentOf(*a));
    WAIT_SYNCED(documentOf(*b));
}

void tst_sync_status::restartedClientGoesOn() {
    {
        auto a = m_folder->open(u"a"_s);
        KIMDB_VERIFY_OK(documentOf(*a)->text(u"body"_s).insert(0, u"offline"_s));
    }
    auto a = openConnected(u"a"_s);
    // The document is not opened: its queue goes out all the same.
    QCOMPARE(a->syncStatus()->queued(), 2);
    auto b = openConnected(u"b"_s);
    WAIT_FOR(bodyOf(documentOf(*b)) == u"offline"_s);
    WAIT_FOR(a->syncStatus()->queued() == 0);
}

void tst_sync_status::laterClientGetsEverything() {
    QString text;
    {
        auto a = openConnected(u"a"_s);
        Text body = documentOf(*a)->text(u"body"_s);
        for (int i = 0; i < 500; ++i)
            KIMDB_VERIFY_OK(body.insert(body.length() / 2, QString::number(i)));
        text = body.toString();
        WAIT_SYNCED(documentOf(*a));
    }
    auto b = openConnected(u"b"_s);
    PlainCopy copy(documentOf(*b), documentOf(*b)->text(u"body"_s));
    WAIT_SYNCED(documentOf(*b));
    WAIT_FOR(bodyOf(documentOf(*b)) == text);
    QCOMPARE(copy.text(), text);
}

void tst_sync_status::bigCatchUpKeepsTheThreadResponsive() {
    QString text;
    {
        auto a = openConnected(u"a"_s);
        Text body = documentOf(*a)->text(u"body"_s);
        for (int i = 0; i < 5000; ++i) KIMDB_VERIFY_OK(body.insert((i * 7919) % (i + 1), u"x"_s));
        text = body.toString();
        WAIT_SYNCED(documentOf(*a));
    }
    auto b = openConnected(u"b"_s);
    Document* document = documentOf(*b);
    QSignalSpy changed(document, &Document::changed);
    WAIT_FOR(bodyOf(document) == text);
    // Slices, not one blow; and not one signal per change either.
    QVERIFY2(changed.count() > 1 && changed.count() < 2500,
             qPrintable(QString::number(changed.count())));
}

void tst_sync_status::readOnlyByPermission() {
    auto a = openConnected(u"a"_s);
    Document* document = documentOf(*a);
    KIMDB_VERIFY_OK(document->update({{u"a"_s, 1}}));
    WAIT_SYNCED(document);
    QSignalSpy read_only(document, &Document::readOnlyChanged);
    KIMDB_VERIFY_OK(m_relay->setPermission(kId, wire::kRead));
    WAIT_FOR(document->readOnly());
    QCOMPARE(read_only.count(), 1);
    QCOMPARE(document->syncStatus()->state(), State::NotAllowed);
    QCOMPARE(document->syncStatus()->text(), u"Not allowed to edit"_s);
    KIMDB_COMPARE_ERROR(document->update({{u"a"_s, 2}}), ErrorCode::NotAllowed);
    KIMDB_COMPARE_ERROR(document->text(u"body"_s).insert(0, u"x"_s), ErrorCode::NotAllowed);
    bool called = false;
    KIMDB_COMPARE_ERROR(document->transaction([&] { called = true; }), ErrorCode::NotAllowed);
    QVERIFY(!called);
    document->undoManager()->undo();
    QCOMPARE(document->toVariantMap(), (QVariantMap{{u"a"_s, qint64{1}}}));

    KIMDB_VERIFY_OK(m_relay->setPermission(kId, wire::kRead | wire::kComment | wire::kWrite));
    WAIT_FOR(!document->readOnly());
    KIMDB_VERIFY_OK(document->update({{u"a"_s, 2}}));
    WAIT_SYNCED(document);
}

void tst_sync_status::refusedChangesAreKept() {
    auto a = openConnected(u"a"_s);
    Document* document = documentOf(*a);
    KIMDB_VERIFY_OK(document->update({{u"a"_s, u"accepted"_s}}));
    WAIT_SYNCED(document);
    a->disconnectFromRelay();
    KIMDB_VERIFY_OK(document->update({{u"a"_s, u"refused"_s}}));
    KIMDB_VERIFY_OK(m_relay->setPermission(kId, wire::kRead));
    QSignalSpy rejected(a.get(), &Database::rejected);
    QSignalSpy reloaded(document, &Document::reloaded);
    a->connectTo(m_relay->url());
    WAIT_FOR(rejected.count() == 1);
    QCOMPARE(rejected.first().at(0).toString(), kId);
    QCOMPARE(int(rejected.first().at(1).value<Error>().code), int(ErrorCode::NotAllowed));
    WAIT_FOR(document->syncStatus()->state() == State::NotAllowed);
    QVERIFY(reloaded.count() >= 1);
    QCOMPARE(document->root().value(u"a"_s), QVariant(u"accepted"_s));
    QCOMPARE(document->syncStatus()->rejected(), 1);
    QCOMPARE(a->syncStatus()->rejected(), 1);
    QVERIFY(!document->undoManager()->canUndo());
    a.reset();
    a = m_folder->open(u"a"_s);
    QCOMPARE(documentOf(*a)->syncStatus()->rejected(), 1);
    QCOMPARE(documentOf(*a)->root().value(u"a"_s), QVariant(u"accepted"_s));
}

void tst_sync_status::refusedChangesAreShownExportedAndRetried() {
    auto a = openConnected(u"a"_s);
    Document* document = documentOf(*a);
    KIMDB_VERIFY_OK(document->update({{u"a"_s, u"accepted"_s}}));
    WAIT_SYNCED(document);
    a->disconnectFromRelay();
    KIMDB_VERIFY_OK(document->update({{u"a"_s, u"refused"_s}}));
    KIMDB_VERIFY_OK(m_relay->setPermission(kId, wire::kRead));
    a->connectTo(m_relay->url());
    WAIT_FOR(document->syncStatus()->rejected() == 1);

    const auto listed = a->rejectedChanges(kId);
    QCOMPARE(listed->size(), 1);
    QCOMPARE(listed->first().document, kId);
    QCOMPARE(int(listed->first().reason.code), int(ErrorCode::NotAllowed));
    QCOMPARE(listed->first().text, u"a: \"refused\""_s);
    QVERIFY(a->rejectedChanges(u"notes/other"_s)->isEmpty());
    KIMDB_COMPARE_ERROR(a->rejectedChanges(u"no/such/name"_s), ErrorCode::InvalidName);
    const auto json = QJsonDocument::fromJson(*a->exportRejected()).object();
    QCOMPARE(json[QLatin1String("format")].toString(), u"kimdb-rejected/1"_s);
    const auto change = json[QLatin1String("changes")].toArray().first().toObject();
    QCOMPARE(change[QLatin1String("text")].toString(), u"a: \"refused\""_s);
    const auto raw = QByteArray::fromBase64(change[QLatin1String("change")].toString().toLatin1());
    QVERIFY(decodeChange({raw.constData(), std::size_t(raw.size())}).ok());
    KIMDB_COMPARE_ERROR(a->retryRejected(kId), ErrorCode::NotAllowed);

    KIMDB_VERIFY_OK(m_relay->setPermission(kId, wire::kRead | wire::kComment | wire::kWrite));
    WAIT_FOR(!document->readOnly());
    QCOMPARE(*a->retryRejected(kId), 1);
    WAIT_FOR(document->root().value(u"a"_s) == QVariant(u"refused"_s));
    WAIT_SYNCED(document);
    QCOMPARE(a->syncStatus()->rejected(), 0);
    KIMDB_COMPARE_ERROR(a->discardRejected(listed->first().id), ErrorCode::NotFound);
    auto b = openConnected(u"b"_s);
    WAIT_FOR(documentOf(*b)->root().value(u"a"_s) == QVariant(u"refused"_s));
}

void tst_sync_status::copiedFolderGetsANewReplica() {
    {
        auto a = openConnected(u"a"_s);
        KIMDB_VERIFY_OK(documentOf(*a)->text(u"body"_s).insert(0, u"base"_s));
        WAIT_SYNCED(documentOf(*a));
        a->disconnectFromRelay();
        KIMDB_VERIFY_OK(documentOf(*a)->text(u"body"_s).insert(4, u" queued"_s));
    }
    QVERIFY(copyFolder(m_folder->path(u"a"_s), m_folder->path(u"copy"_s)));
    auto a = m_folder->open(u"a"_s);
    auto copy = m_folder->open(u"copy"_s);
    KIMDB_VERIFY_OK(documentOf(*a)->text(u"body"_s).insert(11, u" original"_s));
    KIMDB_VERIFY_OK(documentOf(*copy)->text(u"body"_s).insert(0, u"copied "_s));
    a->connectTo(m_relay->url());
    copy->connectTo(m_relay->url());
    auto third = openConnected(u"third"_s);
    for (Database* database : {a.get(), copy.get(), third.get()}) {
        WAIT_FOR(bodyOf(documentOf(*database)) == u"copied base queued original"_s);
        WAIT_SYNCED(documentOf(*database));
        QCOMPARE(documentOf(*database)->syncStatus()->rejected(), 0);
    }
}

void tst_sync_status::documentsMadeOnBothSidesMerge() {
    auto a = m_folder->open(u"a"_s);
    auto b = m_folder->open(u"b"_s);
    KIMDB_VERIFY_OK(documentOf(*a)->text(u"body"_s).insert(0, u"A"_s));
    KIMDB_VERIFY_OK(documentOf(*b)->text(u"body"_s).insert(0, u"B"_s));
    a->connectTo(m_relay->url());
    b->connectTo(m_relay->url());
    WAIT_FOR(bodyOf(documentOf(*a)).size() == 2);
    WAIT_FOR(bodyOf(documentOf(*b)).size() == 2);
    QCOMPARE(bodyOf(documentOf(*a)), bodyOf(documentOf(*b)));
}

void tst_sync_status::disconnectingKeepsEdits() {
    auto a = openConnected(u"a"_s);
    Document* document = documentOf(*a);
    WAIT_SYNCED(document);
    a->disconnectFromRelay();
    QTRY_COMPARE(document->syncStatus()->state(), State::Offline);
    KIMDB_VERIFY_OK(document->update({{u"a"_s, 1}}));
    a->disconnectFromRelay();
    a->connectTo(m_relay->url());
    WAIT_SYNCED(document);
    QCOMPARE(document->syncStatus()->queued(), 0);
}

void tst_sync_status::databaseClosedWhileConnected() {
    for (int round = 0; round < 5; ++round) {
        auto a = openConnected(u"a"_s);
        if (round > 1) WAIT_FOR(a->syncStatus()->online());
        KIMDB_VERIFY_OK(documentOf(*a)->root().counter(u"n"_s).increment());
        if (round > 2) QCoreApplication::processEvents();
    }
    auto a = openConnected(u"a"_s);
    QCOMPARE(documentOf(*a)->root().counter(u"n"_s).value(), 5);
    WAIT_SYNCED(documentOf(*a));
    auto b = openConnected(u"b"_s);
    WAIT_FOR(documentOf(*b)->root().counter(u"n"_s).value() == 5);
}

QTEST_GUILESS_MAIN(tst_sync_status)
#include "tst_sync_status.moc"
