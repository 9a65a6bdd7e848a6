// SPDX-License-Identifier: MIT
#pragma once

#include <QColor>
#include <QElapsedTimer>
#include <QHash>
#include <QObject>
#include <QPointF>
#include <QTimer>

#include <kimdb/document.h>
#include <kimdb/presence.h>
#include "track.h"

namespace kimdb::game {

//! \brief A player as it is drawn and listed.
struct Player {
    QString id;
    QString name;
    QColor color;
    QPointF position;
    qint64 score = 0;
    bool self = false;
    bool reachable = false;  //!< in the arena now
    bool placed = false;     //!< its position has been seen
};

//! \brief One player's game: the state that lasts is in the document, positions are presence.
//!
//! Document: `players` (id → name), `taken` (item → id of who took it), `scores` (id → counter),
//! `finished` (id → true; bots only).
//! Two players may take one item while they cannot see each other. The map shows one winner to
//! everybody; each player keeps its own counter equal to the number of items the map gives it, so
//! the other takes its point back as soon as it learns of it. Nobody writes another's counter.
//! Thread: the document's. Owner: you; the document outlives it.
class Game : public QObject {
    Q_OBJECT
 public:
    Game(Document* document, QString player_id, const QString& name, QObject* parent = nullptr);

    //! Moves for \a seconds in the direction of setDirection and takes what is touched.
    void advance(qreal seconds);
    //! Each axis -1, 0 or 1.
    void setDirection(QPointF direction) { m_direction = direction; }
    QPointF position() const { return m_position; }

    int round() const { return m_round; }
    bool isTaken(int index) const;
    int itemsTaken() const { return int(m_taken.size()); }
    //! The untaken item of this round that is nearest, or -1.
    int nearestItem() const;
    //! Everybody who ever played here, oneself first.
    QList<Player> players() const;
    //! Items that were counted for us until the map gave them to somebody else.
    int itemsLost() const { return m_items_lost; }

    void setFinished(bool finished);
    int finishedPlayers() const;
    //! Whether every counter equals what the map of taken items says.
    bool isSettled() const;

 signals:
    //! An item was taken or given to somebody else, a player came, a score changed.
    void changed();

 private:
    void readTaken(const QStringList& keys);
    void onMapChanged(const crdt::ContainerId& map, const QStringList& keys);
    void reload();
    void settle();
    void takeTouched();
    void updateRound();
    void publish();
    void onPresence(quint64 session);
    qint64 itemsOf(const QString& player) const;

    Document* m_document;
    QString m_id;
    Map m_players;
    Map m_taken_map;
    Map m_scores;
    Map m_finished;
    QHash<QString, QString> m_taken;  // item → player, as the document says
    QHash<QString, Track> m_tracks;   // others, also those who left
    QElapsedTimer m_clock;
    QTimer m_publish_timer;
    QPointF m_position;
    QPointF m_published;
    QPointF m_direction;
    int m_round = 0;
    int m_items_lost = 0;
};

}  // namespace kimdb::game
