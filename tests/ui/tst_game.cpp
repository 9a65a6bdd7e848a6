// SPDX-License-Identifier: MIT
// The arena: its rules, and three bots over a relay that goes away and comes back.
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <kimdb/kimdb.h>
#include "examples/collab-editor/relay_process.h"
#include "examples/game-state/arena.h"
#include "examples/game-state/track.h"

using namespace kimdb;
using namespace std::chrono_literals;

class TstGame : public QObject {
    Q_OBJECT
 private slots:
    void itemsLieApartAndInside();
    void trackIsSmoothBetweenUpdates();
    void botsEndWithEqualScoresAfterARestart();

 private:
    static QJsonObject reportOf(QProcess& bot);
    int progressOf(QProcess& bot);

    QHash<QProcess*, QByteArray> m_said;
};

//! How many taken items the bot knew of when it last said so ("taken 12" on stderr).
int TstGame::progressOf(QProcess& bot) {
    QByteArray& said = m_said[&bot];
    said += bot.readAllStandardError();
    const QByteArray last = said.left(said.lastIndexOf('\n')).split('\n').last();
    return last.mid(int(qstrlen("taken "))).toInt();
}

void TstGame::itemsLieApartAndInside() {
    namespace arena = game::arena;
    for (int round = 0; round < 200; ++round) {
        for (int i = 0; i < arena::kItemsPerRound; ++i) {
            const QPointF at = arena::itemPosition(round, i);
            QVERIFY(at.x() > arena::kItemRadius && at.x() < arena::kWidth - arena::kItemRadius);
            QVERIFY(at.y() > arena::kItemRadius && at.y() < arena::kHeight - arena::kItemRadius);
            for (int j = 0; j < i; ++j) QVERIFY(arena::itemPosition(round, j) != at);
        }
    }
    QCOMPARE(arena::itemPosition(7, 3), arena::itemPosition(7, 3));
}

void TstGame::trackIsSmoothBetweenUpdates() {
    game::Track track;
    for (int i = 0; i <= 20; ++i) track.add({10.0 * i, 0}, 50ms * i);
    // 60 frames a second over the last known stretch: never backwards, never more than its share.
    qreal before = track.at(900ms).x();
    for (auto now = 916ms; now <= 1100ms; now += 16ms) {
        const qreal x = track.at(now).x();
        QVERIFY2(x >= before && x - before <= 10 * 16.0 / 50 + 0.01,
                 qPrintable(QString::number(x)));
        before = x;
    }
    QCOMPARE(track.at(10s), QPointF(200, 0));
}

QJsonObject TstGame::reportOf(QProcess& bot) {
    if (!bot.waitForFinished(120'000)) {
        bot.kill();
        bot.waitForFinished();
    }
    const QByteArray out = bot.readAllStandardOutput();
    if (bot.exitCode() != 0 || out.isEmpty())
        qWarning("%s", bot.readAllStandardError().constData());
    return QJsonDocument::fromJson(out).object();
}

void TstGame::botsEndWithEqualScoresAfterARestart() {
    const QTemporaryDir folder;
    editor::RelayProcess relay(folder.filePath("relay"), 0);
    const Result<> started = relay.start();
    QVERIFY2(started, started ? "" : started.error().message.c_str());

    // A spectator of ours sees when the game is under way.
    auto opened = Database::open(folder.filePath("spectator"));
    QVERIFY(opened);
    Database& database = **opened;
    Document* document = database.document("tests/arena").value();
    (void)database.connectTo(relay.url());

    constexpr int kBots = 3;
    constexpr int kItems = 64;
    std::vector<std::unique_ptr<QProcess>> bots;
    for (int i = 0; i < kBots; ++i) {
        bots.push_back(std::make_unique<QProcess>());
        bots.back()->start(
            QCoreApplication::applicationDirPath() + "/kimdb-game",
            {"--bot", "--db", folder.filePath(QStringLiteral("bot%1").arg(i)), "--url",
             relay.url().toString(), "--document", "tests/arena", "--name",
             QStringLiteral("Bot %1").arg(i), "--players", QString::number(kBots), "--until-items",
             QString::number(kItems), "--speed", "4", "--seed", QString::number(i)});
    }
    const auto taken = [&] { return document->root().map("taken").keys().size(); };
    QTRY_VERIFY_WITH_TIMEOUT(taken() >= 8, 60'000);
    QVERIFY(relay.stop());
    // Each bot goes on alone; they take the same items without knowing.
    for (const auto& bot : bots) {
        const int before = progressOf(*bot);
        QTRY_VERIFY_WITH_TIMEOUT(progressOf(*bot) >= before + 6, 60'000);
    }
    QVERIFY(relay.start());

    QJsonObject first;
    int lost = 0;
    for (const auto& bot : bots) {
        const QJsonObject report = reportOf(*bot);
        QVERIFY(!report.isEmpty());
        lost += report["lost"].toInt();
        if (first.isEmpty()) first = report;
        QCOMPARE(report["scores"].toObject(), first["scores"].toObject());
        QCOMPARE(report["items"].toInt(), first["items"].toInt());
    }
    int sum = 0;
    const QJsonObject scores = first["scores"].toObject();
    QCOMPARE(scores.size(), kBots);
    for (const auto& score : scores) sum += score.toInt();
    QCOMPARE(sum, first["items"].toInt());
    QVERIFY(first["items"].toInt() >= kItems);
    QVERIFY2(lost > 0, "no item was taken twice offline: the run did not test the merge");
}

QTEST_MAIN(TstGame)
#include "tst_game.moc"
