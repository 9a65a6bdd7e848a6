// SPDX-License-Identifier: MIT
#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QSignalSpy>
#include <cstdio>

#include "client/fixture.h"
#include "store/journal_format.h"
#include "support/patience.h"

using namespace kimdb;
using namespace kimdb::test;
using namespace Qt::StringLiterals;

namespace {

constexpr char kHolder[] = "--hold";

//! The other process: opens the folder, writes a word that is durable, says so and waits to be
//! ended.
int holdFolder(const QString& path, const QString& word) {
    auto database = Database::open(path);
    if (!database) {
        std::printf("error %d %s\n", int(database.error().code), database.error().message.c_str());
        return 1;
    }
    Text body = documentOf(**database)->text(u"body"_s);
    if (!body.insert(body.length(), word) || !(*database)->flush()) return 2;
    std::printf("holding\n");
    std::fflush(stdout);
    std::getchar();
    return 0;
}

//! A process that has the folder open.
class Holder {
 public:
    explicit Holder(const QString& path, const QString& word = u"held"_s) {
        m_process.start(QCoreApplication::applicationFilePath(),
                        {QLatin1String(kHolder), path, word});
        if (!m_process.waitForReadyRead(30'000)) qFatal("the other process does not start");
        m_line = m_process.readLine().trimmed();
    }
    ~Holder() { kill(); }
    const QByteArray& line() const { return m_line; }
    qint64 pid() const { return m_process.processId(); }
    void kill() {
        if (m_process.state() == QProcess::NotRunning) return;
        m_process.kill();
        m_process.waitForFinished();
    }
    void end() {
        m_process.write("\n");
        m_process.waitForFinished();
    }

 private:
    QProcess m_process;
    QByteArray m_line;
};

//! Flips a byte in the last record of the journal: what a power cut makes of an unfinished one.
bool tearJournal(const QString& path) {
    const QDir folder(path + u"/journal"_s);
    QStringList segments = folder.entryList(QDir::Files, QDir::Name);
    while (!segments.isEmpty()) {
        QFile file(folder.filePath(segments.takeLast()));
        if (!file.open(QIODevice::ReadWrite)) return false;
        const QByteArray content = file.readAll();
        qsizetype group = content.size() / qsizetype(store::kBlockBytes) * store::kBlockBytes;
        while (group >= 0 && content.mid(group, 8) != "KIMDBGRP") group -= store::kBlockBytes;
        if (group < 0) continue;
        const qsizetype at = group + store::kGroupHeaderBytes + store::kRecordHeaderBytes;
        file.seek(at);
        return file.putChar(static_cast<char>(~content[at]));
    }
    return false;
}

}  // namespace

class tst_database : public QObject {
    Q_OBJECT

 private slots:
    void editsSurviveARestart();
    void editsSurviveAKill();
    void sameDocumentForTheSameId();
    void documentsAreListed();
    void createDocumentRefusesWhatExists();
    void idsOutsideTheAllowedForm_data();
    void idsOutsideTheAllowedForm();
    void secondProcessIsToldWhoIsBusy();
    void secondOpenInOneProcessIsBusy();
    void pathThatIsNoFolder();
    void otherShardCountIsRefused();
    void damagedTailIsCut();
    void flushMakesSaved();
    void addressesThatAreNoRelay_data();
    void addressesThatAreNoRelay();
    void offlineWithoutARelay();
};

void tst_database::editsSurviveARestart() {
    Folder folder;
    {
        auto database = folder.open();
        Document* document = documentOf(*database);
        KIMDB_VERIFY_OK(document->update({{u"title"_s, u"Notes"_s}, {u"n"_s, 3}}));
        KIMDB_VERIFY_OK(document->text(u"body"_s).insert(0, u"한국어 🎈"_s));
        KIMDB_VERIFY_OK(document->root().counter(u"likes"_s).increment(5));
    }
    for (int round = 0; round < 2; ++round) {
        auto database = folder.open();
        QSignalSpy changed(documentOf(*database), &Document::changed);
        QCOMPARE(documentOf(*database)->toVariantMap(), (QVariantMap{{u"title"_s, u"Notes"_s},
                                                                     {u"n"_s, qint64{3}},
                                                                     {u"body"_s, u"한국어 🎈"_s},
                                                                     {u"likes"_s, qint64{5}}}));
        QCOMPARE(changed.count(), 0);
        // The update, and making and filling each of the two containers.
        QCOMPARE(documentOf(*database)->syncStatus()->queued(), 5);
    }
}

void tst_database::editsSurviveAKill() {
    Folder folder;
    for (int i = 1; i <= 3; ++i) {
        Holder holder(folder.path(), u"w"_s);
        QCOMPARE(holder.line(), "holding");
        holder.kill();
    }
    auto database = folder.open();
    QCOMPARE(documentOf(*database)->text(u"body"_s).toString(), u"www"_s);
}

void tst_database::sameDocumentForTheSameId() {
    Folder folder;
    auto database = folder.open();
    Document* first = documentOf(*database, u"plain"_s);
    QCOMPARE(documentOf(*database, u"default/plain"_s), first);
    QCOMPARE(first->id(), u"default/plain"_s);
    QCOMPARE(first->database(), database.get());
    QVERIFY(documentOf(*database, u"other/plain"_s) != first);
}

void tst_database::documentsAreListed() {
    Folder folder;
    auto database = folder.open();
    QCOMPARE(database->documents().value(), QStringList());
    for (const QString& id : {u"b/2"_s, u"a/1"_s, u"plain"_s})
        KIMDB_VERIFY_OK(documentOf(*database, id)->update({{u"x"_s, 1}}));
    const QStringList all{u"a/1"_s, u"b/2"_s, u"default/plain"_s};
    QCOMPARE(database->documents().value(), all);
    database.reset();
    database = folder.open();
    QCOMPARE(database->documents().value(), all);
}

void tst_database::createDocumentRefusesWhatExists() {
    Folder folder;
    {
        auto database = folder.open();
        auto made = database->createDocument(u"notes/new"_s);
        KIMDB_VERIFY_OK(made);
        KIMDB_VERIFY_OK((*made)->update({{u"x"_s, 1}}));
        KIMDB_COMPARE_ERROR(database->createDocument(u"notes/new"_s), ErrorCode::InvalidArgument);
        auto one = database->createDocument();
        auto two = database->createDocument();
        QVERIFY(one.ok() && two.ok());
        QVERIFY((*one)->id() != (*two)->id());
    }
    auto database = folder.open();
    KIMDB_COMPARE_ERROR(database->createDocument(u"notes/new"_s), ErrorCode::InvalidArgument);
}

void tst_database::idsOutsideTheAllowedForm_data() {
    QTest::addColumn<QString>("id");
    QTest::newRow("empty") << QString();
    QTest::newRow("space") << u"notes/a b"_s;
    QTest::newRow("korean") << u"메모/1"_s;
    QTest::newRow("two slashes") << u"a/b/c"_s;
    QTest::newRow("no id") << u"notes/"_s;
    QTest::newRow("no collection") << u"/x"_s;
    QTest::newRow("parent") << u"notes/.."_s;
    QTest::newRow("this") << u"./x"_s;
    QTest::newRow("reserved") << u"~meta/x"_s;
    QTest::newRow("129 letters") << QString(129, u'x');
    QTest::newRow("null character") << u"notes/a"_s + QChar(0);
    QTest::newRow("line feed") << u"notes/a\n"_s;
}

void tst_database::idsOutsideTheAllowedForm() {
    QFETCH(QString, id);
    Folder folder;
    auto database = folder.open();
    KIMDB_COMPARE_ERROR(database->document(id), ErrorCode::InvalidName);
    if (!id.isEmpty()) KIMDB_COMPARE_ERROR(database->createDocument(id), ErrorCode::InvalidName);
    QCOMPARE(database->documents().value(), QStringList());
}

void tst_database::secondProcessIsToldWhoIsBusy() {
    Folder folder;
    Holder holder(folder.path());
    QCOMPARE(holder.line(), "holding");
    auto second = Database::open(folder.path());
    QVERIFY(!second.ok());
    QCOMPARE(int(second.error().code), int(ErrorCode::DatabaseBusy));
    const QByteArray message = QByteArray::fromStdString(second.error().message);
    QVERIFY2(message.contains(QByteArray::number(holder.pid())), message.constData());
    holder.end();
    auto database = folder.open();
    QCOMPARE(documentOf(*database)->text(u"body"_s).toString(), u"held"_s);
    Holder late(folder.path());
    QVERIFY2(late.line().startsWith("error 43 "), late.line().constData());
}

void tst_database::secondOpenInOneProcessIsBusy() {
    Folder folder;
    auto database = folder.open();
    KIMDB_COMPARE_ERROR(Database::open(folder.path()), ErrorCode::DatabaseBusy);
    database.reset();
    KIMDB_VERIFY_OK(Database::open(folder.path()));
}

void tst_database::pathThatIsNoFolder() {
    Folder folder;
    QFile file(folder.path(u"file"_s));
    QVERIFY(file.open(QIODevice::WriteOnly));
    QVERIFY(!Database::open(folder.path(u"file"_s)).ok());
    QVERIFY(!Database::open(folder.path(u"file/below"_s)).ok());
    KIMDB_COMPARE_ERROR(Database::open(QString()), ErrorCode::InvalidArgument);
}

void tst_database::otherShardCountIsRefused() {
    Folder folder;
    { auto database = folder.open(u"db"_s, {.shard_count = 4}); }
    KIMDB_COMPARE_ERROR(Database::open(folder.path()), ErrorCode::ShardCountMismatch);
    KIMDB_VERIFY_OK(Database::open(folder.path(), {.shard_count = 4}));
    KIMDB_COMPARE_ERROR(Database::open(folder.path(u"new"_s), {.shard_count = 9}),
                        ErrorCode::InvalidArgument);
}

void tst_database::damagedTailIsCut() {
    Folder folder;
    { Holder(folder.path(), u"kept"_s).end(); }
    Holder holder(folder.path(), u" torn"_s);
    QCOMPARE(holder.line(), "holding");
    holder.kill();
    QVERIFY(tearJournal(folder.path()));
    auto database = folder.open();
    Text body = documentOf(*database)->text(u"body"_s);
    // The torn word is there only if a shard had it already.
    const QString text = body.toString();
    QVERIFY2(text == u"kept"_s || text == u"kept torn"_s, qPrintable(text));
    KIMDB_VERIFY_OK(body.insert(body.length(), u" again"_s));
    database.reset();
    database = folder.open();
    QCOMPARE(documentOf(*database)->text(u"body"_s).toString(), text + u" again"_s);
}

void tst_database::flushMakesSaved() {
    Folder folder;
    auto database = folder.open();
    Document* document = documentOf(*database);
    QCOMPARE(document->syncStatus()->state(), SyncStatus::State::Saved);
    KIMDB_VERIFY_OK(document->update({{u"a"_s, 1}}));
    QCOMPARE(document->syncStatus()->state(), SyncStatus::State::Saving);
    QCOMPARE(database->syncStatus()->state(), SyncStatus::State::Saving);
    QTRY_COMPARE(document->syncStatus()->state(), SyncStatus::State::Saved);
    QTRY_COMPARE(database->syncStatus()->state(), SyncStatus::State::Saved);
    KIMDB_VERIFY_OK(document->update({{u"a"_s, 2}}));
    KIMDB_VERIFY_OK(database->flush());
    QCOMPARE(document->syncStatus()->state(), SyncStatus::State::Saved);
    QCOMPARE(document->syncStatus()->text(), u"Saved"_s);
    QCOMPARE(document->syncStatus()->queued(), 2);
}

void tst_database::addressesThatAreNoRelay_data() {
    QTest::addColumn<QUrl>("url");
    QTest::newRow("empty") << QUrl();
    QTest::newRow("http") << QUrl(u"http://localhost:40000"_s);
    QTest::newRow("no host") << QUrl(u"ws:///x"_s);
    QTest::newRow("file") << QUrl::fromLocalFile(u"/tmp"_s);
}

void tst_database::addressesThatAreNoRelay() {
    QFETCH(QUrl, url);
    Folder folder;
    auto database = folder.open();
    const auto session = database->connectTo(url);
    QVERIFY(session.isFinished());
    KIMDB_COMPARE_ERROR(session.result(), ErrorCode::InvalidArgument);
}

void tst_database::offlineWithoutARelay() {
    Folder folder;
    auto database = folder.open();
    Document* document = documentOf(*database);
    // Port 1 of this machine: nobody listens there.
    const auto session = database->connectTo(QUrl(u"ws://127.0.0.1:1"_s));
    KIMDB_VERIFY_OK(document->update({{u"a"_s, 1}}));
    QTRY_COMPARE(document->syncStatus()->state(), SyncStatus::State::Offline);
    QCOMPARE(document->syncStatus()->text(), u"Offline, 1 change waiting"_s);
    QVERIFY(!database->syncStatus()->online());
    QTRY_VERIFY(!database->syncStatus()->lastError().isEmpty());
    QVERIFY(!session.isFinished());
    database->disconnectFromRelay();
    QVERIFY(session.isFinished());
    KIMDB_COMPARE_ERROR(session.result(), ErrorCode::Offline);
}

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    const QStringList arguments = app.arguments();
    if (arguments.value(1) == QLatin1String(kHolder))
        return holdFolder(arguments.value(2), arguments.value(3));
    tst_database test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_database.moc"
