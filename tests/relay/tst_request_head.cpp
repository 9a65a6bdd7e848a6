// SPDX-License-Identifier: MIT
// Who may begin a WebSocket, judged by the head of the request alone.
#include <QtTest>

#include "relay/request_head.h"

using namespace kimdb::relay;

namespace {

QByteArray head(const QByteArray& headers, const QByteArray& host = "localhost:40000") {
    return "GET / HTTP/1.1\r\nHost: " + host + "\r\n" + headers + "\r\n";
}

const QByteArray kUpgrade = "Upgrade: websocket\r\nSec-WebSocket-Protocol: kimdb.v1\r\n";

}  // namespace

class TestRequestHead : public QObject {
    Q_OBJECT
 private slots:
    void headsAreCompleteOrTooLong() {
        QCOMPARE(headState(""), HeadState::Incomplete);
        QCOMPARE(headState("GET / HTTP/1.1\r\nHost: x\r\n"), HeadState::Incomplete);
        QCOMPARE(headState("GET / HTTP/1.1\r\nHost: x\r\n\r\nmore"), HeadState::Complete);
        QCOMPARE(headState(QByteArray(kHeadBytesMax - 1, 'x')), HeadState::Incomplete);
        QCOMPARE(headState(QByteArray(kHeadBytesMax, 'x')), HeadState::TooLong);
        QCOMPARE(headState(QByteArray(kHeadBytesMax - 4, 'x') + "\r\n\r\n"), HeadState::Complete);
        QCOMPARE(headState(QByteArray(kHeadBytesMax, 'x') + "\r\n\r\n"), HeadState::TooLong);
    }

    void originsOnALoopbackListener_data() {
        QTest::addColumn<QByteArray>("host");
        QTest::addColumn<QByteArray>("origin");
        QTest::addColumn<int>("status");
        const auto row = [](const char* name, const char* host, const char* origin, int status) {
            QTest::newRow(name) << QByteArray(host) << QByteArray(origin) << status;
        };
        row("same host", "localhost:40000", "http://localhost:3000", 0);
        row("same address", "127.0.0.1:40000", "http://127.0.0.1", 0);
        row("same IPv6 address", "[::1]:40000", "http://[::1]:3000", 0);
        row("case", "LocalHost:40000", "http://localhost", 0);
        row("foreign", "localhost:40000", "https://evil.example", 403);
        row("foreign with our name in it", "localhost:40000", "https://localhost.evil.example",
            403);
        row("user info", "localhost:40000", "https://localhost@evil.example", 403);
        row("rebound name", "evil.example:40000", "http://evil.example:40000", 403);
        row("opaque", "localhost:40000", "null", 403);
        row("empty", "localhost:40000", "", 403);
        row("garbage", "localhost:40000", "%%%", 403);
    }

    void originsOnALoopbackListener() {
        QFETCH(QByteArray, host);
        QFETCH(QByteArray, origin);
        QFETCH(int, status);
        const auto refusal = refusalOf(head("Origin: " + origin + "\r\n" + kUpgrade, host), true);
        QCOMPARE(refusal ? refusal->status : 0, status);
    }

    void onAnOpenListenerTheSameHostIsEnough() {
        const QByteArray request =
            head("Origin: https://notes.example\r\n" + kUpgrade, "notes.example");
        QVERIFY(!refusalOf(request, false).has_value());
        QVERIFY(refusalOf(request, true).has_value());
    }

    void programsSendNoOrigin() { QVERIFY(!refusalOf(head(kUpgrade), true).has_value()); }

    void headerNamesAndListsAreReadLikeHttp() {
        const QByteArray headers =
            "UPGRADE: WebSocket\r\nsec-websocket-protocol: other, kimdb.v1\r\n";
        QVERIFY(!refusalOf(head(headers), true).has_value());
    }

    void theRestIsRefused_data() {
        QTest::addColumn<QByteArray>("request");
        QTest::addColumn<int>("status");
        QTest::newRow("no upgrade") << head("Sec-WebSocket-Protocol: kimdb.v1\r\n") << 426;
        QTest::newRow("no subprotocol") << head("Upgrade: websocket\r\n") << 400;
        QTest::newRow("another subprotocol")
            << head("Upgrade: websocket\r\nSec-WebSocket-Protocol: kimdb.v10\r\n") << 400;
        QTest::newRow("two origins")
            << head("Origin: http://localhost\r\nOrigin: http://localhost\r\n" + kUpgrade) << 400;
        QTest::newRow("two hosts") << head("Host: evil.example\r\n" + kUpgrade) << 400;
        QTest::newRow("POST") << "POST" + head(kUpgrade).mid(3) << 400;
        QTest::newRow("no host") << QByteArray("GET / HTTP/1.1\r\n" + kUpgrade + "\r\n") << 400;
    }

    void theRestIsRefused() {
        QFETCH(QByteArray, request);
        QFETCH(int, status);
        const auto refusal = refusalOf(request, true);
        QCOMPARE(refusal ? refusal->status : 0, status);
    }

    void aRefusalIsAWholeAnswer() {
        const QByteArray answer = HeadRefusal{403, "Forbidden", "No."}.toHttp();
        QVERIFY(answer.startsWith("HTTP/1.1 403 Forbidden\r\n"));
        QVERIFY(answer.contains("Content-Length: 4\r\n"));
        QVERIFY(answer.endsWith("\r\n\r\nNo.\n"));
    }
};

QTEST_APPLESS_MAIN(TestRequestHead)
#include "tst_request_head.moc"
