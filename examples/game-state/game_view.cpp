// SPDX-License-Identifier: MIT
#include "game_view.h"

#include "arena.h"

namespace kimdb::game {
namespace {

QPointF directionOf(int key) {
    switch (key) {
        case Qt::Key_Left:
        case Qt::Key_A:
            return {-1, 0};
        case Qt::Key_Right:
        case Qt::Key_D:
            return {1, 0};
        case Qt::Key_Up:
        case Qt::Key_W:
            return {0, -1};
        case Qt::Key_Down:
        case Qt::Key_S:
            return {0, 1};
        default:
            return {};
    }
}

}  // namespace

GameView::GameView(QObject* parent) : QObject(parent) {}

GameView::~GameView() = default;

void GameView::setDocument(qml::DocumentElement* document) {
    if (document == m_document) return;
    if (m_document) m_document->disconnect(this);
    m_document = document;
    emit documentChanged();
    if (m_document) {
        connect(m_document, &qml::DocumentElement::readyChanged, this, &GameView::start);
    }
    start();
}

void GameView::start() {
    m_game.reset();
    m_players.clear();
    if (m_document && m_document->isReady()) {
        m_game =
            std::make_unique<Game>(m_document->document(), m_player_id, m_document->userName());
        connect(m_game.get(), &Game::changed, this, &GameView::readPlayers);
    }
    readPlayers();
}

void GameView::readPlayers() {
    m_players.clear();
    if (m_game) {
        for (const Player& player : m_game->players()) {
            m_players.append(QVariantMap{{"name", player.name},
                                         {"color", player.color},
                                         {"x", player.position.x()},
                                         {"y", player.position.y()},
                                         {"score", player.score},
                                         {"self", player.self},
                                         {"reachable", player.reachable},
                                         {"placed", player.placed}});
        }
    }
    emit frameChanged();
    emit stateChanged();
}

void GameView::advance(qreal seconds) {
    if (!m_game) return;
    m_game->advance(seconds);
    const QList<Player> players = m_game->players();
    if (players.size() != m_players.size()) {
        readPlayers();
        return;
    }
    for (qsizetype i = 0; i < players.size(); ++i) {
        QVariantMap shown = m_players[i].toMap();
        shown["x"] = players[i].position.x();
        shown["y"] = players[i].position.y();
        m_players[i] = shown;
    }
    emit frameChanged();
}

int GameView::round() const {
    return m_game ? m_game->round() : 0;
}

QVariantList GameView::items() const {
    QVariantList result;
    for (int i = 0; m_game && i < arena::kItemsPerRound; ++i) {
        const QPointF at = arena::itemPosition(m_game->round(), i);
        result.append(QVariantMap{{"x", at.x()}, {"y", at.y()}, {"taken", m_game->isTaken(i)}});
    }
    return result;
}

bool GameView::press(int key) {
    if (directionOf(key).isNull()) return false;
    m_pressed.insert(key);
    steer();
    return true;
}

bool GameView::release(int key) {
    if (directionOf(key).isNull()) return false;
    m_pressed.remove(key);
    steer();
    return true;
}

void GameView::steer() {
    QPointF direction;
    for (const int key : std::as_const(m_pressed)) direction += directionOf(key);
    if (m_game) m_game->setDirection(direction);
}

qreal GameView::arenaWidth() const {
    return arena::kWidth;
}

qreal GameView::arenaHeight() const {
    return arena::kHeight;
}

qreal GameView::playerRadius() const {
    return arena::kPlayerRadius;
}

qreal GameView::itemRadius() const {
    return arena::kItemRadius;
}

}  // namespace kimdb::game
