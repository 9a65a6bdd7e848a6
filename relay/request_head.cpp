// SPDX-License-Identifier: MIT
#include "relay/request_head.h"

#include <QHostAddress>
#include <QList>
#include <QUrl>

#include "wire/records.h"

namespace kimdb::relay {
namespace {

constexpr char kHeadEnd[] = "\r\n\r\n";

// Values of a header in the order they came; names are compared without case.
QList<QByteArray> valuesOf(const QByteArray& head, const QByteArray& name) {
    QList<QByteArray> values;
    for (const QByteArray& line : head.split('\n')) {
        const qsizetype colon = line.indexOf(':');
        if (colon > 0 && line.left(colon).compare(name, Qt::CaseInsensitive) == 0)
            values << line.mid(colon + 1).trimmed();
    }
    return values;
}

bool listNames(const QList<QByteArray>& values, const QByteArray& word) {
    for (const QByteArray& value : values)
        for (const QByteArray& item : value.split(','))
            if (item.trimmed().compare(word, Qt::CaseInsensitive) == 0) return true;
    return false;
}

bool isThisMachine(const QString& host) {
    return host == "localhost" || QHostAddress(host).isLoopback();
}

bool mayCome(const QByteArray& origin, const QByteArray& host, bool loopback_listener) {
    const QString site = QUrl(QString::fromLatin1(origin), QUrl::StrictMode).host();
    const QString ours = QUrl("ws://" + QString::fromLatin1(host), QUrl::StrictMode).host();
    if (site.isEmpty() || site != ours) return false;
    return !loopback_listener || isThisMachine(site);
}

}  // namespace

QByteArray HeadRefusal::toHttp() const {
    return "HTTP/1.1 " + QByteArray::number(status) + ' ' + reason +
           "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
           QByteArray::number(text.size() + 1) + "\r\nConnection: close\r\n\r\n" + text + '\n';
}

HeadState headState(const QByteArray& bytes) {
    const qsizetype end = bytes.indexOf(kHeadEnd);
    if (end >= 0 && end + 4 <= kHeadBytesMax) return HeadState::Complete;
    return bytes.size() >= kHeadBytesMax ? HeadState::TooLong : HeadState::Incomplete;
}

std::optional<HeadRefusal> refusalOf(const QByteArray& bytes, bool loopback_listener) {
    const QByteArray head = bytes.left(bytes.indexOf(kHeadEnd));
    const QList<QByteArray> hosts = valuesOf(head, "Host");
    const QList<QByteArray> origins = valuesOf(head, "Origin");
    if (!head.startsWith("GET ") || hosts.size() != 1 || origins.size() > 1)
        return HeadRefusal{400, "Bad Request", "This is a KimDB relay: it speaks WebSocket."};
    if (!origins.isEmpty() && !mayCome(origins.first(), hosts.first(), loopback_listener))
        return HeadRefusal{403, "Forbidden", "Pages of other sites may not connect to this relay."};
    if (!listNames(valuesOf(head, "Upgrade"), "websocket"))
        return HeadRefusal{426, "Upgrade Required", "This is a KimDB relay: it speaks WebSocket."};
    if (!listNames(valuesOf(head, "Sec-WebSocket-Protocol"), wire::kSubprotocol))
        return HeadRefusal{400, "Bad Request", "The subprotocol kimdb.v1 is required."};
    return {};
}

}  // namespace kimdb::relay
