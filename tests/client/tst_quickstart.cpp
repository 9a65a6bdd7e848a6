// SPDX-License-Identifier: MIT
// The README's example against a relay without options: both on the address everybody starts with.
#include <QFile>
#include <QProcess>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>

using namespace Qt::StringLiterals;

class tst_quickstart : public QObject {
    Q_OBJECT

 private slots:
    void readmeShowsTheExample();
    void exampleSyncsThroughARelayWithoutOptions();
};

void tst_quickstart::readmeShowsTheExample() {
    QFile readme(QStringLiteral(KIMDB_SOURCE_DIR "/README.md"));
    QFile example(QStringLiteral(KIMDB_SOURCE_DIR "/examples/quickstart/main.cpp"));
    QVERIFY(example.open(QIODevice::ReadOnly));
    const QString source = QString::fromUtf8(example.readAll());
    const qsizetype body = source.mid(source.indexOf(u"int main")).count(u'\n') - 2;
    QVERIFY2(body <= 20, qPrintable(u"the body has %1 lines"_s.arg(body)));
    QVERIFY(readme.open(QIODevice::ReadOnly));
    const QString text = QString::fromUtf8(readme.readAll());
    QVERIFY2(text.contains(u"```cpp\n"_s + source + u"```"_s),
             "no ```cpp block of README.md is examples/quickstart/main.cpp");
}

void tst_quickstart::exampleSyncsThroughARelayWithoutOptions() {
    QTemporaryDir folder;
    QProcess relay;
    relay.setWorkingDirectory(folder.path());
    relay.setProcessChannelMode(QProcess::MergedChannels);
    relay.start(QStringLiteral(KIMDB_RELAY), QStringList());
    QVERIFY2(relay.waitForReadyRead(30'000), "the relay says nothing");
    const QByteArray started = relay.readAll();
    // A relay of somebody else on the port once took the example's words here and then went away:
    // ours said "taken", which has the port's number in it too.
    QVERIFY2(started.contains("listening on ws://127.0.0.1:40000"), started.constData());

    QByteArray output;
    for (const QString& device : {u"laptop"_s, u"phone"_s}) {
        QVERIFY(QDir(folder.path()).mkdir(device));
        QProcess example;
        example.setWorkingDirectory(folder.filePath(device));
        example.setProcessChannelMode(QProcess::MergedChannels);
        example.start(QStringLiteral(KIMDB_QUICKSTART), QStringList());
        QVERIFY(example.waitForFinished(30'000));
        output = example.readAll();
        QVERIFY2(example.exitStatus() == QProcess::NormalExit && example.exitCode() == 0,
                 output.constData());
        QVERIFY2(output.contains("\"Synced\""), output.constData());
    }
    // The second device has the first one's words too.
    QVERIFY2(output.trimmed().endsWith("\"Milk, eggs. Milk, eggs. \""), output.constData());

    relay.terminate();
    QVERIFY(relay.waitForFinished(30'000));
    QCOMPARE(relay.exitStatus(), QProcess::NormalExit);
    QCOMPARE(relay.exitCode(), 0);
    QVERIFY(QDir(folder.filePath(u"data"_s)).exists());
}

QTEST_GUILESS_MAIN(tst_quickstart)
#include "tst_quickstart.moc"
