// SPDX-License-Identifier: MIT
// Against real servers on the loopback, and raw ones that behave badly.
#include <QCryptographicHash>
#include <QFile>
#include <QSignalSpy>
#include <QSslKey>
#include <QTcpServer>
#include <QTcpSocket>
#include <QWebSocket>
#include <QWebSocketServer>
#include <QtTest>

#include <memory>

#include "core/clock.h"
#include "core/limits.h"
#include "net/reconnector.h"
#include "net/web_socket_transport.h"
#include "support/patience.h"

using namespace kimdb;
using namespace kimdb::net;
using namespace std::chrono_literals;

namespace {

QByteArray certificateFile(const char* name) {
    QFile file(QStringLiteral(KIMDB_TEST_CERTIFICATES "/") + name);
    if (!file.open(QIODevice::ReadOnly)) qFatal("missing: %s", qPrintable(file.fileName()));
    return file.readAll();
}

// Echoes what it gets, on a free port.
class EchoServer : public QWebSocketServer {
    Q_OBJECT
 public:
    explicit EchoServer(const QStringList& subprotocols = {"kimdb.v1"},
                        SslMode mode = NonSecureMode)
        : QWebSocketServer("echo", mode) {
        setSupportedSubprotocols(subprotocols);
        if (mode == SecureMode) setSslConfiguration(tls());
        if (!listen(QHostAddress::LocalHost)) qFatal("cannot listen");
        connect(this, &QWebSocketServer::newConnection, this, &EchoServer::take);
    }

    QUrl url() const {
        const char* scheme = secureMode() == SecureMode ? "wss" : "ws";
        return QUrl(QString("%1://127.0.0.1:%2").arg(scheme).arg(serverPort()));
    }
    //! The newest connection.
    QWebSocket* peer() const { return m_peer; }
    int connections() const { return m_connections; }
    void abortNext(int count) { m_to_abort = count; }

 signals:
    void received(const QByteArray& message);
    void peerClosed(int code, const QString& reason);

 private:
    static QSslConfiguration tls() {
        QSslConfiguration tls;
        tls.setLocalCertificate(QSslCertificate(certificateFile("localhost.pem")));
        tls.setPrivateKey(QSslKey(certificateFile("localhost_key.pem"), QSsl::Ec));
        return tls;
    }

    void take() {
        m_peer = nextPendingConnection();
        m_peer->setParent(this);
        ++m_connections;
        QWebSocket* peer = m_peer;
        connect(peer, &QWebSocket::binaryMessageReceived, this, [this, peer](const QByteArray& m) {
            peer->sendBinaryMessage(m);
            emit received(m);
        });
        connect(peer, &QWebSocket::disconnected, this,
                [this, peer] { emit peerClosed(peer->closeCode(), peer->closeReason()); });
        if (m_to_abort > 0) {
            --m_to_abort;
            peer->abort();
        }
    }

    QWebSocket* m_peer = nullptr;
    int m_connections = 0;
    int m_to_abort = 0;
};

// Takes connections and says nothing; after a handshake, if asked for, it reads nothing either.
class BadServer : public QTcpServer {
    Q_OBJECT
 public:
    enum class Does { Nothing, Handshake, Http };

    explicit BadServer(Does what) : m_what(what) {
        if (!listen(QHostAddress::LocalHost)) qFatal("cannot listen");
        connect(this, &QTcpServer::newConnection, this, [this] {
            QTcpSocket* socket = nextPendingConnection();
            connect(socket, &QTcpSocket::readyRead, this, [this, socket] { answer(socket); });
        });
    }
    QUrl url() const { return QUrl(QString("ws://127.0.0.1:%1").arg(serverPort())); }

 private:
    void answer(QTcpSocket* socket) {
        if (m_what == Does::Nothing) return;
        m_head += socket->read(8192);
        if (!m_head.contains("\r\n\r\n")) return;
        if (m_what == Does::Http) {
            socket->write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        socket->disconnect(this);
        socket->setReadBufferSize(1);
        static const QRegularExpression key("Sec-WebSocket-Key: *([^\r]*)\r",
                                            QRegularExpression::CaseInsensitiveOption);
        const QByteArray token = key.match(QString::fromLatin1(m_head)).captured(1).toLatin1();
        const QByteArray accept =
            QCryptographicHash::hash(token + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                                     QCryptographicHash::Sha1)
                .toBase64();
        socket->write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Protocol: kimdb.v1\r\nSec-WebSocket-Accept: " +
            accept + "\r\n\r\n");
    }

    Does m_what;
    QByteArray m_head;
};

// A transport and what it has told.
struct Client {
    explicit Client(WebSocketTransport::Options options = {}) : transport(std::move(options)) {}

    void opens(const QUrl& url) {
        transport.open(url);
        QTRY_COMPARE(opened.count(), 1);
    }
    int code() const { return closed.value(0).value(0).toInt(); }
    QString reason() const { return closed.value(0).value(1).toString(); }

    WebSocketTransport transport;
    QSignalSpy opened{&transport, &Transport::opened};
    QSignalSpy received{&transport, &Transport::messageReceived};
    QSignalSpy closed{&transport, &Transport::closed};
};

WebSocketTransport::Options impatient() {
    WebSocketTransport::Options options;
    options.connect_wait_max = 50ms;
    options.close_wait_max = 50ms;
    return options;
}

}  // namespace

class TestWebSocketTransport : public QObject {
    Q_OBJECT
 private slots:
    void messagesGoThereAndBackInOrder() {
        EchoServer server;
        Client client;
        client.opens(server.url());
        QList<QByteArray> sent{"one", QByteArray("\0two", 4), "", QByteArray(300'000, 'x')};
        for (const QByteArray& message : sent) client.transport.send(message);
        QTRY_COMPARE(client.received.count(), sent.size());
        for (int i = 0; i < sent.size(); ++i)
            QCOMPARE(client.received[i][0].toByteArray(), sent[i]);
        QTRY_COMPARE(client.transport.bytesToWrite(), 0);
        QCOMPARE(client.closed.count(), 0);
    }

    void keystrokesDoNotWaitForEachOther() {
        EchoServer server;
        Client client;
        client.opens(server.url());
        const auto* tcp = client.transport.findChild<QTcpSocket*>();
        QVERIFY(tcp);
        QCOMPARE(const_cast<QTcpSocket*>(tcp)->socketOption(QAbstractSocket::LowDelayOption), 1);
    }

    void theServersCloseIsReported_data() {
        QTest::addColumn<int>("code");
        for (const int code : {1000, 1001, 4003, 4100}) QTest::addRow("%d", code) << code;
    }
    void theServersCloseIsReported() {
        QFETCH(int, code);
        EchoServer server;
        Client client;
        client.opens(server.url());
        QTRY_VERIFY(server.peer());
        server.peer()->close(static_cast<QWebSocketProtocol::CloseCode>(code), "because");
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), code);
        QCOMPARE(client.reason(), QString("because"));
    }

    void ownCloseIsReportedOnBothSides() {
        EchoServer server;
        QSignalSpy peerClosed(&server, &EchoServer::peerClosed);
        QSignalSpy got(&server, &EchoServer::received);
        Client client;
        client.opens(server.url());
        client.transport.send("last words");
        client.transport.close(4001, QString(200, QChar(0xE9)));  // longer than a frame may be
        client.transport.close(1000, "too late");
        client.transport.send("too late");
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), 4001);
        QTRY_COMPARE(peerClosed.count(), 1);
        QCOMPARE(peerClosed[0][0].toInt(), 4001);
        QCOMPARE(peerClosed[0][1].toString(), QString(61, QChar(0xE9)));
        QCOMPARE(got.count(), 1);
    }

    void aServerThatVanishesIsAbnormal() {
        EchoServer server;
        Client client;
        client.opens(server.url());
        QTRY_VERIFY(server.peer());
        server.peer()->abort();
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), Transport::kAbnormal);
        QVERIFY(!client.reason().isEmpty());
    }

    void aRefusedConnectionEndsOnce() {
        QUrl url;
        {
            EchoServer gone;
            url = gone.url();
        }
        Client client;
        client.transport.open(url);
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), Transport::kAbnormal);
        QVERIFY2(client.reason().contains("refused"), qPrintable(client.reason()));
        settle();
        QCOMPARE(client.closed.count(), 1);
        QCOMPARE(client.opened.count(), 0);
    }

    void uselessAddressesEnd_data() {
        QTest::addColumn<QString>("url");
        QTest::newRow("empty") << QString();
        QTest::newRow("scheme") << QString("http://127.0.0.1:1");
        QTest::newRow("host") << QString("ws://");
    }
    void uselessAddressesEnd() {
        QFETCH(QString, url);
        Client client;
        client.transport.open(QUrl(url));
        QCOMPARE(client.closed.count(), 0);  // not from inside open()
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), Transport::kAbnormal);
    }

    void anotherSubprotocolIsNoConnection_data() {
        QTest::addColumn<QStringList>("subprotocols");
        QTest::newRow("none") << QStringList();
        QTest::newRow("other") << QStringList("kimdb.v9");
    }
    void anotherSubprotocolIsNoConnection() {
        QFETCH(QStringList, subprotocols);
        EchoServer server(subprotocols);
        Client client;
        client.transport.open(server.url());
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), Transport::kProtocolError);
        QCOMPARE(client.opened.count(), 0);
    }

    void aMuteServerIsGivenUp() {
        BadServer server(BadServer::Does::Nothing);
        Client client(impatient());
        client.transport.open(server.url());
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), Transport::kAbnormal);
        QVERIFY2(client.reason().contains("in time"), qPrintable(client.reason()));
    }

    void aWebServerIsNoRelay() {
        BadServer server(BadServer::Does::Http);
        Client client;
        client.transport.open(server.url());
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), Transport::kAbnormal);
        QVERIFY(!client.reason().isEmpty());
        QCOMPARE(client.opened.count(), 0);
    }

    void aServerThatReadsNothingCannotHoldUpAClose() {
        BadServer server(BadServer::Does::Handshake);
        Client client(impatient());
        client.opens(server.url());
        for (int i = 0; i < 64; ++i) client.transport.send(QByteArray(1 << 20, 'x'));
        QVERIFY(client.transport.bytesToWrite() > 0);
        client.transport.close(1000, "enough");
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), 1000);
        QCOMPARE(client.transport.bytesToWrite(), 0);
    }

    void aMessageOfTheLargestSizeArrives() {
        EchoServer server;
        Client client;
        client.opens(server.url());
        QTRY_VERIFY(server.peer());
        server.peer()->sendBinaryMessage(QByteArray(limits::kMessageBytesMax, 'x'));
        QTRY_COMPARE(client.received.count(), 1);
        QCOMPARE(std::size_t(client.received[0][0].toByteArray().size()), limits::kMessageBytesMax);
    }

    void anOversizedMessageEndsTheConnection() {
        EchoServer server;
        Client client;
        client.opens(server.url());
        QTRY_VERIFY(server.peer());
        server.peer()->sendBinaryMessage(QByteArray(limits::kMessageBytesMax + 1, 'x'));
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), 1009);
        QCOMPARE(client.received.count(), 0);
    }

    void aTextMessageIsAProtocolError() {
        EchoServer server;
        Client client;
        client.opens(server.url());
        QTRY_VERIFY(server.peer());
        server.peer()->sendTextMessage("hello");
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), Transport::kProtocolError);
    }

    void theSameObjectOpensAgain() {
        EchoServer server;
        Client client;
        for (int round = 1; round <= 3; ++round) {
            client.transport.open(server.url());
            QTRY_COMPARE(client.opened.count(), round);
            client.transport.send("again");
            QTRY_COMPARE(client.received.count(), round);
            if (round == 2)
                server.peer()->abort();
            else
                client.transport.close(1000, "");
            QTRY_COMPARE(client.closed.count(), round);
        }
    }

    void openDropsWhatWasThere() {
        EchoServer first;
        EchoServer second;
        QSignalSpy firstClosed(&first, &EchoServer::peerClosed);
        Client client;
        client.opens(first.url());
        QTRY_VERIFY(first.peer());
        first.peer()->sendBinaryMessage("stale");
        client.transport.close(1000, "never told");
        client.transport.open(second.url());
        QTRY_COMPARE(client.opened.count(), 2);
        QTRY_COMPARE(firstClosed.count(), 1);
        client.transport.send("fresh");
        QTRY_COMPARE(client.received.count(), 1);
        QCOMPARE(client.received[0][0].toByteArray(), QByteArray("fresh"));
        QCOMPARE(client.closed.count(), 0);
    }

    void closeWhileConnectingEnds() {
        BadServer server(BadServer::Does::Nothing);
        Client client;
        client.transport.open(server.url());
        client.transport.close(1000, "changed my mind");
        QCOMPARE(client.closed.count(), 0);
        QTRY_COMPARE(client.closed.count(), 1);
        QCOMPARE(client.code(), 1000);
        client.transport.close(1000, "");
        client.transport.send("nobody hears");
        settle();
        QCOMPARE(client.closed.count(), 1);
    }

    void aDestroyedTransportHangsUp() {
        EchoServer server;
        QSignalSpy peerClosed(&server, &EchoServer::peerClosed);
        auto client = std::make_unique<Client>();
        client->opens(server.url());
        client.reset();
        QTRY_COMPARE(peerClosed.count(), 1);
    }

    void tlsNeedsATrustedCertificate() {
        EchoServer server({"kimdb.v1"}, QWebSocketServer::SecureMode);
        Client stranger;
        stranger.transport.open(server.url());
        QTRY_COMPARE(stranger.closed.count(), 1);
        QCOMPARE(stranger.code(), Transport::kAbnormal);
        QVERIFY(!stranger.reason().isEmpty());
        QCOMPARE(stranger.opened.count(), 0);

        WebSocketTransport::Options options;
        options.extra_authorities = {QSslCertificate(certificateFile("authority.pem"))};
        Client client(options);
        client.opens(server.url());
        client.transport.send("secret");
        QTRY_COMPARE(client.received.count(), 1);
    }

    void theReconnectorBringsItBack() {
        EchoServer server;
        server.abortNext(3);
        SeededRandom random(11);
        SystemClock clock;
        Reconnector reconnector(random, clock);
        Client client;
        connect(&client.transport, &Transport::closed, &reconnector, [&] {
            reconnector.schedule();
            reconnector.hurry();  // the waits themselves are tst_reconnector's
        });
        connect(&reconnector, &Reconnector::due, &client.transport,
                [&] { client.transport.open(server.url()); });
        client.transport.open(server.url());
        QTRY_COMPARE(server.connections(), 4);
        QTRY_COMPARE(client.closed.count(), 3);
        client.transport.send("back");
        QTRY_COMPARE(client.received.count(), 1);
    }

 private:
    // Lets everything that is already on its way happen.
    static void settle() {
        for (int i = 0; i < 20; ++i) QCoreApplication::processEvents();
    }
};

QTEST_GUILESS_MAIN(TestWebSocketTransport)
#include "tst_web_socket_transport.moc"
