// SPDX-License-Identifier: MIT
// Two people's recorded edits, replayed by two clients through a relay: every participant is a
// process of its own.
#include <unistd.h>
#include <QCoreApplication>
#include <QCryptographicHash>
#include <QElapsedTimer>
#include <QProcess>
#include <QSocketNotifier>
#include <QTemporaryDir>
#include <QTest>

#include "e2e/replaying_client.h"
#include "support/relay_process.h"

using namespace kimdb;
using namespace kimdb::test;
using namespace Qt::StringLiterals;

namespace {

constexpr char kClient[] = "--client";
constexpr int kPatienceMs = 240'000;

//! A replaying client in a process of its own.
class ClientProcess {
 public:
    explicit ClientProcess(const QString& folder) : m_folder(folder) {}
    ~ClientProcess() { kill(); }

    void start() {
        m_replica = 0;
        m_progress = 0;
        m_state.clear();
        m_process = std::make_unique<QProcess>();
        m_process->setProcessChannelMode(QProcess::ForwardedErrorChannel);
        QObject::connect(m_process.get(), &QProcess::readyRead, m_process.get(),
                         [this] { read(); });
        m_process->start(QCoreApplication::applicationFilePath(),
                         {QLatin1String(kClient), m_folder});
    }
    void tell(const QByteArray& command) { m_process->write(command + '\n'); }
    void kill() {
        if (!m_process) return;
        m_process->kill();
        m_process->waitForFinished();
        m_process.reset();
    }
    bool isRunning() const { return m_process && m_process->state() == QProcess::Running; }
    quint64 replica() const { return m_replica; }
    std::size_t progress() const { return m_progress; }
    //! MD5 of the text, sync state, queue length.
    const QByteArray& state() const { return m_state; }

 private:
    void read() {
        while (m_process->canReadLine()) {
            const QByteArray line = m_process->readLine().trimmed();
            const QByteArray rest = line.mid(line.indexOf(' ') + 1);
            if (line.startsWith("replica ")) m_replica = rest.toULongLong();
            if (line.startsWith("progress ")) m_progress = rest.toULongLong();
            if (line.startsWith("state ")) m_state = rest;
        }
    }

    QString m_folder;
    std::unique_ptr<QProcess> m_process;
    quint64 m_replica = 0;
    std::size_t m_progress = 0;
    QByteArray m_state;
};

int runClient(QCoreApplication& app, const QString& folder) {
    ReplayingClient client(folder);
    QSocketNotifier input(STDIN_FILENO, QSocketNotifier::Read);
    QByteArray pending;
    QObject::connect(&input, &QSocketNotifier::activated, &app, [&] {
        char piece[4096];
        const ssize_t n = ::read(STDIN_FILENO, piece, sizeof piece);
        if (n <= 0) return app.quit();  // the test is gone
        pending.append(piece, n);
        for (qsizetype end; (end = pending.indexOf('\n')) >= 0; pending.remove(0, end + 1))
            client.command(pending.left(end));
    });
    return app.exec();
}

}  // namespace

class tst_friends : public QObject {
    Q_OBJECT

 private slots:
    void everybodyEndsAtTheRecordedText();
};

void tst_friends::everybodyEndsAtTheRecordedText() {
    const Trace trace = friendsTrace();
    const std::size_t total = trace.authors[0].size() + trace.authors[1].size();
    qInfo("%s: %zu and %zu transactions", qPrintable(trace.name), trace.authors[0].size(),
          trace.authors[1].size());
    const QByteArray text_hash =
        QCryptographicHash::hash(trace.end.toUtf8(), QCryptographicHash::Md5).toHex();
    const QByteArray arrived = text_hash + " Synced 0";
    QElapsedTimer timer;
    timer.start();

    QTemporaryDir folder;
    RelayProcess relay(folder.filePath(u"relay"_s));
    QVERIFY2(relay.start(), relay.output().constData());
    ClientProcess mina(folder.filePath(u"mina"_s));
    ClientProcess jun(folder.filePath(u"jun"_s));
    ClientProcess late(folder.filePath(u"late"_s));

    // Where both wrote at one place, the trace has author 0 on the left: the lower replica id.
    mina.start();
    jun.start();
    QTRY_VERIFY_WITH_TIMEOUT(mina.replica() != 0 && jun.replica() != 0, kPatienceMs);
    const bool mina_is_first = mina.replica() < jun.replica();
    for (ClientProcess* client : {&mina, &jun}) client->tell("connect " + relay.url());
    mina.tell(mina_is_first ? "replay 0" : "replay 1");
    jun.tell(mina_is_first ? "replay 1" : "replay 0");

    const auto progress = [&] { return mina.progress() + jun.progress(); };
    QTRY_VERIFY_WITH_TIMEOUT(progress() > total / 3, kPatienceMs);
    for (ClientProcess* client : {&mina, &jun}) client->tell("cut");
    QTRY_VERIFY_WITH_TIMEOUT(progress() > total * 2 / 3, kPatienceMs);
    relay.kill();
    QVERIFY2(relay.start(), relay.output().constData());

    QTRY_COMPARE_WITH_TIMEOUT(mina.state(), arrived, kPatienceMs);
    QTRY_COMPARE_WITH_TIMEOUT(jun.state(), arrived, kPatienceMs);
    qInfo("replayed in %lld ms", timer.restart());

    late.start();
    late.tell("look on");
    late.tell("connect " + relay.url());
    QTRY_COMPARE_WITH_TIMEOUT(late.state(), arrived, kPatienceMs);
    qInfo("late joiner after %lld ms", timer.restart());

    relay.kill();
    for (ClientProcess* client : {&mina, &jun, &late}) client->kill();
    for (ClientProcess* client : {&mina, &jun, &late}) {
        client->start();
        client->tell("look on");
    }
    for (ClientProcess* client : {&mina, &jun, &late})
        QTRY_COMPARE_WITH_TIMEOUT(client->state(), text_hash + " Saved 0", kPatienceMs);
    QVERIFY2(relay.start(), relay.output().constData());
    for (ClientProcess* client : {&mina, &jun, &late}) client->tell("connect " + relay.url());
    for (ClientProcess* client : {&mina, &jun, &late})
        QTRY_COMPARE_WITH_TIMEOUT(client->state(), arrived, kPatienceMs);
    qInfo("all killed and started again: %lld ms", timer.elapsed());
}

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    const QStringList arguments = app.arguments();
    if (arguments.value(1) == QLatin1String(kClient)) return runClient(app, arguments.value(2));
    tst_friends test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_friends.moc"
