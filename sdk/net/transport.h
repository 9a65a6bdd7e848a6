// SPDX-License-Identifier: MIT
#pragma once

#include <QByteArray>
#include <QObject>
#include <QString>
#include <QUrl>

namespace kimdb::net {

//! \brief Carries whole messages to one peer and back; what is in them is not its business.
//! Abstract, so that a test can stand between a client and the real one.
//! Thread: that of the object. Signals never come from inside open(), send() or close(). A slot
//! deletes the sender with deleteLater().
class Transport : public QObject {
    Q_OBJECT
 public:
    //! Reported by closed() for ends without a close frame (RFC 6455 §7.4.1, never on the wire).
    static constexpr int kAbnormal = 1006;
    //! Reported when the server does not speak our subprotocol, or sends what is no message.
    static constexpr int kProtocolError = 1002;

    using QObject::QObject;

    //! \brief Starts connecting; opened() or closed() follows. A connection that is still there is
    //! dropped, and nothing more is heard of it. May be called again after closed().
    virtual void open(const QUrl& url) = 0;
    //! \brief Queues a message. Ignored while not open: what must arrive is sent again by a higher
    //! layer anyway.
    virtual void send(const QByteArray& message) = 0;
    //! \brief Ends the connection after what was queued; closed() follows with this code and
    //! reason. Ignored while there is no connection.
    virtual void close(int code, const QString& reason) = 0;
    //! Bytes queued and not yet taken by the operating system.
    virtual qint64 bytesToWrite() const = 0;

 signals:
    void opened();
    void messageReceived(const QByteArray& message);
    //! \brief Exactly once per open() that was not dropped, whatever went wrong. \a code: of the
    //! peer's close frame or of our close(), else kAbnormal or kProtocolError. \a reason: for
    //! people.
    void closed(int code, const QString& reason);
};

}  // namespace kimdb::net
