// SPDX-License-Identifier: MIT
#include "e2e/replaying_client.h"

#include <QCryptographicHash>
#include <QMetaEnum>
#include <QTimer>
#include <algorithm>
#include <cstdio>
#include <limits>

#include "client/document_inspector.h"

namespace kimdb::test {
namespace {

constexpr int kTransactionsPerTurn = 32;
constexpr std::size_t kProgressEvery = 500;

void tell(const QByteArray& line) {
    std::printf("%s\n", line.constData());
    std::fflush(stdout);
}

}  // namespace

ReplayingClient::ReplayingClient(const QString& folder) {
    auto opened = Database::open(folder);
    if (!opened) qFatal("%s", opened.error().message.c_str());
    m_database = std::move(opened).value();
    m_document = m_database->document(QStringLiteral("e2e/trace")).value();
    m_document->undoManager()->setCaptureInterval(0);
    connect(m_document, &Document::changed, this, &ReplayingClient::tellState);
    connect(m_document, &Document::changed, this, &ReplayingClient::step, Qt::QueuedConnection);
    connect(m_document->syncStatus(), &SyncStatus::changed, this, &ReplayingClient::tellState);
    connect(&m_transports, &GatedTransports::passed, this, &ReplayingClient::step,
            Qt::QueuedConnection);
    tell("replica " + QByteArray::number(DocumentInspector::replica(*m_document)));
}

ReplayingClient::~ReplayingClient() = default;

void ReplayingClient::command(const QByteArray& line) {
    const QByteArray argument = line.mid(line.indexOf(' ') + 1);
    if (line.startsWith("connect ")) {
        m_database->connectTo(QUrl(QString::fromUtf8(argument)));
    } else if (line.startsWith("replay ")) {
        replay(argument.toInt());
    } else if (line == "look on") {
        openGate();
    } else if (line == "cut") {
        m_transports.cut();
    } else {
        qFatal("unknown command %s", line.constData());
    }
}

void ReplayingClient::replay(int author) {
    m_trace = friendsTrace();
    m_author = author;
    step();
}

//! Author 0's first edit makes the container, in a change of its own.
bool ReplayingClient::knowsEnough(std::size_t needed) const {
    const std::size_t changes = needed + (m_author == 1 && needed > 0 ? 1 : 0);
    const RecordGate& gate = m_transports.gate();
    if (gate.passed() < changes) return false;
    // Passed is not taken: the client may have been about to subscribe anew.
    return std::all_of(gate.heads().begin(), gate.heads().end(), [&](const auto& head) {
        return DocumentInspector::head(*m_document, head.first) >= head.second;
    });
}

void ReplayingClient::step() {
    if (m_author < 0 || m_gate_open) return;
    const std::vector<TraceTransaction>& own = m_trace.authors[m_author];
    for (int n = 0; m_next < own.size(); ++n) {
        const TraceTransaction& next = own[m_next];
        m_transports.gate().allow(next.needs + (m_author == 1 && next.needs > 0 ? 1 : 0));
        if (!knowsEnough(next.needs)) return;
        if (n == kTransactionsPerTurn) return QTimer::singleShot(0, this, &ReplayingClient::step);
        write(next);
        if (++m_next % kProgressEvery == 0) tell("progress " + QByteArray::number(m_next));
    }
    openGate();
}

void ReplayingClient::write(const TraceTransaction& transaction) {
    Text text = m_document->text(QStringLiteral("text"));
    const TraceEdit& edit = transaction.edit;
    const auto done = text.replace(edit.position, edit.removed, edit.inserted);
    if (!done) qFatal("transaction %zu: %s", m_next, done.error().message.c_str());
}

void ReplayingClient::openGate() {
    m_gate_open = true;
    m_transports.gate().allow(std::numeric_limits<std::size_t>::max());
    tellState();
}

void ReplayingClient::tellState() {
    if (!m_gate_open) return;
    const SyncStatus& status = *m_document->syncStatus();
    const QByteArray text = m_document->text(QStringLiteral("text")).toString().toUtf8();
    const QByteArray state =
        "state " + QCryptographicHash::hash(text, QCryptographicHash::Md5).toHex() + ' ' +
        QMetaEnum::fromType<SyncStatus::State>().valueToKey(int(status.state())) + ' ' +
        QByteArray::number(status.queued());
    if (std::exchange(m_told, state) != state) tell(state);
}

}  // namespace kimdb::test
