// SPDX-License-Identifier: MIT
#pragma once

#include <QProcess>
#include <QRegularExpression>
#include <QString>
#include <memory>

namespace kimdb::test {

//! \brief The relay as operators run it: a process with a data folder, on a free port that it keeps
//! over restarts.
class RelayProcess {
 public:
    explicit RelayProcess(QString folder) : m_folder(std::move(folder)) {}
    ~RelayProcess() { kill(); }

    //! Returns once it listens.
    bool start() {
        m_process = std::make_unique<QProcess>();
        m_process->setProcessChannelMode(QProcess::MergedChannels);
        m_process->start(QStringLiteral(KIMDB_RELAY),
                         {QStringLiteral("--port"), QString::number(m_port),
                          QStringLiteral("--data"), m_folder});
        if (!m_process->waitForReadyRead(30'000)) return false;
        m_output = m_process->readAll();
        static const QRegularExpression address(QStringLiteral("ws://[^\\s:]+:(\\d+)"));
        const auto match = address.match(QString::fromUtf8(m_output));
        m_port = match.captured(1).toInt();
        return match.hasMatch();
    }
    //! SIGKILL.
    void kill() {
        if (!m_process) return;
        m_process->kill();
        m_process->waitForFinished();
        m_process.reset();
    }
    //! SIGTERM; returns the exit code, -1 after a crash.
    int terminate() {
        m_process->terminate();
        m_process->waitForFinished();
        const bool normal = m_process->exitStatus() == QProcess::NormalExit;
        const int code = normal ? m_process->exitCode() : -1;
        m_process.reset();
        return code;
    }
    QByteArray url() const { return "ws://127.0.0.1:" + QByteArray::number(m_port); }
    const QByteArray& output() const { return m_output; }

 private:
    QString m_folder;
    int m_port = 0;
    QByteArray m_output;
    std::unique_ptr<QProcess> m_process;
};

}  // namespace kimdb::test
