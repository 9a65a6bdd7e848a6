// SPDX-License-Identifier: MIT
#pragma once

#include <QSignalSpy>
#include <QUrl>
#include <memory>

#include <kimdb/relay/server.h>

namespace kimdb::test {

//! \brief A real relay in this process, on a free port that it keeps when it is stopped and
//! started.
class TestRelay {
 public:
    explicit TestRelay(QString folder) : m_folder(std::move(folder)) {}
    ~TestRelay() { stop(); }

    Result<> start() {
        m_server = std::make_unique<relay::Server>(
            relay::ServerOptions{.port = m_port, .storage = QStringLiteral("sqlite:") + m_folder});
        auto started = m_server->start();
        if (started) m_port = m_server->port();
        return started;
    }
    void stop() { m_server.reset(); }
    QUrl url() const { return QUrl(QStringLiteral("ws://127.0.0.1:%1").arg(m_port)); }
    //! What clients without a token may do with \a document from now on.
    Result<> setPermission(const QString& document, int bits) {
        return m_server->setPermission(QStringLiteral("anonymous"), document,
                                       static_cast<std::uint8_t>(bits));
    }

 private:
    QString m_folder;
    std::uint16_t m_port = 0;
    std::unique_ptr<relay::Server> m_server;
};

}  // namespace kimdb::test
