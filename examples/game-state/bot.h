// SPDX-License-Identifier: MIT
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QRandomGenerator>
#include <QTimer>
#include <optional>

#include "game.h"

namespace kimdb::game {

struct BotOptions {
    std::optional<int> until_items;                //!< stop when this many are taken by all
    std::optional<std::chrono::seconds> duration;  //!< stop after this time
    int players = 1;                               //!< wait for this many before the end
    qreal speed = 1;                               //!< times a human's
    quint32 seed = 1;
};

//! \brief A player without a window: walks to the nearest item, mostly. It stops taking items when
//! its goal is reached, says so in the document, and ends when all players have said so, every
//! counter agrees with the map and the relay has everything: all bots then see the same scores.
//! Thread: the game's. Owner: you.
class Bot : public QObject {
    Q_OBJECT
 public:
    Bot(Document* document, Game* game, BotOptions options, QObject* parent = nullptr);

    //! {"player": …, "items": …, "lost": …, "scores": {name: score}}, keys sorted.
    QByteArray report() const;

 signals:
    //! It knows of \a items taken, by whomever.
    void progressed(int items);
    void done();

 private:
    void turn();
    void walk(qreal seconds);
    bool goalReached() const;

    Document* m_document;
    Game* m_game;
    BotOptions m_options;
    QRandomGenerator m_random;
    QTimer m_timer;
    QElapsedTimer m_since_start;
    QElapsedTimer m_since_turn;
    int m_told = 0;
    bool m_collecting = true;
};

}  // namespace kimdb::game
