// SPDX-License-Identifier: MIT
// The main job, as `./dev run` does it without a display: kimdb-demo by itself.
#include <QImage>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

class TstDemo : public QObject {
    Q_OBJECT
 private slots:
    void twoWindowsEndAlikeAndAreShown() {
        const QTemporaryDir folder;
        const QString screenshot = folder.filePath("shot.png");
        QProcess demo;
        demo.setProcessChannelMode(QProcess::MergedChannels);
        demo.start(QCoreApplication::applicationDirPath() + "/kimdb-demo",
                   {"--headless", "--port", "0", "--screenshot", screenshot});
        QVERIFY(demo.waitForFinished(150'000));
        const QString said = QString::fromUtf8(demo.readAll());
        QVERIFY2(demo.exitStatus() == QProcess::NormalExit && demo.exitCode() == 0,
                 qPrintable(said));
        QVERIFY2(said.contains("both windows show the same"), qPrintable(said));
        QVERIFY2(said.contains("relay started again"), qPrintable(said));
        const QImage image(screenshot);
        QVERIFY(image.width() > 800 && image.height() > 300);
    }

    void unusableFolderIsOneClearLine() {
        QProcess demo;
        demo.start(QCoreApplication::applicationDirPath() + "/kimdb-demo",
                   {"--headless", "--port", "0", "--data", "/proc/nowhere"});
        QVERIFY(demo.waitForFinished(60'000));
        QVERIFY(demo.exitCode() != 0);
        QVERIFY(demo.readAllStandardError().contains("/proc/nowhere"));
    }
};

QTEST_GUILESS_MAIN(TstDemo)
#include "tst_demo.moc"
