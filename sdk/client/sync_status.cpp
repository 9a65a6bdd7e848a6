// SPDX-License-Identifier: MIT
#include <kimdb/sync_status.h>

namespace kimdb {
namespace {

QString changes(int count) {
    return count == 1 ? SyncStatus::tr("1 change") : SyncStatus::tr("%1 changes").arg(count);
}

}  // namespace

QString SyncStatus::text() const {
    switch (m_state) {
        case State::Saving:
            return tr("Saving…");
        case State::Saved:
            return m_queued > 0 && m_online ? tr("Saved, sending %1").arg(changes(m_queued))
                                            : tr("Saved");
        case State::Synced:
            return tr("Synced");
        case State::Offline:
            return m_queued > 0 ? tr("Offline, %1 waiting").arg(changes(m_queued)) : tr("Offline");
        case State::NotAllowed:
            return tr("Not allowed to edit");
        case State::Failed:
            return tr("Not saved yet");
    }
    return {};
}

void SyncStatus::update(State state, bool online, int queued, int rejected,
                        const QString& last_error) {
    if (state == m_state && online == m_online && queued == m_queued && rejected == m_rejected &&
        last_error == m_last_error)
        return;
    m_state = state;
    m_online = online;
    m_queued = queued;
    m_rejected = rejected;
    m_last_error = last_error;
    emit changed();
}

}  // namespace kimdb
