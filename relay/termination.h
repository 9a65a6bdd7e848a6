// SPDX-License-Identifier: MIT
#pragma once

#include <QObject>
#include <QSocketNotifier>

#include <memory>

namespace kimdb::relay {

//! \brief Turns SIGTERM and SIGINT into a Qt signal. Inside a signal handler almost nothing is
//! allowed, so it writes one byte to a socket that the event loop watches.
//! One per process; made before threads are. A second signal while the first is being served ends
//! the process at once.
class Termination : public QObject {
    Q_OBJECT

 public:
    Termination();
    ~Termination() override;

 signals:
    void requested();

 private:
    std::unique_ptr<QSocketNotifier> m_notifier;
};

}  // namespace kimdb::relay
