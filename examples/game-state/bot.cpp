// SPDX-License-Identifier: MIT
#include "bot.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <algorithm>
#include <cmath>

#include <kimdb/sync_status.h>
#include "arena.h"

namespace kimdb::game {
namespace {

constexpr std::chrono::milliseconds kTurn{20};
constexpr qreal kTurnMax = 0.1;  // seconds; a bot that was held up does not jump

}  // namespace

Bot::Bot(Document* document, Game* game, BotOptions options, QObject* parent)
    : QObject(parent),
      m_document(document),
      m_game(game),
      m_options(options),
      m_random(options.seed) {
    m_game->setFinished(false);
    m_since_start.start();
    m_since_turn.start();
    m_timer.setInterval(kTurn);
    connect(&m_timer, &QTimer::timeout, this, &Bot::turn);
    m_timer.start();
}

void Bot::turn() {
    const qreal seconds = std::min(kTurnMax, qreal(m_since_turn.restart()) / 1000);
    if (m_collecting) {
        if (m_game->players().size() < m_options.players) return;  // the others are on their way
        walk(seconds * m_options.speed);
        if (m_game->itemsTaken() != m_told) {
            m_told = m_game->itemsTaken();
            emit progressed(m_told);
        }
        if (!goalReached()) return;
        m_collecting = false;
        m_game->setFinished(true);
        return;
    }
    // What the others did before they finished is here when their "finished" is: a player's
    // changes arrive in their order.
    const SyncStatus* sync = m_document->syncStatus();
    if (m_game->finishedPlayers() < m_options.players || !m_game->isSettled()) return;
    if (!sync->online() || sync->state() != SyncStatus::State::Synced) return;
    m_timer.stop();
    emit done();
}

void Bot::walk(qreal seconds) {
    const int item = m_game->nearestItem();
    if (item < 0) return;
    QPointF direction = arena::itemPosition(m_game->round(), item) - m_game->position();
    const qreal length = std::max(1.0, std::hypot(direction.x(), direction.y()));
    direction /= length;
    // A little off the straight way, so that bots do not walk in step.
    const QPointF wobble(m_random.bounded(0.6) - 0.3, m_random.bounded(0.6) - 0.3);
    m_game->setDirection(direction + wobble);
    m_game->advance(seconds);
}

bool Bot::goalReached() const {
    if (m_options.until_items && m_game->itemsTaken() >= *m_options.until_items) return true;
    return m_options.duration &&
           std::chrono::milliseconds(m_since_start.elapsed()) >= *m_options.duration;
}

QByteArray Bot::report() const {
    QJsonObject scores;
    QString self;
    for (const Player& player : m_game->players()) {
        scores.insert(player.name, player.score);
        if (player.self) self = player.name;
    }
    const QJsonObject report{{"player", self},
                             {"items", m_game->itemsTaken()},
                             {"lost", m_game->itemsLost()},
                             {"scores", scores}};
    return QJsonDocument(report).toJson(QJsonDocument::Compact);
}

}  // namespace kimdb::game
