// SPDX-License-Identifier: MIT
// Who comes in with a token and who does not, over real sockets; keys and tokens from the program.
#include <QProcess>

#include <csignal>

#include <kimdb/relay/server.h>

#include "relay/auth/signing_key.h"
#include "relay/socket_client.h"

using namespace kimdb;
using namespace kimdb::test;
using namespace kimdb::relay;

namespace {

constexpr ReplicaId kAnn = 0xA;

struct Answer {
    int code = 0;
    QString out, complaint;
};

Answer run(const QStringList& arguments) {
    QProcess program;
    program.start(KIMDB_RELAY_PROGRAM, arguments);
    if (!program.waitForFinished(kPatience_ms)) QTest::qFail("it does not end", __FILE__, __LINE__);
    return {program.exitCode(), QString::fromUtf8(program.readAllStandardOutput()).trimmed(),
            QString::fromUtf8(program.readAllStandardError())};
}

//! A relay with a key set, whose key is in our hands.
struct House {
    QTemporaryDir folder;
    SigningKey key = *SigningKey::generate(Algorithm::EdDSA, "first");
    std::unique_ptr<Server> server;

    House() {
        writes("keys.json", "{\"keys\":[" + key.publicJson() + "]}");
        writes("deny.txt", "");
        server = std::make_unique<Server>(ServerOptions{.port = 0,
                                                        .storage = "sqlite:" + path("data"),
                                                        .key_set = path("keys.json"),
                                                        .deny_list = path("deny.txt")});
        const auto ok = server->start();
        if (!ok) QTest::qFail(ok.error().message.c_str(), __FILE__, __LINE__);
    }
    QString path(const char* name) const { return folder.filePath(name); }
    void writes(const char* name, const std::string& text) const {
        QFile file(path(name));
        if (!file.open(QIODevice::WriteOnly) || file.write(text.c_str()) < 0)
            QTest::qFail("cannot write", __FILE__, __LINE__);
    }
    Bytes token(const std::string& user, const SigningKey& by) const {
        Identity who;
        who.user = user;
        who.token_id = "token of " + user;
        const std::int64_t now = QDateTime::currentMSecsSinceEpoch();
        who.expires_ms = now + 3'600'000;
        who.grants = {{{"notes/*", Role::Writer}}};
        return *by.mint(who, "kimdb", now);
    }
    //! A client that has said HELLO.
    std::unique_ptr<SocketClient> comes(const Bytes& token) const {
        auto client = std::make_unique<SocketClient>(server->url());
        if (!QTest::qWaitFor([&] { return client->isOpen(); }, kPatience_ms)) return client;
        wire::Hello hello;
        hello.replica = kAnn;
        hello.session = 1;
        hello.token = token;
        client->says(hello);
        return client;
    }
};

}  // namespace

class TestRelayTokens : public QObject {
    Q_OBJECT
 private slots:
    void aTokenLetsItsUserIn() {
        House house;
        const auto ann = house.comes(house.token("ann", house.key));
        const auto welcome = ann->waitsFor<wire::Welcome>();
        QVERIFY(welcome.has_value());
        QCOMPARE(welcome->user, std::string("ann"));
        const auto notes = ann->joins("notes/1");
        QVERIFY(notes != 0);
        Author author(kAnn);
        ann->types(notes, author, "hello");
        QVERIFY(ann->waitsFor<wire::Ack>().has_value());
    }

    void othersAreSentAwayAlike_data() {
        QTest::addColumn<QString>("who");
        for (const char* who : {"no token", "another key", "nonsense", "denied"})
            QTest::newRow(who) << who;
    }

    void othersAreSentAwayAlike() {
        QFETCH(QString, who);
        House house;
        QSignalSpy refused(house.server.get(), &Server::tokenRefused);
        Bytes token = "a.b.c";
        if (who == "no token") token.clear();
        if (who == "another key")
            token = house.token("ann", *SigningKey::generate(Algorithm::EdDSA, "first"));
        if (who == "denied") {
            house.writes("deny.txt", "user mallory\n");
            QVERIFY(house.server->reload().ok());
            token = house.token("mallory", house.key);
        }
        const auto client = house.comes(token);
        const auto error = client->waitsFor<wire::ErrorRecord>();
        QVERIFY(error.has_value());
        QCOMPARE(int(error->code), 4401);
        QCOMPARE(error->text, token.empty() ? std::string("this relay wants a token")
                                            : std::string("the token is not valid here"));
        QVERIFY(client->waitsForClose());
        QTRY_COMPARE_WITH_TIMEOUT(refused.size(), token.empty() ? 0 : 1, kPatience_ms);
        for (const auto& signal : refused) QVERIFY(!signal.at(0).toString().contains("mallory"));
    }

    void withoutAGrantADocumentIsNotThere() {
        House house;
        const auto ann = house.comes(house.token("ann", house.key));
        QVERIFY(ann->waitsFor<wire::Welcome>().has_value());
        wire::Sub sub;
        sub.alias = 2;
        sub.name = "secrets/1";
        ann->says(sub);
        const auto answer = ann->waitsFor<wire::SubOk>();
        QVERIFY(answer.has_value());
        QCOMPARE(answer->plan, wire::Plan::Denied);
        QCOMPARE(int(answer->permissions), 0);
    }

    void whoIsDeniedWhileConnectedIsSentAway() {
        House house;
        const auto ann = house.comes(house.token("ann", house.key));
        QVERIFY(ann->waitsFor<wire::Welcome>().has_value());
        house.writes("deny.txt", "token token of ann\n");
        QVERIFY(house.server->reload().ok());
        QVERIFY(ann->waitsForClose());
        QCOMPARE(ann->closeCode(), 4401);
    }

    void keysAreReplacedWhileItRuns() {
        House house;
        const auto ann = house.comes(house.token("ann", house.key));
        QVERIFY(ann->waitsFor<wire::Welcome>().has_value());
        const SigningKey second = *SigningKey::generate(Algorithm::ES256, "second");
        house.writes("keys.json", "{\"keys\":[" + second.publicJson() + "]}");
        QVERIFY(house.server->reload().ok());
        QVERIFY(ann->waitsForClose());
        const auto again = house.comes(house.token("ann", second));
        QVERIFY(again->waitsFor<wire::Welcome>().has_value());
    }

    void aBrokenFileChangesNothing() {
        House house;
        house.writes("keys.json", "{\"keys\":");
        const auto read = house.server->reload();
        QVERIFY(!read.ok());
        QVERIFY(read.error().message.find("keys.json") != std::string::npos);
        const auto ann = house.comes(house.token("ann", house.key));
        QVERIFY(ann->waitsFor<wire::Welcome>().has_value());
    }

    void aRelayWithABrokenKeySetDoesNotStart() {
        House house;
        house.writes("keys.json", "{}");
        Server other({.port = 0,
                      .storage = "sqlite:" + house.path("other"),
                      .key_set = house.path("keys.json")});
        QVERIFY(!other.start().ok());
        QVERIFY(!QFile::exists(house.path("other")));
    }

    // ---- the program ----

    void theProgramMakesKeysAndTokens() {
        QTemporaryDir folder;
        const QString key = folder.filePath("key.json"), set = folder.filePath("set.json");
        const Answer made = run({"token", "key", "--id", "2026", "--out", key});
        QCOMPARE(made.code, 0);
        QVERIFY(!made.out.contains("\"d\""));
        QCOMPARE(
            QFile::permissions(key) & (QFile::ReadGroup | QFile::ReadOther | QFile::WriteOther),
            QFile::Permissions());
        QFile file(set);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(made.out.toUtf8());
        file.close();
        QVERIFY(run({"token", "key", "--id", "2026", "--out", key}).code != 0);  // not over it

        const Answer minted =
            run({"token", "mint", "--key", key, "--user", "ann", "--grant", "notes/*=writer"});
        QCOMPARE(minted.code, 0);
        const Answer taken = run({"token", "inspect", minted.out, "--key-set", set});
        QCOMPARE(taken.code, 0);
        QVERIFY2(taken.out.endsWith("taken as ann"), qPrintable(taken.out));
        const Answer elsewhere =
            run({"token", "inspect", minted.out, "--key-set", set, "--audience", "other"});
        QCOMPARE(elsewhere.code, 1);
        QVERIFY(elsewhere.complaint.contains("audience"));
    }

    void theProgramNamesWhatItDoesNotUnderstand_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::newRow("nothing") << QStringList{"token"};
        QTest::newRow("another word") << QStringList{"token", "make"};
        QTest::newRow("alg") << QStringList{"token", "key",   "--id",  "a",
                                            "--alg", "RS256", "--out", "/nowhere/k"};
        QTest::newRow("deny list alone") << QStringList{"--deny-list", "x"};
        QTest::newRow("both") << QStringList{"--key-set", "x", "--anonymous-from-anywhere"};
    }

    void theProgramNamesWhatItDoesNotUnderstand() {
        QFETCH(QStringList, arguments);
        const Answer answer = run(arguments);
        QCOMPARE(answer.code, 2);
        QVERIFY(!answer.complaint.isEmpty());
    }

    void hangUpReadsTheKeysAgain() {
        House house;
        QProcess relay;
        relay.start(KIMDB_RELAY_PROGRAM, {"--port", "0", "--data", house.path("own"), "--key-set",
                                          house.path("keys.json")});
        QVERIFY(QTest::qWaitFor([&] { return relay.canReadLine(); }, kPatience_ms));
        ::kill(static_cast<pid_t>(relay.processId()), SIGHUP);
        QByteArray said;
        QVERIFY(QTest::qWaitFor(
            [&] {
                said += relay.readAllStandardError();
                return said.contains("read again");
            },
            kPatience_ms));
        relay.terminate();
        QVERIFY(relay.waitForFinished(kPatience_ms));
        QCOMPARE(relay.exitCode(), 0);
    }
};

QTEST_GUILESS_MAIN(TestRelayTokens)
#include "tst_relay_tokens.moc"
