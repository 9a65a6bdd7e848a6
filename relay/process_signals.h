// SPDX-License-Identifier: MIT
#pragma once

#include <QObject>
#include <QSocketNotifier>

#include <memory>

namespace kimdb::relay {

//! \brief Turns SIGTERM, SIGINT and SIGHUP into Qt signals. Inside a signal handler almost nothing
//! is allowed, so it writes one byte to a socket that the event loop watches.
//! One per process; made before threads are. A second SIGTERM while the first is being served ends
//! the process at once.
class ProcessSignals : public QObject {
    Q_OBJECT

 public:
    ProcessSignals();
    ~ProcessSignals() override;

 signals:
    void terminationRequested();
    void reloadRequested();  //!< SIGHUP

 private:
    std::unique_ptr<QSocketNotifier> m_notifier;
};

}  // namespace kimdb::relay
