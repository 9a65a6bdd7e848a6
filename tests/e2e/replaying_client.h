// SPDX-License-Identifier: MIT
#pragma once

#include <QObject>
#include <QUrl>
#include <memory>

#include <kimdb/kimdb.h>

#include "e2e/gated_transport.h"
#include "e2e/trace.h"

namespace kimdb::test {

//! \brief One SDK client in a process of its own: replays one author of a trace, or only looks on.
//!
//! Told what to do by lines on stdin: "connect URL", "replay AUTHOR", "cut". Tells by lines on
//! stdout: "replica ID" when open, "progress N" while replaying, and, once it does not hold
//! anything back, "state MD5-OF-TEXT SYNC-STATE QUEUED" whenever one of these changes.
class ReplayingClient : public QObject {
    Q_OBJECT
 public:
    explicit ReplayingClient(const QString& folder);
    ~ReplayingClient() override;
    void command(const QByteArray& line);

 private:
    void replay(int author);
    void step();
    bool knowsEnough(std::size_t needed) const;
    void write(const TraceTransaction& transaction);
    void openGate();
    void tellState();

    GatedTransports m_transports;
    std::unique_ptr<Database> m_database;
    Document* m_document = nullptr;
    Trace m_trace;
    int m_author = -1;
    std::size_t m_next = 0;
    bool m_gate_open = false;
    QByteArray m_told;
};

}  // namespace kimdb::test
