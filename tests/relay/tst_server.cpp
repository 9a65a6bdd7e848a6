// SPDX-License-Identifier: MIT
// The relay as a library, over real sockets and the real store.
#include <QTcpServer>
#include <QTcpSocket>

#include <kimdb/relay/server.h>

#include "core/limits.h"
#include "relay/socket_client.h"

using namespace kimdb;
using namespace kimdb::test;
using kimdb::relay::Server;

namespace {

constexpr ReplicaId kAlice = 0xA11CE;
constexpr ReplicaId kBob = 0xB0B;

//! A relay on a free port, with a folder of its own.
struct House {
    QTemporaryDir folder;
    std::unique_ptr<Server> server;

    House() { opens(); }
    void opens() {
        server = std::make_unique<Server>(
            relay::ServerOptions{.port = 0, .storage = "sqlite:" + folder.filePath("data")});
        const auto ok = server->start();
        if (!ok) QTest::qFail(ok.error().message.c_str(), __FILE__, __LINE__);
    }
    void closes() {
        QSignalSpy stopped(server.get(), &Server::stopped);
        server->stop();
        QTRY_COMPARE_WITH_TIMEOUT(stopped.size(), 1, kPatience_ms);
        server.reset();
    }
};

//! What the relay answers to raw bytes until it closes.
QByteArray answerTo(const Server& server, const QByteArray& request) {
    QTcpSocket socket;
    socket.connectToHost("127.0.0.1", server.port());
    const auto connected = [&] { return socket.state() == QTcpSocket::ConnectedState; };
    if (!QTest::qWaitFor(connected, kPatience_ms)) return {};
    socket.write(request);
    QByteArray answer;
    (void)QTest::qWaitFor(
        [&] {
            answer += socket.readAll();
            return socket.state() == QTcpSocket::UnconnectedState;
        },
        kPatience_ms);
    return answer + socket.readAll();
}

QByteArray upgrade(const QByteArray& headers) {
    return "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
           headers + "\r\n";
}

}  // namespace

class TestServer : public QObject {
    Q_OBJECT
 private slots:
    void aChangeTravelsFromOneClientToTheOther() {
        House house;
        SocketClient alice(house.server->url()), bob(house.server->url());
        QVERIFY(alice.isOpen());
        QCOMPARE(alice.subprotocol(), QString("kimdb.v1"));
        QVERIFY(alice.greets(kAlice) && bob.greets(kBob));
        const auto a = alice.joins("notes/1");
        const auto b = bob.joins("notes/1");
        QVERIFY(a && b);
        Author author(kAlice);
        alice.types(a, author, "hello");
        const auto ack = alice.waitsFor<wire::Ack>();
        QVERIFY(ack && ack->counter == 1 && (ack->flags & wire::kDurable));
        const auto ops = bob.waitsFor<wire::Ops>();
        QVERIFY(ops.has_value());
        bob.items(b, ops->batch);
        QCOMPARE(bob.texts, std::vector<std::string>{"hello"});
    }

    void aRestartOnTheSameFolderKeepsEverything() {
        House house;
        Author author(kAlice);
        {
            SocketClient alice(house.server->url());
            QVERIFY(alice.greets(kAlice));
            const auto a = alice.joins("notes/1");
            for (int i = 0; i < 100; ++i) alice.types(a, author, std::to_string(i));
            while (true) {
                const auto ack = alice.waitsFor<wire::Ack>();
                QVERIFY(ack.has_value());
                if (ack->counter == 8) break;
            }
        }
        house.closes();
        house.opens();
        SocketClient bob(house.server->url());
        QVERIFY(bob.greets(kBob));
        QVERIFY(bob.joins("notes/1"));
        QVERIFY(bob.texts.size() >= 8);
        for (std::size_t i = 0; i < bob.texts.size(); ++i)
            QCOMPARE(bob.texts[i], std::to_string(i));
    }

    void stoppingTellsClientsToComeBack() {
        House house;
        SocketClient alice(house.server->url());
        QVERIFY(alice.greets(kAlice));
        const auto a = alice.joins("notes/1");
        Author author(kAlice);
        alice.types(a, author, "last words");
        QVERIFY(alice.waitsFor<wire::Ack>().has_value());
        house.closes();
        const auto error = alice.waitsFor<wire::ErrorRecord>();
        QVERIFY(error.has_value());
        QCOMPARE(error->code, 4100);
        QVERIFY(alice.waitsForClose());
        QCOMPARE(alice.closeCode(), 4100);
    }

    void severalRelaysLiveInOneProcess() {
        House one, two;
        QVERIFY(one.server->port() != two.server->port());
        SocketClient alice(one.server->url()), bob(two.server->url());
        QVERIFY(alice.greets(kAlice) && bob.greets(kBob));
        const auto a = alice.joins("notes/1");
        Author author(kAlice);
        alice.types(a, author, "here only");
        QVERIFY(alice.waitsFor<wire::Ack>().has_value());
        QVERIFY(bob.joins("notes/1"));
        QVERIFY(bob.texts.empty());
    }

    void signalsTellWhoComesAndGoes() {
        House house;
        QSignalSpy came(house.server.get(), &Server::peerConnected);
        QSignalSpy went(house.server.get(), &Server::peerDisconnected);
        SocketClient alice(house.server->url());
        QTRY_COMPARE_WITH_TIMEOUT(came.size(), 1, kPatience_ms);
        alice.hangsUp();
        QTRY_COMPARE_WITH_TIMEOUT(went.size(), 1, kPatience_ms);
        QCOMPARE(went.first().first(), came.first().first());
    }

    void aTakenPortIsNamed() {
        House house;
        QTemporaryDir other;
        Server second(
            {.port = house.server->port(), .storage = "sqlite:" + other.filePath("data")});
        const auto ok = second.start();
        QVERIFY(!ok);
        QCOMPARE(ok.error().code, ErrorCode::AddressInUse);
        QVERIFY(!second.isRunning());
        QVERIFY(!QFileInfo::exists(other.filePath("data")));
    }

    void aFolderInUseIsBusy() {
        House house;
        Server second({.port = 0, .storage = "sqlite:" + house.folder.filePath("data")});
        const auto ok = second.start();
        QVERIFY(!ok);
        QCOMPARE(ok.error().code, ErrorCode::DatabaseBusy);
    }

    void otherStoragesAreRefused() {
        Server server({.port = 0, .storage = "postgres://somewhere"});
        const auto ok = server.start();
        QVERIFY(!ok);
        QCOMPARE(ok.error().code, ErrorCode::InvalidArgument);
    }

    void permissionsReachConnectedClients() {
        House house;
        SocketClient alice(house.server->url());
        QVERIFY(alice.greets(kAlice));
        const auto a = alice.joins("notes/1");
        QVERIFY(house.server->setPermission("anonymous", "notes/1", 0).ok());
        const auto perm = alice.waitsFor<wire::Perm>();
        QVERIFY(perm.has_value());
        QCOMPARE(perm->alias, a);
        QCOMPARE(perm->permissions, std::uint8_t{0});
    }

    void theCertificateKeyIsForTheRelayOnly() {
        House house;
        const QFileInfo key(house.folder.filePath("data/relay.key"));
        QCOMPARE(key.size(), 32);
        const auto others =
            QFile::ReadGroup | QFile::ReadOther | QFile::WriteGroup | QFile::WriteOther;
        QCOMPARE(key.permissions() & others, QFile::Permissions());
    }

    // ---- strangers ----

    void pagesOfOtherSitesGet403BeforeTheUpgrade() {
        House house;
        const QByteArray answer = answerTo(
            *house.server,
            upgrade("Origin: https://evil.example\r\nSec-WebSocket-Protocol: kimdb.v1\r\n"));
        QVERIFY2(answer.startsWith("HTTP/1.1 403 "), answer);
    }

    void theSubprotocolIsRequired() {
        House house;
        const QByteArray answer = answerTo(*house.server, upgrade(""));
        QVERIFY2(answer.startsWith("HTTP/1.1 400 "), answer);
        QVERIFY2(answer.contains("kimdb.v1"), answer);
    }

    void aLongHeadIsCutOff() {
        House house;
        const QByteArray filler("X-Filler: " + QByteArray(200'000, 'x') + "\r\n");
        const QByteArray answer = answerTo(*house.server, upgrade(filler));
        QVERIFY2(answer.isEmpty() || answer.startsWith("HTTP/1.1 431 "), answer.left(200));
        SocketClient alice(house.server->url());
        QVERIFY(alice.greets(kAlice));
    }

    void aHeadThatNeverEndsIsDropped() {
        House house;
        QElapsedTimer time;
        time.start();
        QCOMPARE(answerTo(*house.server, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"), QByteArray());
        QVERIFY(time.elapsed() >= 4'000);
    }

    void somethingElseThanHttpIsRefused() {
        House house;
        const QByteArray answer = answerTo(*house.server, "\x16\x03\x01 hello\r\n\r\n");
        QVERIFY2(answer.startsWith("HTTP/1.1 400 "), answer);
    }

    void anotherFirstRecordEndsTheSession() {
        House house;
        SocketClient alice(house.server->url());
        alice.says(wire::Ping{1});
        const auto error = alice.waitsFor<wire::ErrorRecord>();
        QVERIFY(error && error->code == 4001);
        QVERIFY(alice.waitsForClose());
        QCOMPARE(alice.closeCode(), 4001);
    }

    void aTextMessageEndsTheSession() {
        House house;
        SocketClient alice(house.server->url());
        QVERIFY(alice.greets(kAlice));
        alice.saysText("hello");
        const auto error = alice.waitsFor<wire::ErrorRecord>();
        QVERIFY(error && error->code == 4001);
        QVERIFY(alice.waitsForClose());
    }

    void anOversizedMessageEndsTheSessionAndNobodyElseNotices() {
        House house;
        SocketClient alice(house.server->url()), bob(house.server->url()),
            carol(house.server->url());
        QVERIFY(alice.greets(kAlice) && bob.greets(kBob));
        alice.saysBytes(Bytes(limits::kMessageBytesMax + 1, 'x'));
        const auto error = alice.waitsFor<wire::ErrorRecord>();
        QVERIFY(error && error->code == 4009);
        carol.saysBytes(Bytes(limits::kFirstMessageBytesMax + 1, 'x'));
        const auto first = carol.waitsFor<wire::ErrorRecord>();
        QVERIFY(first && first->code == 4009);
        bob.says(wire::Ping{7});
        const auto pong = bob.waitsFor<wire::Pong>();
        QVERIFY(pong && pong->nonce == 7);
    }

    void aFrameFarAboveTheLimitIsCutOffUnread() {
        House house;
        SocketClient alice(house.server->url());
        alice.saysBytes(Bytes(16 << 20, 'x'));
        QVERIFY(alice.waitsForClose());
        SocketClient bob(house.server->url());
        QVERIFY(bob.greets(kBob));
    }
};

QTEST_GUILESS_MAIN(TestServer)
#include "tst_server.moc"
