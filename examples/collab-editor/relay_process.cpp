// SPDX-License-Identifier: MIT
#include "relay_process.h"

#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QFileInfo>
#include <QRegularExpression>
#include <QTcpServer>
#include <chrono>
#ifdef Q_OS_LINUX
#include <signal.h>
#include <sys/prctl.h>
#endif

namespace kimdb::editor {
namespace {

using namespace std::chrono_literals;
constexpr auto kStartTime = 30s;  // a loaded machine, a long journal
constexpr auto kStopTime = 30s;

Error failure(ErrorCode code, const QString& message) {
    return {code, message.trimmed().toStdString()};
}

}  // namespace

RelayProcess::RelayProcess(QString folder, quint16 port)
    : m_folder(std::move(folder)), m_port(port) {
    m_process.setProcessChannelMode(QProcess::MergedChannels);
#ifdef Q_OS_LINUX
    m_process.setChildProcessModifier([] { prctl(PR_SET_PDEATHSIG, SIGTERM); });
#endif
}

RelayProcess::~RelayProcess() {
    (void)stop();
}

Result<> RelayProcess::start() {
    const QString program = QCoreApplication::applicationDirPath() + "/kimdb-relay";
    if (!QFileInfo(program).isExecutable()) {
        return failure(ErrorCode::NotFound, program + " is missing: build the target kimdb-relay.");
    }
    m_process.start(program, {"--port", QString::number(m_port), "--data", m_folder});
    static const QRegularExpression address(R"(ws://[^\s:/]+:(\d+))");
    QString said;
    const QDeadlineTimer deadline(kStartTime);
    while (!deadline.hasExpired()) {
        if (m_process.waitForReadyRead(100)) said += QString::fromUtf8(m_process.readAll());
        const QRegularExpressionMatch match = address.match(said);
        if (match.hasMatch() && said.contains('\n', Qt::CaseSensitive)) {
            m_port = match.captured(1).toUShort();
            m_greeting = said.trimmed();
            return {};
        }
        if (m_process.state() == QProcess::NotRunning) break;
    }
    said += QString::fromUtf8(m_process.readAll());
    return failure(isFree(m_port) ? ErrorCode::StorageFailed : ErrorCode::AddressInUse, said);
}

Result<> RelayProcess::stop() {
    if (m_process.state() == QProcess::NotRunning) return {};
    m_process.terminate();
    const bool ended = m_process.waitForFinished(int(std::chrono::milliseconds(kStopTime).count()));
    if (!ended) {
        m_process.kill();
        m_process.waitForFinished();
        return failure(ErrorCode::Timeout, "The relay did not end on SIGTERM.");
    }
    if (m_process.exitStatus() == QProcess::NormalExit && m_process.exitCode() == 0) return {};
    return failure(ErrorCode::StorageFailed,
                   QStringLiteral("The relay ended with code %1: ").arg(m_process.exitCode()) +
                       QString::fromUtf8(m_process.readAll()));
}

QUrl RelayProcess::url() const {
    QUrl url;
    url.setScheme("ws");
    url.setHost("localhost");
    url.setPort(m_port);
    return url;
}

bool RelayProcess::isFree(quint16 port) {
    if (port == 0) return true;
    QTcpServer probe;
    return probe.listen(QHostAddress::LocalHost, port);
}

}  // namespace kimdb::editor
