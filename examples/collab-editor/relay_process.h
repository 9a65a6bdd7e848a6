// SPDX-License-Identifier: MIT
#pragma once

#include <QProcess>
#include <QString>
#include <QUrl>

#include <kimdb/result.h>

namespace kimdb::editor {

//! \brief kimdb-relay as a child process: started, stopped with SIGTERM, started again.
//! Thread: the one that made it. The process ends with this object (on Linux also with ours).
class RelayProcess {
 public:
    //! \a folder: the relay's data folder. \a port 0: a free one, then kept for later starts.
    RelayProcess(QString folder, quint16 port);
    ~RelayProcess();
    RelayProcess(const RelayProcess&) = delete;
    RelayProcess& operator=(const RelayProcess&) = delete;

    //! Waits until the relay has said its address. Errors: NotFound (no program), AddressInUse,
    //! StorageFailed with what the relay said.
    Result<> start();
    //! SIGTERM, and waits for the end. Errors: Timeout (then killed), StorageFailed (exit code).
    Result<> stop();

    QUrl url() const;
    //! The line the relay printed when it started.
    QString greeting() const { return m_greeting; }
    QString folder() const { return m_folder; }
    //! Whether nothing listens on \a port of this machine.
    static bool isFree(quint16 port);

 private:
    QString m_folder;
    quint16 m_port;
    QString m_greeting;
    QProcess m_process;
};

}  // namespace kimdb::editor
