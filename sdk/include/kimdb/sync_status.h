// SPDX-License-Identifier: MIT
#pragma once

#include <QObject>
#include <QString>

#include <kimdb/result.h>

namespace kimdb {

//! \brief Where the data is, in words a person understands. One for the database and one per
//! document.
//! Thread: the database's. Owner: the database or document.
class SyncStatus : public QObject {
    Q_OBJECT
    Q_PROPERTY(State state READ state NOTIFY changed)
    Q_PROPERTY(bool online READ online NOTIFY changed)
    Q_PROPERTY(int queued READ queued NOTIFY changed)
    Q_PROPERTY(int rejected READ rejected NOTIFY changed)
    Q_PROPERTY(QString text READ text NOTIFY changed)
    Q_PROPERTY(QString lastError READ lastError NOTIFY changed)
 public:
    enum class State {
        Saving,      //!< in memory, not yet on this disk
        Saved,       //!< on this disk; the relay has not acknowledged everything
        Synced,      //!< the relay has acknowledged everything durably
        Offline,     //!< saved here, no connection; only after connectTo()
        NotAllowed,  //!< the relay does not let us write
        Failed,      //!< this disk does not take writes; edits wait in memory; see lastError
    };
    Q_ENUM(State)

    State state() const { return m_state; }
    bool online() const { return m_online; }
    int queued() const { return m_queued; }  //!< own changes the relay has not acknowledged
    int rejected() const { return m_rejected; }
    QString text() const;  //!< "Synced", "Offline, 12 changes waiting", …
    QString lastError() const { return m_last_error; }

    //! For the owner: new facts; emits changed() if any differs.
    void update(State state, bool online, int queued, int rejected, const QString& last_error);

 signals:
    void changed();

 private:
    friend class Database;
    friend class Document;
    explicit SyncStatus(QObject* parent = nullptr) : QObject(parent) {}
    State m_state = State::Saved;
    bool m_online = false;
    int m_queued = 0;
    int m_rejected = 0;
    QString m_last_error;
};

}  // namespace kimdb
