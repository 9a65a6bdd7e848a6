// SPDX-License-Identifier: MIT
// kimdb-relay as its operators meet it: options, the line at the start, signals, exit codes.
#include <csignal>

#include <QProcess>
#include <QTcpServer>

#include "relay/socket_client.h"

using namespace kimdb;
using namespace kimdb::test;

namespace {

constexpr ReplicaId kAlice = 0xA11CE;
constexpr ReplicaId kBob = 0xB0B;

class Program : public QProcess {
 public:
    explicit Program(const QStringList& arguments, const QString& folder = {}) {
        if (!folder.isEmpty()) setWorkingDirectory(folder);
        start(KIMDB_RELAY_PROGRAM, arguments);
    }
    ~Program() override {
        kill();
        waitForFinished();
    }

    //! The first line on stdout.
    QString startLine() {
        (void)QTest::qWaitFor([this] { return canReadLine(); }, kPatience_ms);
        return QString::fromUtf8(readLine()).trimmed();
    }
    QUrl url() {
        static const QRegularExpression address("ws://[^, ]+");
        return address.match(startLine()).captured();
    }
    void gets(int signal) { ::kill(static_cast<pid_t>(processId()), signal); }
    bool ends() {
        return QTest::qWaitFor([this] { return state() == NotRunning; }, kPatience_ms);
    }
    QString complaint() { return QString::fromUtf8(readAllStandardError()); }
};

}  // namespace

class TestRelayProgram : public QObject {
    Q_OBJECT

    static void refuses(const QStringList& arguments, const QString& words, int code) {
        Program relay(arguments);
        QVERIFY(relay.ends());
        QCOMPARE(relay.exitStatus(), QProcess::NormalExit);
        QCOMPARE(relay.exitCode(), code);
        const QString complaint = relay.complaint();
        QVERIFY2(complaint.startsWith("kimdb-relay: "), qPrintable(complaint));
        QVERIFY2(complaint.contains(words), qPrintable(complaint));
        QCOMPARE(complaint.count('\n'), 1);
        QVERIFY(relay.readAllStandardOutput().isEmpty());
    }

 private slots:
    void oneLineSaysAddressAndFolder() {
        QTemporaryDir folder;
        Program relay({"--port", "0", "--data", folder.filePath("data")});
        const QString line = relay.startLine();
        const QRegularExpression expected(
            "^kimdb-relay \\d+\\.\\d+\\.\\d+ listening on ws://127\\.0\\.0\\.1:\\d+, data in " +
            QRegularExpression::escape(folder.filePath("data")) + '$');
        QVERIFY2(expected.match(line).hasMatch(), qPrintable(line));
    }

    void relativeFoldersAreShownWhole() {
        QTemporaryDir folder;
        Program relay({"--port", "0"}, folder.path());
        const QString line = relay.startLine();
        QVERIFY2(line.endsWith(QFileInfo(folder.path()).canonicalFilePath() + "/data"),
                 qPrintable(line));
    }

    void termEndsItCleanly_data() {
        QTest::addColumn<int>("signal");
        QTest::newRow("SIGTERM") << SIGTERM;
        QTest::newRow("SIGINT") << SIGINT;
    }

    void termEndsItCleanly() {
        QFETCH(int, signal);
        QTemporaryDir folder;
        Program relay({"--port", "0", "--storage", "sqlite:" + folder.filePath("data")});
        SocketClient alice(relay.url());
        QVERIFY(alice.greets(kAlice));
        relay.gets(signal);
        const auto error = alice.waitsFor<wire::ErrorRecord>();
        QVERIFY(error && error->code == 4100);
        QVERIFY(relay.ends());
        QCOMPARE(relay.exitStatus(), QProcess::NormalExit);
        QCOMPARE(relay.exitCode(), 0);
        QCOMPARE(relay.complaint(), QString());
    }

    void whatWasAcknowledgedSurvivesAKill() {
        QTemporaryDir folder;
        const QStringList arguments{"--port", "0", "--data", folder.filePath("data")};
        Author author(kAlice);
        for (int round = 1; round <= 3; ++round) {
            Program relay(arguments);
            SocketClient alice(relay.url());
            QVERIFY(alice.greets(kAlice));
            const auto notes = alice.joins("notes/1");
            QVERIFY(notes);
            alice.types(notes, author, std::to_string(round));
            const auto ack = alice.waitsFor<wire::Ack>();
            QVERIFY(ack && ack->counter == std::uint64_t(round));
            relay.kill();
            QVERIFY(relay.ends());
        }
        Program relay(arguments);
        SocketClient bob(relay.url());
        QVERIFY(bob.greets(kBob));
        QVERIFY(bob.joins("notes/1"));
        QCOMPARE(bob.texts, (std::vector<std::string>{"1", "2", "3"}));
    }

    void badOptionsAreOneLineAndCodeTwo_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QString>("words");
        QTest::newRow("unknown") << QStringList{"--prot", "1"} << "prot";
        QTest::newRow("no value") << QStringList{"--port"} << "port";
        QTest::newRow("no number") << QStringList{"--port", "http"} << "--port";
        QTest::newRow("large port") << QStringList{"--port", "65536"} << "--port";
        QTest::newRow("positional") << QStringList{"data"} << "data";
        QTest::newRow("twice") << QStringList{"--data", "a", "--storage", "sqlite:a"} << "--data";
    }

    void badOptionsAreOneLineAndCodeTwo() {
        QFETCH(QStringList, arguments);
        QFETCH(QString, words);
        refuses(arguments, words, 2);
    }

    void anUnknownStorageIsNamed() {
        refuses({"--port", "0", "--storage", "mysql://x"}, "sqlite:FOLDER", 1);
    }

    void aTakenPortIsNamed() {
        QTemporaryDir folder;
        QTcpServer other;
        QVERIFY(other.listen(QHostAddress::LocalHost));
        const QString port = QString::number(other.serverPort());
        refuses({"--port", port, "--data", folder.filePath("data")}, ":" + port + " is taken", 1);
        QVERIFY(!QFileInfo::exists(folder.filePath("data")));
    }

    void anAddressThatIsNotOursIsNamed() {
        QTemporaryDir folder;
        refuses({"--port", "0", "--listen", "some.host", "--data", folder.filePath("data")},
                "some.host", 1);
    }

    void aFolderThatCannotBeMadeIsNamed() {
        refuses({"--port", "0", "--data", "/proc/kimdb"}, "/proc/kimdb", 1);
    }

    void aFileInPlaceOfTheFolderIsNamed() {
        QTemporaryFile file;
        QVERIFY(file.open());
        refuses({"--port", "0", "--data", file.fileName()}, file.fileName(), 1);
    }

    void aBusyFolderNamesItsHolder() {
        QTemporaryDir folder;
        const QString data = folder.filePath("data");
        Program first({"--port", "0", "--data", data});
        QVERIFY(!first.startLine().isEmpty());
        refuses({"--port", "0", "--data", data}, QString::number(first.processId()), 1);
    }

    void aNewerFolderIsLeftUntouched() {
        QTemporaryDir folder;
        const QString data = folder.filePath("data");
        {
            Program relay({"--port", "0", "--data", data});
            QVERIFY(!relay.startLine().isEmpty());
            relay.gets(SIGTERM);
            QVERIFY(relay.ends());
        }
        QFile format(data + "/FORMAT");
        QVERIFY(format.open(QIODevice::ReadWrite));
        QByteArray text = format.readAll();
        const qsizetype at = text.indexOf("version ");
        QVERIFY(at >= 0);
        text[at + 8] = '9';
        format.seek(0);
        format.write(text);
        format.close();
        refuses({"--port", "0", "--data", data}, "newer", 1);
        QVERIFY(format.open(QIODevice::ReadOnly));
        QCOMPARE(format.readAll(), text);
    }

    void openListeningIsSaid() {
        QTemporaryDir folder;
        Program relay({"--port", "0", "--listen", "0.0.0.0", "--anonymous-from-anywhere", "--data",
                       folder.filePath("data")});
        QVERIFY(relay.startLine().contains("ws://0.0.0.0:"));
        QString said;
        const auto warned = [&] { return (said += relay.complaint()).contains("every client"); };
        QVERIFY(QTest::qWaitFor(warned, kPatience_ms));
    }

    void aRestoredFolderBeginsANewEpoch() {
        QTemporaryDir folder;
        const QStringList arguments{"--port", "0", "--data", folder.filePath("data")};
        const auto epochOf = [](const QStringList& all) {
            Program relay(all);
            SocketClient alice(relay.url());
            wire::Hello hello;
            hello.replica = kAlice;
            alice.says(hello);
            const auto welcome = alice.waitsFor<wire::Welcome>();
            return welcome ? welcome->epoch : Hash16{};
        };
        const Hash16 first = epochOf(arguments);
        QVERIFY(!first.isZero());
        QVERIFY(epochOf(arguments) == first);
        const Hash16 restored = epochOf(arguments + QStringList{"--restored"});
        QVERIFY(restored != first && !restored.isZero());
        QVERIFY(epochOf(arguments) == restored);
    }

    void helpAndVersionAreNotErrors() {
        for (const char* option : {"--help", "--version"}) {
            Program relay({option});
            QVERIFY(relay.ends());
            QCOMPARE(relay.exitCode(), 0);
            QVERIFY(relay.readAllStandardOutput().contains(
                option == QByteArray("--help") ? "--storage" : "kimdb-relay "));
        }
    }
};

QTEST_GUILESS_MAIN(TestRelayProgram)
#include "tst_relay_program.moc"
